"""Messages that wait to leave, and those that have left."""

from typing import ClassVar

from django.db import models

from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import EncryptedJSONField, EncryptedTextField
from outbound.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookEvent
from tenancy.models import TenantModel

__all__ = [
    "OutboxMessage",
    "StoredFile",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookEvent",
]


class OutboxMessage(TenantModel):
    """One mail: a row of the transaction that caused it, so that neither can be without the other.

    Mail about a person's own account belongs to no organization and stands in the operator's outbox; every
    scope may add to it (a policy of the migration), none but the operator's may read it.
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
    # {"to", "subject", "text", "reply_to", "attach", "sender_name"}; NULL once it has been sent, but in the demo,
    # where a page shows it
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


class StoredFile(TenantModel):
    """One file of an organization: an import, an export, a document. The bytes lie encrypted in FILES_DIR.

    Each file has a key of its own, which stands here, encrypted: a rotation touches the row and never the
    bytes, and forgetting the key is forgetting the file, whatever copies of the bytes there are.
    """

    class State(models.TextChoices):
        """A deleted file has lost its key; its row stays until the retention of rows."""

        READY = "ready"
        DELETED = "deleted"

    kind = models.CharField(max_length=64)
    state = models.CharField(max_length=16, choices=State, default=State.READY)
    name = EncryptedTextField(purpose="files", null=True)
    media_type = models.CharField(max_length=128)
    content_key = EncryptedTextField(purpose="files", null=True)
    size_bytes = models.BigIntegerField()
    # of the stored, encrypted bytes: a hash of the plaintext would confirm a guess
    sha256 = models.BinaryField(max_length=32)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="keeping imports, exports and documents for as long as they are needed",
        retention="until it expires or is deleted, the row 90 days longer",
        erasure=Erasure.DELETE,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "kind": FieldClass.STATE,
            "state": FieldClass.STATE,
            "name": FieldClass.PERSONAL,
            "media_type": FieldClass.TECHNICAL,
            "content_key": FieldClass.SECRET,
            "size_bytes": FieldClass.TECHNICAL,
            "sha256": FieldClass.HASH,
            "created_at": FieldClass.TIME,
            "expires_at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """A file that is ready has its key, a deleted one has none."""

        indexes: ClassVar = [models.Index(fields=["tenant", "expires_at"], name="outbound_file_expiry")]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(state="ready", content_key__isnull=False)
                | models.Q(state="deleted", content_key__isnull=True, name__isnull=True),
                name="outbound_file_has_key",
            )
        ]
