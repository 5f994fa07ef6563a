"""Money that is owed: customers, tax, invoices, the ledger, and documents from outside."""
