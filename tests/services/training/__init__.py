"""Training: duties, learning, what is withheld."""
