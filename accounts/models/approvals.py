"""What waits for a second person."""

from typing import ClassVar

from django.db import models

from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import EncryptedJSONField, EncryptedTextField
from tenancy.models import TenantModel


class ApprovalRequest(TenantModel):
    """One act that somebody asks for and somebody else decides; `payload` says what exactly."""

    class State(models.TextChoices):
        """Every state but the first is final."""

        PENDING = "pending"
        APPROVED = "approved"
        DECLINED = "declined"
        WITHDRAWN = "withdrawn"
        EXPIRED = "expired"

    kind = models.CharField(max_length=48)
    payload = EncryptedJSONField()
    subject_kind = models.CharField(max_length=32, default="", blank=True)
    subject_id = models.UUIDField(null=True)
    # The person who asked, or who made the key that asked; a bare id that outlives the membership.
    requested_by = models.UUIDField()
    requested_key = models.UUIDField(null=True)
    reason = EncryptedTextField(null=True)
    state = models.CharField(max_length=16, choices=State, default=State.PENDING)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    decided_by = models.UUIDField(null=True)
    decided_at = models.DateTimeField(null=True)
    note = EncryptedTextField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="proving that two people agreed before money, trust or secrets moved",
        retention="as long as the audit trail",
        erasure=Erasure.KEPT_BY_LAW,
        legal_basis="legitimate interest: preventing fraud",
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "kind": FieldClass.STATE,
            "payload": FieldClass.CONTENT,
            "subject_kind": FieldClass.TECHNICAL,
            "subject_id": FieldClass.IDENTIFIER,
            "requested_by": FieldClass.IDENTIFIER,
            "requested_key": FieldClass.IDENTIFIER,
            "reason": FieldClass.CONTENT,
            "state": FieldClass.STATE,
            "created_at": FieldClass.TIME,
            "expires_at": FieldClass.TIME,
            "decided_by": FieldClass.IDENTIFIER,
            "decided_at": FieldClass.TIME,
            "note": FieldClass.CONTENT,
        },
    )

    class Meta:
        """The rule of four eyes also stands in the database."""

        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(decided_by__isnull=True)
                | models.Q(state="withdrawn")
                | ~models.Q(decided_by=models.F("requested_by")),
                name="accounts_approval_four_eyes",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["pending", "expired"]) | models.Q(decided_by__isnull=False),
                name="accounts_approval_decided_by_somebody",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["pending", "approved", "declined", "withdrawn", "expired"]),
                name="accounts_approval_state",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "state", "-created_at"], name="accounts_approval_list"),
            models.Index(fields=["tenant", "subject_id"], name="accounts_approval_subject"),
        ]

    def __str__(self) -> str:
        return str(self.pk)
