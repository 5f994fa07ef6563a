"""Money out that waits while somebody looks."""

import django.db.models.deletion
from django.db import migrations, models

import core.ids
import crypto.fields.encrypted
import tenancy.context
from tenancy.migrating import AtOnce
from tenancy.rls import TenantTable


class Migration(AtOnce):
    dependencies = [("payments", "0005_credit_notes"), ("tenancy", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="PayoutHold",
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
                ("held", models.BooleanField()),
                ("reason", crypto.fields.encrypted.EncryptedTextField()),
                ("alert_id", models.UUIDField(null=True)),
                ("turned_by", models.UUIDField(null=True)),
                ("turned_at", models.DateTimeField()),
            ],
            options={
                "abstract": False,
                "indexes": [models.Index(fields=["tenant", "-id"], name="payments_payouthold_newest")],
            },
        ),
        TenantTable("PayoutHold", grants="SELECT, INSERT", encrypted=["reason"]),
    ]
