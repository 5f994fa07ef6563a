"""What an approver of a refund wants to know first: how much its requester gives back, and the customer's past."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Count, Min, Sum
from django.db.models.functions import Coalesce, TruncDate

from billing.issuer import queries as issuers
from payments.models import Dispute, Payment, Refund

_ASKED = (
    Refund.State.PENDING_APPROVAL,
    Refund.State.PENDING,
    Refund.State.SENT,
    Refund.State.UNKNOWN,
    Refund.State.SUCCEEDED,
)


@dataclass(frozen=True, slots=True)
class Counted:
    """How many of something, and what they come to in minor units of one currency."""

    count: int
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerPast:
    """What a customer has paid, got back and contested, in one currency."""

    payments: Counted
    refunds: Counted
    disputes: int
    first_paid_on: date | None


def asked_by(who: Collection[UUID], *, since: datetime, currency: str) -> Counted:
    """Return what somebody (a person and perhaps their key) has asked to give back since a moment.

    What was declined or failed does not count.
    """
    return _counted(
        Refund.objects.filter(
            requested_by__in=who, currency=currency, created_at__gte=since, state__in=_ASKED
        ).aggregate(count=Count("id"), total=Sum("amount_minor"))
    )


def customer(customer_id: UUID, *, currency: str) -> CustomerPast:
    """Return a customer's past."""
    came = Payment.objects.filter(
        customer_id=customer_id,
        currency=currency,
        state__in=[Payment.State.SUCCEEDED, Payment.State.REVERSED],
    )
    # Money by bank is recorded later than it came, and the oldest may be recorded last.
    zone = ZoneInfo(issuers.time_zone())
    day = Coalesce("received_on", TruncDate("succeeded_at", tzinfo=zone))
    back = Refund.objects.filter(
        customer_id=customer_id, currency=currency, state=Refund.State.SUCCEEDED
    ).aggregate(count=Count("id"), total=Sum("amount_minor"))
    return CustomerPast(
        payments=_counted(came.aggregate(count=Count("id"), total=Sum("captured_minor"))),
        refunds=_counted(back),
        disputes=Dispute.objects.filter(customer_id=customer_id).count(),
        first_paid_on=came.aggregate(first=Min(day))["first"],
    )


def _counted(found: dict[str, int | None]) -> Counted:
    return Counted(int(found["count"] or 0), int(found["total"] or 0))
