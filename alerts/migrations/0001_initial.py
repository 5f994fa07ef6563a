"""The tables of alerts, and the one question that spans the organizations: whose trail has grown."""

import django.db.models.deletion
from django.db import migrations, models

import core.ids
import crypto.fields.encrypted
import tenancy.context
from tenancy.migrating import AtOnce
from tenancy.rls import TenantTable

# The watch asks every few seconds: one look at an index tells which organizations have something new. It learns ids of
# organizations and nothing of what happened there; that it reads in the scope of each.
GROWN = """
CREATE FUNCTION alerts_grown(p_epoch integer, p_from text) RETURNS SETOF uuid LANGUAGE plpgsql STABLE
SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  RETURN QUERY SELECT DISTINCT tenant_id FROM audit_event WHERE xid >= p_from::xid8 AND epoch = p_epoch;
  -- After a restore transactions are counted anew: whatever is of a later epoch is new.
  IF EXISTS (SELECT FROM audit_epoch e WHERE e.epoch > p_epoch) THEN
    RETURN QUERY SELECT DISTINCT tenant_id FROM audit_event WHERE epoch > p_epoch;
  END IF;
END $$;
REVOKE ALL ON FUNCTION alerts_grown(integer, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION alerts_grown(integer, text) TO strongbox_app;
"""


