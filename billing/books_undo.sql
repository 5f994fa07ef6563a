REVOKE UPDATE (name, type, external_code, state) ON billing_ledgeraccount FROM strongbox_app;
REVOKE UPDATE (exchange_rate) ON billing_ledgertransaction FROM strongbox_app;
DROP FUNCTION billing_fx_settles(), billing_fx_counts(), billing_ledger_open(), billing_ledger_rate_filled() CASCADE;
DROP FUNCTION billing_posting_day(uuid, date, boolean), billing_is_closed(uuid, date), billing_books_lock(uuid),
  billing_rate_for(uuid, text, date), billing_rate(uuid, text, text, date), billing_minor_rate(numeric, text, text),
  billing_minor_digits(text);
DROP TRIGGER appends ON billing_exchangerate;
DROP TRIGGER stays ON billing_exchangerate;
CREATE TRIGGER appends BEFORE UPDATE OR DELETE ON billing_ledgertransaction
  FOR EACH ROW EXECUTE FUNCTION billing_ledger_appends();
