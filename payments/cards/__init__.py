"""Looking for card numbers in what is stored: the proof that none ever came in."""
