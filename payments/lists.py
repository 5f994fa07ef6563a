"""The lists of payments, refunds, disputes and saved methods: pages by id, newest first, in both directions.

Promise kept: a list of one customer or invoice is found by an index, and no list opens a payer's text: what the bank
wrote beside a transfer is decrypted for one payment at a time.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db.models import Q, QuerySet, Sum

from accounts.lists.order import Sorts, ordered
from billing.customers import queries as customers
from billing.settlement.models import Allocation, CreditBalance
from billing.tallies import queries as tallies
from payments.models import Dispute, Payment, PaymentItem, PaymentMethod, Refund
from payments.models.payments import SHOWN_MINOR, SHOWN_ON

PAGE = 50
# The orders of the list of payments. Days are those of UTC, which an index can hold.
SORTS: Sorts = {"amount": SHOWN_MINOR, "date": SHOWN_ON}
_BY_TIME: Sorts = {}
_R = TypeVar("_R")


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRow:
    """One payment in a list. Amounts are minor units."""

    id: UUID
    customer_id: UUID
    customer_name: str
    state: str
    method: str
    source: str
    # The invoices it is meant for, in their order.
    invoice_ids: tuple[UUID, ...]
    currency: str
    amount_minor: int
    captured_minor: int
    allocated_minor: int
    refunding_minor: int
    refunded_minor: int
    reversed_minor: int
    reference: str
    failure_code: str
    brand: str
    last4: str
    received_on: date | None
    created_at: datetime
    updated_at: datetime
    succeeded_at: datetime | None

    @property
    def refundable_minor(self) -> int:
        """Return what could still be given back."""
        return self.captured_minor - self.refunding_minor - self.refunded_minor - self.reversed_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRow:
    """One refund in a list."""

    id: UUID
    payment_id: UUID
    customer_id: UUID
    customer_name: str
    approval_id: UUID | None
    state: str
    method: str
    currency: str
    amount_minor: int
    reason_code: str
    reference: str
    failure_code: str
    requested_by: UUID | None
    created_at: datetime
    updated_at: datetime
    succeeded_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeRow:
    """One dispute in a list."""

    id: UUID
    payment_id: UUID
    customer_id: UUID
    customer_name: str
    reference: str
    state: str
    currency: str
    amount_minor: int
    reason_code: str
    answer_by: datetime | None
    answered_at: datetime | None
    opened_at: datetime
    closed_at: datetime | None
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodRow:
    """One saved method: a token and what a person knows it by."""

    id: UUID
    customer_id: UUID
    reference: str
    kind: str
    state: str
    is_default: bool
    brand: str
    last4: str
    expires_month: int | None
    expires_year: int | None
    agreed_at: datetime
    removed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditRow:
    """What one customer has paid too much, in minor units of one currency."""

    customer_id: UUID
    customer_name: str
    currency: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Listed(Generic[_R]):
    """One page, and the last and first ids from which its neighbours go on; None where there is none."""

    rows: list[_R]
    next_after: UUID | None
    previous_before: UUID | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a list a page begins: behind an id, or before it when one goes back."""

    id: UUID | None = None
    back: bool = False
    limit: int = PAGE
    # As `accounts.lists.order` reads it.
    sort: str = ""


def payments(
    *,
    place: Place,
    among: "QuerySet[Payment] | None" = None,
    states: Collection[str] = (),
    customer_ids: Collection[UUID] | None = None,
    invoice_id: UUID | None = None,
    method: str = "",
    currency: str = "",
    reference: str = "",
    received_from: date | None = None,
    received_to: date | None = None,
    with_names: bool = True,
) -> Listed[PaymentRow]:
    """List payments; of an invoice are those meant for it and those that paid it."""
    rows = matching(
        among=among, states=states, customer_ids=customer_ids, invoice_id=invoice_id, method=method, currency=currency,
        reference=reference, received_from=received_from, received_to=received_to,
    )  # fmt: skip
    page = _page(rows, place, SORTS)
    return _listed(page, place, payment_rows(page[: place.limit], with_names=with_names))


