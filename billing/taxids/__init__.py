"""Whether a customer's tax id is one: its check digits, and what the tax authorities say of it."""
