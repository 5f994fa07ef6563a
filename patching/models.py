"""The tables of patching."""
