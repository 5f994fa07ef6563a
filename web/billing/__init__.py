"""The pages of money that is owed: overview, invoices, customers, tax rates, imports."""
