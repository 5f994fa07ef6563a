"""Storage of the trail. Events and seals are written by SQL alone and read through unmanaged models.

Promise kept: no code path updates or deletes an event. The tables, grants and triggers stand in schema.sql,
because PostgreSQL, not Django, is what refuses.
"""

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from tenancy.models import TenantManager, TenantModel

_RETENTION = "the longest of any compliance profile in use; 6 years with HIPAA, else at least 12 months"
_LAW = "legal obligation: PCI DSS 10.5.1, GDPR Article 5(2), 45 CFR 164.312(b)"


class Event(models.Model):
    """One thing that happened. It holds ids, codes and field names, never a value."""

    class Result(models.TextChoices):
        """How it ended."""

        SUCCESS = "success"
        REFUSED = "refused"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True)
    tenant_id = models.UUIDField()
    event = models.CharField(max_length=64)
    result = models.CharField(max_length=8, choices=Result)
    actor_kind = models.CharField(max_length=16)
    actor_id = models.UUIDField(null=True)
    actor_label = models.CharField(max_length=128)
    on_behalf_of = models.UUIDField(null=True)
    via = models.CharField(max_length=8)
    session_id = models.UUIDField(null=True)
    key_id = models.UUIDField(null=True)
    request_id = models.UUIDField()
    network = models.CharField(max_length=64)
    subject_kind = models.CharField(max_length=64)
    subject_id = models.UUIDField(null=True)
    subject_ids = ArrayField(models.UUIDField())
    fields = ArrayField(models.TextField())
    facts = models.JSONField()
    reason = models.CharField(max_length=64)
    at = models.DateTimeField()
    xid = models.TextField()
    epoch = models.IntegerField()

    objects: ClassVar[TenantManager[Any]] = TenantManager()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="accountability: who did or saw what, when, and with what result",
        legal_basis=_LAW,
        retention=_RETENTION,
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant_id": FieldClass.IDENTIFIER,
            "event": FieldClass.STATE,
            "result": FieldClass.STATE,
            "actor_kind": FieldClass.STATE,
            "actor_id": FieldClass.IDENTIFIER,
            "actor_label": FieldClass.TECHNICAL,
            "on_behalf_of": FieldClass.IDENTIFIER,
            "via": FieldClass.STATE,
            "session_id": FieldClass.IDENTIFIER,
            "key_id": FieldClass.IDENTIFIER,
            "request_id": FieldClass.IDENTIFIER,
            "network": FieldClass.HASH,
            "subject_kind": FieldClass.STATE,
            "subject_id": FieldClass.IDENTIFIER,
            "subject_ids": FieldClass.IDENTIFIER,
            "fields": FieldClass.TECHNICAL,
            "facts": FieldClass.TECHNICAL,
            "reason": FieldClass.STATE,
            "at": FieldClass.TIME,
            "xid": FieldClass.TECHNICAL,
            "epoch": FieldClass.TECHNICAL,
        },
    )

    class Meta:
        """The table is schema.sql's."""

        managed = False
        db_table = "audit_event"

    def __str__(self) -> str:
        return f"{self.event} {self.result}"


class Seal(models.Model):
    """A signed Merkle root over the events of one organization in one range of transactions."""

    # Django wants one column; the primary key is (tenant_id, n), and the hash is unique by construction.
    hash = models.BinaryField(primary_key=True)
    tenant_id = models.UUIDField()
    n = models.BigIntegerField()
    epoch = models.IntegerField()
    xid_from = models.TextField()
    xid_to = models.TextField()
    count = models.IntegerField()
    root = models.BinaryField()
    leaves = models.BinaryField()
    prev = models.BinaryField()
    sealed_at = models.DateTimeField()
    key_id = models.BinaryField()
    signature = models.BinaryField()

    objects: ClassVar[TenantManager[Any]] = TenantManager()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="proof that the trail is whole and unchanged",
        legal_basis=_LAW,
        retention=_RETENTION,
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            "hash": FieldClass.HASH,
            "tenant_id": FieldClass.IDENTIFIER,
            "n": FieldClass.TECHNICAL,
            "epoch": FieldClass.TECHNICAL,
            "xid_from": FieldClass.TECHNICAL,
            "xid_to": FieldClass.TECHNICAL,
            "count": FieldClass.TECHNICAL,
            "root": FieldClass.HASH,
            "leaves": FieldClass.HASH,
            "prev": FieldClass.HASH,
            "sealed_at": FieldClass.TIME,
            "key_id": FieldClass.HASH,
            "signature": FieldClass.TECHNICAL,
        },
    )

    class Meta:
        """The table is schema.sql's."""

        managed = False
        db_table = "audit_seal"

    def __str__(self) -> str:
        return f"seal {self.n}"


class Verification(TenantModel):
    """What the last check of one organization's trail found: the badge on its audit page."""

    class State(models.TextChoices):
        """Checking while it runs; gap when something is missing; broken when something differs."""

        CHECKING = "checking"
        VERIFIED = "verified"
        GAP = "gap"
        BROKEN = "broken"

    state = models.CharField(max_length=16, choices=State)
    events = models.BigIntegerField(default=0)
    seals = models.BigIntegerField(default=0)
    unsealed = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)
    # [{"kind": code, "first_event": id}]
    errors = models.JSONField(default=list)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="showing whether the trail is whole",
        legal_basis=_LAW,
        retention="the last check only",
        erasure=Erasure.NONE,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "state": FieldClass.STATE,
            "events": FieldClass.TECHNICAL,
            "seals": FieldClass.TECHNICAL,
            "unsealed": FieldClass.TECHNICAL,
            "total": FieldClass.TECHNICAL,
            "errors": FieldClass.TECHNICAL,
            "started_at": FieldClass.TIME,
            "finished_at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """One row an organization."""

        constraints: ClassVar = [models.UniqueConstraint(fields=["tenant"], name="audit_verification_one")]

    def __str__(self) -> str:
        return self.state


class Bundle(TenantModel):
    """An export that waits for the sealer's signature.

    The app has no signing key, and the sealer signs only what agrees with its own seals: a taken-over app
    cannot have a shortened trail certified.
    """

    class State(models.TextChoices):
        """Refused: what was to be signed did not agree with the seals."""

        PENDING = "pending"
        SIGNED = "signed"
        REFUSED = "refused"

    state = models.CharField(max_length=16, choices=State, default=State.PENDING)
    events = models.BigIntegerField()
    seals = models.BigIntegerField()
    head = models.BinaryField()
    # {"events.jsonl": {"bytes": n, "sha256": hex}, ...}
    files = models.JSONField()
    manifest = models.BinaryField(null=True)
    created_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="signing an export of the trail",
        legal_basis=_LAW,
        retention=_RETENTION,
        erasure=Erasure.NONE,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "state": FieldClass.STATE,
            "events": FieldClass.TECHNICAL,
            "seals": FieldClass.TECHNICAL,
            "head": FieldClass.HASH,
            "files": FieldClass.HASH,
            "manifest": FieldClass.TECHNICAL,
            "created_at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """Waiting ones are few: the sealer signs within seconds."""

        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(state__in=["pending", "signed", "refused"]), name="audit_bundle_state"
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["created_at"], condition=models.Q(state="pending"), name="audit_bundle_pending"
            )
        ]

    def __str__(self) -> str:
        return f"bundle {self.state}"
