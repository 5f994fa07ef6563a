"""What leaves the house: written down in the transaction, sent after it has committed."""
