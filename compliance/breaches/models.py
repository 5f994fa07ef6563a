"""The register of breaches (GDPR Article 33(5), 45 CFR 164.404 to 164.410), and what was noted of each."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import EncryptedTextField
from tenancy.models import TenantModel

_PURPOSE = "documenting breaches and telling those who must know in time"
_KEPT = "6 years after it was closed"
_LAW = "legal obligation: GDPR Article 33(5)"


class Breach(TenantModel):
    """One breach of people's data. Its facts may be added to, never taken away."""

    class Kind(models.TextChoices):
        """What was lost."""

        CONFIDENTIALITY = "confidentiality", "Somebody saw it who should not have"
        INTEGRITY = "integrity", "It was changed"
        AVAILABILITY = "availability", "It could not be reached or was lost"

    class Risk(models.TextChoices):
        """For the people: decides who is told (Articles 33(1) and 34(1))."""

        UNKNOWN = "unknown", "Not known yet"
        UNLIKELY = "unlikely", "Unlikely to harm anybody"
        RISK = "risk", "A risk: the authority is told"
        HIGH = "high", "A high risk: the people are told as well"

    class State(models.TextChoices):
        """A closed one stays in the register."""

        OPEN = "open"
        CLOSED = "closed"

    title = EncryptedTextField()
    kind = models.CharField(max_length=16, choices=Kind)
    risk = models.CharField(max_length=16, choices=Risk, default=Risk.UNKNOWN)
    state = models.CharField(max_length=16, choices=State, default=State.OPEN)
    # From when to when it lasted, as far as is known, and when we became aware: from then on the clocks run.
    began_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    aware_at = models.DateTimeField()
    authority_due_at = models.DateTimeField()
    people_due_at = models.DateTimeField()
    authority_told_at = models.DateTimeField(null=True)
    people_told_at = models.DateTimeField(null=True)
    # Whose acts are looked at for whom it touched: a person, a key, a session.
    actor_id = models.UUIDField(null=True)
    key_id = models.UUIDField(null=True)
    session_id = models.UUIDField(null=True)
    customers_affected = models.PositiveIntegerField(null=True)
    due_soon_at = models.DateTimeField(null=True)
    opened_by = models.UUIDField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    closed_by = models.UUIDField(null=True)
    closed_at = models.DateTimeField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose=_PURPOSE,
        retention=_KEPT,
        legal_basis=_LAW,
        erasure=Erasure.WITH_ORGANIZATION,
        fields={
            **dict.fromkeys(
                ["id", "tenant", "actor_id", "key_id", "session_id", "opened_by", "closed_by"],
                FieldClass.IDENTIFIER,
            ),
            "title": FieldClass.CONTENT,
            **dict.fromkeys(["kind", "risk", "state"], FieldClass.STATE),
            "customers_affected": FieldClass.TECHNICAL,
            **dict.fromkeys(
                ["began_at", "ended_at", "aware_at", "authority_due_at", "people_due_at",
                 "authority_told_at", "people_told_at", "due_soon_at", "created_at", "updated_at",
                 "closed_at"],
                FieldClass.TIME,
            ),
        },
    )  # fmt: skip

    class Meta(TenantModel.Meta):
        """Closed only with an end, and with a judgement of the risk."""

        abstract = False
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state="open", closed_at__isnull=True)
                | (Q(state="closed", closed_at__isnull=False) & ~Q(risk="unknown")),
                name="compliance_breach_closed",
            ),
            models.CheckConstraint(
                condition=Q(
                    kind__in=["confidentiality", "integrity", "availability"],
                    risk__in=["unknown", "unlikely", "risk", "high"],
                ),
                name="compliance_breach_words",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["tenant", "-id"], name="compliance_breach_list")]


class BreachNote(TenantModel):
    """What was found out, done or told. Nothing here ever changes."""

    class Kind(models.TextChoices):
        """What it is about."""

        FACT = "fact", "What happened"
        EFFECT = "effect", "What it means for people"
        ACTION = "action", "What was done about it"
        AUTHORITY = "authority", "What the authority was told"
        PEOPLE = "people", "What the people were told"
        CLOSING = "closing", "Why it is closed"

    breach = models.ForeignKey(
        Breach, models.PROTECT, db_constraint=False, db_index=False, related_name="notes"
    )
    kind = models.CharField(max_length=16, choices=Kind)
    text = EncryptedTextField()
    written_by = models.UUIDField(null=True)
    at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose=_PURPOSE,
        retention=_KEPT,
        legal_basis=_LAW,
        erasure=Erasure.WITH_ORGANIZATION,
        fields={
            **dict.fromkeys(["id", "tenant", "breach", "written_by"], FieldClass.IDENTIFIER),
            "kind": FieldClass.STATE,
            "text": FieldClass.CONTENT,
            "at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """Read with its breach, oldest first."""

        abstract = False
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(kind__in=["fact", "effect", "action", "authority", "people", "closing"]),
                name="compliance_breachnote_kind",
            )
        ]
        indexes: ClassVar = [models.Index(fields=["tenant", "breach", "id"], name="compliance_breachnote_of")]
