"""Rounding to the smallest coin, deposits on the total of a draft, invoices found by their total, files read later."""

from django.db import migrations, models
from django.db.models import F, Q

from tenancy.migrating import AtOnce

# The account of rounding differences, in books that were opened before there was one.
_FORWARDS = """
INSERT INTO billing_ledgeraccount (tenant_id, id, code, created_at, name, type, external_code, state)
SELECT tenant_id, gen_random_uuid(), 'rounding', now(), '', 'income', '', 'active'
FROM billing_ledgeraccount WHERE code = 'receivable' ON CONFLICT DO NOTHING;
"""
_BACKWARDS = """
DELETE FROM billing_ledgeraccount a WHERE code = 'rounding' AND NOT EXISTS (
  SELECT FROM billing_ledgerentry e WHERE e.tenant_id = a.tenant_id AND e.account = a.code);
"""


def _anew(model: str, name: str, condition: Q) -> list[migrations.operations.base.Operation]:
    return [
        migrations.RemoveConstraint(model, name),
        migrations.AddConstraint(model, models.CheckConstraint(condition=condition, name=name)),
    ]


class Migration(AtOnce):
    """Two columns, two indexes, and what rounding allows."""

    dependencies = [("billing", "0022_tallies_by_day")]

    operations = [
        migrations.AddField("issuer", "rounded_currencies", models.JSONField(default=list)),
        migrations.AddField("invoice", "plan_id", models.UUIDField(null=True)),
        migrations.AddIndex(
            "invoice",
            models.Index(
                condition=Q(plan_id__isnull=False), fields=["tenant", "plan_id"], name="billing_invoice_plan"
            ),
        ),
        migrations.AddIndex(
            "invoice", models.Index(fields=["tenant", "total_minor", "id"], name="billing_invoice_total")
        ),
        *_anew(
            "invoice",
            "billing_invoice_imported_series",
            Q(imported_number__isnull=True, prepaid_minor=0)
            | Q(imported_number__isnull=False, series__isnull=False),
        ),
        *_anew(
            "invoice",
            "billing_invoice_not_overcredited",
            Q(credited_minor__gte=0, written_off_minor__gte=0)
            & Q(noted_minor__gte=F("credited_minor") - 50)
            & Q(noted_minor__lte=F("total_minor")),
        ),
        *_anew(
            "invoice",
            "billing_invoice_role",
            Q(role="", quote__isnull=True, plan_id__isnull=True)
            | Q(role__in=["deposit", "progress", "final"], quote__isnull=False, plan_id__isnull=True)
            | Q(role__in=["deposit", "final"], quote__isnull=True, plan_id__isnull=False),
        ),
        *_anew(
            "creditnote",
            "billing_creditnote_of_invoice",
            Q(imported_number__isnull=False) | Q(invoice__isnull=False, prepaid_minor=0, total_minor__gt=0),
        ),
        *_anew(
            "import",
            "billing_import_state",
            Q(
                state__in=[
                    "reading",
                    "uploaded",
                    "checking",
                    "checked",
                    "running",
                    "done",
                    "failed",
                    "undone",
                    "dropped",
                ],
                kind__in=["customers"],
            ),
        ),
        migrations.AlterField(
            "import",
            "state",
            models.CharField(
                choices=[
                    ("reading", "Reading"),
                    ("uploaded", "Uploaded"),
                    ("checking", "Checking"),
                    ("checked", "Checked"),
                    ("running", "Running"),
                    ("done", "Done"),
                    ("failed", "Failed"),
                    ("undone", "Undone"),
                    ("dropped", "Dropped"),
                ],
                default="uploaded",
                max_length=16,
            ),
        ),
        migrations.RunSQL(_FORWARDS, _BACKWARDS),
    ]
