"""Phishing practice: campaigns, and how far each mail came with one person."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import core.ids
import crypto.fields.encrypted
import tenancy.context
from tenancy.migrating import AtOnce
from tenancy.rls import TenantTable

# A customer of the portal sees none of it.
_NOBODYS = "NULL::uuid"
# What somebody did cannot be undone, what they reported not taken away, and nobody's link becomes another's: also not
# by whoever would like other numbers.
_FORWARD = """
CREATE FUNCTION training_result_forward() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    stages text[] := ARRAY['queued', 'sent', 'clicked', 'typed'];
BEGIN
    IF NEW.campaign_id <> OLD.campaign_id OR NEW.member_id <> OLD.member_id
        OR (OLD.token_hash IS NOT NULL AND NEW.token_hash IS DISTINCT FROM OLD.token_hash)
        OR (OLD.reported_at IS NOT NULL AND NEW.reported_at IS DISTINCT FROM OLD.reported_at)
        OR (OLD.clicked_at IS NOT NULL AND NEW.clicked_at IS DISTINCT FROM OLD.clicked_at)
        OR (OLD.typed_at IS NOT NULL AND NEW.typed_at IS DISTINCT FROM OLD.typed_at)
        OR (NEW.state = 'spared' AND OLD.state NOT IN ('queued', 'sent', 'spared'))
        OR (NEW.state <> 'spared'
            AND coalesce(array_position(stages, NEW.state) < array_position(stages, OLD.state), true)) THEN
        RAISE EXCEPTION 'practice result % only moves forward', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION training_result_forward() FROM PUBLIC;
CREATE TRIGGER forward BEFORE UPDATE ON training_practiceresult FOR EACH ROW
    EXECUTE FUNCTION training_result_forward();
"""
_GOES = """
DROP TRIGGER forward ON training_practiceresult;
DROP FUNCTION training_result_forward();
"""


def _tenant() -> models.ForeignKey:
    return models.ForeignKey(
        db_index=False,
        default=tenancy.context.current_tenant,
        editable=False,
        on_delete=django.db.models.deletion.PROTECT,
        related_name="+",
        to="tenancy.tenant",
    )


def _id() -> models.UUIDField:
    return models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)


def _to(model: str) -> models.ForeignKey:
    return models.ForeignKey(
        db_constraint=False,
        db_index=False,
        on_delete=django.db.models.deletion.PROTECT,
        related_name="+",
        to=model,
    )


class Migration(AtOnce):
    """Needs the members."""

    dependencies = [
        ("accounts", "0006_ending"),
        ("tenancy", "0001_initial"),
        ("training", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="PracticeCampaign",
            fields=[
                ("id", _id()),
                ("lure", models.CharField(max_length=40)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("running", "Running"),
                            ("ended", "Ended"),
                            ("stopped", "Stopped"),
                            ("dropped", "Dropped"),
                        ],
                        default="waiting",
                        max_length=16,
                    ),
                ),
                (
                    "roles",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=48), blank=True, default=list, size=None
                    ),
                ),
                (
                    "members",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.UUIDField(), blank=True, default=list, size=None
                    ),
                ),
                ("opens_on", models.DateField()),
                ("closes_on", models.DateField()),
                ("agreement", crypto.fields.encrypted.EncryptedTextField(null=True)),
                ("made_by", models.UUIDField()),
                ("made_at", models.DateTimeField()),
                ("approved_by", models.UUIDField(null=True)),
                ("released_at", models.DateTimeField(null=True)),
                ("ended_by", models.UUIDField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("totals", models.JSONField(null=True)),
                ("tenant", _tenant()),
            ],
            options={
                "abstract": False,
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("released_at__isnull", True),
                                ("state__in", ["waiting", "dropped"]),
                                ("totals__isnull", True),
                            ),
                            models.Q(
                                ("ended_at__isnull", True),
                                ("released_at__isnull", False),
                                ("state", "running"),
                                ("totals__isnull", True),
                            ),
                            models.Q(
                                ("ended_at__isnull", False),
                                ("released_at__isnull", False),
                                ("state__in", ["ended", "stopped"]),
                                ("totals__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="training_practice_states",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("approved_by__isnull", True),
                            models.Q(("approved_by", models.F("made_by")), _negated=True),
                            _connector="OR",
                        ),
                        name="training_practice_two_people",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("closes_on__gte", models.F("opens_on"))),
                        name="training_practice_window",
                    ),
                ],
                "indexes": [models.Index(fields=["tenant", "-id"], name="training_practice_list")],
            },
        ),
        migrations.CreateModel(
            name="PracticeResult",
            fields=[
                ("id", _id()),
                ("role", models.CharField(max_length=48)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("sent", "Sent"),
                            ("clicked", "Clicked"),
                            ("typed", "Typed"),
                            ("spared", "Spared"),
                        ],
                        default="queued",
                        max_length=16,
                    ),
                ),
                ("due_at", models.DateTimeField()),
                ("token_hash", models.BinaryField(max_length=32, null=True)),
                ("message", models.UUIDField(null=True)),
                ("sent_at", models.DateTimeField(null=True)),
                ("clicked_at", models.DateTimeField(null=True)),
                ("typed_at", models.DateTimeField(null=True)),
                ("reported_at", models.DateTimeField(null=True)),
                ("learned_at", models.DateTimeField(null=True)),
                ("robots", models.IntegerField(default=0)),
                ("campaign", _to("training.practicecampaign")),
                ("member", _to("accounts.membership")),
                ("tenant", _tenant()),
            ],
            options={
                "abstract": False,
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "campaign", "member"), name="training_result_one"
                    ),
                    models.UniqueConstraint(fields=("tenant", "token_hash"), name="training_result_token"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("clicked_at__isnull", True),
                                ("state__in", ["queued", "spared"]),
                                ("typed_at__isnull", True),
                            ),
                            models.Q(
                                ("clicked_at__isnull", True),
                                ("sent_at__isnull", False),
                                ("state", "sent"),
                                ("typed_at__isnull", True),
                            ),
                            models.Q(
                                ("clicked_at__isnull", False),
                                ("sent_at__isnull", False),
                                ("state", "clicked"),
                                ("typed_at__isnull", True),
                            ),
                            models.Q(
                                ("clicked_at__isnull", False),
                                ("sent_at__isnull", False),
                                ("state", "typed"),
                                ("typed_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="training_result_states",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("robots__gte", 0)), name="training_result_robots"
                    ),
                ],
                "indexes": [
                    models.Index(fields=["tenant", "member", "-id"], name="training_result_member"),
                    models.Index(
                        condition=models.Q(("state", "queued")),
                        fields=["tenant", "due_at"],
                        name="training_result_due",
                    ),
                ],
            },
        ),
        TenantTable(
            "PracticeCampaign",
            customer=_NOBODYS,
            grants="SELECT, INSERT, UPDATE",
            encrypted=["agreement"],
        ),
        TenantTable(
            "PracticeResult",
            customer=_NOBODYS,
            fks=[
                ("campaign_id", "training.PracticeCampaign", "RESTRICT"),
                ("member_id", "accounts.Membership", "RESTRICT"),
            ],
        ),
        migrations.RunSQL(_FORWARD, _GOES),
    ]
