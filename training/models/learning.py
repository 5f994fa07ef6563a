"""What people have to take, what they have answered, what they have passed."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from accounts.models import Membership
from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import EncryptedTextField
from tenancy.models import TenantModel

_PURPOSE = "teaching the people who work with money and data, and being able to show it"
# HIPAA 45 CFR 164.316(b)(2)(i) asks for six years of documentation.
_KEPT = "6 years after it was made"
_LAW = "documentation duties of security and privacy law"


class Assignment(TenantModel):
    """A member has to take a course by a day."""

    class Why(models.TextChoices):
        """What made it."""

        HIRE = "hire"
        YEARLY = "yearly"
        ROLE = "role"
        VERSION = "version"
        BY_HAND = "by_hand"
        OWN_WISH = "own_wish"

    class State(models.TextChoices):
        """A dropped one is no duty any more: the role changed, or the member left."""

        OPEN = "open"
        DONE = "done"
        EXCUSED = "excused"
        DROPPED = "dropped"

    member = models.ForeignKey(
        Membership, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    course = models.CharField(max_length=40)
    why = models.CharField(max_length=16, choices=Why)
    state = models.CharField(max_length=16, choices=State, default=State.OPEN)
    # None: taken by one's own wish, which no day presses.
    due_on = models.DateField(null=True)
    assigned_on = models.DateField()
    assigned_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    # Why somebody gave more time or was excused.
    note = EncryptedTextField(null=True)
    # Written once: being late is announced a single time.
    overdue_at = models.DateTimeField(null=True)
    reminded = models.CharField(max_length=16, blank=True, default="")
    # Failed tries before this time count no more.
    tries_since = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose=_PURPOSE,
        retention=_KEPT,
        legal_basis=_LAW,
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(["id", "tenant", "member", "course"], FieldClass.IDENTIFIER),
            **dict.fromkeys(["why", "state", "reminded"], FieldClass.STATE),
            "note": FieldClass.CONTENT,
            **dict.fromkeys(
                ["due_on", "assigned_on", "assigned_at", "ended_at", "overdue_at", "tries_since"],
                FieldClass.TIME,
            ),
        },
    )

    class Meta(TenantModel.Meta):
        """A member has a course to take once at a time, whatever runs twice."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "member", "course"],
                condition=Q(state="open"),
                name="training_assignment_open",
            ),
            models.CheckConstraint(
                condition=Q(state="open", ended_at__isnull=True)
                | Q(state__in=["done", "excused", "dropped"], ended_at__isnull=False),
                name="training_assignment_states",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "member", "course", "-id"], name="training_assignment_member"),
            models.Index(fields=["tenant", "-id"], name="training_assignment_list"),
            models.Index(
                fields=["tenant", "due_on", "id"], condition=Q(state="open"), name="training_assignment_due"
            ),
        ]


class Attempt(TenantModel):
    """One way through a course: how far, what was answered. Only the answers' numbers are kept, never words."""

    class State(models.TextChoices):
        """An abandoned one was of words that are taught no more."""

        OPEN = "open"
        PASSED = "passed"
        FAILED = "failed"
        ABANDONED = "abandoned"

    assignment = models.ForeignKey(
        Assignment, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    member = models.ForeignKey(
        Membership, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    course = models.CharField(max_length=40)
    version = models.SmallIntegerField()
    digest = models.BinaryField(max_length=32)
    number = models.SmallIntegerField()
    state = models.CharField(max_length=16, choices=State, default=State.OPEN)
    seed = models.BinaryField(max_length=16)
    # The furthest page that was finished, and what was answered on the pages: {"2": [0, 3]}.
    page = models.SmallIntegerField(default=0)
    steps = models.JSONField(default=dict, blank=True)
    # The codes of the questions drawn, and the answers so far, in the same order.
    asked = ArrayField(models.CharField(max_length=8), default=list, blank=True)
    answers = ArrayField(models.SmallIntegerField(), default=list, blank=True)
    right = models.SmallIntegerField(null=True)
    pass_percent = models.SmallIntegerField()
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose=_PURPOSE,
        retention=_KEPT,
        legal_basis=_LAW,
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(["id", "tenant", "assignment", "member", "course"], FieldClass.IDENTIFIER),
            "state": FieldClass.STATE,
            "digest": FieldClass.HASH,
            **dict.fromkeys(
                [
                    "version",
                    "number",
                    "seed",
                    "page",
                    "steps",
                    "asked",
                    "answers",
                    "right",
                    "pass_percent",
                ],
                FieldClass.TECHNICAL,
            ),
            **dict.fromkeys(["started_at", "ended_at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """One at a time."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "assignment"], condition=Q(state="open"), name="training_attempt_open"
            ),
            models.UniqueConstraint(
                fields=["tenant", "assignment", "number"], name="training_attempt_number"
            ),
            models.CheckConstraint(
                condition=Q(state="open", ended_at__isnull=True)
                | Q(state__in=["passed", "failed", "abandoned"], ended_at__isnull=False),
                name="training_attempt_states",
            ),
        ]


class Record(TenantModel):
    """Somebody has passed a course: of which words, as what, how, and until when it counts. Nothing ever changes."""

    member = models.ForeignKey(
        Membership, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    attempt = models.ForeignKey(
        Attempt, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    course = models.CharField(max_length=40)
    version = models.SmallIntegerField()
    digest = models.BinaryField(max_length=32)
    role = models.CharField(max_length=48)
    number = models.SmallIntegerField()
    right = models.SmallIntegerField()
    asked = models.SmallIntegerField()
    pass_percent = models.SmallIntegerField()
    acknowledged = models.SmallIntegerField()
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    valid_until = models.DateField()
    # Of the code on the certificate, which is written anew from this row: whoever reads the table forges nothing.
    code_hash = models.BinaryField(max_length=32)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose=_PURPOSE,
        retention=_KEPT,
        legal_basis=_LAW,
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(["id", "tenant", "member", "attempt", "course", "role"], FieldClass.IDENTIFIER),
            **dict.fromkeys(["digest", "code_hash"], FieldClass.HASH),
            **dict.fromkeys(
                ["version", "number", "right", "asked", "pass_percent", "acknowledged"], FieldClass.TECHNICAL
            ),
            **dict.fromkeys(["started_at", "finished_at", "valid_until"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """Passed is passed: never with fewer right answers than the pass mark of that day."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "attempt"], name="training_record_attempt"),
            models.UniqueConstraint(fields=["tenant", "code_hash"], name="training_record_code"),
            models.CheckConstraint(
                # Of whole numbers: rounding down loses nothing, the mark being whole itself.
                condition=Q(asked__gt=0, right__lte=models.F("asked"))
                & Q(pass_percent__lte=models.F("right") * 100 / models.F("asked")),
                name="training_record_passed",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "member", "course", "-id"], name="training_record_member"),
            models.Index(fields=["tenant", "-id"], name="training_record_list"),
        ]
