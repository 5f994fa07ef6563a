"""A chart of accounts, rates by day, closed months, and what foreign currencies gain or lose."""

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models

import core.ids
import crypto.fields.encrypted
import tenancy.context
from tenancy.migrating import AtOnce
from tenancy.rls import TenantTable

_SQL = Path(__file__).parents[1]


def _id() -> models.UUIDField:
    return models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)


def _tenant() -> models.ForeignKey:
    return models.ForeignKey(
        db_index=False,
        default=tenancy.context.current_tenant,
        editable=False,
        on_delete=django.db.models.deletion.PROTECT,
        related_name="+",
        to="tenancy.tenant",
    )


def _to(model: str, related_name: str = "+") -> models.ForeignKey:
    return models.ForeignKey(
        db_constraint=False,
        db_index=False,
        on_delete=django.db.models.deletion.PROTECT,
        related_name=related_name,
        to=model,
    )


def _choices(*names: str) -> list[tuple[str, str]]:
    return [(name, name.capitalize()) for name in names]


class Migration(AtOnce):
    """Needs customers, invoices and the books."""

    dependencies = [
        ("billing", "0011_customers_and_contacts"),
        ("tenancy", "0001_initial"),
    ]

    operations = [
        migrations.AddField("ledgeraccount", "name", models.CharField(blank=True, default="", max_length=80)),
        migrations.AddField(
            "ledgeraccount",
            "type",
            models.CharField(
                choices=_choices("asset", "liability", "equity", "income", "expense"),
                default="expense",
                max_length=16,
            ),
        ),
        migrations.AddField(
            "ledgeraccount", "external_code", models.CharField(blank=True, default="", max_length=20)
        ),
        migrations.AddField(
            "ledgeraccount",
            "state",
            models.CharField(choices=_choices("active", "archived"), default="active", max_length=16),
        ),
        migrations.AddField(
            "ledgertransaction",
            "exchange_rate",
            models.DecimalField(decimal_places=12, max_digits=24, null=True),
        ),
        migrations.AddConstraint(
            "ledgertransaction",
            models.CheckConstraint(
                condition=models.Q(
                    ("exchange_rate__gte", 0), ("exchange_rate__isnull", True), _connector="OR"
                ),
                name="billing_ledgertransaction_rate",
            ),
        ),
        migrations.RemoveIndex("ledgertransaction", "billing_ledgertx_booked"),
        migrations.AddIndex(
            "ledgertransaction",
            models.Index(fields=["tenant", "booked_on", "id"], name="billing_ledgertx_day"),
        ),
        migrations.AddIndex(
            "ledgertransaction",
            models.Index(
                condition=models.Q(("exchange_rate", 0)),
                fields=["tenant", "customer"],
                name="billing_ledgertx_owed",
            ),
        ),
        migrations.AddIndex(
            "ledgertransaction",
            models.Index(
                condition=models.Q(("kind__startswith", "fx_")),
                fields=["tenant", "booked_on"],
                name="billing_ledgertx_fx",
            ),
        ),
        migrations.CreateModel(
            name="FxPosition",
            fields=[
                ("id", _id()),
                ("currency", models.CharField(max_length=3)),
                ("counted_minor", models.BigIntegerField()),
                ("realised_minor", models.BigIntegerField()),
                ("booked_on", models.DateField()),
                ("customer", _to("billing.customer")),
                ("tenant", _tenant()),
            ],
            options={
                "abstract": False,
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "customer", "currency"), name="billing_fxposition_one"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ExchangeRate",
            fields=[
                ("id", _id()),
                ("valid_on", models.DateField()),
                ("from_currency", models.CharField(max_length=3)),
                ("to_currency", models.CharField(max_length=3)),
                ("rate", models.DecimalField(decimal_places=12, max_digits=24)),
                ("source", models.CharField(choices=[("manual", "Manual"), ("ecb", "Ecb")], max_length=8)),
                ("created_by", models.UUIDField(null=True)),
                ("created_at", models.DateTimeField()),
                ("tenant", _tenant()),
            ],
            options={
                "abstract": False,
                "indexes": [
                    models.Index(
                        fields=["tenant", "from_currency", "to_currency", "-valid_on", "-id"],
                        name="billing_exchangerate_pair",
                    ),
                    models.Index(fields=["tenant", "-valid_on", "-id"], name="billing_exchangerate_day"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("rate__gt", 0),
                            models.Q(("from_currency", models.F("to_currency")), _negated=True),
                        ),
                        name="billing_exchangerate_sane",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="AccountingPeriod",
            fields=[
                ("id", _id()),
                ("starts_on", models.DateField()),
                ("state", models.CharField(choices=_choices("open", "closed"), max_length=8)),
                ("closing_id", models.UUIDField()),
                ("closed_at", models.DateTimeField()),
                ("closed_by", models.UUIDField(null=True)),
                ("reopened_at", models.DateTimeField(null=True)),
                ("reopened_by", models.UUIDField(null=True)),
                ("reopening_agreed_by", models.UUIDField(null=True)),
                ("reopening_reason", crypto.fields.encrypted.EncryptedTextField(null=True)),
                ("tenant", _tenant()),
            ],
            options={
                "abstract": False,
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "starts_on"), name="billing_accountingperiod_month"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("starts_on__day", 1), ("state__in", ["open", "closed"])),
                        name="billing_accountingperiod_sane",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="LedgerBalance",
            fields=[
                ("id", _id()),
                ("account", models.CharField(max_length=40)),
                ("currency", models.CharField(max_length=3)),
                ("amount_minor", models.BigIntegerField()),
                ("base_minor", models.BigIntegerField()),
                ("period", _to("billing.accountingperiod", "balances")),
                ("tenant", _tenant()),
            ],
            options={
                "abstract": False,
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "period", "account", "currency"), name="billing_ledgerbalance_one"
                    )
                ],
            },
        ),
        TenantTable(
            "FxPosition",
            fks=[("customer_id", "billing.Customer", "RESTRICT")],
            customer="customer_id",
            grants="SELECT, INSERT, UPDATE",
        ),
        TenantTable("ExchangeRate", grants="SELECT, INSERT"),
        TenantTable("AccountingPeriod", grants="SELECT, INSERT, UPDATE", encrypted=("reopening_reason",)),
        TenantTable(
            "LedgerBalance",
            fks=[("period_id", "billing.AccountingPeriod", "RESTRICT")],
            grants="SELECT, INSERT, DELETE",
        ),
        migrations.RunSQL((_SQL / "books.sql").read_text(), (_SQL / "books_undo.sql").read_text()),
    ]
