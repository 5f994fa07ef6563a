"""The staff's pages of payments: what came, what it paid, what went back, and what is contested."""
