"""Answers already given, so that a request sent twice acts once."""

import django.db.models.deletion
from django.db import migrations, models

import crypto.fields
import tenancy.context
from core import ids
from tenancy.migrating import AtOnce
from tenancy.rls import TenantTable


class Migration(AtOnce):
    initial = True

    dependencies = [("tenancy", "0001_initial"), ("crypto", "0001_initial"), ("accounts", "0001_initial")]

    operations = [
        migrations.CreateModel(
            "IdempotencyKey",
            [
                (
                    "id",
                    models.UUIDField(default=ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("scope_hash", models.BinaryField(max_length=32)),
                ("body_hash", models.BinaryField(max_length=32)),
                ("status", models.PositiveSmallIntegerField(null=True)),
                ("response", crypto.fields.EncryptedJSONField(null=True, purpose="files")),
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
                        fields=("tenant", "scope_hash"), name="edge_idempotency_one_answer"
                    )
                ],
                "indexes": [models.Index(fields=["tenant", "created_at"], name="edge_idempotency_age")],
            },
        ),
        TenantTable("IdempotencyKey", encrypted=("response",)),
    ]
