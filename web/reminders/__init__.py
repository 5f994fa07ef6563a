"""Reminders: plans, what would go out, reminding by hand, promises."""
