"""Whose it is: organizations, the signed context, row-level security, and the doors that open it."""
