"""What controls answered, and what is let pass for a while."""

from typing import ClassVar

from django.db import models

from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import EncryptedTextField
from tenancy.models import TenantModel

_STATES = ["passing", "failing", "unknown", "not_applicable"]
_KEPT = "6 years"
_LAW = "legal obligation: showing that the measures work"


class ControlStatus(TenantModel):
    """Where a control stands now: one row a control and organization."""

    code = models.CharField(max_length=64)
    state = models.CharField(max_length=16)
    since = models.DateTimeField()
    checked_at = models.DateTimeField()
    # Said once in the trail; taken back by the next result.
    is_stale = models.BooleanField(default=False)
    result_id = models.UUIDField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="showing where each control stands",
        retention="as long as the control exists",
        erasure=Erasure.NONE,
        legal_basis=_LAW,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "code": FieldClass.STATE,
            "state": FieldClass.STATE,
            "since": FieldClass.TIME,
            "checked_at": FieldClass.TIME,
            "is_stale": FieldClass.STATE,
            "result_id": FieldClass.IDENTIFIER,
        },
    )

    class Meta(TenantModel.Meta):
        """One a control."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "code"], name="compliance_controlstatus_one"),
            models.CheckConstraint(
                condition=models.Q(state__in=_STATES), name="compliance_controlstatus_state"
            ),
        ]


class ControlResult(TenantModel):
    """What a control answered once. It never changes; its digest stands in evidence packs.

    `evidence` holds counts, names of settings, tables and columns, and ids; never a value.
    """

    code = models.CharField(max_length=64)
    state = models.CharField(max_length=16)
    at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField()
    summary = models.CharField(max_length=300)
    evidence = models.JSONField(default=dict)
    digest = models.BinaryField(max_length=32)
    # None: the daily run.
    asked_by = models.UUIDField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="proving that controls ran, when, and what they found",
        retention=_KEPT,
        erasure=Erasure.NONE,
        legal_basis=_LAW,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "code": FieldClass.STATE,
            "state": FieldClass.STATE,
            "at": FieldClass.TIME,
            "duration_ms": FieldClass.TECHNICAL,
            "summary": FieldClass.TECHNICAL,
            "evidence": FieldClass.TECHNICAL,
            "digest": FieldClass.HASH,
            "asked_by": FieldClass.IDENTIFIER,
        },
    )

    class Meta(TenantModel.Meta):
        """Read newest first, of one control or of a span of time."""

        abstract = False
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(state__in=_STATES), name="compliance_controlresult_state"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "code", "-at"], name="compliance_controlresult_of"),
            models.Index(fields=["tenant", "-at"], name="compliance_controlresult_time"),
        ]


class ControlException(TenantModel):
    """A control is let pass although it does not: why, who agreed, and until when."""

    class State(models.TextChoices):
        """Every state but the first two is final."""

        WAITING = "waiting"
        ACTIVE = "active"
        DECLINED = "declined"
        ENDED = "ended"

    code = models.CharField(max_length=64)
    state = models.CharField(max_length=16, choices=State, default=State.WAITING)
    reason = EncryptedTextField()
    # What could happen meanwhile, and what is done about it.
    risk = EncryptedTextField()
    asked_by = models.UUIDField()
    asked_at = models.DateTimeField()
    approval_id = models.UUIDField()
    approved_by = models.UUIDField(null=True)
    approved_at = models.DateTimeField(null=True)
    ends_on = models.DateField()
    ended_at = models.DateTimeField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="showing which risk was accepted, by whom and until when",
        retention=_KEPT,
        erasure=Erasure.KEPT_BY_LAW,
        legal_basis=_LAW,
        fields={
            **dict.fromkeys(
                ["id", "tenant", "asked_by", "approval_id", "approved_by"], FieldClass.IDENTIFIER
            ),
            **dict.fromkeys(["code", "state"], FieldClass.STATE),
            **dict.fromkeys(["reason", "risk"], FieldClass.CONTENT),
            **dict.fromkeys(["asked_at", "approved_at", "ends_on", "ended_at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """One open exception a control; two people behind each that holds."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "code"],
                condition=models.Q(state__in=["waiting", "active"]),
                name="compliance_controlexception_one",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["waiting", "declined"])
                | models.Q(approved_by__isnull=False, approved_at__isnull=False),
                name="compliance_controlexception_agreed",
            ),
            models.CheckConstraint(
                condition=models.Q(approved_by__isnull=True) | ~models.Q(approved_by=models.F("asked_by")),
                name="compliance_controlexception_four_eyes",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["tenant", "-id"], name="compliance_controlexception_l")]
