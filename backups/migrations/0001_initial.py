"""The tables of backups."""

import django.db.models.deletion
from django.db import migrations, models

import core.ids
import tenancy.context
from tenancy.migrating import AtOnce
from tenancy.rls import TenantTable

# What any organization may know: figures of the operator's rows, and nothing that names a place or a key.
EVIDENCE = """
CREATE FUNCTION backups_evidence() RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
BEGIN ATOMIC
  WITH operator AS (SELECT id FROM tenancy_tenant WHERE kind = 'operator'),
  done AS (SELECT b.* FROM backups_backup b, operator o WHERE b.tenant_id = o.id AND b.state = 'done'),
  ended AS (SELECT d.* FROM backups_drill d, operator o WHERE d.tenant_id = o.id AND d.state <> 'running'),
  newest AS (SELECT * FROM ended ORDER BY started_at DESC LIMIT 1),
  passed AS (SELECT * FROM ended WHERE state = 'passed' ORDER BY started_at DESC LIMIT 1),
  plan AS (SELECT p.* FROM backups_plan p, operator o WHERE p.tenant_id = o.id)
  SELECT jsonb_build_object(
    'last_full_at', (SELECT max(finished_at) FROM done WHERE kind = 'full'),
    'last_backup_at', (SELECT max(finished_at) FROM done),
    'last_verified_at', (SELECT max(verified_at) FROM done WHERE is_sound),
    'backups_kept', (SELECT count(*) FROM done),
    'oldest_kept_at', (SELECT min(consistent_at) FROM done),
    'targets', (SELECT count(DISTINCT c.target) FROM backups_copy c, operator o
                WHERE c.tenant_id = o.id AND c.state = 'stored'),
    'stream_covers_at', (SELECT stream_covers_at FROM plan),
    'keep_days', coalesce((SELECT keep_days FROM plan), 0),
    'drill_days', coalesce((SELECT drill_days FROM plan), 0),
    'last_drill_at', (SELECT finished_at FROM newest),
    'last_drill_passed', (SELECT state = 'passed' FROM newest),
    'last_passed_at', (SELECT finished_at FROM passed),
    'rpo_milliseconds', (SELECT rpo_milliseconds FROM passed),
    'rto_milliseconds', (SELECT rto_milliseconds FROM passed),
    'drills_passed', (SELECT count(*) FROM ended WHERE state = 'passed' AND started_at > now() - interval '1 year'),
    'drills_failed', (SELECT count(*) FROM ended WHERE state = 'failed' AND started_at > now() - interval '1 year'),
    'checks', coalesce((SELECT jsonb_agg(jsonb_build_array(s.name, s.is_ok) ORDER BY s.position)
                        FROM backups_drillstep s, newest n
                        WHERE s.tenant_id = n.tenant_id AND s.drill_id = n.id), '[]'::jsonb),
    'is_backup_late', NOT EXISTS (SELECT FROM done) OR EXISTS (SELECT FROM plan WHERE overdue_since IS NOT NULL),
    'is_drill_late', NOT EXISTS (SELECT FROM passed)
                     OR EXISTS (SELECT FROM plan WHERE drill_overdue_since IS NOT NULL),
    'is_stream_late', NOT EXISTS (SELECT FROM plan WHERE stream_covers_at IS NOT NULL)
                      OR EXISTS (SELECT FROM plan WHERE stream_behind_since IS NOT NULL)
  );
END;
REVOKE ALL ON FUNCTION backups_evidence() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION backups_evidence() TO strongbox_app;
"""
EVIDENCE_UNDO = "DROP FUNCTION backups_evidence()"


