"""Bank statements: read, matched with what is owed, booked when somebody says so."""
