"""Grants on single customers; and what a customer's own scope must not add up.

The tallies and the counters of numbers say how much an organization bills. A portal's scope names its customer: it
may add to them, because what a customer does changes the totals, and reads none of them.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import core.ids
import tenancy.context
from tenancy.migrating import AtOnce
from tenancy.rls import APP_ROLE, TenantTable, context_value

_IN_NO_CUSTOMERS_SCOPE = (
    f"CASE WHEN {context_value('customer', required=False)} IS NULL THEN true ELSE false END"
)


def _unreadable_for_customers(table: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"CREATE POLICY customer ON {table} AS RESTRICTIVE TO {APP_ROLE} "
        f"USING ({_IN_NO_CUSTOMERS_SCOPE}) WITH CHECK (true)",
        f"DROP POLICY customer ON {table}",
    )


class Migration(AtOnce):
    """Needs the customers, and Django's words for permissions on a model."""

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("billing", "0002_portal_customer"),
        ("tenancy", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CustomerGrant",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("granted_by", models.UUIDField()),
                ("granted_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(null=True)),
                (
                    "content_object",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="grants",
                        to="billing.customer",
                    ),
                ),
                (
                    "permission",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="auth.permission",
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
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "abstract": False,
                "indexes": [
                    models.Index(fields=["tenant", "content_object"], name="billing_customergrant_object")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "user", "permission", "content_object"),
                        name="billing_customergrant_one_each",
                    )
                ],
            },
        ),
        TenantTable(
            "CustomerGrant",
            fks=[("content_object_id", "billing.Customer", "CASCADE")],
            customer="content_object_id",
        ),
        _unreadable_for_customers("billing_tally"),
        _unreadable_for_customers("billing_seriescounter"),
    ]
