"""Messages that people found suspicious."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import EncryptedTextField
from tenancy.models import TenantModel


class SuspiciousMessage(TenantModel):
    """Somebody found a message suspicious and said so."""

    class Kind(models.TextChoices):
        """How it came."""

        MAIL = "mail"
        PHONE = "phone"
        TEXT = "text"
        LETTER = "letter"
        PERSON = "person"
        OTHER = "other"

    class Done(models.TextChoices):
        """What had happened before it was reported: the answer decides how much hurry there is."""

        NOTHING = "nothing"
        OPENED = "opened"
        ANSWERED = "answered"
        ENTERED = "entered"
        PAID = "paid"

    class State(models.TextChoices):
        """What it turned out to be."""

        NEW = "new"
        HARMLESS = "harmless"
        SPAM = "spam"
        ATTACK = "attack"

    kind = models.CharField(max_length=16, choices=Kind)
    done = models.CharField(max_length=16, choices=Done)
    state = models.CharField(max_length=16, choices=State, default=State.NEW)
    sender = EncryptedTextField(null=True)
    text = EncryptedTextField()
    note = EncryptedTextField(null=True)
    reported_by = models.UUIDField()
    reported_at = models.DateTimeField()
    handled_by = models.UUIDField(null=True)
    handled_at = models.DateTimeField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="finding attacks that begin with a message",
        retention="2 years after it was reported",
        erasure=Erasure.WITH_ORGANIZATION,
        fields={
            **dict.fromkeys(["id", "tenant", "reported_by", "handled_by"], FieldClass.IDENTIFIER),
            **dict.fromkeys(["kind", "done", "state"], FieldClass.STATE),
            "sender": FieldClass.PERSONAL,
            **dict.fromkeys(["text", "note"], FieldClass.CONTENT),
            **dict.fromkeys(["reported_at", "handled_at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """Handled by somebody, at some time."""

        abstract = False
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state="new", handled_at__isnull=True)
                | Q(state__in=["harmless", "spam", "attack"], handled_at__isnull=False),
                name="training_suspicious_states",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["tenant", "-id"], name="training_suspicious_list")]
