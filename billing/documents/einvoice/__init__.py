"""Electronic invoices of the EN 16931 family, read with suspicion."""
