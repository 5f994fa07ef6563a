"""What runs here, what is known to be wrong with it, what was decided about that, and what others may know of it."""

import django.db.models.deletion
from django.db import migrations, models

import core.ids
import crypto.fields.encrypted
import tenancy.context
from tenancy.migrating import AtOnce
from tenancy.rls import TenantTable

# The rows are the operator's. Any organization may know how current the software is that it is served by: of the last
# look its state, times and counts, and nothing that names a component or a weakness. A customer's portal may not.
EVIDENCE = """
CREATE FUNCTION patching_evidence() RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  found jsonb;
BEGIN
  PERFORM app.ctx('tenant', true);
  IF app.ctx('customer', false) IS NOT NULL THEN
    RAISE EXCEPTION 'customers are not told' USING ERRCODE = '42501';
  END IF;
  SELECT jsonb_build_object('at', look.at, 'state', look.state, 'reasons', look.reasons, 'source', look.source,
      'source_at', look.source_at, 'components', look.components, 'clean', look.clean_ones, 'vulnerable', look.vulnerable,
      'unknown', look.unknown, 'open', look.open, 'overdue', look.overdue, 'accepted', look.accepted,
      'by_severity', look.by_severity, 'series', look.series)
    INTO found
    FROM patching_check AS look JOIN tenancy_tenant AS operator ON operator.id = look.tenant_id
    WHERE operator.kind = 'operator' ORDER BY look.at DESC, look.id DESC LIMIT 1;
  RETURN found;
END $$;
REVOKE ALL ON FUNCTION patching_evidence() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION patching_evidence() TO strongbox_app;
"""


