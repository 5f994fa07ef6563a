"""Tables of the edge."""
