"""Webhooks: endpoints, events, deliveries, attempts, and the one statement that publishes.

A customer on the portal causes events (a payment, a saved card) and must not learn who is told. So none of these
tables is open to a customer's scope, and publishing is a function of the owner's: it adds events, finds the endpoints
that want them, and does both for the organization of the signed context alone.
"""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import crypto.fields
import tenancy.context
from core import ids
from tenancy.migrating import AtOnce
from tenancy.rls import APP_ROLE, TenantTable, context_value

TABLES = (
    "outbound_webhookendpoint",
    "outbound_webhookevent",
    "outbound_webhookdelivery",
    "outbound_webhookattempt",
)
_IN_NO_CUSTOMERS_SCOPE = (
    f"CASE WHEN {context_value('customer', required=False)} IS NULL THEN true ELSE false END"
)
PUBLISH = """
CREATE FUNCTION outbound_publish(
  p_ids uuid[], p_type text, p_kind text, p_subjects uuid[], p_data jsonb, p_only uuid) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  own uuid := app.ctx('tenant', true);
  told bigint;
BEGIN
  INSERT INTO outbound_webhookevent (tenant_id, id, type, object_kind, object_id, data, created_at)
  SELECT own, one.id, p_type, p_kind, one.subject, p_data -> (one.place - 1)::int, clock_timestamp()
  FROM unnest(p_ids, p_subjects) WITH ORDINALITY AS one (id, subject, place);
  INSERT INTO outbound_webhookdelivery
    (tenant_id, id, endpoint_id, event_id, state, attempts, next_attempt_at, last_code, created_at)
  SELECT own, uuidv7(), endpoint.id, event.id, 'pending', 0, clock_timestamp(), '', clock_timestamp()
  FROM outbound_webhookendpoint AS endpoint CROSS JOIN unnest(p_ids) AS event (id)
  WHERE endpoint.tenant_id = own AND endpoint.state = 'enabled'
    AND CASE WHEN p_only IS NOT NULL THEN endpoint.id = p_only
             ELSE cardinality(endpoint.types) = 0 OR p_type = ANY (endpoint.types) END;
  GET DIAGNOSTICS told = ROW_COUNT;
  RETURN told;
END $$;
REVOKE ALL ON FUNCTION outbound_publish(uuid[], text, text, uuid[], jsonb, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION outbound_publish(uuid[], text, text, uuid[], jsonb, uuid) TO strongbox_app;
"""
PUBLISH_UNDO = "DROP FUNCTION outbound_publish(uuid[], text, text, uuid[], jsonb, uuid)"


def _closed_to_customers(table: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"CREATE POLICY customer ON {table} AS RESTRICTIVE TO {APP_ROLE} "
        f"USING ({_IN_NO_CUSTOMERS_SCOPE}) WITH CHECK ({_IN_NO_CUSTOMERS_SCOPE})",
        f"DROP POLICY customer ON {table}",
    )