class Migration(AtOnce):
    initial = True

    dependencies = [
        ("payments", "0005_credit_notes"),
        ("tenancy", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Backup",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("generation", models.PositiveBigIntegerField()),
                (
                    "kind",
                    models.CharField(
                        choices=[("full", "Full"), ("incremental", "Incremental")], max_length=16
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("running", "Running"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                            ("pruned", "Pruned"),
                        ],
                        default="running",
                        max_length=16,
                    ),
                ),
                ("started_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
                ("first_segment", models.CharField(blank=True, default="", max_length=32)),
                ("consistent_at", models.DateTimeField(null=True)),
                ("bytes_in", models.PositiveBigIntegerField(default=0)),
                ("bytes_stored", models.PositiveBigIntegerField(default=0)),
                ("milliseconds", models.PositiveBigIntegerField(default=0)),
                ("manifest_sha256", models.CharField(blank=True, default="", max_length=64)),
                ("row_counts", models.JSONField(default=dict)),
                ("keep_until", models.DateTimeField()),
                ("is_held", models.BooleanField(default=False)),
                ("verified_at", models.DateTimeField(null=True)),
                ("is_sound", models.BooleanField(null=True)),
                ("code", models.CharField(blank=True, default="", max_length=64)),
                ("job_id", models.UUIDField(null=True)),
                (
                    "parent",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="children",
                        to="backups.backup",
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
                    models.Index(fields=["tenant", "-started_at"], name="backups_backup_newest"),
                    models.Index(fields=["tenant", "parent"], name="backups_backup_parents"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "generation"), name="backups_backup_generation"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", "full"), ("parent__isnull", True)),
                            models.Q(("kind", "incremental"), ("parent__isnull", False)),
                            _connector="OR",
                        ),
                        name="backups_backup_parent",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["running", "done", "failed", "pruned"])),
                        name="backups_backup_states",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Copy",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "part",
                    models.CharField(choices=[("database", "Database"), ("files", "Files")], max_length=16),
                ),
                ("target", models.CharField(max_length=63)),
                ("name", models.CharField(max_length=200)),
                (
                    "state",
                    models.CharField(
                        choices=[("stored", "Stored"), ("missing", "Missing"), ("pruned", "Pruned")],
                        default="stored",
                        max_length=16,
                    ),
                ),
                ("bytes_stored", models.PositiveBigIntegerField()),
                ("sha256", models.CharField(max_length=64)),
                ("stored_at", models.DateTimeField()),
                ("keep_until", models.DateTimeField()),
                ("checked_at", models.DateTimeField(null=True)),
                (
                    "backup",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="copies",
                        to="backups.backup",
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
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "backup", "part", "target"), name="backups_copy_one"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["stored", "missing", "pruned"])),
                        name="backups_copy_states",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Drill",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("running", "Running"), ("passed", "Passed"), ("failed", "Failed")],
                        default="running",
                        max_length=16,
                    ),
                ),
                ("started_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
                ("wanted_at", models.DateTimeField(null=True)),
                ("reached_at", models.DateTimeField(null=True)),
                ("rto_milliseconds", models.PositiveBigIntegerField(default=0)),
                ("rpo_milliseconds", models.PositiveBigIntegerField(default=0)),
                ("result", models.JSONField(default=dict)),
                ("signature", models.CharField(blank=True, default="", max_length=128)),
                ("code", models.CharField(blank=True, default="", max_length=64)),
                ("job_id", models.UUIDField(null=True)),
                (
                    "backup",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="drills",
                        to="backups.backup",
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
                    models.Index(fields=["tenant", "-started_at"], name="backups_drill_newest"),
                    models.Index(fields=["tenant", "backup"], name="backups_drill_backup"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["running", "passed", "failed"])),
                        name="backups_drill_states",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="DrillStep",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("position", models.PositiveSmallIntegerField()),
                ("name", models.CharField(max_length=32)),
                ("is_ok", models.BooleanField()),
                ("milliseconds", models.PositiveBigIntegerField()),
                ("counts", models.JSONField(default=dict)),
                ("code", models.CharField(blank=True, default="", max_length=64)),
                (
                    "drill",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="steps",
                        to="backups.drill",
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
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "drill", "position"), name="backups_drillstep_place"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Plan",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("keep_days", models.PositiveSmallIntegerField(default=35)),
                ("drill_days", models.PositiveSmallIntegerField(default=7)),
                ("stream_seen_at", models.DateTimeField(null=True)),
                ("stream_segment", models.CharField(blank=True, default="", max_length=32)),
                ("stream_stored_at", models.DateTimeField(null=True)),
                ("stream_covers_at", models.DateTimeField(null=True)),
                ("stream_lag_bytes", models.PositiveBigIntegerField(default=0)),
                ("overdue_since", models.DateTimeField(null=True)),
                ("drill_overdue_since", models.DateTimeField(null=True)),
                ("stream_behind_since", models.DateTimeField(null=True)),
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
                    models.UniqueConstraint(fields=("tenant",), name="backups_plan_one"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("drill_days__gte", 1),
                            ("drill_days__lte", 31),
                            ("keep_days__gte", 14),
                            ("keep_days__lte", 3650),
                        ),
                        name="backups_plan_bounds",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="RestoreRequest",
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
                        choices=[("cluster", "Cluster"), ("organization", "Organization")], max_length=16
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("asked", "Asked"),
                            ("approved", "Approved"),
                            ("declined", "Declined"),
                            ("done", "Done"),
                        ],
                        default="asked",
                        max_length=16,
                    ),
                ),
                ("organization_id", models.UUIDField(null=True)),
                ("wanted_at", models.DateTimeField(null=True)),
                ("approval_id", models.UUIDField(null=True)),
                ("requested_by", models.UUIDField(null=True)),
                ("approved_by", models.UUIDField(null=True)),
                ("asked_at", models.DateTimeField()),
                ("approved_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                ("counts", models.JSONField(default=dict)),
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
                "indexes": [models.Index(fields=["tenant", "-asked_at"], name="backups_restore_newest")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["asked", "approved", "declined", "done"]),
                            models.Q(
                                models.Q(("kind", "cluster"), ("organization_id__isnull", True)),
                                models.Q(("kind", "organization"), ("organization_id__isnull", False)),
                                _connector="OR",
                            ),
                        ),
                        name="backups_restorerequest_states",
                    )
                ],
            },
        ),
        TenantTable(
            "Backup", fks=[("parent_id", "backups.Backup", "RESTRICT")], grants="SELECT, INSERT, UPDATE"
        ),
        TenantTable(
            "Copy", fks=[("backup_id", "backups.Backup", "RESTRICT")], grants="SELECT, INSERT, UPDATE"
        ),
        TenantTable(
            "Drill", fks=[("backup_id", "backups.Backup", "RESTRICT")], grants="SELECT, INSERT, UPDATE"
        ),
        TenantTable("DrillStep", fks=[("drill_id", "backups.Drill", "RESTRICT")], grants="SELECT, INSERT"),
        TenantTable("RestoreRequest", grants="SELECT, INSERT, UPDATE"),
        TenantTable("Plan", grants="SELECT, INSERT, UPDATE"),
        migrations.RunSQL(EVIDENCE, EVIDENCE_UNDO),
    ]
