"""The tables of bank statements."""

import django.db.models.deletion
from django.db import migrations, models

import core.ids
import crypto.fields.encrypted
import crypto.fields.index
import tenancy.context
from tenancy.migrating import AtOnce
from tenancy.rls import TenantTable


class Migration(AtOnce):
    dependencies = [
        ("billing", "0004_settlement"),
        ("payments", "0001_initial"),
        ("tenancy", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Statement",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
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
                ("kind", models.CharField(choices=[("camt053", "Camt053"), ("csv", "Csv")], max_length=16)),
                ("file_digest", models.BinaryField()),
                ("position", models.PositiveSmallIntegerField()),
                ("reference", models.CharField(blank=True, default="", max_length=80)),
                ("file_name", crypto.fields.encrypted.EncryptedTextField(purpose="documents")),
                ("account", crypto.fields.encrypted.EncryptedTextField(null=True, purpose="documents")),
                ("currency", models.CharField(max_length=3)),
                ("opening_minor", models.BigIntegerField(null=True)),
                ("closing_minor", models.BigIntegerField(null=True)),
                ("first_on", models.DateField()),
                ("last_on", models.DateField()),
                ("entries", models.PositiveIntegerField()),
                ("entries_known", models.PositiveIntegerField()),
                ("imported_by", models.UUIDField(null=True)),
                ("imported_at", models.DateTimeField()),
            ],
            options={
                "abstract": False,
                "indexes": [models.Index(fields=["tenant", "-id"], name="payments_statement_list")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "file_digest", "position"), name="payments_statement_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["camt053", "csv"])), name="payments_statement_kinds"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="StatementLine",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
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
                    "statement",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lines",
                        to="payments.statement",
                    ),
                ),
                ("fingerprint", models.BinaryField()),
                ("position", models.PositiveIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("booked", "Booked"),
                            ("linked", "Linked"),
                            ("ignored", "Ignored"),
                            ("other", "Other"),
                        ],
                        default="open",
                        max_length=16,
                    ),
                ),
                ("booked_on", models.DateField()),
                ("value_on", models.DateField(null=True)),
                ("currency", models.CharField(max_length=3)),
                ("amount_minor", models.BigIntegerField()),
                ("is_reversal", models.BooleanField(default=False)),
                ("is_covered", models.BooleanField(default=False)),
                ("name", crypto.fields.encrypted.EncryptedTextField(null=True, purpose="documents")),
                ("iban", crypto.fields.encrypted.EncryptedTextField(null=True, purpose="documents")),
                ("iban_index", crypto.fields.index.BlindIndexField(null=True, source="iban")),
                ("text", crypto.fields.encrypted.EncryptedTextField(null=True, purpose="documents")),
                ("signs", crypto.fields.encrypted.EncryptedJSONField(null=True, purpose="documents")),
                ("score", models.PositiveSmallIntegerField(default=0)),
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
                ("proposal", models.JSONField(null=True)),
                (
                    "payment",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.payment",
                    ),
                ),
                ("reason", crypto.fields.encrypted.EncryptedTextField(null=True, purpose="documents")),
                ("decided_by", models.UUIDField(null=True)),
                ("decided_at", models.DateTimeField(null=True)),
            ],
            options={
                "abstract": False,
                "indexes": [
                    models.Index(
                        fields=["tenant", "statement", "position"], name="payments_statementline_list"
                    ),
                    models.Index(
                        condition=models.Q(("state", "open")),
                        fields=["tenant", "-score", "id"],
                        name="payments_statementline_open",
                    ),
                    models.Index(fields=["tenant", "state", "-id"], name="payments_statementline_state"),
                    models.Index(
                        condition=models.Q(("state__in", ["booked", "linked"])),
                        fields=["tenant", "iban_index"],
                        name="payments_statementline_iban",
                    ),
                    models.Index(
                        condition=models.Q(("state", "open")),
                        fields=["tenant", "customer"],
                        name="payments_statementline_who",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "fingerprint"), name="payments_statementline_once"
                    ),
                    models.UniqueConstraint(
                        fields=("tenant", "payment"), name="payments_statementline_payment"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("amount_minor__gt", 0),
                                ("payment__isnull", False),
                                ("state__in", ["booked", "linked"]),
                            ),
                            models.Q(("payment__isnull", True), ("state__in", ["open", "ignored", "other"])),
                            _connector="OR",
                        ),
                        name="payments_statementline_states",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(models.Q(("amount_minor", 0), _negated=True), ("score__lte", 100)),
                        name="payments_statementline_sane",
                    ),
                ],
            },
        ),
        TenantTable("Statement", grants="SELECT, INSERT", encrypted=["file_name", "account"]),
        TenantTable(
            "StatementLine",
            fks=[
                ("statement_id", "payments.Statement", "RESTRICT"),
                ("customer_id", "billing.Customer", "RESTRICT"),
                ("payment_id", "payments.Payment", "RESTRICT"),
            ],
            customer="customer_id",
            grants="SELECT, INSERT, UPDATE",
            encrypted=["name", "iban", "text", "signs", "reason"],
        ),
    ]
