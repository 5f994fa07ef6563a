"""Books are proved once a statement, over all that it posted, not row by row at the commit; totals end in whole coins."""

from django.db import migrations

from tenancy.migrating import AtOnce

# What posts does so whole, in one statement, so that nothing has to wait for the commit. The same lies are refused: a
# transaction without two sides, and entries after which theirs does not balance, in any of its currencies.
_FORWARDS = """
DROP TRIGGER balances ON billing_ledgertransaction;
DROP TRIGGER balances ON billing_ledgerentry;

CREATE OR REPLACE FUNCTION billing_ledger_balances() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
  posting uuid;
BEGIN
  IF TG_TABLE_NAME = 'billing_ledgertransaction' THEN
    SELECT added.id INTO posting FROM added
    WHERE (SELECT count(*) FROM billing_ledgerentry AS entry
           WHERE entry.tenant_id = added.tenant_id AND entry.transaction_id = added.id) < 2 LIMIT 1;
    IF FOUND THEN
      RAISE EXCEPTION 'ledger transaction % has no two sides', posting USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
  END IF;
  SELECT touched.transaction_id INTO posting
  FROM (SELECT DISTINCT tenant_id, transaction_id FROM added) AS touched
  CROSS JOIN LATERAL (
    SELECT FROM billing_ledgerentry AS entry
    WHERE entry.tenant_id = touched.tenant_id AND entry.transaction_id = touched.transaction_id
    GROUP BY entry.currency HAVING sum(entry.amount_minor) <> 0
  ) AS tipped LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'ledger transaction % does not balance', posting USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER balances AFTER INSERT ON billing_ledgertransaction REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION billing_ledger_balances();
CREATE TRIGGER balances AFTER INSERT ON billing_ledgerentry REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION billing_ledger_balances();
"""
# What a list of invoices comes to is what is to be paid, rounded to coins: the tallies gain what rounding adds.
_ROUNDED = """
INSERT INTO billing_tally (tenant_id, id, noun, state, payment_status, currency, day, count, total_minor, due_minor)
SELECT tenant_id, uuidv7(), 'invoice', status, paid, currency, day, 0, {sign}sum(rounding_minor), 0
FROM (
  SELECT tenant_id, status, currency, rounding_minor, CASE WHEN status <> 'finalized' THEN ''
      WHEN written_off_minor <> 0 AND amount_due_minor <= 0 THEN 'written_off' ELSE payment_status END AS paid,
    CASE WHEN status = 'finalized' AND payment_status <> 'paid' AND amount_due_minor > 0 THEN due_on END AS day
  FROM billing_invoice WHERE rounding_minor <> 0
) AS stands GROUP BY tenant_id, status, paid, currency, day;
"""
_BACKWARDS = """
DROP TRIGGER balances ON billing_ledgertransaction;
DROP TRIGGER balances ON billing_ledgerentry;

CREATE OR REPLACE FUNCTION billing_ledger_balances() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
DECLARE
  posting uuid := CASE TG_TABLE_NAME WHEN 'billing_ledgertransaction' THEN NEW.id ELSE NULL END;
BEGIN
  IF posting IS NULL THEN
    posting := NEW.transaction_id;
  ELSIF (SELECT count(*) FROM billing_ledgerentry WHERE tenant_id = NEW.tenant_id AND transaction_id = posting) < 2 THEN
    RAISE EXCEPTION 'ledger transaction % has no two sides', posting USING ERRCODE = 'check_violation';
  END IF;
  IF EXISTS (
    SELECT 1 FROM billing_ledgerentry WHERE tenant_id = NEW.tenant_id AND transaction_id = posting
    GROUP BY currency HAVING sum(amount_minor) <> 0
  ) THEN
    RAISE EXCEPTION 'ledger transaction % does not balance', posting USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER balances AFTER INSERT ON billing_ledgertransaction DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION billing_ledger_balances();
CREATE CONSTRAINT TRIGGER balances AFTER INSERT ON billing_ledgerentry DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION billing_ledger_balances();
"""


class Migration(AtOnce):
    """Two triggers by statement instead of by row, and totals as they are to be paid."""

    dependencies = [("billing", "0023_rounding")]

    operations = [
        migrations.RunSQL(_FORWARDS, _BACKWARDS),
        migrations.RunSQL(_ROUNDED.format(sign=""), _ROUNDED.format(sign="-")),
    ]
