"""How many and how much, kept in the transaction that changes it, so that no page ever counts."""
