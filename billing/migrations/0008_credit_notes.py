"""Credit notes, what is given up as lost, number series by purpose, and what expires of a customer's credit."""

from decimal import Decimal
from pathlib import Path

import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models

import core.ids
import crypto.fields.encrypted
import tenancy.context
from tenancy.migrating import AtOnce
from tenancy.rls import TenantTable

_HERE = Path(__file__).parents[1]
_SCHEMA = (_HERE / "schema.sql").read_text()
_START = _SCHEMA.index("CREATE FUNCTION billing_invoice_frozen()")
# As 0004 left it: how far an invoice is paid includes what is under way and what is disputed.
_FROZEN = (
    _SCHEMA[_START : _SCHEMA.index("END $$;", _START) + len("END $$;")]
    .replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")
    .replace(
        "'amount_paid_minor',",
        "'amount_paid_minor', 'attempts_open', 'attempts_processing', 'disputes_open',",
    )
)
# And what its credit notes took off it, and what was given up of it.
_WIDER = _FROZEN.replace(
    "'amount_paid_minor',", "'amount_paid_minor', 'noted_minor', 'credited_minor', 'written_off_minor',"
)
_DUE_BEFORE = """
ALTER TABLE billing_invoice ALTER COLUMN amount_due_minor SET EXPRESSION AS (
  CASE WHEN status = 'voided' THEN 0
  ELSE total_minor + rounding_minor - prepaid_minor - amount_paid_minor END)
"""
_DUE = """
ALTER TABLE billing_invoice ALTER COLUMN amount_due_minor SET EXPRESSION AS (
  CASE WHEN status = 'voided' THEN 0
  ELSE total_minor + rounding_minor - prepaid_minor - amount_paid_minor - credited_minor - written_off_minor END)
"""
_ACCOUNTS = """
INSERT INTO billing_ledgeraccount (tenant_id, id, code, created_at)
SELECT tenant_id, gen_random_uuid(), added.code, now() FROM billing_ledgeraccount AS known
CROSS JOIN (VALUES ('bad_debt'), ('other_income')) AS added (code)
WHERE known.code = 'receivable'
ON CONFLICT DO NOTHING
"""


