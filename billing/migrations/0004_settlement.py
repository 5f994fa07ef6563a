"""Allocations and customer credit; what of a finalized invoice its payments may change; the accounts of money."""

from pathlib import Path

import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models

import core.ids
import tenancy.context
from tenancy.migrating import AtOnce
from tenancy.rls import TenantTable

_SCHEMA = (Path(__file__).parents[1] / "schema.sql").read_text()
_START = _SCHEMA.index("CREATE FUNCTION billing_invoice_frozen()")
_FROZEN = _SCHEMA[_START : _SCHEMA.index("END $$;", _START) + len("END $$;")].replace(
    "CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"
)
# How far it is paid includes what is under way and what is disputed.
_WIDER = _FROZEN.replace(
    "'amount_paid_minor',", "'amount_paid_minor', 'attempts_open', 'attempts_processing', 'disputes_open',"
)
_ACCOUNTS = """
INSERT INTO billing_ledgeraccount (tenant_id, id, code, created_at)
SELECT tenant_id, gen_random_uuid(), added.code, now() FROM billing_ledgeraccount AS known
CROSS JOIN (VALUES ('bank'), ('gateway'), ('disputed'), ('customer_credit'), ('refunds')) AS added (code)
WHERE known.code = 'receivable'
ON CONFLICT DO NOTHING
"""


def _only_grows(table: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"CREATE TRIGGER appends BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION billing_ledger_appends();"
        f"CREATE TRIGGER stays BEFORE TRUNCATE ON {table} EXECUTE FUNCTION billing_ledger_appends();",
        f"DROP TRIGGER appends ON {table}; DROP TRIGGER stays ON {table};",
    )


class Migration(AtOnce):
    """Needs invoices and the books."""

    dependencies = [
        ("billing", "0003_grants_and_totals"),
        ("tenancy", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Allocation",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("payment_id", models.UUIDField(null=True)),
                ("from_credit", models.BooleanField(default=False)),
                ("currency", models.CharField(max_length=3)),
                ("amount_minor", models.BigIntegerField()),
                ("booked_on", models.DateField()),
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
                        related_name="allocations",
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
                    models.Index(fields=["tenant", "invoice"], name="billing_allocation_invoice"),
                    models.Index(fields=["tenant", "payment_id"], name="billing_allocation_payment"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("amount_minor", 0), _negated=True),
                        name="billing_allocation_something",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="CreditEntry",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("payment_id", models.UUIDField(null=True)),
                ("currency", models.CharField(max_length=3)),
                ("amount_minor", models.BigIntegerField()),
                (
                    "cause",
                    models.CharField(
                        choices=[
                            ("overpayment", "Overpayment"),
                            ("released", "Released"),
                            ("applied", "Applied"),
                            ("refunded", "Refunded"),
                            ("reversed", "Reversed"),
                        ],
                        max_length=16,
                    ),
                ),
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
                        fields=["tenant", "customer", "currency"], name="billing_creditentry_customer"
                    ),
                    models.Index(fields=["tenant", "payment_id"], name="billing_creditentry_payment"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("amount_minor", 0), _negated=True),
                            ("cause__in", ["overpayment", "released", "applied", "refunded", "reversed"]),
                        ),
                        name="billing_creditentry_sane",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="CreditBalance",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("currency", models.CharField(max_length=3)),
                ("amount_minor", models.BigIntegerField(default=0)),
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
                    models.UniqueConstraint(
                        fields=("tenant", "customer", "currency"), name="billing_creditbalance_one"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("amount_minor__gte", 0)), name="billing_creditbalance_positive"
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="invoice",
            name="attempts_open",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="invoice",
            name="attempts_processing",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="invoice",
            name="disputes_open",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="ledgertransaction",
            name="source_id",
            field=models.UUIDField(null=True),
        ),
        migrations.AddConstraint(
            model_name="invoice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("amount_paid_minor", 0),
                    (
                        "amount_paid_minor__lte",
                        django.db.models.expressions.CombinedExpression(
                            django.db.models.expressions.CombinedExpression(
                                models.F("total_minor"), "+", models.F("rounding_minor")
                            ),
                            "-",
                            models.F("prepaid_minor"),
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
                    models.Q(("status", "voided"), _negated=True),
                    models.Q(("amount_paid_minor", 0), ("attempts_open", 0), ("disputes_open", 0)),
                    _connector="OR",
                ),
                name="billing_invoice_void_is_free",
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgertransaction",
            constraint=models.UniqueConstraint(
                fields=("tenant", "source_id", "kind"), name="billing_ledgertransaction_source"
            ),
        ),
        TenantTable(
            "Allocation",
            fks=[
                ("customer_id", "billing.Customer", "RESTRICT"),
                ("invoice_id", "billing.Invoice", "RESTRICT"),
            ],
            customer="customer_id",
            grants="SELECT, INSERT",
        ),
        TenantTable(
            "CreditEntry",
            fks=[("customer_id", "billing.Customer", "RESTRICT")],
            customer="customer_id",
            grants="SELECT, INSERT",
        ),
        TenantTable(
            "CreditBalance",
            fks=[("customer_id", "billing.Customer", "RESTRICT")],
            customer="customer_id",
            grants="SELECT, INSERT, UPDATE",
        ),
        _only_grows("billing_allocation"),
        _only_grows("billing_creditentry"),
        migrations.RunSQL(_WIDER, _FROZEN),
        migrations.RunSQL(_ACCOUNTS, migrations.RunSQL.noop),
    ]
