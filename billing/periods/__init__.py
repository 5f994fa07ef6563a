"""Months of the books: closed by a person, and then nothing is booked in them."""
