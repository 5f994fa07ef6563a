"""Where words name somebody who is to be erased."""

import django.db.models.deletion
from django.db import migrations, models

import core.ids
import tenancy.context
from tenancy.migrating import AtOnce
from tenancy.rls import TenantTable


class Migration(AtOnce):
    """One table; a customer of the portal sees none of it."""

    dependencies = [("compliance", "0003_access_reviews")]

    operations = [
        migrations.CreateModel(
            name="WordsFound",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("table", models.CharField(max_length=64)),
                ("column", models.CharField(max_length=64)),
                ("record_id", models.UUIDField()),
                ("hits", models.PositiveIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "Open"), ("redacted", "Redacted"), ("kept", "Kept")],
                        default="open",
                        max_length=16,
                    ),
                ),
                (
                    "why",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "Not kept"),
                            ("law", "The law demands that the record stays as it is"),
                            ("claims", "Needed for legal claims"),
                            ("other", "It is about somebody else"),
                        ],
                        default="",
                        max_length=16,
                    ),
                ),
                ("found_at", models.DateTimeField()),
                ("decided_by", models.UUIDField(null=True)),
                ("decided_at", models.DateTimeField(null=True)),
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
                    "request",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="compliance.privacyrequest",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "indexes": [
                    models.Index(fields=["tenant", "request", "-id"], name="compliance_wordsfound_of")
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("decided_at__isnull", True), ("state", "open"), ("why", "")),
                            models.Q(("decided_at__isnull", False), ("state", "redacted"), ("why", "")),
                            models.Q(
                                ("decided_at__isnull", False),
                                ("state", "kept"),
                                ("why__in", ["law", "claims", "other"]),
                            ),
                            _connector="OR",
                        ),
                        name="compliance_wordsfound_decided",
                    )
                ],
            },
        ),
        TenantTable(
            "WordsFound",
            fks=[("request_id", "compliance.PrivacyRequest", "RESTRICT")],
            customer="NULL::uuid",
            grants="SELECT, INSERT, UPDATE, DELETE",
        ),
    ]
