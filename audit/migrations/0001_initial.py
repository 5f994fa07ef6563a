"""The trail, its seals, the last check of each organization, and exports waiting for a signature."""

from pathlib import Path

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import tenancy.context
from core import ids
from tenancy.migrating import AtOnce
from tenancy.rls import TenantTable

SCHEMA = (Path(__file__).parents[1] / "schema.sql").read_text()
SCHEMA_UNDO = """
DROP TABLE audit_event, audit_seal, audit_mark, audit_epoch;
DROP FUNCTION audit_refuse, audit_protect_partition, audit_add_partition, audit_prepare_months, audit_open_epoch,
  audit_system_identifier, audit_record_for_operator;
"""
# The sealer reads what is to be signed, and writes the signature and nothing else.
BUNDLE = """
CREATE POLICY sealer ON audit_bundle TO strongbox_sealer USING (true) WITH CHECK (true);
GRANT SELECT, UPDATE (state, manifest) ON audit_bundle TO strongbox_sealer;
"""
BUNDLE_UNDO = "DROP POLICY sealer ON audit_bundle; REVOKE ALL ON audit_bundle FROM strongbox_sealer"


def own_id() -> models.UUIDField:
    return models.UUIDField(default=ids.uuid7, editable=False, primary_key=True, serialize=False)


def own_tenant() -> models.ForeignKey:
    return models.ForeignKey(
        db_index=False,
        default=tenancy.context.current_tenant,
        editable=False,
        on_delete=django.db.models.deletion.PROTECT,
        related_name="+",
        to="tenancy.tenant",
    )


class Migration(AtOnce):
    initial = True
    dependencies = [("tenancy", "0001_initial")]

    operations = [
        migrations.RunSQL(SCHEMA, SCHEMA_UNDO),
        migrations.CreateModel(
            "Event",
            [
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField()),
                ("event", models.CharField(max_length=64)),
                (
                    "result",
                    models.CharField(
                        choices=[("success", "Success"), ("refused", "Refused"), ("failed", "Failed")],
                        max_length=8,
                    ),
                ),
                ("actor_kind", models.CharField(max_length=16)),
                ("actor_id", models.UUIDField(null=True)),
                ("actor_label", models.CharField(max_length=128)),
                ("on_behalf_of", models.UUIDField(null=True)),
                ("via", models.CharField(max_length=8)),
                ("session_id", models.UUIDField(null=True)),
                ("key_id", models.UUIDField(null=True)),
                ("request_id", models.UUIDField()),
                ("network", models.CharField(max_length=64)),
                ("subject_kind", models.CharField(max_length=64)),
                ("subject_id", models.UUIDField(null=True)),
                (
                    "subject_ids",
                    django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), size=None),
                ),
                (
                    "fields",
                    django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None),
                ),
                ("facts", models.JSONField()),
                ("reason", models.CharField(max_length=64)),
                ("at", models.DateTimeField()),
                ("xid", models.TextField()),
                ("epoch", models.IntegerField()),
            ],
            options={"db_table": "audit_event", "managed": False},
        ),
        migrations.CreateModel(
            "Seal",
            [
                ("hash", models.BinaryField(primary_key=True, serialize=False)),
                ("tenant_id", models.UUIDField()),
                ("n", models.BigIntegerField()),
                ("epoch", models.IntegerField()),
                ("xid_from", models.TextField()),
                ("xid_to", models.TextField()),
                ("count", models.IntegerField()),
                ("root", models.BinaryField()),
                ("leaves", models.BinaryField()),
                ("prev", models.BinaryField()),
                ("sealed_at", models.DateTimeField()),
                ("key_id", models.BinaryField()),
                ("signature", models.BinaryField()),
            ],
            options={"db_table": "audit_seal", "managed": False},
        ),
        migrations.CreateModel(
            "Verification",
            [
                ("id", own_id()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("checking", "Checking"),
                            ("verified", "Verified"),
                            ("gap", "Gap"),
                            ("broken", "Broken"),
                        ],
                        max_length=16,
                    ),
                ),
                ("events", models.BigIntegerField(default=0)),
                ("seals", models.BigIntegerField(default=0)),
                ("unsealed", models.BigIntegerField(default=0)),
                ("total", models.BigIntegerField(default=0)),
                ("errors", models.JSONField(default=list)),
                ("started_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
                ("tenant", own_tenant()),
            ],
            options={
                "abstract": False,
                "constraints": [models.UniqueConstraint(fields=("tenant",), name="audit_verification_one")],
            },
        ),
        TenantTable("Verification", grants="SELECT, INSERT, UPDATE"),
        migrations.CreateModel(
            "Bundle",
            [
                ("id", own_id()),
                (
                    "state",
                    models.CharField(
                        choices=[("pending", "Pending"), ("signed", "Signed"), ("refused", "Refused")],
                        default="pending",
                        max_length=16,
                    ),
                ),
                ("events", models.BigIntegerField()),
                ("seals", models.BigIntegerField()),
                ("head", models.BinaryField()),
                ("files", models.JSONField()),
                ("manifest", models.BinaryField(null=True)),
                ("created_at", models.DateTimeField()),
                ("tenant", own_tenant()),
            ],
            options={
                "abstract": False,
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["pending", "signed", "refused"])),
                        name="audit_bundle_state",
                    )
                ],
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "pending")),
                        fields=["created_at"],
                        name="audit_bundle_pending",
                    )
                ],
            },
        ),
        TenantTable("Bundle", grants="SELECT, INSERT"),
        migrations.RunSQL(BUNDLE, BUNDLE_UNDO),
    ]
