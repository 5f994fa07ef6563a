"""Billing runs: everything due on a date, invoiced in bulk and exactly once."""
