"""Money that goes back: by us (refund) or against us (dispute)."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from billing.creditnotes.models import CreditNote
from billing.customers.models import Customer
from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import EncryptedTextField
from payments.models.payments import Payment
from payments.rules import DISPUTE_MOVES, REFUND_MOVES
from tenancy.models import TenantModel

_KEPT = "10 years after the fiscal year"
_LAW = "commercial and tax law"


class Refund(TenantModel):
    """Money to give back, the way it came. The row stands before the provider is called; its id is the key."""

    class State(models.TextChoices):
        """Where it stands; see `rules.REFUND_MOVES`. Sent: the provider has taken it on and has not said the end."""

        PENDING_APPROVAL = "pending_approval"
        PENDING = "pending"
        SENT = "sent"
        UNKNOWN = "unknown"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        DECLINED = "declined"
        CANCELED = "canceled"

    class ReasonCode(models.TextChoices):
        """Why, in the field's words."""

        DUPLICATE = "duplicate"
        NOT_DELIVERED = "not_delivered"
        UNSATISFACTORY = "unsatisfactory"
        ORDER_CANCELED = "order_canceled"
        FRAUDULENT = "fraudulent"
        OTHER = "other"

    payment = models.ForeignKey(
        Payment, models.PROTECT, db_constraint=False, db_index=False, related_name="refunds"
    )
    customer = models.ForeignKey(
        Customer, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    approval_id = models.UUIDField(null=True)
    # The credit note that says why, and how much of it that credit note holds on account `refunds` for it.
    credit_note = models.ForeignKey(
        CreditNote, models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    promised_minor = models.BigIntegerField(default=0)
    state = models.CharField(max_length=16, choices=State)
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField()
    reason_code = models.CharField(max_length=16, choices=ReasonCode, default=ReasonCode.OTHER)
    reason = EncryptedTextField(purpose="documents", null=True)
    reference = models.CharField(max_length=80, blank=True, default="")
    failure_code = models.CharField(max_length=60, blank=True, default="")
    requested_by = models.UUIDField(null=True)
    ask_at = models.DateTimeField(null=True)
    asked = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    succeeded_at = models.DateTimeField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose="giving money back and accounting for it",
        retention=_KEPT,
        legal_basis=_LAW,
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(
                ["id", "tenant", "payment", "customer", "approval_id", "credit_note", "reference"],
                FieldClass.IDENTIFIER,
            ),
            "requested_by": FieldClass.IDENTIFIER,
            **dict.fromkeys(["state", "currency", "reason_code", "failure_code"], FieldClass.STATE),
            "asked": FieldClass.TECHNICAL,
            **dict.fromkeys(["amount_minor", "promised_minor"], FieldClass.MONEY),
            "reason": FieldClass.CONTENT,
            **dict.fromkeys(["ask_at", "created_at", "updated_at", "succeeded_at"], FieldClass.TIME),
        },
    )

    class Meta(TenantModel.Meta):
        """Found by payment, by state, and by what is to be asked."""

        abstract = False
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="payments_refund_some"),
            models.CheckConstraint(condition=Q(state__in=list(REFUND_MOVES)), name="payments_refund_states"),
            models.CheckConstraint(
                condition=Q(credit_note__isnull=True, promised_minor=0)
                | Q(credit_note__isnull=False, promised_minor__gt=0, promised_minor__lte=F("amount_minor")),
                name="payments_refund_promised",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "payment"], name="payments_refund_payment"),
            models.Index(fields=["tenant", "state", "-id"], name="payments_refund_state"),
            models.Index(fields=["tenant", "reference"], name="payments_refund_reference"),
            models.Index(
                fields=["tenant", "credit_note"],
                condition=Q(credit_note__isnull=False),
                name="payments_refund_creditnote",
            ),
            models.Index(
                fields=["tenant", "ask_at"], condition=Q(ask_at__isnull=False), name="payments_refund_ask"
            ),
        ]


class Dispute(TenantModel):
    """A payment that its payer contests at their bank."""

    class State(models.TextChoices):
        """Where it stands; see `rules.DISPUTE_MOVES`."""

        NEEDS_RESPONSE = "needs_response"
        UNDER_REVIEW = "under_review"
        WON = "won"
        LOST = "lost"

    payment = models.ForeignKey(
        Payment, models.PROTECT, db_constraint=False, db_index=False, related_name="disputes"
    )
    customer = models.ForeignKey(
        Customer, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    reference = models.CharField(max_length=80)
    state = models.CharField(max_length=16, choices=State)
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField()
    reason_code = models.CharField(max_length=60)
    answer_by = models.DateTimeField(null=True)
    evidence = EncryptedTextField(purpose="documents", null=True)
    answered_at = models.DateTimeField(null=True)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose="answering a contested payment",
        retention=_KEPT,
        legal_basis=_LAW,
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(["id", "tenant", "payment", "customer", "reference"], FieldClass.IDENTIFIER),
            **dict.fromkeys(["state", "currency", "reason_code"], FieldClass.STATE),
            "amount_minor": FieldClass.MONEY,
            "evidence": FieldClass.CONTENT,
            **dict.fromkeys(
                ["answer_by", "answered_at", "opened_at", "closed_at", "updated_at"], FieldClass.TIME
            ),
        },
    )

    class Meta(TenantModel.Meta):
        """The provider's dispute is here once."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "reference"], name="payments_dispute_once"),
            models.CheckConstraint(
                condition=Q(state__in=list(DISPUTE_MOVES)), name="payments_dispute_states"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "payment"], name="payments_dispute_payment"),
            models.Index(fields=["tenant", "state", "answer_by"], name="payments_dispute_list"),
        ]
