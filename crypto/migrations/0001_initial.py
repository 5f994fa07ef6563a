"""The keys of the organizations: readable where shared, written by their own organization alone."""

import django.db.models.deletion
import django.db.models.manager
from django.db import migrations, models
from django.db.models import functions

import tenancy.context
from core import ids
from tenancy.migrating import AtOnce
from tenancy.rls import TenantTable, context_value

READABLE = f"tenant_id = {context_value('tenant', required=False)} OR shared"
DESTROYED = models.Q(("state", "destroyed"), ("wrapped__isnull", True)) | (
    ~models.Q(("state", "destroyed")) & models.Q(("wrapped__isnull", False))
)
STATES = [
    ("pending", "Pending"),
    ("primary", "Primary"),
    ("active", "Active"),
    ("disabled", "Disabled"),
    ("destroyed", "Destroyed"),
]

# Owned by the owner, so that it may count the operator's shared keys from inside any organization's scope. It adds
# and never sets: whoever could lower a count could wear a key out unseen.
COUNT = """
CREATE FUNCTION crypto_count_encryptions(key uuid, added bigint) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
BEGIN ATOMIC
  UPDATE crypto_datakey SET encryptions = encryptions + added
  WHERE id = key AND added BETWEEN 1 AND 2147483648 RETURNING encryptions;
END;
REVOKE ALL ON FUNCTION crypto_count_encryptions(uuid, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION crypto_count_encryptions(uuid, bigint) TO strongbox_app;
"""
COUNT_UNDO = "DROP FUNCTION crypto_count_encryptions(uuid, bigint)"


def _key_columns() -> list[tuple[str, models.Field]]:
    return [
        ("id", models.UUIDField(default=ids.uuid7, editable=False, primary_key=True, serialize=False)),
        ("version", models.PositiveIntegerField()),
        ("state", models.CharField(choices=STATES, default="pending", max_length=16)),
        ("wrapped", models.BinaryField(null=True)),
        ("shared", models.BooleanField(default=False)),
        ("created_at", models.DateTimeField(db_default=functions.Now())),
        ("retired_at", models.DateTimeField(null=True)),
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
    ]


class Migration(AtOnce):
    """Tenant keys and data keys."""

    initial = True

    dependencies = [("tenancy", "0001_initial"), ("audit", "0001_initial")]

    operations = [
        migrations.CreateModel(
            "TenantKey",
            [*_key_columns(), ("provider", models.CharField(max_length=16))],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "version"), name="crypto_tenantkey_version"),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "primary")),
                        fields=("tenant",),
                        name="crypto_tenantkey_one_primary",
                    ),
                    models.CheckConstraint(condition=DESTROYED, name="crypto_tenantkey_destroyed"),
                ],
            },
        ),
        migrations.CreateModel(
            "DataKey",
            [
                *_key_columns(),
                (
                    "purpose",
                    models.CharField(
                        choices=[
                            ("fields", "fields"),
                            ("documents", "documents"),
                            ("blind_index", "blind_index"),
                            ("files", "files"),
                            ("webhooks", "webhooks"),
                        ],
                        max_length=16,
                    ),
                ),
                ("encryptions", models.BigIntegerField(default=0)),
                (
                    "tenant_key",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="crypto.tenantkey",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["tenant", "tenant_key"], name="crypto_datakey_wrapper")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "purpose", "version"), name="crypto_datakey_version"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "primary")),
                        fields=("tenant", "purpose"),
                        name="crypto_datakey_one_primary",
                    ),
                    models.CheckConstraint(condition=DESTROYED, name="crypto_datakey_destroyed"),
                ],
            },
        ),
        TenantTable(
            "TenantKey",
            using=READABLE,
            grants="SELECT, INSERT, UPDATE (state, wrapped, retired_at)",
        ),
        TenantTable(
            "DataKey",
            using=READABLE,
            fks=[("tenant_key_id", "crypto.TenantKey", "RESTRICT")],
            grants="SELECT, INSERT, UPDATE (state, wrapped, tenant_key_id, retired_at)",
        ),
        migrations.RunSQL(COUNT, COUNT_UNDO),
    ]
