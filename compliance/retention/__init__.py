"""What is removed when its time is over, what is held back from that, and the log of what went."""
