"""The ledger of erasures: whose key was destroyed, when, and what the law made us keep."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from compliance.requests.models import PrivacyRequest
from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from tenancy.models import TenantModel


class ErasureEntry(TenantModel):
    """One person was erased. Ids and counts alone: a restored backup is erased again by it."""

    class Kind(models.TextChoices):
        """Who they were to the organization."""

        CUSTOMER = "customer"
        CONTACT = "contact"
        USER = "user"

    kind = models.CharField(max_length=16, choices=Kind)
    subject_id = models.UUIDField()
    # Every row whose key went with it: contacts, customers merged into this one.
    also = ArrayField(models.UUIDField(), default=list, blank=True)
    request = models.ForeignKey(
        PrivacyRequest, models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    erased = models.JSONField(default=dict, blank=True)
    kept = models.JSONField(default=dict, blank=True)
    # Done once more, because a backup from before was restored.
    is_replay = models.BooleanField(default=False)
    erased_by = models.UUIDField(null=True)
    at = models.DateTimeField()
    # Since when it also stands in the journal, which no restore turns back.
    journalled_at = models.DateTimeField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="proving an erasure, and repeating it after a restore",
        retention="as long as any backup from before it exists, and 3 years",
        legal_basis="legal obligation: GDPR Articles 5(2) and 17",
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(
                ["id", "tenant", "subject_id", "also", "request", "erased_by"], FieldClass.IDENTIFIER
            ),
            **dict.fromkeys(["kind", "is_replay"], FieldClass.STATE),
            **dict.fromkeys(["erased", "kept"], FieldClass.TECHNICAL),
            **dict.fromkeys(["at", "journalled_at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """Newest first; found by who it was."""

        abstract = False
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(kind__in=["customer", "contact", "user"]), name="compliance_erasure_kind"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-id"], name="compliance_erasure_list"),
            models.Index(fields=["tenant", "subject_id"], name="compliance_erasure_subject"),
            models.Index(
                fields=["tenant", "at"],
                condition=Q(journalled_at__isnull=True),
                name="compliance_erasure_unwritten",
            ),
        ]


class WordsFound(TenantModel):
    """A row in which somebody's words name a person who is to be erased: where, and never what they say."""

    class State(models.TextChoices):
        """Open ones hold the erasure up."""

        OPEN = "open"
        REDACTED = "redacted"
        KEPT = "kept"

    class Why(models.TextChoices):
        """Why words may stay (GDPR Article 17(3)), or are not about this person."""

        NONE = "", "Not kept"
        LAW = "law", "The law demands that the record stays as it is"
        CLAIMS = "claims", "Needed for legal claims"
        OTHER = "other", "It is about somebody else"

    request = models.ForeignKey(
        PrivacyRequest, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    table = models.CharField(max_length=64)
    column = models.CharField(max_length=64)
    record_id = models.UUIDField()
    hits = models.PositiveIntegerField()
    state = models.CharField(max_length=16, choices=State, default=State.OPEN)
    why = models.CharField(max_length=16, choices=Why, default=Why.NONE, blank=True)
    found_at = models.DateTimeField()
    decided_by = models.UUIDField(null=True)
    decided_at = models.DateTimeField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="taking a person out of words that were typed about them, and proving it",
        retention="as long as the request it belongs to",
        legal_basis="legal obligation: GDPR Articles 5(2) and 17",
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(["id", "tenant", "request", "record_id", "decided_by"], FieldClass.IDENTIFIER),
            **dict.fromkeys(["state", "why"], FieldClass.STATE),
            **dict.fromkeys(["table", "column", "hits"], FieldClass.TECHNICAL),
            **dict.fromkeys(["found_at", "decided_at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """Kept with a reason; decided by somebody at some time."""

        abstract = False
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state="open", why="", decided_at__isnull=True)
                | Q(state="redacted", why="", decided_at__isnull=False)
                | Q(state="kept", why__in=["law", "claims", "other"], decided_at__isnull=False),
                name="compliance_wordsfound_decided",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "request", "-id"], name="compliance_wordsfound_of")
        ]
