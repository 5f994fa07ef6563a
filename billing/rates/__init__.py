"""What one currency was worth in another, day by day."""
