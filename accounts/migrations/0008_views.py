"""Saved views and chosen columns of lists, and selections of their rows."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import core.ids
import crypto.fields.encrypted
import tenancy.context
from tenancy.migrating import AtOnce
from tenancy.rls import TenantTable

# No customer ever reads or writes these.
NO_CUSTOMER = "NULL::uuid"


def _id() -> tuple[str, models.UUIDField]:
    return (
        "id",
        models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False),
    )


def _tenant() -> tuple[str, models.ForeignKey]:
    return (
        "tenant",
        models.ForeignKey(
            db_index=False,
            default=tenancy.context.current_tenant,
            editable=False,
            on_delete=django.db.models.deletion.PROTECT,
            related_name="+",
            to="tenancy.tenant",
        ),
    )


class Migration(AtOnce):
    """Adds three tables; nothing that stands is touched."""

    dependencies = [("accounts", "0007_preferences"), ("tenancy", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="SavedView",
            fields=[
                _id(),
                ("listing", models.CharField(max_length=32)),
                ("name", crypto.fields.encrypted.EncryptedTextField()),
                ("query", crypto.fields.encrypted.EncryptedTextField()),
                ("is_shared", models.BooleanField(default=False)),
                ("user_id", models.UUIDField()),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
                _tenant(),
            ],
            options={
                "abstract": False,
                "indexes": [models.Index(fields=["tenant", "listing", "id"], name="accounts_savedview_list")],
            },
        ),
        migrations.CreateModel(
            name="ListColumns",
            fields=[
                _id(),
                ("listing", models.CharField(max_length=32)),
                (
                    "columns",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=32), size=None
                    ),
                ),
                ("user_id", models.UUIDField()),
                ("updated_at", models.DateTimeField()),
                _tenant(),
            ],
            options={
                "abstract": False,
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "user_id", "listing"), name="accounts_listcolumns_one_a_list"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Selection",
            fields=[
                _id(),
                ("listing", models.CharField(max_length=32)),
                ("action", models.CharField(max_length=32)),
                ("chosen", crypto.fields.encrypted.EncryptedJSONField()),
                ("count", models.PositiveIntegerField()),
                ("user_id", models.UUIDField()),
                ("at", models.DateTimeField()),
                ("job_id", models.UUIDField(null=True)),
                ("reached", models.UUIDField(null=True)),
                ("report", crypto.fields.encrypted.EncryptedJSONField(null=True)),
                _tenant(),
            ],
            options={
                "abstract": False,
                "indexes": [
                    models.Index(fields=["tenant", "job_id"], name="accounts_selection_job"),
                    models.Index(fields=["tenant", "at"], name="accounts_selection_age"),
                ],
            },
        ),
        TenantTable("SavedView", customer=NO_CUSTOMER, encrypted=("name", "query")),
        TenantTable("ListColumns", customer=NO_CUSTOMER),
        TenantTable("Selection", customer=NO_CUSTOMER, encrypted=("chosen", "report")),
    ]
