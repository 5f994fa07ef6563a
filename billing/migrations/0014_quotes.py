"""Quotes, and files that belong to invoices. What was offered stays as it was offered."""

import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models

import core.ids
import crypto.fields.encrypted
import tenancy.context
from tenancy.migrating import AtOnce
from tenancy.rls import TenantTable

_FROZEN = """
-- From its number on a quote stands as it was offered: only what becomes of it changes.
CREATE FUNCTION billing_quote_frozen() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    writable text[] := ARRAY['status', 'invoice_id', 'updated_at', 'ended_at'];
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'quote % stays', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.status = 'draft' THEN
        RETURN NEW;
    END IF;
    IF current_user = 'strongbox_rekey' THEN
        writable := ARRAY['note'];
    ELSIF NEW.status = 'draft' OR (NEW.status <> OLD.status AND OLD.status NOT IN ('open', 'accepted')) THEN
        RAISE EXCEPTION 'quote % is %', OLD.id, OLD.status USING ERRCODE = 'restrict_violation';
    END IF;
    IF (to_jsonb(OLD) - writable) IS DISTINCT FROM (to_jsonb(NEW) - writable) THEN
        RAISE EXCEPTION 'quote % is % and cannot change', OLD.id, OLD.status USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE FUNCTION billing_quoteline_frozen() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    line record := CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
BEGIN
    IF current_user = 'strongbox_rekey' THEN
        RETURN line;
    END IF;
    IF NOT EXISTS (
        SELECT FROM billing_quote WHERE tenant_id = line.tenant_id AND id = line.quote_id AND status = 'draft'
    ) THEN
        RAISE EXCEPTION 'quote % is not a draft', line.quote_id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN line;
END $$;
-- A file of a final invoice stays with it.
CREATE FUNCTION billing_invoiceattachment_stays() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' OR NOT EXISTS (
        SELECT FROM billing_invoice WHERE tenant_id = OLD.tenant_id AND id = OLD.invoice_id AND status = 'draft'
    ) THEN
        RAISE EXCEPTION 'attachment % stays', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END $$;
REVOKE ALL ON FUNCTION billing_quote_frozen(), billing_quoteline_frozen(), billing_invoiceattachment_stays()
    FROM PUBLIC;
CREATE TRIGGER frozen BEFORE UPDATE OR DELETE ON billing_quote FOR EACH ROW EXECUTE FUNCTION billing_quote_frozen();
CREATE TRIGGER frozen BEFORE INSERT OR UPDATE OR DELETE ON billing_quoteline
    FOR EACH ROW EXECUTE FUNCTION billing_quoteline_frozen();
CREATE TRIGGER stays BEFORE UPDATE OR DELETE ON billing_invoiceattachment
    FOR EACH ROW EXECUTE FUNCTION billing_invoiceattachment_stays();
"""
_FREE = """
DROP TRIGGER stays ON billing_invoiceattachment;
DROP TRIGGER frozen ON billing_quoteline;
DROP TRIGGER frozen ON billing_quote;
DROP FUNCTION billing_invoiceattachment_stays();
DROP FUNCTION billing_quoteline_frozen();
DROP FUNCTION billing_quote_frozen();
"""


