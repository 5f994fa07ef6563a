"""Where events are told, the events, and how telling them went."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import EncryptedTextField
from tenancy.models import TenantModel


class WebhookEndpoint(TenantModel):
    """An address of somebody's program, what it wants to hear, and the secrets that sign what it hears."""

    class State(models.TextChoices):
        """A disabled endpoint is told nothing until somebody enables it."""

        ENABLED = "enabled"
        DISABLED = "disabled"

    class Reason(models.TextChoices):
        """Why it is disabled: somebody did it, it answered 410, or nothing but failures came."""

        NONE = ""
        BY_MEMBER = "by_member"
        GONE = "gone"
        FAILING = "failing"

    # An address of a chat or a queue is often its own secret.
    url = EncryptedTextField(purpose="webhooks")
    description = EncryptedTextField(purpose="webhooks", null=True)
    # Empty: everything.
    types = ArrayField(models.CharField(max_length=48), default=list, blank=True)
    state = models.CharField(max_length=16, choices=State, default=State.ENABLED)
    disabled_reason = models.CharField(max_length=16, choices=Reason, default=Reason.NONE, blank=True)
    disabled_at = models.DateTimeField(null=True)
    secret = EncryptedTextField(purpose="webhooks")
    secret_made_at = models.DateTimeField()
    # Both sign until then.
    previous_secret = EncryptedTextField(purpose="webhooks", null=True)
    previous_until = models.DateTimeField(null=True)
    # The first failure since anything succeeded.
    failing_since = models.DateTimeField(null=True)
    created_by = models.UUIDField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="telling the organization's own programs what happened",
        retention="until it is deleted",
        erasure=Erasure.WITH_ORGANIZATION,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "url": FieldClass.SECRET,
            "description": FieldClass.CONTENT,
            "types": FieldClass.STATE,
            "state": FieldClass.STATE,
            "disabled_reason": FieldClass.STATE,
            "disabled_at": FieldClass.TIME,
            "secret": FieldClass.SECRET,
            "secret_made_at": FieldClass.TIME,
            "previous_secret": FieldClass.SECRET,
            "previous_until": FieldClass.TIME,
            "failing_since": FieldClass.TIME,
            "created_by": FieldClass.IDENTIFIER,
            "created_at": FieldClass.TIME,
            "updated_at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """A disabled endpoint says why and since when; a previous secret says until when."""

        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(state="enabled", disabled_reason="", disabled_at__isnull=True)
                | models.Q(
                    state="disabled",
                    disabled_reason__in=["by_member", "gone", "failing"],
                    disabled_at__isnull=False,
                ),
                name="outbound_endpoint_state",
            ),
            models.CheckConstraint(
                condition=models.Q(previous_secret__isnull=True, previous_until__isnull=True)
                | models.Q(previous_secret__isnull=False, previous_until__isnull=False),
                name="outbound_endpoint_overlap",
            ),
        ]


class WebhookEvent(TenantModel):
    """Something that happened. It never changes, and names nobody: ids, states, amounts, currencies and times."""

    type = models.CharField(max_length=48)
    object_kind = models.CharField(max_length=32)
    object_id = models.UUIDField()
    data = models.JSONField()
    created_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="telling the organization's own programs what happened, also those that come late",
        retention="30 days",
        erasure=Erasure.NONE,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "type": FieldClass.STATE,
            "object_kind": FieldClass.STATE,
            "object_id": FieldClass.IDENTIFIER,
            "data": FieldClass.TECHNICAL,
            "created_at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """Read newest first, all or of one type; what is old is found by its time."""

        indexes: ClassVar = [
            models.Index(fields=["tenant", "type", "-id"], name="outbound_event_type"),
            models.Index(fields=["tenant", "created_at"], name="outbound_event_age"),
        ]


class WebhookDelivery(TenantModel):
    """One event for one endpoint: tried until it is taken, given up, or dropped with its endpoint."""

    class State(models.TextChoices):
        """Pending ones are tried; the others rest until somebody sends them again."""

        PENDING = "pending"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        DROPPED = "dropped"

    endpoint = models.ForeignKey(
        WebhookEndpoint, models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    event = models.ForeignKey(
        WebhookEvent, models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    state = models.CharField(max_length=16, choices=State, default=State.PENDING)
    # In this round: sending it again begins another.
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    # Somebody is sending it until then; a killed worker's claim runs out.
    claimed_until = models.DateTimeField(null=True)
    last_status = models.PositiveSmallIntegerField(null=True)
    last_code = models.CharField(max_length=64, blank=True, default="")
    last_duration_ms = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="telling each endpoint each event, and showing how it went",
        retention="as long as its event, 30 days",
        erasure=Erasure.NONE,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "endpoint": FieldClass.IDENTIFIER,
            "event": FieldClass.IDENTIFIER,
            "state": FieldClass.STATE,
            "attempts": FieldClass.TECHNICAL,
            "next_attempt_at": FieldClass.TIME,
            "claimed_until": FieldClass.TIME,
            "last_status": FieldClass.STATE,
            "last_code": FieldClass.STATE,
            "last_duration_ms": FieldClass.TECHNICAL,
            "created_at": FieldClass.TIME,
            "finished_at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """One for each event and endpoint; what is due is found by an index."""

        indexes: ClassVar = [
            models.Index(
                fields=["tenant", "endpoint", "next_attempt_at"],
                condition=models.Q(state="pending"),
                name="outbound_delivery_due",
            ),
            models.Index(fields=["tenant", "event"], name="outbound_delivery_event"),
            models.Index(fields=["tenant", "endpoint", "-id"], name="outbound_delivery_newest"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "endpoint", "event"], name="outbound_delivery_one_each"
            ),
            models.CheckConstraint(
                condition=models.Q(state="pending", next_attempt_at__isnull=False, finished_at__isnull=True)
                | models.Q(
                    state__in=["succeeded", "failed", "dropped"],
                    next_attempt_at__isnull=True,
                    finished_at__isnull=False,
                ),
                name="outbound_delivery_state",
            ),
        ]


class WebhookAttempt(TenantModel):
    """One try: what came back, and how long it took. It never changes."""

    delivery = models.ForeignKey(
        WebhookDelivery, models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    status = models.PositiveSmallIntegerField(null=True)
    code = models.CharField(max_length=64, blank=True, default="")
    duration_ms = models.PositiveIntegerField()
    # The first 2 KB of the answer: somebody else's words, which may say anything.
    response = EncryptedTextField(purpose="webhooks", null=True)
    at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="showing whoever runs an endpoint why it was not reached",
        retention="as long as its event, 30 days",
        erasure=Erasure.NONE,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "delivery": FieldClass.IDENTIFIER,
            "status": FieldClass.STATE,
            "code": FieldClass.STATE,
            "duration_ms": FieldClass.TECHNICAL,
            "response": FieldClass.CONTENT,
            "at": FieldClass.TIME,
        },
    )

    class Meta(TenantModel.Meta):
        """Read with their delivery, in their order."""

        indexes: ClassVar = [models.Index(fields=["tenant", "delivery", "id"], name="outbound_attempt_order")]
