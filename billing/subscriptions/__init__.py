"""What is billed again and again."""