class Migration(AtOnce):
    initial = True

    dependencies = [
        ("outbound", "0003_webhooks"),
        ("payments", "0005_credit_notes"),
    ]

    operations = [
        migrations.CreateModel(
            name="Component",
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
                            ("python", "python"),
                            ("vendored", "vendored"),
                            ("debian", "debian"),
                            ("engine", "engine"),
                        ],
                        max_length=16,
                    ),
                ),
                ("name", models.CharField(max_length=200)),
                ("version", models.CharField(max_length=200)),
                ("ecosystem", models.CharField(max_length=64)),
                ("purl", models.CharField(max_length=400)),
                ("licence", models.CharField(max_length=400)),
                ("sha256", models.CharField(blank=True, default="", max_length=64)),
                (
                    "scope",
                    models.CharField(
                        choices=[
                            ("production", "production"),
                            ("development", "development"),
                            ("unlisted", "unlisted"),
                        ],
                        max_length=16,
                    ),
                ),
                ("is_direct", models.BooleanField(default=False)),
                ("is_intact", models.BooleanField(default=True)),
                (
                    "state",
                    models.CharField(
                        choices=[("clean", "clean"), ("vulnerable", "vulnerable"), ("unknown", "unknown")],
                        max_length=16,
                    ),
                ),
                ("why", models.CharField(blank=True, default="", max_length=32)),
                ("first_seen_at", models.DateTimeField()),
                ("version_since", models.DateTimeField()),
                ("gone_at", models.DateTimeField(null=True)),
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
                        fields=("tenant", "kind", "name"), name="patching_component_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["clean", "vulnerable", "unknown"])),
                        name="patching_component_state",
                    ),
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="Finding",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("advisory", models.CharField(max_length=64)),
                ("aliases", models.JSONField(default=list)),
                ("summary", models.CharField(blank=True, default="", max_length=300)),
                ("version", models.CharField(max_length=200)),
                ("safe_version", models.CharField(blank=True, default="", max_length=200)),
                (
                    "severity",
                    models.CharField(
                        choices=[
                            ("critical", "critical"),
                            ("high", "high"),
                            ("medium", "medium"),
                            ("low", "low"),
                            ("unrated", "unrated"),
                        ],
                        max_length=16,
                    ),
                ),
                ("known_exploited", models.BooleanField(default=False)),
                (
                    "status",
                    models.CharField(
                        choices=[("open", "Open"), ("accepted", "Accepted"), ("fixed", "Fixed")],
                        default="open",
                        max_length=16,
                    ),
                ),
                ("first_seen_at", models.DateTimeField()),
                ("last_seen_at", models.DateTimeField()),
                ("due_on", models.DateField()),
                ("due_told_at", models.DateTimeField(null=True)),
                ("fixed_at", models.DateTimeField(null=True)),
                (
                    "component",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="findings",
                        to="patching.component",
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
                        fields=("tenant", "component", "advisory"), name="patching_finding_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("status__in", ["open", "accepted", "fixed"]),
                            models.Q(
                                models.Q(("fixed_at__isnull", False), ("status", "fixed")),
                                models.Q(
                                    models.Q(("status", "fixed"), _negated=True), ("fixed_at__isnull", True)
                                ),
                                _connector="OR",
                            ),
                        ),
                        name="patching_finding_status",
                    ),
                ],
                "indexes": [
                    models.Index(fields=["tenant", "status", "due_on", "id"], name="patching_finding_due")
                ],
            },
        ),
        migrations.CreateModel(
            name="Acceptance",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("reason", crypto.fields.encrypted.EncryptedTextField(purpose="documents")),
                ("requested_by", models.UUIDField()),
                ("approved_by", models.UUIDField()),
                ("accepted_at", models.DateTimeField()),
                ("until", models.DateField()),
                ("ended_at", models.DateTimeField(null=True)),
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
                    "finding",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="acceptances",
                        to="patching.finding",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at__isnull", True)),
                        fields=("tenant", "finding"),
                        name="patching_acceptance_one",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("approved_by", models.F("requested_by")), _negated=True),
                        name="patching_acceptance_four_eyes",
                    ),
                ],
                "indexes": [],
            },
        ),
        migrations.CreateModel(
            name="Bundle",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("made_at", models.DateTimeField()),
                ("fetched_at", models.DateTimeField()),
                ("imported_at", models.DateTimeField()),
                ("imported_by", models.UUIDField(null=True)),
                ("key", models.CharField(max_length=64)),
                ("sha256", models.CharField(max_length=64)),
                ("advisories", models.PositiveIntegerField()),
                ("ecosystems", models.JSONField()),
                (
                    "file",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="outbound.storedfile",
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
                "indexes": [models.Index(fields=["tenant", "-made_at"], name="patching_bundle_newest")],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "sha256"), name="patching_bundle_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Check",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("at", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[("clean", "clean"), ("vulnerable", "vulnerable"), ("unknown", "unknown")],
                        max_length=16,
                    ),
                ),
                ("source", models.CharField(max_length=32)),
                ("source_at", models.DateTimeField(null=True)),
                ("reasons", models.JSONField()),
                ("components", models.PositiveIntegerField()),
                ("clean_ones", models.PositiveIntegerField()),
                ("vulnerable", models.PositiveIntegerField()),
                ("unknown", models.PositiveIntegerField()),
                ("open", models.PositiveIntegerField()),
                ("overdue", models.PositiveIntegerField()),
                ("accepted", models.PositiveIntegerField()),
                ("found", models.PositiveIntegerField()),
                ("fixed", models.PositiveIntegerField()),
                ("by_severity", models.JSONField()),
                ("series", models.JSONField()),
                ("ending", models.JSONField()),
                ("digest", models.CharField(max_length=64)),
                (
                    "sbom",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="outbound.storedfile",
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
                "indexes": [models.Index(fields=["tenant", "-at"], name="patching_check_newest")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["clean", "vulnerable", "unknown"])),
                        name="patching_check_state",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "clean"), _negated=True),
                            models.Q(
                                ("components__gt", 0),
                                ("open", 0),
                                ("reasons", []),
                                ("source_at__isnull", False),
                                ("unknown", 0),
                                ("vulnerable", 0),
                            ),
                            _connector="OR",
                        ),
                        name="patching_check_clean",
                    ),
                ],
            },
        ),
        TenantTable("Component", grants="SELECT, INSERT, UPDATE"),
        TenantTable(
            "Finding",
            fks=[("component_id", "patching.Component", "RESTRICT")],
            grants="SELECT, INSERT, UPDATE",
        ),
        TenantTable(
            "Acceptance",
            fks=[("finding_id", "patching.Finding", "RESTRICT")],
            grants="SELECT, INSERT, UPDATE",
            encrypted=["reason"],
        ),
        TenantTable("Bundle", fks=[("file_id", "outbound.StoredFile", "RESTRICT")], grants="SELECT, INSERT"),
        TenantTable("Check", fks=[("sbom_id", "outbound.StoredFile", "RESTRICT")], grants="SELECT, INSERT"),
        migrations.RunSQL(EVIDENCE, "DROP FUNCTION patching_evidence()"),
    ]
