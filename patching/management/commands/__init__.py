"""Commands of patching."""
