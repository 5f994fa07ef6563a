"""Billing runs; and a document that arrives finished has to arrive whole."""

import django.db.models.deletion
from django.db import migrations, models

import core.ids
import tenancy.context
from tenancy.rls import APP_ROLE, TenantTable, context_value

_IN_NO_CUSTOMERS_SCOPE = (
    f"CASE WHEN {context_value('customer', required=False)} IS NULL THEN true ELSE false END"
)


def _closed_to_customers(table: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"CREATE POLICY customer ON {table} AS RESTRICTIVE TO {APP_ROLE} "
        f"USING ({_IN_NO_CUSTOMERS_SCOPE}) WITH CHECK ({_IN_NO_CUSTOMERS_SCOPE})",
        f"DROP POLICY customer ON {table}",
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


class Migration(migrations.Migration):
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
    ]
