"""How an organization ends: its data handed over, a month to think again, then its keys destroyed."""
