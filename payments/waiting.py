"""What of payments waits for somebody here, counted."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Min

from payments import rules
from payments.models import Attempt, Dispute, Payment, Refund


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How much waits, and by when the first dispute has to be answered."""

    disputes: int
    answer_by: datetime | None
    held: int
    payouts: int
    # Attempts and refunds whose end nobody could say for days.
    unresolved: int


def waiting() -> Waiting:
    """Count what waits in the organization in scope; five statements, each by an index of what is open."""
    contested = Dispute.objects.filter(
        state=Dispute.State.NEEDS_RESPONSE, answered_at__isnull=True
    ).aggregate(count=Count("id"), first=Min("answer_by"))
    payouts = Refund.objects.filter(state=Refund.State.PENDING, payment__method=Payment.Method.BANK_TRANSFER)
    return Waiting(
        disputes=contested["count"],
        answer_by=contested["first"],
        held=Payment.objects.filter(state=Payment.State.HELD).count(),
        payouts=payouts.count(),
        unresolved=Attempt.objects.filter(
            state__in=rules.LIVE_ATTEMPTS, failure_code=rules.UNRESOLVED, ask_at__isnull=False
        ).count()
        + Refund.objects.filter(
            state__in=[Refund.State.PENDING, Refund.State.UNKNOWN], failure_code=rules.UNRESOLVED
        ).count(),
    )