class Migration(AtOnce):
    """Needs invoices, the books and customer credit."""

    dependencies = [("billing", "0007_tax_and_lines"), ("tenancy", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="CreditNote",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("fiscal_year", models.PositiveSmallIntegerField()),
                ("sequence", models.PositiveIntegerField()),
                ("number", models.CharField(max_length=80)),
                ("imported_number", models.CharField(max_length=80, null=True)),
                ("currency", models.CharField(max_length=3)),
                ("issued_on", models.DateField()),
                (
                    "reason_code",
                    models.CharField(
                        choices=[
                            ("duplicated_charge", "Duplicated Charge"),
                            ("product_unsatisfactory", "Product Unsatisfactory"),
                            ("order_change", "Order Change"),
                            ("order_cancellation", "Order Cancellation"),
                            ("other", "Other"),
                        ],
                        max_length=24,
                    ),
                ),
                ("reason", crypto.fields.encrypted.EncryptedTextField(null=True, purpose="documents")),
                ("subtotal_minor", models.BigIntegerField()),
                ("tax_minor", models.BigIntegerField()),
                ("total_minor", models.BigIntegerField()),
                ("prepaid_minor", models.BigIntegerField(default=0)),
                ("rounding_minor", models.BigIntegerField(default=0)),
                ("offset_minor", models.BigIntegerField()),
                ("credit_minor", models.BigIntegerField()),
                ("refund_minor", models.BigIntegerField()),
                ("seller", crypto.fields.encrypted.EncryptedJSONField(purpose="documents")),
                ("buyer", crypto.fields.encrypted.EncryptedJSONField(purpose="documents")),
                ("references", crypto.fields.encrypted.EncryptedJSONField(null=True, purpose="documents")),
                ("note", crypto.fields.encrypted.EncryptedTextField(null=True, purpose="documents")),
                ("content_digest", models.BinaryField()),
                ("line_count", models.PositiveIntegerField()),
                ("tax_count", models.PositiveSmallIntegerField()),
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
                    "invoice",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="credit_notes",
                        to="billing.invoice",
                    ),
                ),
                (
                    "series",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
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
                    models.Index(fields=["tenant", "customer", "-id"], name="billing_creditnote_customer"),
                    models.Index(fields=["tenant", "invoice"], name="billing_creditnote_invoice"),
                    models.Index(fields=["tenant", "number"], name="billing_creditnote_find"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "series", "fiscal_year", "sequence"),
                        name="billing_creditnote_sequence",
                    ),
                    models.UniqueConstraint(
                        fields=("tenant", "series", "number"), name="billing_creditnote_number"
                    ),
                    models.UniqueConstraint(
                        fields=("tenant", "series", "imported_number"), name="billing_creditnote_imported"
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
                            ("credit_minor__gte", 0),
                            ("offset_minor__gte", 0),
                            ("prepaid_minor__gte", 0),
                            ("refund_minor__gte", 0),
                        ),
                        name="billing_creditnote_amounts",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "total_minor",
                                django.db.models.expressions.CombinedExpression(
                                    django.db.models.expressions.CombinedExpression(
                                        django.db.models.expressions.CombinedExpression(
                                            django.db.models.expressions.CombinedExpression(
                                                models.F("offset_minor"), "+", models.F("credit_minor")
                                            ),
                                            "+",
                                            models.F("refund_minor"),
                                        ),
                                        "+",
                                        models.F("prepaid_minor"),
                                    ),
                                    "-",
                                    models.F("rounding_minor"),
                                ),
                            )
                        ),
                        name="billing_creditnote_goes_somewhere",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("imported_number__isnull", False),
                            models.Q(
                                ("invoice__isnull", False),
                                ("prepaid_minor", 0),
                                ("rounding_minor", 0),
                                ("total_minor__gt", 0),
                            ),
                            _connector="OR",
                        ),
                        name="billing_creditnote_of_invoice",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "reason_code__in",
                                [
                                    "duplicated_charge",
                                    "product_unsatisfactory",
                                    "order_change",
                                    "order_cancellation",
                                    "other",
                                ],
                            )
                        ),
                        name="billing_creditnote_reason",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="CreditNoteLine",
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
                (
                    "price_base_quantity",
                    models.DecimalField(decimal_places=12, default=Decimal("1"), max_digits=24),
                ),
                ("net_minor", models.BigIntegerField()),
                ("tax_category", models.CharField(max_length=2)),
                ("tax_percentage", models.DecimalField(decimal_places=6, max_digits=9)),
                ("tax_components", models.JSONField(null=True)),
                ("adjustments", crypto.fields.encrypted.EncryptedJSONField(null=True, purpose="documents")),
                ("period_from", models.DateField(null=True)),
                ("period_to", models.DateField(null=True)),
                (
                    "credit_note",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lines",
                        to="billing.creditnote",
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
                (
                    "invoice_line",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billing.invoiceline",
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
                    models.Index(fields=["tenant", "invoice_line"], name="billing_creditnoteline_of"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "credit_note", "position"), name="billing_creditnoteline_position"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("price_base_quantity__gt", 0), ("kind__in", ["item", "allowance", "charge"])
                        ),
                        name="billing_creditnoteline_sane",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="CreditNoteTax",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("category", models.CharField(max_length=2)),
                ("percentage", models.DecimalField(decimal_places=6, max_digits=9)),
                ("name", models.CharField(blank=True, default="", max_length=120)),
                ("base_minor", models.BigIntegerField()),
                ("tax_minor", models.BigIntegerField()),
                ("reason", crypto.fields.encrypted.EncryptedTextField(null=True, purpose="documents")),
                ("reason_code", models.CharField(blank=True, default="", max_length=30)),
                (
                    "credit_note",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="taxes",
                        to="billing.creditnote",
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
                "indexes": [],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "credit_note", "category", "percentage", "name"),
                        name="billing_creditnotetax_once",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="WriteOff",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("currency", models.CharField(max_length=3)),
                ("amount_minor", models.BigIntegerField()),
                ("reason", crypto.fields.encrypted.EncryptedTextField(null=True, purpose="documents")),
                ("asked_by", models.UUIDField(null=True)),
                ("agreed_by", models.UUIDField(null=True)),
                ("at", models.DateTimeField()),
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
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="write_offs",
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
                "indexes": [
                    models.Index(fields=["tenant", "invoice"], name="billing_writeoff_invoice"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("amount_minor__gt", 0), ("reason__isnull", False)),
                            models.Q(("amount_minor__lt", 0), ("reason__isnull", True)),
                            _connector="OR",
                        ),
                        name="billing_writeoff_sane",
                    ),
                ],
            },
        ),
        migrations.RemoveConstraint(
            model_name="creditentry",
            name="billing_creditentry_sane",
        ),
        migrations.RemoveConstraint(
            model_name="invoice",
            name="billing_invoice_not_overpaid",
        ),
        migrations.RemoveConstraint(
            model_name="invoice",
            name="billing_invoice_void_is_free",
        ),
        migrations.AddField(
            model_name="creditentry",
            name="credit_note_id",
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name="creditentry",
            name="reason",
            field=crypto.fields.encrypted.EncryptedTextField(null=True, purpose="documents"),
        ),
        migrations.AddField(
            model_name="invoice",
            name="credited_minor",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="invoice",
            name="noted_minor",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="invoice",
            name="written_off_minor",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="issuer",
            name="credit_expires_days",
            field=models.PositiveSmallIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="issuer",
            name="credit_note_series",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="billing.series",
            ),
        ),
        migrations.AddField(
            model_name="issuer",
            name="quote_series",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="billing.series",
            ),
        ),
        migrations.AddField(
            model_name="series",
            name="purpose",
            field=models.CharField(
                choices=[("invoice", "Invoice"), ("credit_note", "Credit Note"), ("quote", "Quote")],
                default="invoice",
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name="series",
            name="retired_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name="creditentry",
            name="cause",
            field=models.CharField(
                choices=[
                    ("overpayment", "Overpayment"),
                    ("released", "Released"),
                    ("applied", "Applied"),
                    ("refunded", "Refunded"),
                    ("reversed", "Reversed"),
                    ("credit_note", "Credit Note"),
                    ("expired", "Expired"),
                ],
                max_length=16,
            ),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(_DUE, _DUE_BEFORE)],
            state_operations=[
                migrations.AlterField(
                    model_name="invoice",
                    name="amount_due_minor",
                    field=models.GeneratedField(
                        db_persist=True,
                        expression=models.Case(
                            models.When(status="voided", then=models.Value(0)),
                            default=django.db.models.expressions.CombinedExpression(
                                django.db.models.expressions.CombinedExpression(
                                    django.db.models.expressions.CombinedExpression(
                                        django.db.models.expressions.CombinedExpression(
                                            django.db.models.expressions.CombinedExpression(
                                                models.F("total_minor"), "+", models.F("rounding_minor")
                                            ),
                                            "-",
                                            models.F("prepaid_minor"),
                                        ),
                                        "-",
                                        models.F("amount_paid_minor"),
                                    ),
                                    "-",
                                    models.F("credited_minor"),
                                ),
                                "-",
                                models.F("written_off_minor"),
                            ),
                        ),
                        output_field=models.BigIntegerField(),
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="creditentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("amount_minor", 0), _negated=True),
                    (
                        "cause__in",
                        [
                            "overpayment",
                            "released",
                            "applied",
                            "refunded",
                            "reversed",
                            "credit_note",
                            "expired",
                        ],
                    ),
                ),
                name="billing_creditentry_sane",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("amount_paid_minor", 0), ("credited_minor", 0), ("written_off_minor", 0)),
                    (
                        "amount_paid_minor__lte",
                        django.db.models.expressions.CombinedExpression(
                            django.db.models.expressions.CombinedExpression(
                                django.db.models.expressions.CombinedExpression(
                                    django.db.models.expressions.CombinedExpression(
                                        models.F("total_minor"), "+", models.F("rounding_minor")
                                    ),
                                    "-",
                                    models.F("prepaid_minor"),
                                ),
                                "-",
                                models.F("credited_minor"),
                            ),
                            "-",
                            models.F("written_off_minor"),
                        ),
                    ),
                    _connector="OR",
                ),
                name="billing_invoice_not_overpaid",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("credited_minor__gte", 0),
                    ("written_off_minor__gte", 0),
                    ("noted_minor__gte", models.F("credited_minor")),
                    ("noted_minor__lte", models.F("total_minor")),
                ),
                name="billing_invoice_not_overcredited",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "voided"), _negated=True),
                    models.Q(
                        ("amount_paid_minor", 0),
                        ("attempts_open", 0),
                        ("disputes_open", 0),
                        ("noted_minor", 0),
                        ("written_off_minor", 0),
                    ),
                    _connector="OR",
                ),
                name="billing_invoice_void_is_free",
            ),
        ),
        migrations.AddConstraint(
            model_name="series",
            constraint=models.CheckConstraint(
                condition=models.Q(("purpose__in", ["invoice", "credit_note", "quote"])),
                name="billing_series_purpose",
            ),
        ),
        TenantTable(
            "CreditNote",
            fks=[
                ("customer_id", "billing.Customer", "RESTRICT"),
                ("invoice_id", "billing.Invoice", "RESTRICT"),
                ("series_id", "billing.Series", "RESTRICT"),
            ],
            customer="customer_id",
            grants="SELECT, INSERT",
            encrypted=["reason", "seller", "buyer", "references", "note"],
        ),
        TenantTable(
            "CreditNoteLine",
            fks=[
                ("credit_note_id", "billing.CreditNote", "RESTRICT"),
                ("customer_id", "billing.Customer", "RESTRICT"),
                ("invoice_line_id", "billing.InvoiceLine", "RESTRICT"),
            ],
            customer="customer_id",
            grants="SELECT, INSERT",
            encrypted=["description", "adjustments"],
        ),
        TenantTable(
            "CreditNoteTax",
            fks=[
                ("credit_note_id", "billing.CreditNote", "RESTRICT"),
                ("customer_id", "billing.Customer", "RESTRICT"),
            ],
            customer="customer_id",
            grants="SELECT, INSERT",
            encrypted=["reason"],
        ),
        TenantTable(
            "WriteOff",
            fks=[
                ("customer_id", "billing.Customer", "RESTRICT"),
                ("invoice_id", "billing.Invoice", "RESTRICT"),
            ],
            customer="customer_id",
            grants="SELECT, INSERT",
            encrypted=["reason"],
        ),
        migrations.RunSQL(
            (_HERE / "credit_notes.sql").read_text(), (_HERE / "credit_notes_undo.sql").read_text()
        ),
        migrations.RunSQL(_WIDER, _FROZEN),
        migrations.RunSQL(_ACCOUNTS, migrations.RunSQL.noop),
    ]
