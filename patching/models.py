"""What runs here, what is known to be wrong with it, and what was decided about that.

The rows are the operator's: the software is the same for every organization of the installation. What others may know
of it, the database's function `patching_evidence` gives: states, times and counts (made by the first migration).
"""

from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q

from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import EncryptedTextField
from outbound.models import StoredFile
from patching.inventory.component import Kind, Scope
from patching.rules import Severity, State
from tenancy.models import TenantModel

_KEPT = "as long as the organization exists"


def _words(values: Any) -> list[tuple[str, str]]:
    return [(value.value, value.value) for value in values]


class Bundle(TenantModel):
    """A signed bundle of advisories that was taken in; the newest is the one that counts."""

    file = models.ForeignKey(
        StoredFile, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    made_at = models.DateTimeField()
    # The age of its oldest part.
    fetched_at = models.DateTimeField()
    imported_at = models.DateTimeField()
    imported_by = models.UUIDField(null=True)
    key = models.CharField(max_length=64)
    sha256 = models.CharField(max_length=64)
    advisories = models.PositiveIntegerField()
    # [{name, fetched_at, advisories}]
    ecosystems = models.JSONField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="knowing which weaknesses are known, and how old that knowledge is",
        retention=_KEPT,
        erasure=Erasure.NONE,
        fields={
            **dict.fromkeys(["id", "tenant", "file", "imported_by"], FieldClass.IDENTIFIER),
            **dict.fromkeys(["made_at", "fetched_at", "imported_at"], FieldClass.TIME),
            **dict.fromkeys(["key", "advisories", "ecosystems"], FieldClass.TECHNICAL),
            "sha256": FieldClass.HASH,
        },
    )

    class Meta(TenantModel.Meta):
        """A bundle is taken in once."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "sha256"], name="patching_bundle_once")
        ]
        indexes: ClassVar = [models.Index(fields=["tenant", "-made_at"], name="patching_bundle_newest")]


class Check(TenantModel):
    """One look at everything that runs. Nothing here ever changes."""

    at = models.DateTimeField()
    state = models.CharField(max_length=16, choices=_words(State))
    # Which sources answered: "bundle", "online", both with a plus, or "none".
    source = models.CharField(max_length=32)
    source_at = models.DateTimeField(null=True)
    # Why it is not known (rules.Why).
    reasons = models.JSONField()
    components = models.PositiveIntegerField()
    clean_ones = models.PositiveIntegerField()
    vulnerable = models.PositiveIntegerField()
    unknown = models.PositiveIntegerField()
    open = models.PositiveIntegerField()
    overdue = models.PositiveIntegerField()
    accepted = models.PositiveIntegerField()
    found = models.PositiveIntegerField()
    fixed = models.PositiveIntegerField()
    by_severity = models.JSONField()
    # [{product, series, version, ends_on, support}]
    series = models.JSONField()
    # Codes of the series whose end is near, or here: told once, when they come in.
    ending = models.JSONField()
    # The bill of materials of what was seen; looks that saw the same share one.
    sbom = models.ForeignKey(
        StoredFile, models.PROTECT, db_constraint=False, db_index=False, null=True, related_name="+"
    )
    # Of all components together: what changes when anything that runs here does.
    digest = models.CharField(max_length=64)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="proving that what runs here is looked at",
        retention=_KEPT,
        erasure=Erasure.NONE,
        fields={
            **dict.fromkeys(["id", "tenant", "sbom"], FieldClass.IDENTIFIER),
            "digest": FieldClass.HASH,
            **dict.fromkeys(["at", "source_at"], FieldClass.TIME),
            **dict.fromkeys(["state", "source", "reasons", "series", "ending"], FieldClass.STATE),
            **dict.fromkeys(
                [
                    "components", "clean_ones", "vulnerable", "unknown", "open", "overdue", "accepted", "found",
                    "fixed", "by_severity",
                ],
                FieldClass.TECHNICAL,
            ),
        },
    )  # fmt: skip

    class Meta(TenantModel.Meta):
        """Newest first."""

        abstract = False
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state__in=["clean", "vulnerable", "unknown"]), name="patching_check_state"
            ),
            # "clean" cannot even be stored beside a reason to doubt it.
            models.CheckConstraint(
                condition=~Q(state="clean")
                | Q(reasons=[], unknown=0, vulnerable=0, open=0, components__gt=0, source_at__isnull=False),
                name="patching_check_clean",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["tenant", "-at"], name="patching_check_newest")]


class Component(TenantModel):
    """One thing that runs here, or ran."""

    kind = models.CharField(max_length=16, choices=_words(Kind))
    name = models.CharField(max_length=200)
    version = models.CharField(max_length=200)
    ecosystem = models.CharField(max_length=64)
    purl = models.CharField(max_length=400)
    licence = models.CharField(max_length=400)
    sha256 = models.CharField(max_length=64, blank=True, default="")
    scope = models.CharField(max_length=16, choices=_words(Scope))
    is_direct = models.BooleanField(default=False)
    is_intact = models.BooleanField(default=True)
    state = models.CharField(max_length=16, choices=_words(State))
    why = models.CharField(max_length=32, blank=True, default="")
    first_seen_at = models.DateTimeField()
    version_since = models.DateTimeField()
    gone_at = models.DateTimeField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="knowing what runs here, and since when",
        retention=_KEPT,
        erasure=Erasure.NONE,
        fields={
            **dict.fromkeys(["id", "tenant"], FieldClass.IDENTIFIER),
            **dict.fromkeys(
                ["kind", "name", "version", "ecosystem", "purl", "licence", "is_direct", "is_intact"],
                FieldClass.TECHNICAL,
            ),
            "sha256": FieldClass.HASH,
            **dict.fromkeys(["scope", "state", "why"], FieldClass.STATE),
            **dict.fromkeys(["first_seen_at", "version_since", "gone_at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """Each once."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "kind", "name"], name="patching_component_once"),
            models.CheckConstraint(
                condition=Q(state__in=["clean", "vulnerable", "unknown"]), name="patching_component_state"
            ),
        ]


