"""Two records of one customer become one, as far as documents that are final allow."""