def matching(
    *,
    among: "QuerySet[Payment] | None" = None,
    states: Collection[str] = (),
    customer_ids: Collection[UUID] | None = None,
    invoice_id: UUID | None = None,
    method: str = "",
    currency: str = "",
    reference: str = "",
    received_from: date | None = None,
    received_to: date | None = None,
) -> "QuerySet[Payment]":
    """Return payments in no order, only of `among`; `reference` and `customer_ids` find either, as a search means."""
    rows: QuerySet[Payment] = Payment.objects.all() if among is None else among
    if states:
        rows = rows.filter(state__in=states)
    if reference and customer_ids:
        rows = rows.filter(Q(reference=reference) | Q(customer_id__in=customer_ids))
    elif reference:
        rows = rows.filter(reference=reference)
    elif customer_ids is not None:
        rows = rows.filter(customer_id__in=customer_ids)
    if invoice_id is not None:
        rows = rows.filter(pk__in=payments_of(invoice_id))
    bounds = {
        "method": method,
        "currency": currency,
        "received_on__gte": received_from,
        "received_on__lte": received_to,
    }
    return rows.filter(**{name: value for name, value in bounds.items() if value})


def payments_of(invoice_id: UUID) -> list[UUID]:
    """Name the payments that were meant for an invoice, or paid it."""
    meant = PaymentItem.objects.filter(invoice_id=invoice_id).values_list("payment_id", flat=True)
    paid = Allocation.objects.filter(invoice_id=invoice_id, payment_id__isnull=False)
    return sorted({*meant, *paid.values_list("payment_id", flat=True)})


def payment_rows(found: Sequence[Payment], *, with_names: bool = True) -> list[PaymentRow]:
    """Show payments; a statement each for what they are meant for, what they paid and whose they are."""
    held = allocated(payment.pk for payment in found)
    meant: dict[UUID, list[UUID]] = {}
    items = PaymentItem.objects.filter(payment_id__in=[payment.pk for payment in found])
    for payment_id, invoice_id in items.order_by("position").values_list("payment_id", "invoice_id"):
        meant.setdefault(payment_id, []).append(invoice_id)
    names = customers.names(payment.customer_id for payment in found) if with_names else {}
    return [
        PaymentRow(
            id=payment.pk,
            customer_id=payment.customer_id,
            customer_name=names.get(payment.customer_id, ""),
            invoice_ids=tuple(meant.get(payment.pk, ())),
            allocated_minor=held.get(payment.pk, 0),
            **{name: getattr(payment, name) for name in _PAYMENT},
        )
        for payment in found
    ]


def allocated(payment_ids: Iterable[UUID]) -> dict[UUID, int]:
    """Return what payments have put onto invoices, in minor units."""
    rows = Allocation.objects.filter(payment_id__in=list(payment_ids))
    sums = rows.values("payment_id").annotate(held=Sum("amount_minor")).order_by()
    return {row["payment_id"]: int(row["held"]) for row in sums}


def refunds(
    *,
    place: Place,
    among: "QuerySet[Refund] | None" = None,
    states: Collection[str] = (),
    customer_id: UUID | None = None,
    payment_id: UUID | None = None,
    credit_note_id: UUID | None = None,
    with_names: bool = True,
) -> Listed[RefundRow]:
    """List refunds."""
    rows = (Refund.objects.all() if among is None else among).select_related("payment")
    if states:
        rows = rows.filter(state__in=states)
    if customer_id is not None:
        rows = rows.filter(customer_id=customer_id)
    if payment_id is not None:
        rows = rows.filter(payment_id=payment_id)
    if credit_note_id is not None:
        rows = rows.filter(credit_note_id=credit_note_id)
    page = _page(rows, place)
    shown = page[: place.limit]
    names = customers.names(refund.customer_id for refund in shown) if with_names else {}
    return _listed(page, place, [refund_row(refund, names) for refund in shown])


def refund_sums(
    *, states: Collection[str] = (), among: "QuerySet[Refund] | None" = None
) -> dict[str, tuple[int, int]] | None:
    """Add up the refunds of a list; None when they are too many."""
    rows = Refund.objects.all() if among is None else among
    return tallies.added(rows.filter(state__in=states) if states else rows, amount="amount_minor")


def refund_row(refund: Refund, names: dict[UUID, str]) -> RefundRow:
    """Show a refund; `names` are the customers' by id."""
    return RefundRow(
        id=refund.pk,
        payment_id=refund.payment_id,
        customer_id=refund.customer_id,
        customer_name=names.get(refund.customer_id, ""),
        method=refund.payment.method,
        **{name: getattr(refund, name) for name in _REFUND},
    )


