"""Controls and their results, exceptions, evidence that people bring, evidence packs, visits of auditors."""

import datetime

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models

import accounts.models.people
import core.ids
import crypto.fields.encrypted
import crypto.fields.index
import tenancy.context
from tenancy.migrating import AtOnce
from tenancy.rls import TenantTable

# Somebody on the portal sees nothing of these.
NO_CUSTOMER = "NULL::uuid"


class Migration(AtOnce):
    """The first tables of compliance."""

    initial = True
    dependencies = [
        ("alerts", "0001_initial"),
        ("outbound", "0003_webhooks"),
        ("tenancy", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditorVisit",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("email", crypto.fields.encrypted.EncryptedTextField()),
                (
                    "email_index",
                    crypto.fields.index.BlindIndexField(
                        normalize=accounts.models.people.normalize_email, source="email"
                    ),
                ),
                (
                    "frameworks",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=16), size=None
                    ),
                ),
                ("invited_by", models.UUIDField()),
                ("created_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("ended_by", models.UUIDField(null=True)),
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
            ],
            options={
                "abstract": False,
                "indexes": [
                    models.Index(fields=["tenant", "email_index"], name="compliance_auditorvisit_email")
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("ends_at__gt", models.F("created_at")),
                            (
                                "ends_at__lte",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("created_at"),
                                    "+",
                                    models.Value(
                                        datetime.timedelta(days=90), output_field=models.DurationField()
                                    ),
                                ),
                            ),
                        ),
                        name="compliance_auditorvisit_ends",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ControlException",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("code", models.CharField(max_length=64)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("active", "Active"),
                            ("declined", "Declined"),
                            ("ended", "Ended"),
                        ],
                        default="waiting",
                        max_length=16,
                    ),
                ),
                ("reason", crypto.fields.encrypted.EncryptedTextField()),
                ("risk", crypto.fields.encrypted.EncryptedTextField()),
                ("asked_by", models.UUIDField()),
                ("asked_at", models.DateTimeField()),
                ("approval_id", models.UUIDField()),
                ("approved_by", models.UUIDField(null=True)),
                ("approved_at", models.DateTimeField(null=True)),
                ("ends_on", models.DateField()),
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
            ],
            options={
                "abstract": False,
                "indexes": [models.Index(fields=["tenant", "-id"], name="compliance_controlexception_l")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["waiting", "active"])),
                        fields=("tenant", "code"),
                        name="compliance_controlexception_one",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["waiting", "declined"]),
                            models.Q(("approved_at__isnull", False), ("approved_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="compliance_controlexception_agreed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("approved_by__isnull", True),
                            models.Q(("approved_by", models.F("asked_by")), _negated=True),
                            _connector="OR",
                        ),
                        name="compliance_controlexception_four_eyes",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ControlResult",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("code", models.CharField(max_length=64)),
                ("state", models.CharField(max_length=16)),
                ("at", models.DateTimeField()),
                ("duration_ms", models.PositiveIntegerField()),
                ("summary", models.CharField(max_length=300)),
                ("evidence", models.JSONField(default=dict)),
                ("digest", models.BinaryField(max_length=32)),
                ("asked_by", models.UUIDField(null=True)),
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
                    models.Index(fields=["tenant", "code", "-at"], name="compliance_controlresult_of"),
                    models.Index(fields=["tenant", "-at"], name="compliance_controlresult_time"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["passing", "failing", "unknown", "not_applicable"])
                        ),
                        name="compliance_controlresult_state",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ControlStatus",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("code", models.CharField(max_length=64)),
                ("state", models.CharField(max_length=16)),
                ("since", models.DateTimeField()),
                ("checked_at", models.DateTimeField()),
                ("is_stale", models.BooleanField(default=False)),
                ("result_id", models.UUIDField()),
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
                    models.UniqueConstraint(fields=("tenant", "code"), name="compliance_controlstatus_one"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["passing", "failing", "unknown", "not_applicable"])
                        ),
                        name="compliance_controlstatus_state",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Evidence",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("code", models.CharField(max_length=64)),
                ("title", crypto.fields.encrypted.EncryptedTextField()),
                ("note", crypto.fields.encrypted.EncryptedTextField(null=True)),
                ("digest", models.BinaryField(max_length=32)),
                ("added_by", models.UUIDField(null=True)),
                ("added_at", models.DateTimeField()),
                ("valid_until", models.DateField()),
                ("expired_at", models.DateTimeField(null=True)),
                ("withdrawn_by", models.UUIDField(null=True)),
                ("withdrawn_at", models.DateTimeField(null=True)),
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
                "indexes": [
                    models.Index(fields=["tenant", "code", "-valid_until"], name="compliance_evidence_of"),
                    models.Index(fields=["tenant", "-id"], name="compliance_evidence_list"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "file"), name="compliance_evidence_file")
                ],
            },
        ),
        migrations.CreateModel(
            name="EvidencePack",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("framework", models.CharField(max_length=16)),
                (
                    "state",
                    models.CharField(
                        choices=[("queued", "Queued"), ("ready", "Ready"), ("failed", "Failed")],
                        default="queued",
                        max_length=16,
                    ),
                ),
                ("since", models.DateField()),
                ("until", models.DateField()),
                ("controls", models.PositiveIntegerField(default=0)),
                ("passing", models.PositiveIntegerField(default=0)),
                ("failing", models.PositiveIntegerField(default=0)),
                ("manual", models.PositiveIntegerField(default=0)),
                ("digest", models.BinaryField(max_length=32, null=True)),
                ("asked_by", models.UUIDField(null=True)),
                ("asked_at", models.DateTimeField()),
                ("ready_at", models.DateTimeField(null=True)),
                ("job_id", models.UUIDField(null=True)),
                ("downloads", models.PositiveIntegerField(default=0)),
                (
                    "file",
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
                "indexes": [models.Index(fields=["tenant", "-id"], name="compliance_evidencepack_list")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "ready"), _negated=True),
                            models.Q(
                                ("digest__isnull", False),
                                ("file__isnull", False),
                                ("ready_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="compliance_evidencepack_ready",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="PackKey",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("public", models.BinaryField(max_length=32)),
                ("secret", crypto.fields.encrypted.EncryptedTextField()),
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
                "constraints": [models.UniqueConstraint(fields=("tenant",), name="compliance_packkey_one")],
            },
        ),
        TenantTable("ControlStatus", customer=NO_CUSTOMER, grants="SELECT, INSERT, UPDATE"),
        # What a control answered stays as it was.
        TenantTable("ControlResult", customer=NO_CUSTOMER, grants="SELECT, INSERT"),
        TenantTable(
            "ControlException",
            customer=NO_CUSTOMER,
            grants="SELECT, INSERT, UPDATE",
            encrypted=["reason", "risk"],
        ),
        TenantTable(
            "Evidence",
            fks=[("file_id", "outbound.StoredFile", "RESTRICT")],
            customer=NO_CUSTOMER,
            grants="SELECT, INSERT, UPDATE",
            encrypted=["title", "note"],
        ),
        TenantTable("PackKey", customer=NO_CUSTOMER, grants="SELECT, INSERT", encrypted=["secret"]),
        TenantTable(
            "EvidencePack",
            fks=[("file_id", "outbound.StoredFile", "RESTRICT")],
            customer=NO_CUSTOMER,
            grants="SELECT, INSERT, UPDATE",
        ),
        TenantTable(
            "AuditorVisit", customer=NO_CUSTOMER, grants="SELECT, INSERT, UPDATE", encrypted=["email"]
        ),
    ]
