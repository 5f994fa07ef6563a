"""The tables of training: duties, attempts, records, modules of an organization, and reported messages."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models

import core.ids
import crypto.fields.encrypted
import tenancy.context
from tenancy.migrating import AtOnce
from tenancy.rls import TenantTable


class Migration(AtOnce):
    initial = True

    dependencies = [
        ("accounts", "0006_ending"),
        ("tenancy", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Assignment",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("course", models.CharField(max_length=40)),
                (
                    "why",
                    models.CharField(
                        choices=[
                            ("hire", "Hire"),
                            ("yearly", "Yearly"),
                            ("role", "Role"),
                            ("version", "Version"),
                            ("by_hand", "By Hand"),
                            ("own_wish", "Own Wish"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("done", "Done"),
                            ("excused", "Excused"),
                            ("dropped", "Dropped"),
                        ],
                        default="open",
                        max_length=16,
                    ),
                ),
                ("due_on", models.DateField(null=True)),
                ("assigned_on", models.DateField()),
                ("assigned_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("note", crypto.fields.encrypted.EncryptedTextField(null=True)),
                ("overdue_at", models.DateTimeField(null=True)),
                ("reminded", models.CharField(blank=True, default="", max_length=16)),
                ("tries_since", models.DateTimeField()),
                (
                    "member",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.membership",
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
                        fields=["tenant", "member", "course", "-id"], name="training_assignment_member"
                    ),
                    models.Index(fields=["tenant", "-id"], name="training_assignment_list"),
                    models.Index(
                        condition=models.Q(("state", "open")),
                        fields=["tenant", "due_on", "id"],
                        name="training_assignment_due",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "open")),
                        fields=("tenant", "member", "course"),
                        name="training_assignment_open",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at__isnull", True), ("state", "open")),
                            models.Q(
                                ("ended_at__isnull", False), ("state__in", ["done", "excused", "dropped"])
                            ),
                            _connector="OR",
                        ),
                        name="training_assignment_states",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Attempt",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("course", models.CharField(max_length=40)),
                ("version", models.SmallIntegerField()),
                ("digest", models.BinaryField(max_length=32)),
                ("number", models.SmallIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("passed", "Passed"),
                            ("failed", "Failed"),
                            ("abandoned", "Abandoned"),
                        ],
                        default="open",
                        max_length=16,
                    ),
                ),
                ("seed", models.BinaryField(max_length=16)),
                ("page", models.SmallIntegerField(default=0)),
                ("steps", models.JSONField(blank=True, default=dict)),
                (
                    "asked",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=8), blank=True, default=list, size=None
                    ),
                ),
                (
                    "answers",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.SmallIntegerField(), blank=True, default=list, size=None
                    ),
                ),
                ("right", models.SmallIntegerField(null=True)),
                ("pass_percent", models.SmallIntegerField()),
                ("started_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "assignment",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="training.assignment",
                    ),
                ),
                (
                    "member",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.membership",
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
                        condition=models.Q(("state", "open")),
                        fields=("tenant", "assignment"),
                        name="training_attempt_open",
                    ),
                    models.UniqueConstraint(
                        fields=("tenant", "assignment", "number"), name="training_attempt_number"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at__isnull", True), ("state", "open")),
                            models.Q(
                                ("ended_at__isnull", False), ("state__in", ["passed", "failed", "abandoned"])
                            ),
                            _connector="OR",
                        ),
                        name="training_attempt_states",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="CourseDuty",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("course", models.CharField(max_length=40)),
                (
                    "roles",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=48), blank=True, default=list, size=None
                    ),
                ),
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
                    models.UniqueConstraint(fields=("tenant", "course"), name="training_courseduty_one")
                ],
            },
        ),
        migrations.CreateModel(
            name="Module",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("code", models.CharField(max_length=40)),
                (
                    "state",
                    models.CharField(
                        choices=[("draft", "Draft"), ("published", "Published"), ("retired", "Retired")],
                        default="draft",
                        max_length=16,
                    ),
                ),
                ("body", crypto.fields.encrypted.EncryptedTextField()),
                ("version", models.SmallIntegerField(default=0)),
                ("made_by", models.UUIDField(null=True)),
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
                    models.UniqueConstraint(fields=("tenant", "code"), name="training_module_code"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "draft"), ("version", 0)),
                            models.Q(("state__in", ["published", "retired"]), ("version__gt", 0)),
                            _connector="OR",
                        ),
                        name="training_module_states",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ModuleVersion",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("version", models.SmallIntegerField()),
                ("body", crypto.fields.encrypted.EncryptedTextField()),
                ("digest", models.BinaryField(max_length=32)),
                ("published_by", models.UUIDField(null=True)),
                ("published_at", models.DateTimeField()),
                (
                    "module",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="training.module",
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
                        fields=("tenant", "module", "version"), name="training_moduleversion_number"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Record",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("course", models.CharField(max_length=40)),
                ("version", models.SmallIntegerField()),
                ("digest", models.BinaryField(max_length=32)),
                ("role", models.CharField(max_length=48)),
                ("number", models.SmallIntegerField()),
                ("right", models.SmallIntegerField()),
                ("asked", models.SmallIntegerField()),
                ("pass_percent", models.SmallIntegerField()),
                ("acknowledged", models.SmallIntegerField()),
                ("started_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField()),
                ("valid_until", models.DateField()),
                ("code_hash", models.BinaryField(max_length=32)),
                (
                    "attempt",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="training.attempt",
                    ),
                ),
                (
                    "member",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.membership",
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
                    models.Index(fields=["tenant", "member", "course", "-id"], name="training_record_member"),
                    models.Index(fields=["tenant", "-id"], name="training_record_list"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "attempt"), name="training_record_attempt"),
                    models.UniqueConstraint(fields=("tenant", "code_hash"), name="training_record_code"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("asked__gt", 0),
                            ("right__lte", models.F("asked")),
                            (
                                "pass_percent__lte",
                                django.db.models.expressions.CombinedExpression(
                                    django.db.models.expressions.CombinedExpression(
                                        models.F("right"), "*", models.Value(100)
                                    ),
                                    "/",
                                    models.F("asked"),
                                ),
                            ),
                        ),
                        name="training_record_passed",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SuspiciousMessage",
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
                            ("mail", "Mail"),
                            ("phone", "Phone"),
                            ("text", "Text"),
                            ("letter", "Letter"),
                            ("person", "Person"),
                            ("other", "Other"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "done",
                    models.CharField(
                        choices=[
                            ("nothing", "Nothing"),
                            ("opened", "Opened"),
                            ("answered", "Answered"),
                            ("entered", "Entered"),
                            ("paid", "Paid"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("new", "New"),
                            ("harmless", "Harmless"),
                            ("spam", "Spam"),
                            ("attack", "Attack"),
                        ],
                        default="new",
                        max_length=16,
                    ),
                ),
                ("sender", crypto.fields.encrypted.EncryptedTextField(null=True)),
                ("text", crypto.fields.encrypted.EncryptedTextField()),
                ("note", crypto.fields.encrypted.EncryptedTextField(null=True)),
                ("reported_by", models.UUIDField()),
                ("reported_at", models.DateTimeField()),
                ("handled_by", models.UUIDField(null=True)),
                ("handled_at", models.DateTimeField(null=True)),
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
                "indexes": [models.Index(fields=["tenant", "-id"], name="training_suspicious_list")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("handled_at__isnull", True), ("state", "new")),
                            models.Q(
                                ("handled_at__isnull", False), ("state__in", ["harmless", "spam", "attack"])
                            ),
                            _connector="OR",
                        ),
                        name="training_suspicious_states",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="TrainingPolicy",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("hire_days", models.SmallIntegerField()),
                ("repeat_days", models.SmallIntegerField()),
                ("grace_days", models.SmallIntegerField()),
                ("withholds", models.BooleanField()),
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
                    models.UniqueConstraint(fields=("tenant",), name="training_policy_one"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("hire_days__gte", 1),
                            ("hire_days__lte", 90),
                            ("repeat_days__gte", 30),
                            ("repeat_days__lte", 365),
                            ("grace_days__gte", 1),
                            ("grace_days__lte", 60),
                        ),
                        name="training_policy_sane",
                    ),
                ],
            },
        ),
        TenantTable("TrainingPolicy", grants="SELECT, INSERT, UPDATE"),
        TenantTable("CourseDuty", grants="SELECT, INSERT, UPDATE"),
        TenantTable("Module", grants="SELECT, INSERT, UPDATE", encrypted=["body"]),
        TenantTable(
            "ModuleVersion",
            fks=[("module_id", "training.Module", "RESTRICT")],
            grants="SELECT, INSERT",
            encrypted=["body"],
        ),
        TenantTable(
            "Assignment",
            fks=[("member_id", "accounts.Membership", "RESTRICT")],
            grants="SELECT, INSERT, UPDATE",
            encrypted=["note"],
        ),
        TenantTable(
            "Attempt",
            fks=[
                ("assignment_id", "training.Assignment", "RESTRICT"),
                ("member_id", "accounts.Membership", "RESTRICT"),
            ],
            grants="SELECT, INSERT, UPDATE",
        ),
        TenantTable(
            "Record",
            fks=[
                ("attempt_id", "training.Attempt", "RESTRICT"),
                ("member_id", "accounts.Membership", "RESTRICT"),
            ],
            grants="SELECT, INSERT",
        ),
        TenantTable(
            "SuspiciousMessage", grants="SELECT, INSERT, UPDATE", encrypted=["sender", "text", "note"]
        ),
    ]
