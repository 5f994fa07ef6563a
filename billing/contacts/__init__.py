"""The people of a customer, and which mail each of them gets."""
