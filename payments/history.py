"""What an approver of a refund wants to know first: how much its requester gives back, and the customer's past."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Sum

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
    first_paid_at: datetime | None


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
    back = Refund.objects.filter(
        customer_id=customer_id, currency=currency, state=Refund.State.SUCCEEDED
    ).aggregate(count=Count("id"), total=Sum("amount_minor"))
    return CustomerPast(
        payments=_counted(came.aggregate(count=Count("id"), total=Sum("captured_minor"))),
        refunds=_counted(back),
        disputes=Dispute.objects.filter(customer_id=customer_id).count(),
        first_paid_at=came.order_by("id").values_list("succeeded_at", flat=True).first(),
    )


def _counted(found: dict[str, int | None]) -> Counted:
    return Counted(int(found["count"] or 0), int(found["total"] or 0))
