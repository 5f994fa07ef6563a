"""Tax rates, and what they make of an amount."""
