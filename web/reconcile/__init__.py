"""Bank statements: taken in, matched, booked by a person."""
