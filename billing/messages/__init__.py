"""What a customer and the organization write to each other about one invoice."""
