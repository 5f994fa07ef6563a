"""A payment, what it was asked for, and each attempt to move the money."""

from typing import ClassVar

from django.db import models
from django.db.models import DateField, F, Func, Q
from django.db.models.functions import Coalesce

from billing.customers.models import Customer
from billing.invoices.models import Invoice
from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import EncryptedTextField
from payments.models.accounts import GatewayAccount
from payments.models.methods import PaymentMethod
from payments.rules import ATTEMPT_MOVES, PAYMENT_MOVES
from tenancy.models import TenantModel

_KEPT = "10 years after the fiscal year"
_LAW = "commercial and tax law"
_IN_UTC = "(%(expressions)s AT TIME ZONE 'UTC')::date"
# What a row of a list says of a payment: what arrived of it, or what was meant to; the day it came, or was begun. The
# constants are written out: an index on an expression answers for the same text alone.
SHOWN_MINOR = Coalesce(Func(F("captured_minor"), template="NULLIF(%(expressions)s, 0)"), F("amount_minor"))
SHOWN_ON = Coalesce(
    F("received_on"),
    Func(F("succeeded_at"), template=_IN_UTC, output_field=DateField()),
    Func(F("created_at"), template=_IN_UTC, output_field=DateField()),
)


class Payment(TenantModel):
    """Money that a customer pays or has paid. Amounts are minor units."""

    class State(models.TextChoices):
        """Where it stands; see `rules.PAYMENT_MOVES`.

        Unknown: we do not know whether money moved, and ask. Held: what came differs from what was asked for, and a
        person decides. Reversed: it came, and is gone again.
        """

        PENDING = "pending"
        PROCESSING = "processing"
        UNKNOWN = "unknown"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        CANCELED = "canceled"
        HELD = "held"
        REVERSED = "reversed"

    class Method(models.TextChoices):
        """How."""

        CARD = "card"
        SEPA_DEBIT = "sepa_debit"
        BANK_TRANSFER = "bank_transfer"

    class Source(models.TextChoices):
        """Who began it."""

        PAY_LINK = "pay_link"
        PORTAL = "portal"
        AUTOPAY = "autopay"
        STAFF = "staff"
        API = "api"
        STATEMENT = "statement"

    customer = models.ForeignKey(
        Customer, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    account = models.ForeignKey(
        GatewayAccount, models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    state = models.CharField(max_length=16, choices=State, default=State.PENDING)
    method = models.CharField(max_length=16, choices=Method)
    source = models.CharField(max_length=16, choices=Source)
    currency = models.CharField(max_length=3)
    # Asked for; what came; what of that was given back or is promised back; what is gone by reversal or dispute.
    amount_minor = models.BigIntegerField()
    captured_minor = models.BigIntegerField(default=0)
    refunding_minor = models.BigIntegerField(default=0)
    refunded_minor = models.BigIntegerField(default=0)
    reversed_minor = models.BigIntegerField(default=0)
    # The provider's own name of the money that moved.
    reference = models.CharField(max_length=80, blank=True, default="")
    # What the payer or the bank wrote beside a transfer.
    remittance = EncryptedTextField(purpose="documents", null=True)
    failure_code = models.CharField(max_length=60, blank=True, default="")
    # How it was paid, for receipts: no more of a card is ever here.
    brand = models.CharField(max_length=20, blank=True, default="")
    last4 = models.CharField(max_length=4, blank=True, default="")
    received_on = models.DateField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    succeeded_at = models.DateTimeField(null=True)
    receipt_sent_at = models.DateTimeField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose="taking and accounting for payments",
        retention=_KEPT,
        legal_basis=_LAW,
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(["id", "tenant", "customer", "account", "reference"], FieldClass.IDENTIFIER),
            **dict.fromkeys(
                ["state", "method", "source", "currency", "failure_code", "brand", "last4"], FieldClass.STATE
            ),
            **dict.fromkeys(
                ["amount_minor", "captured_minor", "refunding_minor", "refunded_minor", "reversed_minor"],
                FieldClass.MONEY,
            ),
            "remittance": FieldClass.PERSONAL,
            **dict.fromkeys(
                ["received_on", "created_at", "updated_at", "succeeded_at", "receipt_sent_at"],
                FieldClass.TIME,
            ),
        },
    )

    class Meta(TenantModel.Meta):
        """More can never be given back than came: the row is locked, and this holds whatever runs beside it."""

        abstract = False
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(amount_minor__gt=0, captured_minor__gte=0, refunding_minor__gte=0)
                & Q(refunded_minor__gte=0, reversed_minor__gte=0)
                & Q(captured_minor__gte=F("refunding_minor") + F("refunded_minor") + F("reversed_minor")),
                name="payments_payment_amounts",
            ),
            models.CheckConstraint(
                condition=Q(state__in=list(PAYMENT_MOVES)), name="payments_payment_states"
            ),
            models.CheckConstraint(
                condition=Q(
                    state__in=["succeeded", "reversed"], captured_minor__gt=0, succeeded_at__isnull=False
                )
                | (~Q(state__in=["succeeded", "reversed"]) & Q(captured_minor=0)),
                name="payments_payment_captured",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-id"], name="payments_payment_list"),
            models.Index(fields=["tenant", "state", "-id"], name="payments_payment_state"),
            models.Index(fields=["tenant", "customer", "-id"], name="payments_payment_customer"),
            models.Index(fields=["tenant", "reference"], name="payments_payment_reference"),
            models.Index(F("tenant"), SHOWN_MINOR, F("id"), name="payments_payment_shown_minor"),
            models.Index(F("tenant"), SHOWN_ON, F("id"), name="payments_payment_shown_on"),
        ]


