"""Words that explain a decision, what a page was asked to be, and what autopay has announced."""

import django.db.models.deletion
from django.db import migrations, models

import core.ids
import crypto.fields.encrypted
import tenancy.context
from tenancy.migrating import AtOnce
from tenancy.rls import TenantTable


class Migration(AtOnce):
    """Needs payments."""

    dependencies = [
        ("billing", "0004_settlement"),
        ("payments", "0003_reminders"),
        ("tenancy", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="AutopayRun",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("payment_id", models.UUIDField(null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[("announced", "Announced"), ("charged", "Charged"), ("skipped", "Skipped")],
                        max_length=16,
                    ),
                ),
                ("reason_code", models.CharField(blank=True, default="", max_length=40)),
                ("currency", models.CharField(max_length=3)),
                ("amount_minor", models.BigIntegerField()),
                ("charge_on", models.DateField()),
                ("announced_at", models.DateTimeField(null=True)),
                ("updated_at", models.DateTimeField()),
                (
                    "autopay",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="runs",
                        to="payments.autopay",
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
                    "invoice",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
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
                    models.Index(
                        condition=models.Q(("state", "announced")),
                        fields=["tenant", "charge_on"],
                        name="payments_autopayrun_due",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "invoice"), name="payments_autopayrun_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("amount_minor__gt", 0), ("state__in", ["announced", "charged", "skipped"])
                        ),
                        name="payments_autopayrun_sane",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PageAsk",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("ask", crypto.fields.encrypted.EncryptedJSONField()),
                ("created_at", models.DateTimeField()),
                (
                    "attempt",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.attempt",
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
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "attempt"), name="payments_pageask_one")
                ],
            },
        ),
        migrations.CreateModel(
            name="PaymentNote",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("reversed", "Reversed"), ("resolved", "Resolved")], max_length=16
                    ),
                ),
                ("text", crypto.fields.encrypted.EncryptedTextField(purpose="documents")),
                ("written_by", models.UUIDField(null=True)),
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
                    "payment",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="notes",
                        to="payments.payment",
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
                "indexes": [models.Index(fields=["tenant", "payment"], name="payments_paymentnote_payment")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["reversed", "resolved"])),
                        name="payments_paymentnote_kinds",
                    )
                ],
            },
        ),
        TenantTable(
            "AutopayRun",
            fks=[
                ("customer_id", "billing.Customer", "RESTRICT"),
                ("invoice_id", "billing.Invoice", "RESTRICT"),
                ("autopay_id", "payments.Autopay", "RESTRICT"),
            ],
            customer="customer_id",
            grants="SELECT, INSERT, UPDATE",
        ),
        TenantTable(
            "PageAsk",
            fks=[
                ("attempt_id", "payments.Attempt", "RESTRICT"),
                ("customer_id", "billing.Customer", "RESTRICT"),
            ],
            customer="customer_id",
            grants="SELECT, INSERT, DELETE",
            encrypted=["ask"],
        ),
        TenantTable(
            "PaymentNote",
            fks=[
                ("payment_id", "payments.Payment", "RESTRICT"),
                ("customer_id", "billing.Customer", "RESTRICT"),
            ],
            customer="customer_id",
            grants="SELECT, INSERT",
            encrypted=["text"],
        ),
    ]
