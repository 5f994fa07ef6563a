"""The pages behind a pay link: one invoice, for whoever holds the link."""
