"""Payments while everything below them is killed, delayed and lied to: `make faults`."""
