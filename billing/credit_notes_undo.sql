ALTER TABLE billing_issuer DROP CONSTRAINT billing_issuer_quote_series_id_tfk,
  DROP CONSTRAINT billing_issuer_credit_note_series_id_tfk;
ALTER TABLE billing_creditentry DROP CONSTRAINT billing_creditentry_reason_envelope;
REVOKE ALL ON billing_creditentry FROM strongbox_rekey;
ALTER POLICY tenant ON billing_creditentry TO strongbox_app;
DROP TRIGGER appends ON billing_creditentry;
CREATE TRIGGER appends BEFORE UPDATE OR DELETE ON billing_creditentry
  FOR EACH ROW EXECUTE FUNCTION billing_ledger_appends();
DROP FUNCTION billing_row_stays(), billing_creditnote_adds_up(), billing_creditnoteline_fits(),
  billing_creditnotetax_fits() CASCADE;
