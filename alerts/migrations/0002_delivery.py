"""Where alerts go, how each telling went, and where the trail is sent. No customer of the portal sees any of it."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import core.ids
import crypto.fields.encrypted
import tenancy.context
from tenancy.migrating import AtOnce
from tenancy.rls import APP_ROLE, TenantTable, context_value

TABLES = ("alerts_alertchannel", "alerts_alertdelivery", "alerts_auditstream")
_NO_CUSTOMER = f"CASE WHEN {context_value('customer', required=False)} IS NULL THEN true ELSE false END"


def _closed_to_customers(table: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"CREATE POLICY customer ON {table} AS RESTRICTIVE TO {APP_ROLE} "
        f"USING ({_NO_CUSTOMER}) WITH CHECK ({_NO_CUSTOMER})",
        f"DROP POLICY customer ON {table}",
    )


class Migration(AtOnce):
    dependencies = [
        ("alerts", "0001_initial"),
        ("tenancy", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="AlertChannel",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("mail", "Mail"), ("webhook", "Webhook"), ("syslog", "Syslog")],
                        max_length=16,
                    ),
                ),
                ("address", crypto.fields.encrypted.EncryptedTextField(null=True, purpose="webhooks")),
                ("description", crypto.fields.encrypted.EncryptedTextField(null=True, purpose="webhooks")),
                (
                    "severities",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=16), size=None
                    ),
                ),
                ("quiet_from", models.TimeField(null=True)),
                ("quiet_until", models.TimeField(null=True)),
                ("zone", models.CharField(default="UTC", max_length=64)),
                (
                    "state",
                    models.CharField(
                        choices=[("enabled", "Enabled"), ("disabled", "Disabled")],
                        default="enabled",
                        max_length=16,
                    ),
                ),
                ("secret", crypto.fields.encrypted.EncryptedTextField(null=True, purpose="webhooks")),
                ("secret_made_at", models.DateTimeField(null=True)),
                ("ca", crypto.fields.encrypted.EncryptedTextField(null=True, purpose="webhooks")),
                ("last_ok_at", models.DateTimeField(null=True)),
                ("failing_since", models.DateTimeField(null=True)),
                ("last_code", models.CharField(blank=True, default="", max_length=64)),
                ("created_by", models.UUIDField(null=True)),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
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
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("quiet_from__isnull", True), ("quiet_until__isnull", True)),
                            models.Q(("quiet_from__isnull", False), ("quiet_until__isnull", False)),
                            _connector="OR",
                        ),
                        name="alerts_channel_quiet",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "mail"), ("secret__isnull", True)),
                            models.Q(
                                ("address__isnull", False), ("kind", "webhook"), ("secret__isnull", False)
                            ),
                            models.Q(
                                ("address__isnull", False), ("kind", "syslog"), ("secret__isnull", True)
                            ),
                            _connector="OR",
                        ),
                        name="alerts_channel_kind",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["enabled", "disabled"])),
                        name="alerts_channel_state",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="AlertDelivery",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "alert",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="alerts.alert",
                    ),
                ),
                ("severity", models.CharField(max_length=16)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("handed_over", "Handed Over"),
                            ("succeeded", "Succeeded"),
                            ("failed", "Failed"),
                            ("dropped", "Dropped"),
                        ],
                        default="pending",
                        max_length=16,
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("next_attempt_at", models.DateTimeField(null=True)),
                ("claimed_until", models.DateTimeField(null=True)),
                (
                    "messages",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.UUIDField(), blank=True, default=list, size=None
                    ),
                ),
                ("last_code", models.CharField(blank=True, default="", max_length=64)),
                ("duration_ms", models.PositiveIntegerField(null=True)),
                ("created_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "channel",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="alerts.alertchannel",
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
                        condition=models.Q(("state__in", ["pending", "handed_over"])),
                        fields=["tenant", "next_attempt_at"],
                        name="alerts_delivery_due",
                    ),
                    models.Index(fields=["tenant", "channel", "-id"], name="alerts_delivery_newest"),
                    models.Index(fields=["tenant", "alert"], name="alerts_delivery_alert"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "channel", "alert", "created_at"), name="alerts_delivery_said_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("finished_at__isnull", True), ("state__in", ["pending", "handed_over"])
                            ),
                            models.Q(
                                ("finished_at__isnull", False),
                                ("next_attempt_at__isnull", True),
                                ("state__in", ["succeeded", "failed", "dropped"]),
                            ),
                            _connector="OR",
                        ),
                        name="alerts_delivery_state",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="AuditStream",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("kind", models.CharField(choices=[("syslog", "Syslog"), ("http", "Http")], max_length=16)),
                ("address", crypto.fields.encrypted.EncryptedTextField(purpose="webhooks")),
                ("description", crypto.fields.encrypted.EncryptedTextField(null=True, purpose="webhooks")),
                ("secret", crypto.fields.encrypted.EncryptedTextField(null=True, purpose="webhooks")),
                ("ca", crypto.fields.encrypted.EncryptedTextField(null=True, purpose="webhooks")),
                (
                    "state",
                    models.CharField(
                        choices=[("active", "Active"), ("paused", "Paused")], default="active", max_length=16
                    ),
                ),
                ("epoch", models.IntegerField()),
                ("xid", models.BigIntegerField()),
                ("last_event", models.UUIDField(null=True)),
                ("last_event_at", models.DateTimeField(null=True)),
                ("since", models.DateTimeField()),
                ("sent", models.BigIntegerField(default=0)),
                ("recorded", models.BigIntegerField(default=0)),
                ("recorded_at", models.DateTimeField()),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("next_attempt_at", models.DateTimeField()),
                ("claimed_until", models.DateTimeField(null=True)),
                ("last_ok_at", models.DateTimeField(null=True)),
                ("failing_since", models.DateTimeField(null=True)),
                ("last_code", models.CharField(blank=True, default="", max_length=64)),
                ("late_since", models.DateTimeField(null=True)),
                ("created_by", models.UUIDField(null=True)),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
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
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind__in", ["syslog", "http"]), ("state__in", ["active", "paused"])
                        ),
                        name="alerts_stream_state",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind", "http"), ("secret__isnull", True), _connector="OR"),
                        name="alerts_stream_secret",
                    ),
                ],
            },
        ),
        TenantTable("AlertChannel", encrypted=("address", "description", "secret", "ca")),
        TenantTable(
            "AlertDelivery",
            fks=[
                ("channel_id", "alerts.AlertChannel", "CASCADE"),
                ("alert_id", "alerts.Alert", "CASCADE"),
            ],
        ),
        TenantTable("AuditStream", encrypted=("address", "description", "secret", "ca")),
        *(_closed_to_customers(table) for table in TABLES),
    ]
