"""Reviews of access, which nobody changes once they are signed."""

import django.db.models.deletion
from django.db import migrations, models

import core.ids
import crypto.fields.encrypted
import tenancy.context
from tenancy.migrating import AtOnce
from tenancy.rls import TenantTable

# A customer of the portal sees none of it.
_NOBODYS = "NULL::uuid"
# Whoever changes keys may write the envelopes and nothing else: the grants say so.
_STAYS = """
CREATE FUNCTION compliance_review_stays() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.signed_at IS NOT NULL OR NEW.begun_at <> OLD.begun_at OR NEW.begun_by <> OLD.begun_by THEN
        RAISE EXCEPTION 'review % stays as it is', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE FUNCTION compliance_line_stays() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    writable text[] := ARRAY['decision', 'reason', 'decided_by', 'decided_at'];
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'line % stays', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    IF EXISTS (
        SELECT FROM compliance_accessreview
        WHERE tenant_id = NEW.tenant_id AND id = NEW.review_id AND signed_at IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'review % is signed', NEW.review_id USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'UPDATE' AND (
        OLD.decision IN ('withdraw', 'gone') OR (to_jsonb(OLD) - writable) IS DISTINCT FROM (to_jsonb(NEW) - writable)
    ) THEN
        RAISE EXCEPTION 'line % stays as it was noted', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION compliance_review_stays(), compliance_line_stays() FROM PUBLIC;
CREATE TRIGGER stays BEFORE UPDATE OR DELETE ON compliance_accessreview FOR EACH ROW
    WHEN (current_user <> 'strongbox_rekey') EXECUTE FUNCTION compliance_review_stays();
CREATE TRIGGER stays BEFORE INSERT OR UPDATE OR DELETE ON compliance_accessline FOR EACH ROW
    WHEN (current_user <> 'strongbox_rekey') EXECUTE FUNCTION compliance_line_stays();
"""
_GOES = """
DROP TRIGGER stays ON compliance_accessline;
DROP TRIGGER stays ON compliance_accessreview;
DROP FUNCTION compliance_line_stays();
DROP FUNCTION compliance_review_stays();
"""


class Migration(AtOnce):
    """Needs compliance."""

    dependencies = [("compliance", "0002_personal_data"), ("tenancy", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="AccessReview",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=core.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("begun_by", models.UUIDField()),
                ("begun_at", models.DateTimeField()),
                ("due_on", models.DateField()),
                ("statement", crypto.fields.encrypted.EncryptedTextField(null=True)),
                ("kept", models.PositiveIntegerField(default=0)),
                ("withdrawn", models.PositiveIntegerField(default=0)),
                ("gone", models.PositiveIntegerField(default=0)),
                ("signed_by", models.UUIDField(null=True)),
                ("signed_at", models.DateTimeField(null=True)),
                ("digest", models.BinaryField(max_length=32, null=True)),
                ("signature", models.BinaryField(max_length=64, null=True)),
                ("public_key", models.BinaryField(max_length=32, null=True)),
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
                "indexes": [models.Index(fields=["tenant", "-id"], name="compliance_accessreview_list")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("signed_at__isnull", True)),
                        fields=("tenant",),
                        name="compliance_accessreview_one_open",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("digest__isnull", True),
                                ("signature__isnull", True),
                                ("signed_at__isnull", True),
                                ("signed_by__isnull", True),
                            ),
                            models.Q(
                                ("digest__isnull", False),
                                ("public_key__isnull", False),
                                ("signature__isnull", False),
                                ("signed_at__isnull", False),
                                ("signed_by__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="compliance_accessreview_signed",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="AccessLine",
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
                            ("member", "Member"),
                            ("api_key", "API key"),
                            ("grant", "Single customer"),
                            ("role", "Role"),
                        ],
                        max_length=8,
                    ),
                ),
                ("object_id", models.UUIDField()),
                ("user_id", models.UUIDField(null=True)),
                ("label", crypto.fields.encrypted.EncryptedTextField(null=True)),
                ("facts", models.JSONField(default=dict)),
                ("last_used_at", models.DateTimeField(null=True)),
                (
                    "decision",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "Not decided"),
                            ("keep", "Keep"),
                            ("withdraw", "Withdraw"),
                            ("gone", "Gone"),
                        ],
                        default="",
                        max_length=8,
                    ),
                ),
                ("reason", crypto.fields.encrypted.EncryptedTextField(null=True)),
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
                    "review",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lines",
                        to="compliance.accessreview",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "indexes": [models.Index(fields=["tenant", "review", "id"], name="compliance_accessline_of")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "review", "kind", "object_id"), name="compliance_accessline_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("decided_at__isnull", True), ("decision", "")),
                            models.Q(("decided_at__isnull", False), ("decision__in", ["keep", "gone"])),
                            models.Q(
                                ("decided_at__isnull", False),
                                ("decision", "withdraw"),
                                ("reason__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="compliance_accessline_decided",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["member", "api_key", "grant", "role"])),
                        name="compliance_accessline_kind",
                    ),
                ],
            },
        ),
        TenantTable(
            "AccessReview",
            customer=_NOBODYS,
            grants="SELECT, INSERT, UPDATE",
            encrypted=["statement"],
        ),
        TenantTable(
            "AccessLine",
            fks=[("review_id", "compliance.AccessReview", "RESTRICT")],
            customer=_NOBODYS,
            grants="SELECT, INSERT, UPDATE",
            encrypted=["label", "reason"],
        ),
        migrations.RunSQL(_STAYS, _GOES),
    ]
