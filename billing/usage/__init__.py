"""What was used: meters and events."""
