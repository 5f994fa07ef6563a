"""Where the trail is sent, and how far it has got."""

from typing import ClassVar

from django.db import models

from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import EncryptedTextField
from tenancy.models import TenantModel


class AuditStream(TenantModel):
    """One receiver of the trail. `epoch`, `xid` and `last_event` name the last event that was acknowledged."""

    class Kind(models.TextChoices):
        """Syslog over TLS, or lines of JSON by HTTP."""

        SYSLOG = "syslog"
        HTTP = "http"

    class State(models.TextChoices):
        """A paused stream keeps its place and catches up later."""

        ACTIVE = "active"
        PAUSED = "paused"

    kind = models.CharField(max_length=16, choices=Kind)
    address = EncryptedTextField(purpose="webhooks")
    description = EncryptedTextField(purpose="webhooks", null=True)
    # The value of the Authorization header, for HTTP.
    secret = EncryptedTextField(purpose="webhooks", null=True)
    ca = EncryptedTextField(purpose="webhooks", null=True)
    state = models.CharField(max_length=16, choices=State, default=State.ACTIVE)
    epoch = models.IntegerField()
    xid = models.BigIntegerField()
    last_event = models.UUIDField(null=True)
    # When that event happened; nothing before `since` is sent.
    last_event_at = models.DateTimeField(null=True)
    since = models.DateTimeField()
    sent = models.BigIntegerField(default=0)
    # Of these, up to the last daily record.
    recorded = models.BigIntegerField(default=0)
    recorded_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    claimed_until = models.DateTimeField(null=True)
    last_ok_at = models.DateTimeField(null=True)
    failing_since = models.DateTimeField(null=True)
    last_code = models.CharField(max_length=64, default="", blank=True)
    late_since = models.DateTimeField(null=True)
    # Events that the receiver refused again and again, each alone: {"event", "code", "at", "tries", "again"}.
    set_aside = models.JSONField(default=list)
    created_by = models.UUIDField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="keeping a copy of the trail where whoever breaks in here cannot reach it",
        legal_basis="legitimate interest: security of processing, GDPR Article 32",
        retention="until it is removed",
        erasure=Erasure.WITH_ORGANIZATION,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "kind": FieldClass.STATE,
            "address": FieldClass.CONTENT,
            "description": FieldClass.CONTENT,
            "secret": FieldClass.SECRET,
            "ca": FieldClass.CONTENT,
            "state": FieldClass.STATE,
            "epoch": FieldClass.TECHNICAL,
            "xid": FieldClass.TECHNICAL,
            "last_event": FieldClass.IDENTIFIER,
            "last_event_at": FieldClass.TIME,
            "since": FieldClass.TIME,
            "sent": FieldClass.TECHNICAL,
            "recorded": FieldClass.TECHNICAL,
            "recorded_at": FieldClass.TIME,
            "attempts": FieldClass.TECHNICAL,
            "next_attempt_at": FieldClass.TIME,
            "claimed_until": FieldClass.TIME,
            "last_ok_at": FieldClass.TIME,
            "failing_since": FieldClass.TIME,
            "last_code": FieldClass.STATE,
            "late_since": FieldClass.TIME,
            "set_aside": FieldClass.IDENTIFIER,
            "created_by": FieldClass.IDENTIFIER,
            "created_at": FieldClass.TIME,
            "updated_at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """States are known ones."""

        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(kind__in=["syslog", "http"], state__in=["active", "paused"]),
                name="alerts_stream_state",
            ),
            models.CheckConstraint(
                condition=models.Q(kind="http") | models.Q(secret__isnull=True), name="alerts_stream_secret"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} stream"
