"""Reminders: who is reminded of what, when, and what being late costs."""
