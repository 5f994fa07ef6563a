"""What finance staff and security people do, in a real browser."""
