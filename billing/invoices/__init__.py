"""Invoices, from draft to finalized to voided."""
