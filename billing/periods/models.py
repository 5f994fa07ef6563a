"""Closed months, and what each account held when its month was closed."""

from typing import ClassVar

from django.db import models

from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import EncryptedTextField
from tenancy.models import TenantModel

_KEPT = "10 years after the fiscal year"


class AccountingPeriod(TenantModel):
    """One month of the books that has been closed at least once. The database books nothing in a closed one."""

    class State(models.TextChoices):
        """Open again after a second person agreed, or closed."""

        OPEN = "open"
        CLOSED = "closed"

    starts_on = models.DateField()
    state = models.CharField(max_length=8, choices=State)
    # Names this closing among several of one month: what it valued is posted once.
    closing_id = models.UUIDField()
    closed_at = models.DateTimeField()
    closed_by = models.UUIDField(null=True)
    reopened_at = models.DateTimeField(null=True)
    reopened_by = models.UUIDField(null=True)
    reopening_agreed_by = models.UUIDField(null=True)
    reopening_reason = EncryptedTextField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="keeping what was reported as it was reported",
        retention=_KEPT,
        legal_basis="commercial and tax law",
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "starts_on": FieldClass.TIME,
            "state": FieldClass.STATE,
            "closing_id": FieldClass.IDENTIFIER,
            "closed_at": FieldClass.TIME,
            "closed_by": FieldClass.IDENTIFIER,
            "reopened_at": FieldClass.TIME,
            "reopened_by": FieldClass.IDENTIFIER,
            "reopening_agreed_by": FieldClass.IDENTIFIER,
            "reopening_reason": FieldClass.CONTENT,
        },
    )

    class Meta(TenantModel.Meta):
        """One row a month, named by its first day."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "starts_on"], name="billing_accountingperiod_month"),
            models.CheckConstraint(
                condition=models.Q(starts_on__day=1, state__in=["open", "closed"]),
                name="billing_accountingperiod_sane",
            ),
        ]


class LedgerBalance(TenantModel):
    """What an account held in a currency at the end of a closed month, from the beginning of the books.

    A closed month does not change, so neither does this; it goes when the month is opened again. Whoever asks for a
    balance begins at the last one and adds what was booked since: that does not grow with the years.
    """

    period = models.ForeignKey(
        AccountingPeriod, models.PROTECT, db_constraint=False, db_index=False, related_name="balances"
    )
    account = models.CharField(max_length=40)
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField()
    # The same in the books' own currency, each posting at the rate of its day.
    base_minor = models.BigIntegerField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="showing balances without adding up all that ever was",
        retention=_KEPT,
        legal_basis="commercial and tax law",
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            "id": FieldClass.IDENTIFIER,
            "tenant": FieldClass.IDENTIFIER,
            "period": FieldClass.IDENTIFIER,
            "account": FieldClass.STATE,
            "currency": FieldClass.STATE,
            "amount_minor": FieldClass.MONEY,
            "base_minor": FieldClass.MONEY,
        },
    )

    class Meta(TenantModel.Meta):
        """One row an account and currency."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "period", "account", "currency"], name="billing_ledgerbalance_one"
            )
        ]
