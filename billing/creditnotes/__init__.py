"""Credit notes: documents of their own that take back what an invoice asked for, wholly or in part."""
