"""What the organization is owed, earned, owes in tax and was paid: figures, and the rows that sum to each of them."""
