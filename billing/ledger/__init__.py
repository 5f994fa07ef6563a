"""The books: double entry, inserted once and never touched again."""
