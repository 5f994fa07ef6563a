"""Billing runs; and a document that arrives finished has to arrive whole."""

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models

import core.ids
import tenancy.context
from tenancy.migrating import AtOnce
from tenancy.rls import APP_ROLE, TenantTable, context_value

_SCHEMA = (Path(__file__).parents[1] / "schema.sql").read_text()
_START = _SCHEMA.index("CREATE FUNCTION billing_invoice_part_added()")
_IN_NO_CUSTOMERS_SCOPE = (
    f"CASE WHEN {context_value('customer', required=False)} IS NULL THEN true ELSE false END"
)


def _closed_to_customers(table: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"CREATE POLICY customer ON {table} AS RESTRICTIVE TO {APP_ROLE} "
        f"USING ({_IN_NO_CUSTOMERS_SCOPE}) WITH CHECK ({_IN_NO_CUSTOMERS_SCOPE})",
        f"DROP POLICY customer ON {table}",
    )


# The parents are looked up one by one, by their key: joined as a whole, every part of a chunk was compared with every
# invoice of the organization. A session keeps the plan of its first call, made when the table may have been all but
# empty, hence no reading of it from end to end.
_ADDED = """
CREATE OR REPLACE FUNCTION billing_invoice_part_added() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (
    SELECT FROM (SELECT DISTINCT tenant_id, invoice_id, customer_id FROM added) AS part
    CROSS JOIN LATERAL (
      SELECT status, customer_id FROM billing_invoice AS own
      WHERE own.tenant_id = part.tenant_id AND own.id = part.invoice_id FOR SHARE
    ) AS parent
    WHERE parent.status <> 'draft' OR parent.customer_id <> part.customer_id
  ) THEN
    RAISE EXCEPTION 'only a draft takes new parts, and of its own customer' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NULL;
END $$;
"""
# A billing run stores parts first and then their invoice, finished, in one transaction: what came before its invoice
# has to be all of it. Parts that come after meet the function above.
_FITS = """
CREATE FUNCTION billing_invoice_fits() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (
    SELECT FROM added
    CROSS JOIN LATERAL (
      SELECT count(*) AS parts, sum(net_minor) AS net_minor, bool_and(line.customer_id = added.customer_id) AS own
      FROM billing_invoiceline AS line WHERE line.tenant_id = added.tenant_id AND line.invoice_id = added.id
    ) AS lines
    CROSS JOIN LATERAL (
      SELECT sum(tax.tax_minor) AS tax_minor, bool_and(tax.customer_id = added.customer_id) AS own
      FROM billing_invoicetax AS tax WHERE tax.tenant_id = added.tenant_id AND tax.invoice_id = added.id
    ) AS taxes
    WHERE added.status <> 'draft' AND (
      lines.parts = 0 OR NOT (lines.own AND lines.net_minor = added.subtotal_minor)
      OR NOT (coalesce(taxes.own, true) AND coalesce(taxes.tax_minor, 0) = added.tax_minor))
  ) THEN
    RAISE EXCEPTION 'the parts of a finished invoice come to its totals, and are its own customer''s'
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION billing_invoice_fits() FROM PUBLIC;
CREATE TRIGGER fits AFTER INSERT ON billing_invoice REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION billing_invoice_fits();
"""
_FITS_UNDO = "DROP TRIGGER fits ON billing_invoice; DROP FUNCTION billing_invoice_fits()"
_WAS_ADDED = _SCHEMA[_START : _SCHEMA.index("END $$;", _START) + len("END $$;")].replace(
    "CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"
)


def _tenant() -> models.ForeignKey:
    return models.ForeignKey(
        db_index=False,
        default=tenancy.context.current_tenant,
        editable=False,
        on_delete=django.db.models.deletion.PROTECT,
        related_name="+",
        to="tenancy.tenant",
    )


def _id() -> models.UUIDField:
    return models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)


class Migration(AtOnce):
    """Needs customers, invoices and their parts."""

    dependencies = [
        ("billing", "0009_catalogue_and_subscriptions"),
        ("tenancy", "0001_initial"),
    ]

    operations = [
        migrations.AddField("issuer", "auto_billing", models.BooleanField(default=False)),
        migrations.CreateModel(
            name="BillingRun",
            fields=[
                ("id", _id()),
                ("on", models.DateField()),
                ("issued_on", models.DateField()),
                (
                    "state",
                    models.CharField(
                        choices=[("running", "Running"), ("done", "Done"), ("failed", "Failed")],
                        default="running",
                        max_length=16,
                    ),
                ),
                ("cursor", models.UUIDField(null=True)),
                ("turn", models.PositiveIntegerField(default=1)),
                ("job_id", models.UUIDField(null=True)),
                ("created_by", models.UUIDField(null=True)),
                ("code", models.CharField(blank=True, default="", max_length=64)),
                ("created_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
                ("tenant", _tenant()),
            ],
            options={
                "abstract": False,
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "running")),
                        fields=("tenant", "on"),
                        name="billing_billingrun_one",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("finished_at__isnull", True), ("state", "running")),
                            models.Q(("finished_at__isnull", False), ("state__in", ["done", "failed"])),
                            _connector="OR",
                        ),
                        name="billing_billingrun_states",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BillingRunChunk",
            fields=[
                ("id", _id()),
                ("currency", models.CharField(max_length=3)),
                ("invoices", models.PositiveIntegerField()),
                ("total_minor", models.BigIntegerField()),
                ("at", models.DateTimeField()),
                (
                    "run",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="chunks",
                        to="billing.billingrun",
                    ),
                ),
                ("tenant", _tenant()),
            ],
            options={
                "abstract": False,
                "indexes": [models.Index(fields=["tenant", "run"], name="billing_runchunk_run")],
            },
        ),
        migrations.CreateModel(
            name="BillingRunSkip",
            fields=[
                ("id", _id()),
                ("code", models.CharField(max_length=64)),
                ("at", models.DateTimeField()),
                (
                    "run",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="skips",
                        to="billing.billingrun",
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billing.customer",
                    ),
                ),
                ("tenant", _tenant()),
            ],
            options={
                "abstract": False,
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "run", "customer", "code"), name="billing_billingrunskip_once"
                    )
                ],
            },
        ),
        TenantTable("BillingRun", grants="SELECT, INSERT, UPDATE"),
        TenantTable(
            "BillingRunChunk",
            fks=[("run_id", "billing.BillingRun", "RESTRICT")],
            grants="SELECT, INSERT",
        ),
        TenantTable(
            "BillingRunSkip",
            fks=[
                ("run_id", "billing.BillingRun", "RESTRICT"),
                ("customer_id", "billing.Customer", "RESTRICT"),
            ],
            customer="customer_id",
            grants="SELECT, INSERT",
        ),
        _closed_to_customers("billing_billingrun"),
        _closed_to_customers("billing_billingrunchunk"),
        migrations.RunSQL(_ADDED, _WAS_ADDED),
        migrations.RunSQL(_FITS, _FITS_UNDO),
    ]