class Finding(TenantModel):
    """A known weakness of something that runs here."""

    class Status(models.TextChoices):
        """Fixed: the weakness is gone. Accepted: somebody decided to live with it, and somebody else agreed."""

        OPEN = "open"
        ACCEPTED = "accepted"
        FIXED = "fixed"

    component = models.ForeignKey(
        Component, models.PROTECT, db_constraint=False, db_index=False, related_name="findings"
    )
    advisory = models.CharField(max_length=64)
    aliases = models.JSONField(default=list)
    summary = models.CharField(max_length=300, blank=True, default="")
    version = models.CharField(max_length=200)
    safe_version = models.CharField(max_length=200, blank=True, default="")
    severity = models.CharField(max_length=16, choices=_words(Severity))
    known_exploited = models.BooleanField(default=False)
    status = models.CharField(max_length=16, choices=Status, default=Status.OPEN)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    due_on = models.DateField()
    due_told_at = models.DateTimeField(null=True)
    fixed_at = models.DateTimeField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="mending known weaknesses in time",
        retention=_KEPT,
        erasure=Erasure.NONE,
        fields={
            **dict.fromkeys(["id", "tenant", "component"], FieldClass.IDENTIFIER),
            **dict.fromkeys(
                ["advisory", "aliases", "summary", "version", "safe_version"], FieldClass.TECHNICAL
            ),
            **dict.fromkeys(["severity", "known_exploited", "status"], FieldClass.STATE),
            **dict.fromkeys(
                ["first_seen_at", "last_seen_at", "due_on", "due_told_at", "fixed_at"], FieldClass.TIME
            ),
        },
    )

    class Meta(TenantModel.Meta):
        """One a component and advisory."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "component", "advisory"], name="patching_finding_once"),
            models.CheckConstraint(
                condition=Q(status__in=["open", "accepted", "fixed"])
                & (
                    Q(status="fixed", fixed_at__isnull=False)
                    | (~Q(status="fixed") & Q(fixed_at__isnull=True))
                ),
                name="patching_finding_status",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "status", "due_on", "id"], name="patching_finding_due")
        ]


class Acceptance(TenantModel):
    """A weakness that is lived with until a day: who asked, why, and who agreed."""

    finding = models.ForeignKey(
        Finding, models.PROTECT, db_constraint=False, db_index=False, related_name="acceptances"
    )
    reason = EncryptedTextField(purpose="documents")
    requested_by = models.UUIDField()
    approved_by = models.UUIDField()
    accepted_at = models.DateTimeField()
    until = models.DateField()
    ended_at = models.DateTimeField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="proving that two people decided to live with a known weakness, and why",
        retention=_KEPT,
        legal_basis="legitimate interest: security of processing",
        erasure=Erasure.WITH_ORGANIZATION,
        fields={
            **dict.fromkeys(
                ["id", "tenant", "finding", "requested_by", "approved_by"], FieldClass.IDENTIFIER
            ),
            "reason": FieldClass.CONTENT,
            **dict.fromkeys(["accepted_at", "until", "ended_at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """Two people, and one acceptance at a time."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "finding"],
                condition=Q(ended_at__isnull=True),
                name="patching_acceptance_one",
            ),
            models.CheckConstraint(
                condition=~Q(approved_by=F("requested_by")), name="patching_acceptance_four_eyes"
            ),
        ]
