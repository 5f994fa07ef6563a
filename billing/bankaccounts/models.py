"""Bank details, one row each. A row's details never change; what changes is which row holds.

The database keeps the waiting time itself: details that replace others cannot hold before 72 hours have passed since
they were announced and since they were written, by its own clock, whoever asks (billing/migrations/0005 and 0006).
"""

from datetime import timedelta
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import EncryptedTextField
from tenancy.models import TenantModel

_NOTICE = timedelta(hours=72)


class BankAccount(TenantModel):
    """One account of the organization, from the day it was agreed on."""

    class State(models.TextChoices):
        """Announced details wait until `holds_from`; a former or canceled row is final."""

        ANNOUNCED = "announced"
        CURRENT = "current"
        FORMER = "former"
        CANCELED = "canceled"

    holder = EncryptedTextField()
    iban = EncryptedTextField()
    bic = EncryptedTextField(null=True)
    state = models.CharField(max_length=16, choices=State)
    # Bare ids that outlive the memberships; nobody agreed where a founder acted alone.
    asked_by = models.UUIDField()
    agreed_by = models.UUIDField(null=True)
    announced_at = models.DateTimeField()
    # The database's own time, whatever an insert says; it moves `holds_from` where that would come too soon.
    written_at = models.DateTimeField(db_default=Now(), editable=False)
    holds_from = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    # Of which state people have been told by mail.
    told = models.CharField(max_length=16, blank=True, default="")

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="naming the account that customers pay to, and proving when it changed",
        retention="10 years after it last stood on a document",
        legal_basis="commercial and tax law; legitimate interest: preventing fraud",
        erasure=Erasure.WITH_ORGANIZATION,
        fields={
            **dict.fromkeys(["id", "tenant", "asked_by", "agreed_by"], FieldClass.IDENTIFIER),
            **dict.fromkeys(["holder", "iban", "bic"], FieldClass.PERSONAL),
            **dict.fromkeys(["state", "told"], FieldClass.STATE),
            **dict.fromkeys(["announced_at", "written_at", "holds_from", "ended_at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """One account holds, one change is under way, and a change waits."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant"], condition=Q(state="current"), name="billing_bankaccount_one_current"
            ),
            models.UniqueConstraint(
                fields=["tenant"], condition=Q(state="announced"), name="billing_bankaccount_one_change"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["announced", "current"], ended_at__isnull=True)
                | Q(state__in=["former", "canceled"], ended_at__isnull=False),
                name="billing_bankaccount_states",
            ),
            models.CheckConstraint(
                condition=~Q(state="announced") | Q(holds_from__gte=F("announced_at") + _NOTICE),
                name="billing_bankaccount_waits",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-holds_from"], name="billing_bankaccount_newest"),
        ]
