"""Requests of the persons behind the data, with the clock of the law."""
