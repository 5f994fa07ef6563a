"""Invoices that bill a quote in parts, and what alone a billing run left out."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

from tenancy.migrating import AtOnce

# The account of what customers were billed ahead, in books that were opened before there was one; and the keys.
_FORWARDS = """
INSERT INTO billing_ledgeraccount (tenant_id, id, code, created_at, name, type, external_code, state)
SELECT tenant_id, gen_random_uuid(), 'customer_deposits', now(), '', 'liability', '', 'active'
FROM billing_ledgeraccount WHERE code = 'receivable' ON CONFLICT DO NOTHING;
ALTER TABLE billing_invoice ADD CONSTRAINT billing_invoice_quote_tfk
  FOREIGN KEY (tenant_id, quote_id) REFERENCES billing_quote (tenant_id, id)
  ON DELETE RESTRICT DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE billing_invoiceline ADD CONSTRAINT billing_invoiceline_deducts_tfk
  FOREIGN KEY (tenant_id, deducts_id) REFERENCES billing_invoice (tenant_id, id)
  ON DELETE RESTRICT DEFERRABLE INITIALLY DEFERRED;
"""
_BACKWARDS = """
ALTER TABLE billing_invoiceline DROP CONSTRAINT billing_invoiceline_deducts_tfk;
ALTER TABLE billing_invoice DROP CONSTRAINT billing_invoice_quote_tfk;
DELETE FROM billing_ledgeraccount a WHERE code = 'customer_deposits' AND NOT EXISTS (
  SELECT FROM billing_ledgerentry e WHERE e.tenant_id = a.tenant_id AND e.account = a.code);
"""


def _to(model: str) -> models.ForeignKey:
    return models.ForeignKey(
        db_constraint=False,
        db_index=False,
        null=True,
        on_delete=django.db.models.deletion.PROTECT,
        related_name="+",
        to=model,
    )


class Migration(AtOnce):
    """Needs quotes, invoices, the books and runs."""

    dependencies = [("billing", "0019_accent")]

    operations = [
        migrations.AddField(
            "invoice",
            "role",
            models.CharField(
                blank=True,
                choices=[("deposit", "Deposit"), ("progress", "Progress"), ("final", "Final")],
                default="",
                max_length=8,
            ),
        ),
        migrations.AddField("invoice", "quote", _to("billing.quote")),
        migrations.AddField("invoiceline", "deducts", _to("billing.invoice")),
        migrations.AddConstraint(
            "invoice",
            models.CheckConstraint(
                condition=Q(("quote__isnull", True), ("role", ""))
                | Q(("quote__isnull", False), ("role__in", ["deposit", "progress", "final"])),
                name="billing_invoice_role",
            ),
        ),
        migrations.AddConstraint(
            "invoiceline",
            models.CheckConstraint(
                condition=Q(("deducts__isnull", True)) | Q(("gross_minor__isnull", False), ("kind", "item")),
                name="billing_invoiceline_deducts",
            ),
        ),
        migrations.AddIndex(
            "invoice",
            models.Index(
                condition=Q(("quote__isnull", False)),
                fields=["tenant", "quote"],
                name="billing_invoice_quote",
            ),
        ),
        migrations.AddIndex(
            "invoiceline",
            models.Index(
                condition=Q(("deducts__isnull", False)),
                fields=["tenant", "deducts"],
                name="billing_invoiceline_less",
            ),
        ),
        migrations.AddField(
            "billingrunskip", "subject_kind", models.CharField(blank=True, default="", max_length=16)
        ),
        migrations.AddField("billingrunskip", "subject_id", models.UUIDField(null=True)),
        migrations.RemoveConstraint("billingrunskip", "billing_billingrunskip_once"),
        migrations.AddConstraint(
            "billingrunskip",
            models.UniqueConstraint(
                fields=("tenant", "run", "customer", "code", "subject_id"),
                name="billing_billingrunskip_once",
                nulls_distinct=False,
            ),
        ),
        migrations.RunSQL(_FORWARDS, _BACKWARDS),
    ]
