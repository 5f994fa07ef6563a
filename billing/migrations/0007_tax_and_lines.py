"""Where tax is rounded and why it is what it is, what a line is for and what was asked of it, stacked taxes.

What is new on lines and taxes is empty on documents that are final already; their digests do not change by it.
"""

import django.db.models.deletion
from django.db import migrations, models

import core.ids
import crypto.fields.encrypted
import tenancy.context
from tenancy.migrating import AtOnce
from tenancy.rls import ENVELOPE_BYTES, TenantTable

_ENVELOPE = (
    f"length(tax_exemption) >= {ENVELOPE_BYTES} AND substring(tax_exemption from 1 for 2) = '\\x0101'::bytea"
)


class Migration(AtOnce):
    """Needs the invoices of the first migration."""

    dependencies = [("billing", "0006_bank_account_written_at"), ("tenancy", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="TaxComponent",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("position", models.PositiveSmallIntegerField()),
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
                (
                    "group",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="components",
                        to="billing.taxrate",
                    ),
                ),
                (
                    "tax_rate",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billing.taxrate",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "group", "tax_rate"), name="billing_taxcomponent_once"
                    ),
                    models.UniqueConstraint(
                        fields=("tenant", "group", "position"), name="billing_taxcomponent_position"
                    ),
                ],
            },
        ),
        migrations.RemoveConstraint(
            model_name="invoice",
            name="billing_invoice_states",
        ),
        migrations.RemoveConstraint(
            model_name="invoicetax",
            name="billing_invoicetax_once",
        ),
        migrations.AddField(
            model_name="customer",
            name="tax_exemption",
            field=crypto.fields.encrypted.EncryptedTextField(null=True, subject="self"),
        ),
        migrations.AddField(
            model_name="invoice",
            name="rounding",
            field=models.CharField(
                choices=[("document", "Document"), ("line", "Line")], default="document", max_length=8
            ),
        ),
        migrations.AddField(
            model_name="invoice",
            name="tax_rule",
            field=models.CharField(blank=True, default="", max_length=24),
        ),
        migrations.AddField(
            model_name="invoiceline",
            name="gross_minor",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="invoiceline",
            name="period_from",
            field=models.DateField(null=True),
        ),
        migrations.AddField(
            model_name="invoiceline",
            name="period_to",
            field=models.DateField(null=True),
        ),
        migrations.AddField(
            model_name="invoiceline",
            name="price_id",
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name="invoiceline",
            name="tax_components",
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name="invoiceline",
            name="tax_exact",
            field=models.DecimalField(decimal_places=24, max_digits=48, null=True),
        ),
        migrations.AddField(
            model_name="invoicetax",
            name="name",
            field=models.CharField(blank=True, default="", max_length=120),
        ),
        migrations.AddField(
            model_name="invoicetax",
            name="reason_code",
            field=models.CharField(blank=True, default="", max_length=30),
        ),
        migrations.AddField(
            model_name="invoicetax",
            name="tax_exact",
            field=models.DecimalField(decimal_places=24, max_digits=48, null=True),
        ),
        migrations.AddField(
            model_name="issuer",
            name="supplies",
            field=models.CharField(
                choices=[("services", "Services"), ("goods", "Goods"), ("digital", "Digital")],
                default="services",
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="issuer",
            name="uses_oss",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="series",
            name="e_invoice",
            field=models.BooleanField(default=True),
        ),
        migrations.AddField(
            model_name="series",
            name="rounding",
            field=models.CharField(
                choices=[("document", "Document"), ("line", "Line")], default="document", max_length=8
            ),
        ),
        migrations.AddField(
            model_name="taxrate",
            name="country",
            field=models.CharField(blank=True, default="", max_length=2),
        ),
        migrations.AddField(
            model_name="taxrate",
            name="kind",
            field=models.CharField(
                choices=[
                    ("standard", "Standard"),
                    ("reduced", "Reduced"),
                    ("second_reduced", "Second Reduced"),
                    ("super_reduced", "Super Reduced"),
                    ("parking", "Parking"),
                    ("zero", "Zero"),
                    ("exempt", "Exempt"),
                    ("reverse_charge", "Reverse Charge"),
                    ("intra_community", "Intra Community"),
                    ("export", "Export"),
                    ("outside", "Outside"),
                    ("group", "Group"),
                    ("other", "Other"),
                ],
                default="other",
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name="taxrate",
            name="reason",
            field=models.CharField(blank=True, default="", max_length=400),
        ),
        migrations.AddField(
            model_name="taxrate",
            name="reason_code",
            field=models.CharField(blank=True, default="", max_length=30),
        ),
        migrations.AddField(
            model_name="taxrate",
            name="region",
            field=models.CharField(blank=True, default="", max_length=60),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("rounding__in", ["document", "line"]),
                    ("status__in", ["draft", "finalized", "voided"]),
                    ("payment_status__in", ["unpaid", "partially_paid", "processing", "paid"]),
                ),
                name="billing_invoice_states",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoiceline",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("period_from__isnull", True), ("period_to__isnull", True)),
                    models.Q(("period_from__isnull", False), ("period_to__gt", models.F("period_from"))),
                    _connector="OR",
                ),
                name="billing_invoiceline_period",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoicetax",
            constraint=models.UniqueConstraint(
                fields=("tenant", "invoice", "category", "percentage", "name"), name="billing_invoicetax_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="series",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("rounding", "document"),
                    models.Q(("e_invoice", False), ("rounding", "line")),
                    _connector="OR",
                ),
                name="billing_series_rounding",
            ),
        ),
        TenantTable(
            "TaxComponent",
            fks=[("group_id", "billing.TaxRate", "RESTRICT"), ("tax_rate_id", "billing.TaxRate", "RESTRICT")],
            grants="SELECT, INSERT",
        ),
        migrations.RunSQL(
            f"ALTER TABLE billing_customer ADD CONSTRAINT billing_customer_tax_exemption_envelope CHECK ({_ENVELOPE});"
            "GRANT UPDATE (tax_exemption) ON billing_customer TO strongbox_rekey;",
            "ALTER TABLE billing_customer DROP CONSTRAINT billing_customer_tax_exemption_envelope;"
            "REVOKE UPDATE (tax_exemption) ON billing_customer FROM strongbox_rekey;",
        ),
    ]
