"""The organization, the signed context and its key, and the progress of long work."""

from pathlib import Path
from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import functions

import tenancy.context
from core import ids
from tenancy.migrating import AtOnce
from tenancy.rls import TenantTable, entered_only

CONTEXT = (Path(__file__).parents[1] / "context_function.sql").read_text()
CONTEXT_UNDO = "SET LOCAL ROLE strongbox_context; DROP SCHEMA app, app_private CASCADE; RESET ROLE"


def store_context_key(apps: Any, schema_editor: Any) -> None:
    """Put the HMAC key, pads applied, where only the context's functions can read it."""
    pad = settings.CONTEXT_KEY.ljust(64, b"\0")
    schema_editor.execute("SET LOCAL ROLE strongbox_context")
    schema_editor.execute(
        "INSERT INTO app_private.ctx_key VALUES (%s, %s, %s, %s)",
        [
            settings.CONTEXT_KEY_ID,
            bytes(byte ^ 0x36 for byte in pad),
            bytes(byte ^ 0x5C for byte in pad),
            settings.CONTEXT_BIND_BACKEND,
        ],
    )
    schema_editor.execute("RESET ROLE")


class Migration(AtOnce):
    """Everything else stands on this."""

    initial = True

    operations = [
        migrations.CreateModel(
            "Tenant",
            [
                (
                    "id",
                    models.UUIDField(default=ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("slug", models.SlugField(max_length=63, unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[("customer", "Customer"), ("operator", "Operator")],
                        default="customer",
                        max_length=16,
                    ),
                ),
                (
                    "mode",
                    models.CharField(
                        choices=[("live", "Live"), ("test", "Test")], default="live", max_length=8
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("active", "Active"), ("sealed", "Sealed"), ("closing", "Closing")],
                        default="active",
                        max_length=16,
                    ),
                ),
                ("key_generation", models.PositiveIntegerField(default=1)),
                ("created_at", models.DateTimeField(db_default=functions.Now())),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("kind", "operator")),
                        fields=("kind",),
                        name="tenancy_tenant_one_operator",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["active", "sealed", "closing"])),
                        name="tenancy_tenant_state",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("mode__in", ["live", "test"])), name="tenancy_tenant_mode"
                    ),
                ],
            },
        ),
        migrations.RunSQL(CONTEXT, CONTEXT_UNDO),
        migrations.RunPython(store_context_key, migrations.RunPython.noop),
        migrations.RunSQL(
            "GRANT SELECT ON tenancy_tenant, django_migrations TO strongbox_app, strongbox_rekey;"
            "GRANT SELECT ON tenancy_tenant TO strongbox_sealer;"
            "GRANT INSERT, UPDATE (state, key_generation) ON tenancy_tenant TO strongbox_app",
            "REVOKE ALL ON tenancy_tenant, django_migrations FROM strongbox_app, strongbox_sealer, strongbox_rekey",
        ),
        *(
            migrations.RunSQL(forwards, backwards)
            for forwards, backwards in entered_only("tenancy_tenant", also="strongbox_sealer")
        ),
        migrations.CreateModel(
            "Job",
            [
                (
                    "id",
                    models.UUIDField(default=ids.uuid7, editable=False, primary_key=True, serialize=False),
                ),
                ("kind", models.CharField(max_length=64)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="queued",
                        max_length=16,
                    ),
                ),
                ("done", models.PositiveBigIntegerField(default=0)),
                ("total", models.PositiveBigIntegerField(default=0)),
                ("counts", models.JSONField(default=dict)),
                ("code", models.CharField(blank=True, default="", max_length=64)),
                ("created_by", models.UUIDField(null=True)),
                ("created_at", models.DateTimeField()),
                ("started_at", models.DateTimeField(null=True)),
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
            ],
            options={
                "indexes": [models.Index(fields=["tenant", "-created_at"], name="tenancy_job_newest")],
                "abstract": False,
            },
        ),
        TenantTable("Job", grants="SELECT, INSERT, UPDATE"),
    ]
