"""Messages that wait to leave, and those that have left."""

from typing import ClassVar

from django.db import models

from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import EncryptedJSONField
from tenancy.models import TenantModel


class OutboxMessage(TenantModel):
    """One mail: a row of the transaction that caused it, so that neither can be without the other.

    Mail about a person's own account belongs to no organization and stands in the operator's outbox; every scope
    may add to it (a policy of the migration), none but the operator's may read it.
    """

    class State(models.TextChoices):
        """Queued may be claimed; sending is claimed until `next_attempt_at`; the others are final."""

        QUEUED = "queued"
        SENDING = "sending"
        SENT = "sent"
        FAILED = "failed"

    template = models.CharField(max_length=64)
    state = models.CharField(max_length=16, choices=State, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    # {"to", "subject", "text"}; NULL once it has been sent, but in the demo, where a page shows it
    body = EncryptedJSONField(purpose="files", null=True)
    # A hash of what must not be said twice, such as one reminder of one invoice.
    dedupe = models.BinaryField(max_length=32, null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="sending what has been promised, once, even when a process dies",
        retention="the text until it is sent, the row 90 days",
        erasure=Erasure.DELETE,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "template": FieldClass.STATE,
            "state": FieldClass.STATE,
            "attempts": FieldClass.TECHNICAL,
            "next_attempt_at": FieldClass.TIME,
            "created_at": FieldClass.TIME,
            "sent_at": FieldClass.TIME,
            "body": FieldClass.CONTENT,
            "dedupe": FieldClass.HASH,
        },
    )

    class Meta(TenantModel.Meta):
        """What is due is found by an index; what was said once is refused twice."""

        indexes: ClassVar = [
            models.Index(fields=["tenant", "state", "next_attempt_at"], name="outbound_message_due"),
            models.Index(fields=["tenant", "-created_at"], name="outbound_message_newest"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "dedupe"], name="outbound_message_said_once"),
            models.CheckConstraint(
                condition=models.Q(state__in=["queued", "sending", "sent", "failed"]),
                name="outbound_message_state",
            ),
        ]