class PaymentItem(TenantModel):
    """How much of a payment is meant for which invoice."""

    payment = models.ForeignKey(
        Payment, models.CASCADE, db_constraint=False, db_index=False, related_name="items"
    )
    customer = models.ForeignKey(
        Customer, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    invoice = models.ForeignKey(
        Invoice, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    position = models.PositiveSmallIntegerField()
    amount_minor = models.BigIntegerField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose="taking and accounting for payments",
        retention=_KEPT,
        legal_basis=_LAW,
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(["id", "tenant", "payment", "customer", "invoice"], FieldClass.IDENTIFIER),
            "position": FieldClass.TECHNICAL,
            "amount_minor": FieldClass.MONEY,
        },
    )

    class Meta(TenantModel.Meta):
        """An invoice stands once in a payment."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "payment", "invoice"], name="payments_paymentitem_once"
            ),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="payments_paymentitem_some"),
        ]
        indexes: ClassVar = [models.Index(fields=["tenant", "invoice"], name="payments_paymentitem_invoice")]


class Attempt(TenantModel):
    """One try to move a payment's money through a provider. Its id is the idempotency key of the call."""

    class State(models.TextChoices):
        """Where it stands; see `rules.ATTEMPT_MOVES`. Open: the payer has a page of the provider before them."""

        CREATED = "created"
        OPEN = "open"
        REQUIRES_ACTION = "requires_action"
        PROCESSING = "processing"
        UNKNOWN = "unknown"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        CANCELED = "canceled"
        HELD = "held"

    payment = models.ForeignKey(
        Payment, models.PROTECT, db_constraint=False, db_index=False, related_name="attempts"
    )
    customer = models.ForeignKey(
        Customer, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    account = models.ForeignKey(
        GatewayAccount, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    # A saved method is charged; without one the payer is sent to the provider's page.
    saved_method = models.ForeignKey(
        PaymentMethod, models.PROTECT, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    number = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=16, choices=State, default=State.CREATED)
    save_method = models.BooleanField(default=False)
    # The provider's page (cs_…) and the money itself (pi_…).
    checkout_reference = models.CharField(max_length=80, blank=True, default="")
    reference = models.CharField(max_length=80, blank=True, default="")
    page_url = EncryptedTextField(purpose="fields", null=True)
    page_expires_at = models.DateTimeField(null=True)
    failure_code = models.CharField(max_length=60, blank=True, default="")
    declines = models.PositiveSmallIntegerField(default=0)
    # When the janitor asks the provider next, and how often it has.
    ask_at = models.DateTimeField(null=True)
    asked = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.CUSTOMER,
        purpose="taking and accounting for payments",
        retention=_KEPT,
        legal_basis=_LAW,
        erasure=Erasure.KEPT_BY_LAW,
        fields={
            **dict.fromkeys(
                [
                    "id", "tenant", "payment", "customer", "account", "saved_method", "checkout_reference",
                    "reference",
                ],
                FieldClass.IDENTIFIER,
            ),
            **dict.fromkeys(["state", "save_method", "failure_code"], FieldClass.STATE),
            **dict.fromkeys(["number", "declines", "asked"], FieldClass.TECHNICAL),
            "page_url": FieldClass.SECRET,
            **dict.fromkeys(["page_expires_at", "ask_at", "created_at", "updated_at"], FieldClass.TIME),
        },
    )  # fmt: skip

    class Meta(TenantModel.Meta):
        """One live attempt a payment: nobody is charged twice for one (a unique key, not a look before)."""

        abstract = False
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "payment", "number"], name="payments_attempt_number"),
            models.UniqueConstraint(
                fields=["tenant", "payment"],
                condition=Q(state__in=["created", "open", "requires_action", "processing", "unknown"]),
                name="payments_attempt_one_live",
            ),
            models.UniqueConstraint(
                fields=["tenant", "account", "checkout_reference"],
                condition=~Q(checkout_reference=""),
                name="payments_attempt_checkout",
            ),
            models.UniqueConstraint(
                fields=["tenant", "account", "reference"],
                condition=~Q(reference=""),
                name="payments_attempt_reference",
            ),
            models.CheckConstraint(
                condition=Q(state__in=list(ATTEMPT_MOVES)), name="payments_attempt_states"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["tenant", "ask_at"], condition=Q(ask_at__isnull=False), name="payments_attempt_ask"
            )
        ]
