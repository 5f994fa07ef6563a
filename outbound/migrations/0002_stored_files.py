"""Files of an organization: the row holds the key, the disk holds what it opens."""

import django.db.models.deletion
from django.db import migrations, models

import crypto.fields
import tenancy.context
from core import ids
from tenancy.migrating import AtOnce
from tenancy.rls import TenantTable


class Migration(AtOnce):
    dependencies = [("outbound", "0001_initial")]

    operations = [
        migrations.CreateModel(
            "StoredFile",
            [
                (
                    "id",
                    models.UUIDField(default=ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("kind", models.CharField(max_length=64)),
                (
                    "state",
                    models.CharField(
                        choices=[("ready", "Ready"), ("deleted", "Deleted")], default="ready", max_length=16
                    ),
                ),
                ("name", crypto.fields.EncryptedTextField(null=True, purpose="files")),
                ("media_type", models.CharField(max_length=128)),
                ("content_key", crypto.fields.EncryptedTextField(null=True, purpose="files")),
                ("size_bytes", models.BigIntegerField()),
                ("sha256", models.BinaryField(max_length=32)),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(null=True)),
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
                "indexes": [models.Index(fields=["tenant", "expires_at"], name="outbound_file_expiry")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("content_key__isnull", False), ("state", "ready"))
                        | models.Q(
                            ("content_key__isnull", True), ("name__isnull", True), ("state", "deleted")
                        ),
                        name="outbound_file_has_key",
                    )
                ],
            },
        ),
        TenantTable("StoredFile", grants="SELECT, INSERT, UPDATE, DELETE", encrypted=("name", "content_key")),
    ]
