"""Evidence that people bring."""