class Migration(AtOnce):
    dependencies = [("outbound", "0002_stored_files"), ("tenancy", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="WebhookEndpoint",
            fields=[
                (
                    "id",
                    models.UUIDField(default=ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("url", crypto.fields.EncryptedTextField(purpose="webhooks")),
                ("description", crypto.fields.EncryptedTextField(null=True, purpose="webhooks")),
                (
                    "types",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=48), blank=True, default=list, size=None
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("enabled", "Enabled"), ("disabled", "Disabled")],
                        default="enabled",
                        max_length=16,
                    ),
                ),
                (
                    "disabled_reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "None"),
                            ("by_member", "By Member"),
                            ("gone", "Gone"),
                            ("failing", "Failing"),
                        ],
                        default="",
                        max_length=16,
                    ),
                ),
                ("disabled_at", models.DateTimeField(null=True)),
                ("secret", crypto.fields.EncryptedTextField(purpose="webhooks")),
                ("secret_made_at", models.DateTimeField()),
                ("previous_secret", crypto.fields.EncryptedTextField(null=True, purpose="webhooks")),
                ("previous_until", models.DateTimeField(null=True)),
                ("failing_since", models.DateTimeField(null=True)),
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
                            models.Q(
                                ("disabled_at__isnull", True), ("disabled_reason", ""), ("state", "enabled")
                            ),
                            models.Q(
                                ("disabled_at__isnull", False),
                                ("disabled_reason__in", ["by_member", "gone", "failing"]),
                                ("state", "disabled"),
                            ),
                            _connector="OR",
                        ),
                        name="outbound_endpoint_state",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("previous_secret__isnull", True), ("previous_until__isnull", True)),
                            models.Q(("previous_secret__isnull", False), ("previous_until__isnull", False)),
                            _connector="OR",
                        ),
                        name="outbound_endpoint_overlap",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="WebhookEvent",
            fields=[
                (
                    "id",
                    models.UUIDField(default=ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("type", models.CharField(max_length=48)),
                ("object_kind", models.CharField(max_length=32)),
                ("object_id", models.UUIDField()),
                ("data", models.JSONField()),
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
                "indexes": [
                    models.Index(fields=["tenant", "type", "-id"], name="outbound_event_type"),
                    models.Index(fields=["tenant", "created_at"], name="outbound_event_age"),
                ],
            },
        ),
        migrations.CreateModel(
            name="WebhookDelivery",
            fields=[
                (
                    "id",
                    models.UUIDField(default=ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
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
                ("last_status", models.PositiveSmallIntegerField(null=True)),
                ("last_code", models.CharField(blank=True, default="", max_length=64)),
                ("last_duration_ms", models.PositiveIntegerField(null=True)),
                ("created_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
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
                    "endpoint",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="outbound.webhookendpoint",
                    ),
                ),
                (
                    "event",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="outbound.webhookevent",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "pending")),
                        fields=["tenant", "endpoint", "next_attempt_at"],
                        name="outbound_delivery_due",
                    ),
                    models.Index(fields=["tenant", "event"], name="outbound_delivery_event"),
                    models.Index(fields=["tenant", "endpoint", "-id"], name="outbound_delivery_newest"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "endpoint", "event"), name="outbound_delivery_one_each"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("finished_at__isnull", True),
                                ("next_attempt_at__isnull", False),
                                ("state", "pending"),
                            ),
                            models.Q(
                                ("finished_at__isnull", False),
                                ("next_attempt_at__isnull", True),
                                ("state__in", ["succeeded", "failed", "dropped"]),
                            ),
                            _connector="OR",
                        ),
                        name="outbound_delivery_state",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="WebhookAttempt",
            fields=[
                (
                    "id",
                    models.UUIDField(default=ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("status", models.PositiveSmallIntegerField(null=True)),
                ("code", models.CharField(blank=True, default="", max_length=64)),
                ("duration_ms", models.PositiveIntegerField()),
                ("response", crypto.fields.EncryptedTextField(null=True, purpose="webhooks")),
                ("at", models.DateTimeField()),
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
                    "delivery",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="outbound.webhookdelivery",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "indexes": [models.Index(fields=["tenant", "delivery", "id"], name="outbound_attempt_order")],
            },
        ),
        TenantTable("WebhookEndpoint", encrypted=("url", "description", "secret", "previous_secret")),
        # Added by the function below alone, and never changed.
        TenantTable("WebhookEvent", grants="SELECT, DELETE"),
        TenantTable(
            "WebhookDelivery",
            fks=[
                ("endpoint_id", "outbound.WebhookEndpoint", "CASCADE"),
                ("event_id", "outbound.WebhookEvent", "CASCADE"),
            ],
        ),
        TenantTable(
            "WebhookAttempt",
            fks=[("delivery_id", "outbound.WebhookDelivery", "CASCADE")],
            grants="SELECT, INSERT",
            encrypted=("response",),
        ),
        *(_closed_to_customers(table) for table in TABLES),
        migrations.RunSQL(PUBLISH, PUBLISH_UNDO),
    ]