class Migration(AtOnce):
    """Follows its neighbour; needs files."""

    dependencies = [("billing", "0013_documents"), ("outbound", "0003_webhooks"), ("tenancy", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Quote",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("fiscal_year", models.PositiveSmallIntegerField(null=True)),
                ("sequence", models.PositiveIntegerField(null=True)),
                ("number", models.CharField(max_length=80, null=True)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("open", "Open"),
                            ("accepted", "Accepted"),
                            ("declined", "Declined"),
                            ("expired", "Expired"),
                            ("canceled", "Canceled"),
                        ],
                        default="draft",
                        max_length=16,
                    ),
                ),
                ("currency", models.CharField(max_length=3)),
                ("issued_on", models.DateField(null=True)),
                ("valid_until", models.DateField(null=True)),
                ("subtotal_minor", models.BigIntegerField()),
                ("tax_minor", models.BigIntegerField()),
                ("total_minor", models.BigIntegerField()),
                ("taxes", models.JSONField(default=list)),
                ("note", crypto.fields.encrypted.EncryptedTextField(null=True, purpose="documents")),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
                ("opened_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
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
                (
                    "invoice",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="billing.invoice",
                    ),
                ),
                (
                    "series",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billing.series",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False,
                        default=tenancy.context.current_tenant,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenancy.tenant",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "indexes": [
                    models.Index(fields=["tenant", "status", "-id"], name="billing_quote_status"),
                    models.Index(fields=["tenant", "customer", "-id"], name="billing_quote_customer"),
                    models.Index(
                        condition=models.Q(("status", "open")),
                        fields=["tenant", "valid_until"],
                        name="billing_quote_due",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "series", "fiscal_year", "sequence"), name="billing_quote_sequence"
                    ),
                    models.UniqueConstraint(
                        fields=("tenant", "series", "number"), name="billing_quote_number"
                    ),
                    models.UniqueConstraint(fields=("tenant", "invoice"), name="billing_quote_invoice"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("status__in", ["draft", "open", "accepted", "declined", "expired", "canceled"]),
                            models.Q(("invoice__isnull", True), ("status", "accepted"), _connector="OR"),
                        ),
                        name="billing_quote_states",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("number__isnull", True), ("status", "draft")),
                            ("status", "canceled"),
                            models.Q(
                                ("issued_on__isnull", False),
                                ("number__isnull", False),
                                ("sequence__isnull", False),
                                ("status__in", ["open", "accepted", "declined", "expired"]),
                            ),
                            _connector="OR",
                        ),
                        name="billing_quote_number_iff_open",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "total_minor",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("subtotal_minor"), "+", models.F("tax_minor")
                                ),
                            ),
                            ("total_minor__gte", 0),
                        ),
                        name="billing_quote_amounts",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="QuoteLine",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("position", models.PositiveIntegerField()),
                (
                    "kind",
                    models.CharField(
                        choices=[("item", "Item"), ("allowance", "Allowance"), ("charge", "Charge")],
                        default="item",
                        max_length=16,
                    ),
                ),
                ("description", crypto.fields.encrypted.EncryptedTextField(purpose="documents")),
                ("quantity", models.DecimalField(decimal_places=12, max_digits=24)),
                ("unit_code", models.CharField(blank=True, default="", max_length=8)),
                ("unit_amount", models.DecimalField(decimal_places=12, max_digits=24)),
                ("net_exact", models.DecimalField(decimal_places=24, max_digits=48)),
                ("net_minor", models.BigIntegerField()),
                ("gross_minor", models.BigIntegerField(null=True)),
                ("tax_category", models.CharField(max_length=2)),
                ("tax_percentage", models.DecimalField(decimal_places=6, max_digits=9)),
                ("price_id", models.UUIDField(null=True)),
                ("period_from", models.DateField(null=True)),
                ("period_to", models.DateField(null=True)),
                ("adjustments", crypto.fields.encrypted.EncryptedJSONField(null=True, purpose="documents")),
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
                (
                    "quote",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="lines",
                        to="billing.quote",
                    ),
                ),
                (
                    "tax_rate",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billing.taxrate",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False,
                        default=tenancy.context.current_tenant,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenancy.tenant",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "quote", "position"), name="billing_quoteline_position"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["item", "allowance", "charge"])),
                        name="billing_quoteline_kind",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="InvoiceAttachment",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("with_mail", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField()),
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
                (
                    "file",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="outbound.storedfile",
                    ),
                ),
                (
                    "invoice",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="billing.invoice",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False,
                        default=tenancy.context.current_tenant,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenancy.tenant",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "indexes": [models.Index(fields=["tenant", "invoice"], name="billing_invoiceattachment_of")],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "file"), name="billing_invoiceattachment_file")
                ],
            },
        ),
        TenantTable(
            "Quote",
            fks=[
                ("customer_id", "billing.Customer", "RESTRICT"),
                ("invoice_id", "billing.Invoice", "SET NULL (invoice_id)"),
                ("series_id", "billing.Series", "RESTRICT"),
            ],
            customer="customer_id",
            grants="SELECT, INSERT, UPDATE",
            encrypted=["note"],
        ),
        TenantTable(
            "QuoteLine",
            fks=[
                ("quote_id", "billing.Quote", "CASCADE"),
                ("customer_id", "billing.Customer", "RESTRICT"),
                ("tax_rate_id", "billing.TaxRate", "RESTRICT"),
            ],
            customer="customer_id",
            grants="SELECT, INSERT, DELETE",
            encrypted=["description", "adjustments"],
        ),
        TenantTable(
            "InvoiceAttachment",
            fks=[
                ("invoice_id", "billing.Invoice", "RESTRICT"),
                ("customer_id", "billing.Customer", "RESTRICT"),
                ("file_id", "outbound.StoredFile", "RESTRICT"),
            ],
            customer="customer_id",
            grants="SELECT, INSERT, DELETE",
        ),
        migrations.RunSQL(_FROZEN, _FREE),
    ]
