"""What is open by the day it is due, and what was booked by month, kept as it changes; a narrower index of postings."""

from django.db import migrations, models

from tenancy.migrating import AtOnce

_FORWARDS = """
DELETE FROM billing_tally WHERE noun = 'invoice';
INSERT INTO billing_tally (tenant_id, id, noun, state, payment_status, currency, day, count, total_minor, due_minor)
SELECT tenant_id, uuidv7(), 'invoice', status, paid, currency, day, count(*), sum(total_minor), sum(amount_due_minor)
FROM (
  SELECT tenant_id, status, currency, total_minor, amount_due_minor, CASE WHEN status <> 'finalized' THEN ''
      WHEN written_off_minor <> 0 AND amount_due_minor <= 0 THEN 'written_off' ELSE payment_status END AS paid,
    CASE WHEN status = 'finalized' AND payment_status <> 'paid' AND amount_due_minor > 0 THEN due_on END AS day
  FROM billing_invoice
) AS stands GROUP BY tenant_id, status, paid, currency, day;
INSERT INTO billing_tally (tenant_id, id, noun, state, payment_status, currency, day, count, total_minor, due_minor)
SELECT tenant_id, uuidv7(), 'booked', '', '', currency, month, count(DISTINCT transaction_id), sum(sold), sum(owed)
FROM (
  SELECT e.tenant_id, e.transaction_id, e.currency, date_trunc('month', t.booked_on)::date AS month,
    CASE WHEN e.account IN ('revenue', 'customer_deposits') THEN -e.amount_minor ELSE 0 END AS sold,
    CASE WHEN e.account = 'receivable' THEN e.amount_minor ELSE 0 END AS owed
  FROM billing_ledgertransaction t
  JOIN billing_ledgerentry e ON e.tenant_id = t.tenant_id AND e.transaction_id = t.id
  WHERE e.account IN ('receivable', 'revenue', 'customer_deposits')
) AS booked GROUP BY tenant_id, currency, month;
"""
_BACKWARDS = "DELETE FROM billing_tally WHERE noun = 'booked';"


class Migration(AtOnce):
    """One column, its rows, and an index without the id, so that a customer's postings share one key."""

    dependencies = [("billing", "0021_due")]

    operations: list[migrations.operations.base.Operation] = [
        migrations.AddField("tally", "day", models.DateField(null=True)),
        migrations.RunSQL(_FORWARDS, _BACKWARDS),
        migrations.RemoveIndex(model_name="ledgertransaction", name="billing_ledgertx_customer"),
        migrations.AddIndex(
            model_name="ledgertransaction",
            index=models.Index(fields=["tenant", "customer"], name="billing_ledgertx_customer"),
        ),
    ]
