"""Deposits on the total of a draft."""
