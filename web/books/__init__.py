"""The pages of the books: accounts, rates, the journal, and closing a month."""
