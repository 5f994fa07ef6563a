"""Where alerts go, and how each telling went."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import EncryptedTextField
from tenancy.models import TenantModel


class AlertChannel(TenantModel):
    """A way to tell people or programs of alerts, and which of them."""

    class Kind(models.TextChoices):
        """By mail, signed to a program, or into a log collector."""

        MAIL = "mail"
        WEBHOOK = "webhook"
        SYSLOG = "syslog"

    class State(models.TextChoices):
        """A disabled channel is told nothing."""

        ENABLED = "enabled"
        DISABLED = "disabled"

    kind = models.CharField(max_length=16, choices=Kind)
    # An e-mail address, a web address, or a collector's; without one, mail goes to everybody who works on alerts.
    address = EncryptedTextField(purpose="webhooks", null=True)
    description = EncryptedTextField(purpose="webhooks", null=True)
    severities = ArrayField(models.CharField(max_length=16))
    # Both or neither, in the zone's wall clock.
    quiet_from = models.TimeField(null=True)
    quiet_until = models.TimeField(null=True)
    zone = models.CharField(max_length=64, default="UTC")
    state = models.CharField(max_length=16, choices=State, default=State.ENABLED)
    secret = EncryptedTextField(purpose="webhooks", null=True)
    secret_made_at = models.DateTimeField(null=True)
    # The authorities (PEM) that a collector of one's own house is judged by.
    ca = EncryptedTextField(purpose="webhooks", null=True)
    # Both NULL: nothing was told yet, so nobody knows whether it works.
    last_ok_at = models.DateTimeField(null=True)
    failing_since = models.DateTimeField(null=True)
    last_code = models.CharField(max_length=64, default="", blank=True)
    created_by = models.UUIDField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="telling those who answer for security while it happens",
        legal_basis="legitimate interest: security of processing, GDPR Article 32",
        retention="until it is removed",
        erasure=Erasure.WITH_ORGANIZATION,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "kind": FieldClass.STATE,
            "address": FieldClass.PERSONAL,
            "description": FieldClass.CONTENT,
            "severities": FieldClass.STATE,
            "quiet_from": FieldClass.TECHNICAL,
            "quiet_until": FieldClass.TECHNICAL,
            "zone": FieldClass.TECHNICAL,
            "state": FieldClass.STATE,
            "secret": FieldClass.SECRET,
            "secret_made_at": FieldClass.TIME,
            "ca": FieldClass.CONTENT,
            "last_ok_at": FieldClass.TIME,
            "failing_since": FieldClass.TIME,
            "last_code": FieldClass.STATE,
            "created_by": FieldClass.IDENTIFIER,
            "created_at": FieldClass.TIME,
            "updated_at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """Quiet hours have both ends; only mail needs no address, only a webhook a secret."""

        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(quiet_from__isnull=True, quiet_until__isnull=True)
                | models.Q(quiet_from__isnull=False, quiet_until__isnull=False),
                name="alerts_channel_quiet",
            ),
            models.CheckConstraint(
                condition=models.Q(kind="mail", secret__isnull=True)
                | models.Q(kind="webhook", address__isnull=False, secret__isnull=False)
                | models.Q(kind="syslog", address__isnull=False, secret__isnull=True),
                name="alerts_channel_kind",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["enabled", "disabled"]), name="alerts_channel_state"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} channel"


class AlertDelivery(TenantModel):
    """One announcement of an alert through one channel, told once; or a test."""

    class State(models.TextChoices):
        """Pending is due at `next_attempt_at`; handed over waits for the mail server; the others are final."""

        PENDING = "pending"
        HANDED_OVER = "handed_over"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        DROPPED = "dropped"

    channel = models.ForeignKey(
        AlertChannel, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    # NULL: a test
    alert = models.ForeignKey(
        "alerts.Alert",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        null=True,
        related_name="+",
    )
    severity = models.CharField(max_length=16)
    state = models.CharField(max_length=16, choices=State, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    claimed_until = models.DateTimeField(null=True)
    # The mails it became.
    messages = ArrayField(models.UUIDField(), default=list, blank=True)
    last_code = models.CharField(max_length=64, default="", blank=True)
    duration_ms = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="telling of each alert once, and proving that it was told",
        legal_basis="legitimate interest: security of processing, GDPR Article 32",
        retention="one year",
        erasure=Erasure.WITH_ORGANIZATION,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "channel": FieldClass.IDENTIFIER,
            "alert": FieldClass.IDENTIFIER,
            "severity": FieldClass.STATE,
            "state": FieldClass.STATE,
            "attempts": FieldClass.TECHNICAL,
            "next_attempt_at": FieldClass.TIME,
            "claimed_until": FieldClass.TIME,
            "messages": FieldClass.IDENTIFIER,
            "last_code": FieldClass.STATE,
            "duration_ms": FieldClass.TECHNICAL,
            "created_at": FieldClass.TIME,
            "finished_at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """What is due is found by an index; one announcement is told once."""

        indexes: ClassVar = [
            models.Index(
                fields=["tenant", "next_attempt_at"],
                condition=models.Q(state__in=["pending", "handed_over"]),
                name="alerts_delivery_due",
            ),
            models.Index(fields=["tenant", "channel", "-id"], name="alerts_delivery_newest"),
            models.Index(fields=["tenant", "alert"], name="alerts_delivery_alert"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "channel", "alert", "created_at"], name="alerts_delivery_said_once"
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["pending", "handed_over"], finished_at__isnull=True)
                | models.Q(
                    state__in=["succeeded", "failed", "dropped"],
                    finished_at__isnull=False,
                    next_attempt_at__isnull=True,
                ),
                name="alerts_delivery_state",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.severity} {self.state}"
