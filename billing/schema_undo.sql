ALTER TABLE billing_ledgerentry DROP CONSTRAINT billing_ledgerentry_account_tfk;
DROP FUNCTION billing_invoice_frozen(), billing_invoice_part_frozen(), billing_invoice_part_added(),
  billing_ledger_appends(), billing_ledger_balances(), billing_counter_rises() CASCADE;
