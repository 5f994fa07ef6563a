"""What a payer may see of payments: how far one invoice is paid, and by what.

Promise kept: asked for one invoice it answers about that invoice alone. What else a payment paid is not told, and whose
other invoices there are neither.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, TypeAlias
from uuid import UUID

from django.db.models import Sum

from billing.invoices.models import Invoice
from billing.invoices.queries import InvoiceRow
from billing.settlement.models import Allocation, CreditEntry
from core.errors import NotFound
from payments.models import Attempt, GatewayAccount, Payment, PaymentItem
from payments.rules import LIVE_ATTEMPTS

Stand: TypeAlias = Literal[
    "due", "part", "waiting", "unsure", "paid", "credited", "closed", "voided", "disputed"
]

_UNDER_WAY = frozenset({Payment.State.PROCESSING, Payment.State.UNKNOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one payment did, or is doing, for one invoice. Amounts are minor units.

    `alone` says that it is about no other invoice, so that its receipt may be shown to whoever sees this one.
    `meant_minor` is what was to be paid with it here, `credit_minor` what of that is the customer's credit now.
    """

    payment_id: UUID
    state: str
    method: str
    brand: str
    last4: str
    currency: str
    amount_minor: int
    meant_minor: int
    credit_minor: int
    failure_code: str
    alone: bool
    received_on: date | None
    created_at: datetime
    updated_at: datetime
    succeeded_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mine:
    """A payment as its own customer sees it: for which invoices, and the attempt that may still move money."""

    id: UUID
    state: str
    method: str
    brand: str
    last4: str
    currency: str
    amount_minor: int
    captured_minor: int
    refunded_minor: int
    failure_code: str
    received_on: date | None
    created_at: datetime
    succeeded_at: datetime | None
    parts: tuple[tuple[UUID, str, int], ...]
    live: UUID | None
    declines: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an invoice stands for whoever pays it.

    `shares` are newest first; `live` is the attempt that may still move money, `declined` why
    the newest try failed, when nothing came after it.
    """

    kind: Stand
    shares: tuple[Share, ...]
    live: UUID | None = None
    declined: str = ""

    @property
    def paid(self) -> tuple[Share, ...]:
        """Return what has arrived for the invoice and is still there."""
        return tuple(
            share
            for share in self.shares
            if share.state == Payment.State.SUCCEEDED and share.amount_minor > 0
        )

    @property
    def arrived(self) -> tuple[Share, ...]:
        """Return what has arrived with this invoice in mind, also what became credit because it was paid already."""
        return tuple(
            share
            for share in self.shares
            if share.state == Payment.State.SUCCEEDED and (share.amount_minor > 0 or share.meant_minor > 0)
        )

    @property
    def waiting(self) -> Share | None:
        """Return the payment that is on its way, or of which we do not know yet."""
        return next((share for share in self.shares if share.state in _UNDER_WAY), None)

    @property
    def payable(self) -> bool:
        """Tell whether it can be paid now."""
        return self.kind in ("due", "part")


def standing(invoice: InvoiceRow) -> Standing:
    """Say where an invoice stands."""
    found = shares(invoice.id)
    contested = Invoice.objects.filter(pk=invoice.id, disputes_open__gt=0).exists()
    live = _live(share.payment_id for share in found)
    declined = ""
    if found and found[0].state == Payment.State.FAILED:
        declined = found[0].failure_code or "declined"
    elif live is not None and live.declines:
        # The provider's page is still open to another try.
        declined = live.failure_code or "declined"
    return Standing(
        _kind(invoice, found, contested), tuple(found), None if live is None else live.pk, declined
    )


def payment(payment_id: UUID, *, customer_id: UUID) -> Mine:
    """Return one payment of a customer.

    Raises:
        NotFound: there is none, or it is another's.
    """
    found = Payment.objects.filter(pk=payment_id, customer_id=customer_id).defer("remittance").first()
    if found is None:
        raise NotFound
    amounts = {item.invoice_id: item.amount_minor for item in found.items.all()}
    if found.state in (Payment.State.SUCCEEDED, Payment.State.REVERSED):
        rows = Allocation.objects.filter(payment_id=found.pk).values_list("invoice_id", "amount_minor")
        put: Counter[UUID] = Counter()
        for invoice_id, amount in rows:
            put[invoice_id] += amount
        amounts = {invoice_id: amount for invoice_id, amount in put.items() if amount > 0} or amounts
    numbers = dict(Invoice.objects.filter(pk__in=amounts).values_list("pk", "number"))
    live = _live([found.pk])
    return Mine(
        id=found.pk,
        parts=tuple((pk, numbers.get(pk) or "", amounts[pk]) for pk in sorted(amounts)),
        live=None if live is None else live.pk,
        declines=0 if live is None else live.declines,
        **{name: getattr(found, name) for name in _MINE},
    )


def card_account() -> UUID | None:
    """Name the connected account through which the organization takes cards and debits, if there is one."""
    rows = GatewayAccount.objects.filter(state=GatewayAccount.State.CONNECTED)
    found: UUID | None = rows.values_list("pk", flat=True).first()
    return found


def shares(invoice_id: UUID) -> list[Share]:
    """Return what each payment meant for an invoice, or put on it, is to that invoice; newest first."""
    meant = dict(PaymentItem.objects.filter(invoice_id=invoice_id).values_list("payment_id", "amount_minor"))
    put = {
        row["payment_id"]: int(row["held"])
        for row in Allocation.objects.filter(invoice_id=invoice_id, payment_id__isnull=False)
        .values("payment_id")
        .annotate(held=Sum("amount_minor"))
        .order_by()
    }
    found = list(Payment.objects.filter(pk__in=[*meant, *put]).defer("remittance").order_by("-id"))
    crowded = _crowded(payment.pk for payment in found)
    arrived = (Payment.State.SUCCEEDED, Payment.State.REVERSED)
    over = {pk: amount - put.get(pk, 0) for pk, amount in meant.items() if amount > put.get(pk, 0)}
    credit = _credit(payment.pk for payment in found if payment.state in arrived and payment.pk in over)
    return [
        Share(
            payment_id=payment.pk,
            meant_minor=meant.get(payment.pk, 0),
            credit_minor=min(over.get(payment.pk, 0), credit.get(payment.pk, 0)),
            amount_minor=put.get(payment.pk, 0) if payment.state in arrived else meant.get(payment.pk, 0),
            alone=payment.pk not in crowded,
            **{name: getattr(payment, name) for name in _COLUMNS},
        )
        for payment in found
    ]


def _kind(invoice: InvoiceRow, found: list[Share], contested: bool) -> Stand:
    if invoice.status == "voided":
        return "voided"
    if contested:
        return "disputed"
    if invoice.payment_status == "paid":
        return "credited" if invoice.credited_minor and not invoice.amount_paid_minor else "paid"
    # Given up here is not forgiven there; but nothing is asked for on this page any more.
    if invoice.amount_due_minor <= 0:
        return "closed"
    states = {share.state for share in found}
    if Payment.State.UNKNOWN in states:
        return "unsure"
    if invoice.payment_status == "processing" or Payment.State.PROCESSING in states:
        return "waiting"
    return "part" if invoice.amount_paid_minor > 0 else "due"


def _live(payment_ids: Iterable[UUID]) -> Attempt | None:
    # One that has only been written down is asked for by whoever wrote it, in this very moment.
    known = LIVE_ATTEMPTS - {Attempt.State.CREATED}
    rows = Attempt.objects.filter(payment_id__in=list(payment_ids), state__in=known)
    found: Attempt | None = rows.order_by("-id").first()
    return found


def _credit(payment_ids: Iterable[UUID]) -> dict[UUID, int]:
    """Return what is left of some payments in their customer's credit."""
    named = list(payment_ids)
    if not named:
        return {}
    rows = CreditEntry.objects.filter(payment_id__in=named).values("payment_id").order_by()
    return {row["payment_id"]: int(row["held"]) for row in rows.annotate(held=Sum("amount_minor"))}


def _crowded(payment_ids: Iterable[UUID]) -> frozenset[UUID]:
    """Name those of some payments that are about more than one invoice."""
    named = list(payment_ids)
    pairs = {
        *PaymentItem.objects.filter(payment_id__in=named).values_list("payment_id", "invoice_id"),
        *Allocation.objects.filter(payment_id__in=named).values_list("payment_id", "invoice_id"),
    }
    count = Counter(payment_id for payment_id, _ in pairs)
    return frozenset(payment_id for payment_id, invoices in count.items() if invoices > 1)


_COLUMNS = (
    "state", "method", "brand", "last4", "currency", "failure_code", "received_on", "created_at", "updated_at",
    "succeeded_at",
)  # fmt: skip
_MINE = (
    "state", "method", "brand", "last4", "currency", "amount_minor", "captured_minor", "refunded_minor",
    "failure_code", "received_on", "created_at", "succeeded_at",
)  # fmt: skip
