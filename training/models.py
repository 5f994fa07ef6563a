"""The tables of training."""
