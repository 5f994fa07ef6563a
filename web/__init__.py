"""The face for people: pages drawn on the server from plain rows; nothing is decided here."""
