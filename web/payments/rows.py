"""Payments, refunds and disputes as people read them: how they were paid, when, and where they lead."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.urls import reverse

from accounts import queries as people
from core import ids
from payments import words
from payments.lists import DisputeRow, MethodRow, PaymentRow, RefundRow
from payments.models import Refund

# A dispute nearer to its deadline than this is shown as wrong (screens, disputes).
URGENT = timedelta(hours=48)
_UNKNOWN, _NOBODY = "Somebody who has left", "Strongbox"
REASONS: Mapping[str, str] = {
    Refund.ReasonCode.DUPLICATE: "Paid twice",
    Refund.ReasonCode.NOT_DELIVERED: "Not delivered",
    Refund.ReasonCode.UNSATISFACTORY: "Not as agreed",
    Refund.ReasonCode.ORDER_CANCELED: "Order canceled",
    Refund.ReasonCode.FRAUDULENT: "Fraud",
    Refund.ReasonCode.OTHER: "Another reason",
}
SOURCES: Mapping[str, str] = {
    "pay_link": "Payment link",
    "portal": "Customer portal",
    "autopay": "Automatic payment",
    "staff": "Recorded by staff",
    "api": "Recorded over the API",
    "statement": "Bank statement",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One payment in a table."""

    pk: str
    url: str
    day: date | datetime
    customer: str
    customer_url: str
    method: str
    currency: str
    amount_minor: int
    allocated_minor: int
    state: str
    reference: str
    refundable_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundLine:
    """One refund in a table."""

    url: str
    payment_url: str
    customer: str
    asked_by: str
    mine: bool
    currency: str
    amount_minor: int
    reason: str
    state: str
    created_at: datetime
    way: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeLine:
    """One dispute in a table."""

    url: str
    payment_url: str
    customer: str
    currency: str
    amount_minor: int
    reason: str
    state: str
    answer_by: datetime | None
    urgent: bool
    opened_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodLine:
    """One saved method in a table."""

    pk: str
    name: str
    expires: str
    is_default: bool
    state: str
    agreed_at: datetime


def row(found: PaymentRow, *, slug: str) -> Row:
    """Make a payment readable."""
    pk = ids.encode("payment", found.id)
    return Row(
        pk=pk,
        url=reverse("payments:payment", args=[slug, pk]),
        day=found.received_on or found.succeeded_at or found.created_at,
        customer=found.customer_name,
        customer_url=reverse("billing:customer", args=[slug, ids.encode("customer", found.customer_id)]),
        method=words.method(found.method, found.brand, found.last4),
        currency=found.currency,
        amount_minor=found.captured_minor or found.amount_minor,
        allocated_minor=found.allocated_minor,
        state=found.state,
        reference=found.reference,
        refundable_minor=found.refundable_minor,
    )


def rows(found: Iterable[PaymentRow], *, slug: str) -> list[Row]:
    """Make payments readable."""
    return [row(each, slug=slug) for each in found]


def refund(found: RefundRow, *, slug: str, names: Mapping[UUID, str], me: UUID | None) -> RefundLine:
    """Make a refund readable; `names` as `names_of` returns them."""
    asked_by = names.get(found.requested_by, _UNKNOWN) if found.requested_by else _NOBODY
    return RefundLine(
        url=reverse("payments:refund", args=[slug, ids.encode("refund", found.id)]),
        payment_url=reverse("payments:payment", args=[slug, ids.encode("payment", found.payment_id)]),
        customer=found.customer_name,
        asked_by=asked_by,
        mine=found.requested_by is not None and found.requested_by == me,
        currency=found.currency,
        amount_minor=found.amount_minor,
        reason=REASONS[found.reason_code],
        state=found.state,
        created_at=found.created_at,
        way=words.method(found.method),
    )


def names_of(who: Iterable[UUID | None]) -> dict[UUID, str]:
    """Name whoever asked or decided: a person, or an API key."""
    known = {each for each in who if each is not None}
    names = dict(people.names_of(known))
    for key in people.api_keys().filter(pk__in=known - set(names)):
        names[key.pk] = f"API key {key.name}"
    return names


def dispute(found: DisputeRow, *, slug: str, at: datetime) -> DisputeLine:
    """Make a dispute readable at a moment."""
    waits = found.state == "needs_response" and found.answer_by is not None
    return DisputeLine(
        url=reverse("payments:dispute", args=[slug, ids.encode("dispute", found.id)]),
        payment_url=reverse("payments:payment", args=[slug, ids.encode("payment", found.payment_id)]),
        customer=found.customer_name,
        currency=found.currency,
        amount_minor=found.amount_minor,
        reason=found.reason_code.replace("_", " ").capitalize(),
        state=found.state,
        answer_by=found.answer_by if waits else None,
        urgent=waits and found.answer_by is not None and found.answer_by < at + URGENT,
        opened_at=found.opened_at,
    )


def method(found: MethodRow) -> MethodLine:
    """Make a saved method readable."""
    expires = ""
    if found.expires_month and found.expires_year:
        expires = f"{found.expires_month:02d}/{found.expires_year}"
    return MethodLine(
        pk=ids.encode("payment_method", found.id),
        name=words.method(found.kind, found.brand, found.last4),
        expires=expires,
        is_default=found.is_default,
        state=found.state,
        agreed_at=found.agreed_at,
    )
