"""Documents as files: what an invoice looks like outside."""
