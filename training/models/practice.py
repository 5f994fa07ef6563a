"""Phishing practice: what was planned and agreed to, and how far each mail came."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from accounts.models import Membership
from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import EncryptedTextField
from tenancy.models import TenantModel

_PURPOSE = "practising to see and report an attack, so that people learn it before one comes"


class PracticeCampaign(TenantModel):
    """One practice mail, planned by one person and released by another. Its numbers name nobody and stay."""

    class State(models.TextChoices):
        """A dropped one was never released; a stopped one was ended by hand."""

        WAITING = "waiting"
        RUNNING = "running"
        ENDED = "ended"
        STOPPED = "stopped"
        DROPPED = "dropped"

    lure = models.CharField(max_length=40)
    state = models.CharField(max_length=16, choices=State, default=State.WAITING)
    # Codes of roles, or "everyone"; and members by name.
    roles = ArrayField(models.CharField(max_length=48), default=list, blank=True)
    members = ArrayField(models.UUIDField(), default=list, blank=True)
    opens_on = models.DateField()
    closes_on = models.DateField()
    # What was agreed with the staff council, where there is one.
    agreement = EncryptedTextField(null=True)
    made_by = models.UUIDField()
    made_at = models.DateTimeField()
    approved_by = models.UUIDField(null=True)
    released_at = models.DateTimeField(null=True)
    ended_by = models.UUIDField(null=True)
    ended_at = models.DateTimeField(null=True)
    # The numbers at its end (training.practice.rules.Totals): what stays when the results of people are gone.
    totals = models.JSONField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose=_PURPOSE,
        retention="as long as the organization exists; it names nobody but who planned and released it",
        erasure=Erasure.WITH_ORGANIZATION,
        fields={
            **dict.fromkeys(
                ["id", "tenant", "lure", "members", "made_by", "approved_by", "ended_by"],
                FieldClass.IDENTIFIER,
            ),
            "state": FieldClass.STATE,
            **dict.fromkeys(["roles", "totals"], FieldClass.TECHNICAL),
            "agreement": FieldClass.CONTENT,
            **dict.fromkeys(["opens_on", "closes_on", "made_at", "released_at", "ended_at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """Whoever planned it never released it, and nothing is counted after its end."""

        abstract = False
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "dropped"], released_at__isnull=True, totals__isnull=True)
                | Q(state="running", released_at__isnull=False, totals__isnull=True, ended_at__isnull=True)
                | Q(
                    state__in=["ended", "stopped"],
                    released_at__isnull=False,
                    totals__isnull=False,
                    ended_at__isnull=False,
                ),
                name="training_practice_states",
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=models.F("made_by")),
                name="training_practice_two_people",
            ),
            models.CheckConstraint(
                condition=Q(closes_on__gte=models.F("opens_on")), name="training_practice_window"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["tenant", "-id"], name="training_practice_list")]


class PracticeResult(TenantModel):
    """How far one practice mail came with one person. Nothing that anybody typed is ever here."""

    class State(models.TextChoices):
        """Each includes those before it; a spared person got no mail after all."""

        QUEUED = "queued"
        SENT = "sent"
        CLICKED = "clicked"
        TYPED = "typed"
        SPARED = "spared"

    campaign = models.ForeignKey(
        PracticeCampaign, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    member = models.ForeignKey(
        Membership, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    # The role then: people move on, the numbers of a team do not.
    role = models.CharField(max_length=48)
    state = models.CharField(max_length=16, choices=State, default=State.QUEUED)
    due_at = models.DateTimeField()
    token_hash = models.BinaryField(max_length=32, null=True)
    message = models.UUIDField(null=True)
    sent_at = models.DateTimeField(null=True)
    clicked_at = models.DateTimeField(null=True)
    typed_at = models.DateTimeField(null=True)
    reported_at = models.DateTimeField(null=True)
    learned_at = models.DateTimeField(null=True)
    # How often the link was fetched without a sign of a person.
    robots = models.IntegerField(default=0)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose=_PURPOSE,
        retention="12 months after its campaign was released; earlier when the member's account is erased",
        erasure=Erasure.DELETE,
        fields={
            **dict.fromkeys(["id", "tenant", "campaign", "member", "role", "message"], FieldClass.IDENTIFIER),
            "state": FieldClass.STATE,
            "token_hash": FieldClass.HASH,
            "robots": FieldClass.TECHNICAL,
            **dict.fromkeys(
                ["due_at", "sent_at", "clicked_at", "typed_at", "reported_at", "learned_at"], FieldClass.TIME
            ),
        },
    )

    class Meta(TenantModel.Meta):
        """One a person and campaign; a stage has its time, and those before it have theirs."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "campaign", "member"], name="training_result_one"),
            models.UniqueConstraint(fields=["tenant", "token_hash"], name="training_result_token"),
            models.CheckConstraint(
                condition=Q(state__in=["queued", "spared"], clicked_at__isnull=True, typed_at__isnull=True)
                | Q(state="sent", sent_at__isnull=False, clicked_at__isnull=True, typed_at__isnull=True)
                | Q(state="clicked", sent_at__isnull=False, clicked_at__isnull=False, typed_at__isnull=True)
                | Q(state="typed", sent_at__isnull=False, clicked_at__isnull=False, typed_at__isnull=False),
                name="training_result_states",
            ),
            models.CheckConstraint(condition=Q(robots__gte=0), name="training_result_robots"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "member", "-id"], name="training_result_member"),
            models.Index(
                fields=["tenant", "due_at"], condition=Q(state="queued"), name="training_result_due"
            ),
        ]