class Migration(AtOnce):
    initial = True

    dependencies = [("payments", "0005_credit_notes"), ("tenancy", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Alert",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("rule", models.CharField(max_length=16)),
                ("rule_version", models.PositiveIntegerField()),
                (
                    "severity",
                    models.CharField(
                        choices=[
                            ("info", "Info"),
                            ("low", "Low"),
                            ("medium", "Medium"),
                            ("high", "High"),
                            ("critical", "Critical"),
                        ],
                        max_length=8,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "Open"), ("acknowledged", "Acknowledged"), ("closed", "Closed")],
                        default="open",
                        max_length=16,
                    ),
                ),
                ("group", models.CharField(max_length=16)),
                ("key", models.CharField(max_length=128)),
                ("person_id", models.UUIDField(null=True)),
                ("network", models.CharField(blank=True, default="", max_length=64)),
                ("count", models.PositiveIntegerField(default=1)),
                ("hits", models.PositiveIntegerField(default=1)),
                ("facts", models.JSONField(default=dict)),
                ("evidence", models.JSONField(default=list)),
                ("first_seen_at", models.DateTimeField()),
                ("last_seen_at", models.DateTimeField()),
                ("opened_at", models.DateTimeField()),
                ("announced_at", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
                ("acknowledged_at", models.DateTimeField(null=True)),
                ("assigned_to", models.UUIDField(null=True)),
                ("closed_at", models.DateTimeField(null=True)),
                ("closed_by", models.UUIDField(null=True)),
                (
                    "close_reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("true", "It was real"),
                            ("benign", "Real, but expected"),
                            ("false", "False alarm"),
                            ("test", "A test"),
                        ],
                        default="",
                        max_length=16,
                    ),
                ),
                ("contained", models.CharField(blank=True, default="", max_length=16)),
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
                "indexes": [
                    models.Index(fields=["tenant", "-id"], name="alerts_alert_newest"),
                    models.Index(fields=["tenant", "rule", "group", "key", "-id"], name="alerts_alert_same"),
                    models.Index(
                        condition=models.Q(("state", "closed"), _negated=True),
                        fields=["tenant", "state", "severity"],
                        name="alerts_alert_open",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "closed"), _negated=True),
                        fields=("tenant", "rule", "group", "key"),
                        name="alerts_alert_one_open",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("severity__in", ["info", "low", "medium", "high", "critical"]),
                            (
                                "group__in",
                                [
                                    "person",
                                    "actor",
                                    "network",
                                    "session",
                                    "subject",
                                    "customer",
                                    "organization",
                                ],
                            ),
                            ("contained__in", ["", "none", "end_sessions", "freeze_exports", "hold_payouts"]),
                            models.Q(
                                models.Q(
                                    ("close_reason", ""),
                                    ("closed_at__isnull", True),
                                    ("state__in", ["open", "acknowledged"]),
                                ),
                                models.Q(
                                    ("close_reason__in", ["true", "benign", "false", "test"]),
                                    ("closed_at__isnull", False),
                                    ("state", "closed"),
                                ),
                                _connector="OR",
                            ),
                        ),
                        name="alerts_alert_states",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="AlertRule",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("code", models.CharField(max_length=16)),
                ("version", models.PositiveIntegerField()),
                ("enabled", models.BooleanField(default=True)),
                (
                    "severity",
                    models.CharField(
                        choices=[
                            ("info", "Info"),
                            ("low", "Low"),
                            ("medium", "Medium"),
                            ("high", "High"),
                            ("critical", "Critical"),
                        ],
                        max_length=8,
                    ),
                ),
                ("group", models.CharField(max_length=16)),
                ("window_seconds", models.PositiveIntegerField()),
                ("threshold", models.PositiveIntegerField()),
                ("suppression_seconds", models.PositiveIntegerField()),
                ("automatic", models.CharField(max_length=16)),
                ("reason", crypto.fields.encrypted.EncryptedTextField(null=True)),
                ("set_by", models.UUIDField(null=True)),
                ("set_at", models.DateTimeField()),
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
                        fields=("tenant", "code", "version"), name="alerts_alertrule_version"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("threshold__gte", 1),
                            ("version__gte", 1),
                            ("severity__in", ["info", "low", "medium", "high", "critical"]),
                            (
                                "group__in",
                                [
                                    "person",
                                    "actor",
                                    "network",
                                    "session",
                                    "subject",
                                    "customer",
                                    "organization",
                                ],
                            ),
                            ("automatic__in", ["none", "end_sessions", "freeze_exports", "hold_payouts"]),
                        ),
                        name="alerts_alertrule_sane",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="AlertStep",
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
                        choices=[
                            ("opened", "Opened"),
                            ("raised", "Raised"),
                            ("acknowledged", "Acknowledged"),
                            ("assigned", "Assigned"),
                            ("noted", "Noted"),
                            ("contained", "Contained"),
                            ("muted", "Muted"),
                            ("closed", "Closed"),
                            ("reopened", "Reopened"),
                        ],
                        max_length=16,
                    ),
                ),
                ("detail", models.CharField(blank=True, default="", max_length=64)),
                ("words", crypto.fields.encrypted.EncryptedTextField(null=True)),
                ("person_id", models.UUIDField(null=True)),
                ("by", models.UUIDField(null=True)),
                ("at", models.DateTimeField()),
                (
                    "alert",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="steps",
                        to="alerts.alert",
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
                "indexes": [models.Index(fields=["tenant", "alert", "id"], name="alerts_alertstep_of")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                [
                                    "opened",
                                    "raised",
                                    "acknowledged",
                                    "assigned",
                                    "noted",
                                    "contained",
                                    "muted",
                                    "closed",
                                    "reopened",
                                ],
                            )
                        ),
                        name="alerts_alertstep_kinds",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Mute",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("rule", models.CharField(max_length=16)),
                ("group", models.CharField(max_length=16)),
                ("key", models.CharField(max_length=128)),
                ("until", models.DateTimeField()),
                ("reason", crypto.fields.encrypted.EncryptedTextField(null=True)),
                ("silenced", models.PositiveIntegerField(default=0)),
                ("made_by", models.UUIDField(null=True)),
                ("made_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("ended_by", models.UUIDField(null=True)),
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
                        condition=models.Q(("ended_at__isnull", True)),
                        fields=["tenant", "rule", "key"],
                        name="alerts_mute_holds",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "group__in",
                                [
                                    "person",
                                    "actor",
                                    "network",
                                    "session",
                                    "subject",
                                    "customer",
                                    "organization",
                                ],
                            )
                        ),
                        name="alerts_mute_groups",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Watch",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("epoch", models.IntegerField()),
                ("judged_to", models.CharField(max_length=20)),
                ("events", models.PositiveBigIntegerField(default=0)),
                ("judged_at", models.DateTimeField()),
                ("host_epoch", models.IntegerField(null=True)),
                ("host_to", models.CharField(blank=True, default="", max_length=20)),
                ("looked_at", models.DateTimeField(null=True)),
                ("states", models.JSONField(default=dict)),
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
                "constraints": [models.UniqueConstraint(fields=("tenant",), name="alerts_watch_one")],
            },
        ),
        TenantTable("Alert", grants="SELECT, INSERT, UPDATE"),
        TenantTable(
            "AlertStep",
            fks=[("alert_id", "alerts.Alert", "RESTRICT")],
            grants="SELECT, INSERT",
            encrypted=["words"],
        ),
        TenantTable("AlertRule", grants="SELECT, INSERT", encrypted=["reason"]),
        TenantTable("Mute", grants="SELECT, INSERT, UPDATE", encrypted=["reason"]),
        TenantTable("Watch", grants="SELECT, INSERT, UPDATE"),
        migrations.RunSQL(GROWN, "DROP FUNCTION alerts_grown(integer, text)"),
    ]
