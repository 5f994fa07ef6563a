"""The person an alert is about is asked whether it was them."""

import django.db.models.deletion
from django.db import migrations, models

import core.ids
import tenancy.context
from tenancy.migrating import AtOnce
from tenancy.rls import TenantTable


class Migration(AtOnce):
    dependencies = [("alerts", "0003_set_aside"), ("tenancy", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="AlertQuestion",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("person_id", models.UUIDField()),
                ("token_hash", models.BinaryField(max_length=32)),
                ("asked_by", models.UUIDField(null=True)),
                ("asked_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("answer", models.CharField(blank=True, default="", max_length=4)),
                ("answered_at", models.DateTimeField(null=True)),
                (
                    "alert",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="questions",
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
                "indexes": [models.Index(fields=["tenant", "alert", "-id"], name="alerts_alertquestion_of")],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "token_hash"), name="alerts_alertquestion_one"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("answer", ""), ("answered_at__isnull", True)),
                            models.Q(("answer__in", ["yes", "no"]), ("answered_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="alerts_alertquestion_answered",
                    ),
                ],
            },
        ),
        migrations.RemoveConstraint(
            model_name="alertstep",
            name="alerts_alertstep_kinds",
        ),
        migrations.AlterField(
            model_name="alertstep",
            name="kind",
            field=models.CharField(
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
                    ("asked", "Asked"),
                    ("answered", "Answered"),
                ],
                max_length=16,
            ),
        ),
        migrations.AddConstraint(
            model_name="alertstep",
            constraint=models.CheckConstraint(
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
                            "asked",
                            "answered",
                        ],
                    )
                ),
                name="alerts_alertstep_kinds",
            ),
        ),
        TenantTable(
            "AlertQuestion",
            fks=[("alert_id", "alerts.Alert", "RESTRICT")],
            customer="NULL::uuid",
            grants="SELECT, INSERT, UPDATE (answer, answered_at)",
        ),
    ]
