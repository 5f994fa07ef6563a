"""The outbox. Every scope may add to the operator's; only its own organization reads one."""

import django.db.models.deletion
from django.db import migrations, models

import crypto.fields
import tenancy.context
from core import ids
from tenancy.migrating import AtOnce
from tenancy.rls import TenantTable, context_value

OPERATOR = "(SELECT id FROM tenancy_tenant WHERE kind = 'operator')"
MAY_ADD = f"tenant_id = {context_value('tenant', required=False)} OR tenant_id = {OPERATOR}"
OWN = f"tenant_id = {context_value('tenant')}"


class Migration(AtOnce):
    initial = True

    dependencies = [("tenancy", "0001_initial"), ("crypto", "0001_initial")]

    operations = [
        migrations.CreateModel(
            "OutboxMessage",
            [
                (
                    "id",
                    models.UUIDField(default=ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("template", models.CharField(max_length=64)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("sending", "Sending"),
                            ("sent", "Sent"),
                            ("failed", "Failed"),
                        ],
                        default="queued",
                        max_length=16,
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("next_attempt_at", models.DateTimeField()),
                ("created_at", models.DateTimeField()),
                ("sent_at", models.DateTimeField(null=True)),
                ("body", crypto.fields.EncryptedJSONField(null=True, purpose="files")),
                ("dedupe", models.BinaryField(max_length=32, null=True)),
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
                    models.Index(fields=["tenant", "state", "next_attempt_at"], name="outbound_message_due"),
                    models.Index(fields=["tenant", "-created_at"], name="outbound_message_newest"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "dedupe"), name="outbound_message_said_once"),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["queued", "sending", "sent", "failed"])),
                        name="outbound_message_state",
                    ),
                ],
            },
        ),
        TenantTable("OutboxMessage", grants="SELECT, INSERT, UPDATE, DELETE", encrypted=("body",)),
        migrations.RunSQL(
            f"ALTER POLICY tenant ON outbound_outboxmessage WITH CHECK ({MAY_ADD})",
            f"ALTER POLICY tenant ON outbound_outboxmessage WITH CHECK ({OWN})",
        ),
    ]
