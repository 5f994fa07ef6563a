"""The tables of billing, the walls around each, and the rules the database keeps by itself."""

from decimal import Decimal
from pathlib import Path

import django.db.models.constraints
import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models

import billing.customers.rules
import billing.issuer.rules
import core.ids
import crypto.fields.encrypted
import crypto.fields.index
import crypto.fields.subject
import tenancy.context
from tenancy.migrating import AtOnce
from tenancy.rls import TenantTable

SQL = Path(__file__).parents[1]


class Migration(AtOnce):
    """Customers, tax rates, invoices, books."""

    initial = True

    dependencies = [
        ("tenancy", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Customer",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("subject_key", crypto.fields.subject.SubjectKeyField()),
                ("name", crypto.fields.encrypted.EncryptedTextField(subject="self")),
                (
                    "name_index",
                    crypto.fields.index.BlindIndexField(
                        normalize=billing.customers.rules.normalize_name, source="name"
                    ),
                ),
                ("email", crypto.fields.encrypted.EncryptedTextField(null=True, subject="self")),
                (
                    "email_index",
                    crypto.fields.index.BlindIndexField(
                        normalize=billing.customers.rules.normalize_email, null=True, source="email"
                    ),
                ),
                ("phone", crypto.fields.encrypted.EncryptedTextField(null=True, subject="self")),
                ("address", crypto.fields.encrypted.EncryptedJSONField(null=True, subject="self")),
                ("tax_id", crypto.fields.encrypted.EncryptedTextField(null=True, subject="self")),
                (
                    "tax_id_index",
                    crypto.fields.index.BlindIndexField(
                        normalize=billing.customers.rules.normalize_tax_id, null=True, source="tax_id"
                    ),
                ),
                ("reference", crypto.fields.encrypted.EncryptedTextField(null=True, subject="self")),
                (
                    "reference_index",
                    crypto.fields.index.BlindIndexField(
                        normalize=billing.customers.rules.normalize_reference, null=True, source="reference"
                    ),
                ),
                ("notes", crypto.fields.encrypted.EncryptedTextField(null=True, subject="self")),
                ("metadata", crypto.fields.encrypted.EncryptedJSONField(null=True, subject="self")),
                ("currency", models.CharField(max_length=3)),
                (
                    "state",
                    models.CharField(
                        choices=[("active", "Active"), ("archived", "Archived")],
                        default="active",
                        max_length=16,
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
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
                    models.Index(fields=["tenant", "email_index"], name="billing_customer_email"),
                    models.Index(fields=["tenant", "tax_id_index"], name="billing_customer_tax_id"),
                    models.Index(fields=["tenant", "name_index"], name="billing_customer_name"),
                    models.Index(fields=["tenant", "state", "-id"], name="billing_customer_list"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "reference_index"), name="billing_customer_reference"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["active", "archived"])),
                        name="billing_customer_state",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Invoice",
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
                ("imported_number", models.CharField(max_length=80, null=True)),
                (
                    "status",
                    models.CharField(
                        choices=[("draft", "Draft"), ("finalized", "Finalized"), ("voided", "Voided")],
                        default="draft",
                        max_length=16,
                    ),
                ),
                (
                    "payment_status",
                    models.CharField(
                        choices=[
                            ("unpaid", "Unpaid"),
                            ("partially_paid", "Partially Paid"),
                            ("processing", "Processing"),
                            ("paid", "Paid"),
                        ],
                        default="unpaid",
                        max_length=16,
                    ),
                ),
                ("currency", models.CharField(max_length=3)),
                ("issued_on", models.DateField(null=True)),
                ("due_on", models.DateField(null=True)),
                ("subtotal_minor", models.BigIntegerField()),
                ("tax_minor", models.BigIntegerField()),
                ("total_minor", models.BigIntegerField()),
                ("prepaid_minor", models.BigIntegerField(default=0)),
                ("rounding_minor", models.BigIntegerField(default=0)),
                ("amount_paid_minor", models.BigIntegerField(default=0)),
                (
                    "amount_due_minor",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Case(
                            models.When(status="voided", then=models.Value(0)),
                            default=django.db.models.expressions.CombinedExpression(
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
                        ),
                        output_field=models.BigIntegerField(),
                    ),
                ),
                ("seller", crypto.fields.encrypted.EncryptedJSONField(null=True, purpose="documents")),
                ("buyer", crypto.fields.encrypted.EncryptedJSONField(null=True, purpose="documents")),
                ("references", crypto.fields.encrypted.EncryptedJSONField(null=True, purpose="documents")),
                ("note", crypto.fields.encrypted.EncryptedTextField(null=True, purpose="documents")),
                ("void_reason", crypto.fields.encrypted.EncryptedTextField(null=True, purpose="documents")),
                ("content_digest", models.BinaryField(null=True)),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
                ("finalized_at", models.DateTimeField(null=True)),
                ("voided_at", models.DateTimeField(null=True)),
                (
                    "customer",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="invoices",
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
                "indexes": [
                    models.Index(fields=["tenant", "status", "-id"], name="billing_invoice_status"),
                    models.Index(
                        condition=models.Q(("status", "finalized")),
                        fields=["tenant", "payment_status", "-id"],
                        name="billing_invoice_payment",
                    ),
                    models.Index(fields=["tenant", "customer", "-id"], name="billing_invoice_customer"),
                    models.Index(fields=["tenant", "number"], name="billing_invoice_find_number"),
                    models.Index(
                        condition=models.Q(
                            ("status", "finalized"), models.Q(("payment_status", "paid"), _negated=True)
                        ),
                        fields=["tenant", "due_on", "id"],
                        name="billing_invoice_due",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("number__isnull", True), ("status", "draft")),
                            models.Q(models.Q(("status", "draft"), _negated=True), ("number__isnull", False)),
                            _connector="OR",
                        ),
                        name="billing_invoice_number_iff_final",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("status__in", ["draft", "finalized", "voided"]),
                            ("payment_status__in", ["unpaid", "partially_paid", "processing", "paid"]),
                        ),
                        name="billing_invoice_states",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "voided"), ("voided_at__isnull", False)),
                            models.Q(
                                models.Q(("status", "voided"), _negated=True),
                                ("void_reason__isnull", True),
                                ("voided_at__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="billing_invoice_voided",
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
                            ("amount_paid_minor__gte", 0),
                            ("prepaid_minor__gte", 0),
                        ),
                        name="billing_invoice_amounts",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="InvoiceTax",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("category", models.CharField(max_length=2)),
                ("percentage", models.DecimalField(decimal_places=6, max_digits=9)),
                ("base_minor", models.BigIntegerField()),
                ("tax_minor", models.BigIntegerField()),
                ("reason", crypto.fields.encrypted.EncryptedTextField(null=True, purpose="documents")),
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
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="taxes",
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
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "invoice", "category", "percentage"), name="billing_invoicetax_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="LedgerAccount",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("code", models.CharField(max_length=40)),
                ("created_at", models.DateTimeField()),
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
                    models.UniqueConstraint(fields=("tenant", "code"), name="billing_ledgeraccount_code")
                ],
            },
        ),
        migrations.CreateModel(
            name="LedgerTransaction",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("kind", models.CharField(max_length=40)),
                ("booked_on", models.DateField()),
                ("at", models.DateTimeField()),
                (
                    "customer",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
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
                "indexes": [
                    models.Index(fields=["tenant", "customer", "-id"], name="billing_ledgertx_customer"),
                    models.Index(fields=["tenant", "booked_on"], name="billing_ledgertx_booked"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(
                            ("kind__in", ["invoice_finalized", "invoice_opening", "invoice_voided"])
                        ),
                        fields=("tenant", "invoice", "kind"),
                        name="billing_ledgertransaction_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="LedgerEntry",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("account", models.CharField(max_length=40)),
                ("currency", models.CharField(max_length=3)),
                ("amount_minor", models.BigIntegerField()),
                (
                    "customer",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
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
                (
                    "transaction",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="entries",
                        to="billing.ledgertransaction",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "indexes": [
                    models.Index(fields=["tenant", "transaction"], name="billing_ledgerentry_tx"),
                    models.Index(
                        fields=["tenant", "account", "customer"], name="billing_ledgerentry_account"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Series",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("code", models.CharField(max_length=40)),
                ("kind", models.CharField(choices=[("own", "Own"), ("imported", "Imported")], max_length=16)),
                ("pattern", models.CharField(blank=True, default="", max_length=60)),
                ("digits", models.PositiveSmallIntegerField(default=5)),
                ("fiscal_year_starts_in", models.PositiveSmallIntegerField(default=1)),
                ("seller", crypto.fields.encrypted.EncryptedTextField(null=True)),
                (
                    "seller_index",
                    crypto.fields.index.BlindIndexField(
                        normalize=billing.issuer.rules.as_written, null=True, source="seller"
                    ),
                ),
                ("created_at", models.DateTimeField()),
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
                    models.UniqueConstraint(fields=("tenant", "code"), name="billing_series_code"),
                    models.UniqueConstraint(fields=("tenant", "seller_index"), name="billing_series_seller"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "own"), ("seller__isnull", True)),
                            models.Q(("kind", "imported"), ("seller__isnull", False)),
                            _connector="OR",
                        ),
                        name="billing_series_kind",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("fiscal_year_starts_in__gte", 1), ("fiscal_year_starts_in__lte", 12)
                        ),
                        name="billing_series_fiscal_year",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Issuer",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", crypto.fields.encrypted.EncryptedTextField()),
                ("address", crypto.fields.encrypted.EncryptedJSONField(null=True)),
                ("tax_id", crypto.fields.encrypted.EncryptedTextField(null=True)),
                ("tax_number", crypto.fields.encrypted.EncryptedTextField(null=True)),
                ("email", crypto.fields.encrypted.EncryptedTextField(null=True)),
                ("phone", crypto.fields.encrypted.EncryptedTextField(null=True)),
                ("time_zone", models.CharField(default="UTC", max_length=60)),
                ("currency", models.CharField(max_length=3)),
                ("payment_days", models.PositiveSmallIntegerField(default=14)),
                ("updated_at", models.DateTimeField()),
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
                    "series",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="billing.series",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "constraints": [models.UniqueConstraint(fields=("tenant",), name="billing_issuer_one")],
            },
        ),
        migrations.AddField(
            model_name="invoice",
            name="series",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="billing.series",
            ),
        ),
        migrations.CreateModel(
            name="SeriesCounter",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("fiscal_year", models.PositiveSmallIntegerField()),
                ("last_sequence", models.PositiveIntegerField()),
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
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "series", "fiscal_year"), name="billing_seriescounter_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Tally",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("noun", models.CharField(max_length=16)),
                ("state", models.CharField(max_length=16)),
                ("payment_status", models.CharField(blank=True, default="", max_length=16)),
                ("currency", models.CharField(blank=True, default="", max_length=3)),
                ("count", models.BigIntegerField()),
                ("total_minor", models.BigIntegerField(default=0)),
                ("due_minor", models.BigIntegerField(default=0)),
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
                "indexes": [models.Index(fields=["tenant", "noun"], name="billing_tally_noun")],
            },
        ),
        migrations.CreateModel(
            name="TaxRate",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("code", models.CharField(max_length=40)),
                ("name", models.CharField(max_length=120)),
                ("category", models.CharField(max_length=2)),
                ("percentage", models.DecimalField(decimal_places=6, max_digits=9)),
                ("valid_from", models.DateField()),
                ("valid_to", models.DateField(null=True)),
                ("created_at", models.DateTimeField()),
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
                        fields=("tenant", "code", "valid_from"), name="billing_taxrate_once"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("valid_to__isnull", True)),
                        fields=("tenant", "code"),
                        name="billing_taxrate_one_open",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("percentage__gte", 0), ("percentage__lte", 100)),
                        name="billing_taxrate_percentage",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("valid_to__isnull", True),
                            ("valid_to__gte", models.F("valid_from")),
                            _connector="OR",
                        ),
                        name="billing_taxrate_period",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="InvoiceLine",
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
                ("net_exact", models.DecimalField(decimal_places=24, max_digits=48)),
                ("net_minor", models.BigIntegerField()),
                ("tax_category", models.CharField(max_length=2)),
                ("tax_percentage", models.DecimalField(decimal_places=6, max_digits=9)),
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
                    "invoice",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="lines",
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
            ],
            options={
                "abstract": False,
                "constraints": [
                    models.UniqueConstraint(
                        deferrable=django.db.models.constraints.Deferrable["DEFERRED"],
                        fields=("tenant", "invoice", "position"),
                        name="billing_invoiceline_position",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("price_base_quantity__gt", 0), ("kind__in", ["item", "allowance", "charge"])
                        ),
                        name="billing_invoiceline_sane",
                    ),
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.UniqueConstraint(
                fields=("tenant", "series", "fiscal_year", "sequence"), name="billing_invoice_sequence"
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.UniqueConstraint(
                fields=("tenant", "series", "number"), name="billing_invoice_number"
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.UniqueConstraint(
                fields=("tenant", "series", "imported_number"), name="billing_invoice_imported"
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("finalized_at__isnull", True), ("sequence__isnull", True), ("status", "draft")),
                    models.Q(
                        models.Q(("status", "draft"), _negated=True),
                        ("buyer__isnull", False),
                        ("content_digest__isnull", False),
                        ("finalized_at__isnull", False),
                        ("fiscal_year__isnull", False),
                        ("issued_on__isnull", False),
                        ("seller__isnull", False),
                        ("sequence__isnull", False),
                        ("series__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="billing_invoice_complete",
            ),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("imported_number__isnull", True), ("prepaid_minor", 0), ("rounding_minor", 0)),
                    models.Q(("imported_number__isnull", False), ("series__isnull", False)),
                    _connector="OR",
                ),
                name="billing_invoice_imported_series",
            ),
        ),
        TenantTable(
            "Customer",
            customer="id",
            grants="SELECT, INSERT, UPDATE",
            encrypted=[
                "subject_key",
                "name",
                "email",
                "phone",
                "address",
                "tax_id",
                "reference",
                "notes",
                "metadata",
            ],
        ),
        TenantTable("TaxRate", grants="SELECT, INSERT, UPDATE (valid_to)"),
        TenantTable("Series", grants="SELECT, INSERT, UPDATE", encrypted=["seller"]),
        TenantTable(
            "SeriesCounter",
            fks=[("series_id", "billing.Series", "RESTRICT")],
            grants="SELECT, INSERT, UPDATE",
        ),
        TenantTable(
            "Issuer",
            fks=[("series_id", "billing.Series", "RESTRICT")],
            grants="SELECT, INSERT, UPDATE",
            encrypted=["name", "address", "tax_id", "tax_number", "email", "phone"],
        ),
        TenantTable(
            "Invoice",
            fks=[
                ("customer_id", "billing.Customer", "RESTRICT"),
                ("series_id", "billing.Series", "RESTRICT"),
            ],
            customer="customer_id",
            encrypted=["seller", "buyer", "references", "note", "void_reason"],
        ),
        TenantTable(
            "InvoiceLine",
            fks=[
                ("invoice_id", "billing.Invoice", "CASCADE"),
                ("customer_id", "billing.Customer", "RESTRICT"),
                ("tax_rate_id", "billing.TaxRate", "RESTRICT"),
            ],
            customer="customer_id",
            encrypted=["description", "adjustments"],
        ),
        TenantTable(
            "InvoiceTax",
            fks=[
                ("invoice_id", "billing.Invoice", "CASCADE"),
                ("customer_id", "billing.Customer", "RESTRICT"),
            ],
            customer="customer_id",
            encrypted=["reason"],
        ),
        TenantTable("LedgerAccount", grants="SELECT, INSERT"),
        TenantTable(
            "LedgerTransaction",
            fks=[
                ("invoice_id", "billing.Invoice", "RESTRICT"),
                ("customer_id", "billing.Customer", "RESTRICT"),
            ],
            customer="customer_id",
            grants="SELECT, INSERT",
        ),
        TenantTable(
            "LedgerEntry",
            fks=[
                ("transaction_id", "billing.LedgerTransaction", "RESTRICT"),
                ("customer_id", "billing.Customer", "RESTRICT"),
            ],
            customer="customer_id",
            grants="SELECT, INSERT",
        ),
        TenantTable("Tally"),
        migrations.RunSQL((SQL / "schema.sql").read_text(), (SQL / "schema_undo.sql").read_text()),
    ]
