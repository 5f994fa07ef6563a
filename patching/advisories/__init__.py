"""What the world knows of weaknesses: brought by the operator as a signed bundle, or asked of an allowed source."""