def disputes(
    *,
    place: Place,
    among: "QuerySet[Dispute] | None" = None,
    states: Collection[str] = (),
    customer_id: UUID | None = None,
    payment_id: UUID | None = None,
    with_names: bool = True,
) -> Listed[DisputeRow]:
    """List disputes."""
    rows = (Dispute.objects.all() if among is None else among).defer("evidence")
    if states:
        rows = rows.filter(state__in=states)
    if customer_id is not None:
        rows = rows.filter(customer_id=customer_id)
    if payment_id is not None:
        rows = rows.filter(payment_id=payment_id)
    page = _page(rows, place)
    shown = page[: place.limit]
    names = customers.names(dispute.customer_id for dispute in shown) if with_names else {}
    return _listed(page, place, [dispute_row(dispute, names) for dispute in shown])


def dispute_row(dispute: Dispute, names: dict[UUID, str]) -> DisputeRow:
    """Show a dispute; `names` are the customers' by id."""
    return DisputeRow(
        id=dispute.pk,
        payment_id=dispute.payment_id,
        customer_id=dispute.customer_id,
        customer_name=names.get(dispute.customer_id, ""),
        **{name: getattr(dispute, name) for name in _DISPUTE},
    )


def methods(*, place: Place, customer_id: UUID | None = None, state: str = "") -> Listed[MethodRow]:
    """List saved methods."""
    rows = PaymentMethod.objects.defer("mandate_text")
    if customer_id is not None:
        rows = rows.filter(customer_id=customer_id)
    if state:
        rows = rows.filter(state=state)
    page = _page(rows, place)
    return _listed(page, place, [method_row(method) for method in page[: place.limit]])


def method_row(method: PaymentMethod) -> MethodRow:
    """Show a saved method."""
    return MethodRow(
        id=method.pk,
        customer_id=method.customer_id,
        **{name: getattr(method, name) for name in _METHOD},
    )


def credits(
    *, limit: int, after: tuple[int, UUID] | None = None
) -> tuple[list[CreditRow], tuple[int, UUID] | None]:
    """List what customers have in credit, the largest first, and where the next page begins."""
    held = CreditBalance.objects.filter(amount_minor__gt=0).order_by("-amount_minor", "id")
    if after is not None:
        held = held.filter(Q(amount_minor__lt=after[0]) | Q(amount_minor=after[0], pk__gt=after[1]))
    found = list(held[: limit + 1])
    rows = found[:limit]
    more = (rows[-1].amount_minor, rows[-1].pk) if len(found) > limit else None
    names = customers.names(row.customer_id for row in rows)
    shown = [
        CreditRow(
            customer_id=row.customer_id,
            customer_name=names.get(row.customer_id, ""),
            currency=row.currency,
            amount_minor=row.amount_minor,
        )
        for row in rows
    ]
    return shown, more


def _page(rows: "QuerySet[Any]", place: Place, sorts: Sorts = _BY_TIME) -> list[Any]:
    """Read one row more than fits, in the direction of reading."""
    found = ordered(rows, place.sort, sorts, after=place.id, back=place.back)
    return list(found[: place.limit + 1])


def _listed(found: Sequence[Any], place: Place, rows: list[_R]) -> Listed[_R]:
    """Turn a page around that was read backwards, and say where its neighbours begin."""
    more, shown = len(found) > place.limit, [each.pk for each in found[: place.limit]]
    if place.back:
        rows, shown = rows[::-1], shown[::-1]
    following = shown[-1] if shown and (more or place.back) else None
    before = shown[0] if shown and (more if place.back else place.id is not None) else None
    return Listed(rows, following, before)


_PAYMENT = (
    "state", "method", "source", "currency", "amount_minor", "captured_minor", "refunding_minor",
    "refunded_minor", "reversed_minor", "reference", "failure_code", "brand", "last4", "received_on",
    "created_at", "updated_at", "succeeded_at",
)  # fmt: skip
_REFUND = (
    "approval_id", "state", "currency", "amount_minor", "reason_code", "reference", "failure_code",
    "requested_by", "created_at", "updated_at", "succeeded_at",
)  # fmt: skip
_DISPUTE = (
    "reference", "state", "currency", "amount_minor", "reason_code", "answer_by", "answered_at", "opened_at",
    "closed_at", "updated_at",
)  # fmt: skip
_METHOD = (
    "reference", "kind", "state", "is_default", "brand", "last4", "expires_month", "expires_year", "agreed_at",
    "removed_at",
)  # fmt: skip
