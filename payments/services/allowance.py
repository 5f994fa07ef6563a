"""How much somebody gives back alone: their limit, and what counts towards it already.

Promise kept: many small refunds count as one: of one payment whoever asked for them, and of all payments of one
customer where the same person or key asked within a day. Two at the same moment wait for each other.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Sum

from accounts import queries as people
from accounts.permissions import Limit
from billing.customers.models import Customer
from core.actor import Actor, ActorKind
from payments.models import Payment, Refund

SPAN = timedelta(hours=24)
# Nothing left, or nothing will.
_NOTHING = (Refund.State.FAILED, Refund.State.DECLINED, Refund.State.CANCELED)


def limit(*, actor: Actor, at: datetime) -> int:
    """Return what somebody may give back alone, in minor units of whatever currency; nothing without a limit."""
    return people.limits_of_actor(actor=actor, at=at).get(Limit.REFUND_MINOR, 0)


def is_within(payment: Payment, amount_minor: int, *, actor: Actor, at: datetime) -> bool:
    """Tell whether somebody may give this much of a locked payment back alone."""
    if actor.kind is ActorKind.SYSTEM:
        return True
    # Of refunds of two payments at once, the second counts the first.
    Customer.objects.select_for_update(no_key=True).filter(pk=payment.customer_id).first()
    back = payment.refunding_minor + payment.refunded_minor
    counted = counts(payment_id=payment.pk, customer_id=payment.customer_id, back=back, actor=actor, at=at)
    return counted + amount_minor <= limit(actor=actor, at=at)


def counts(*, payment_id: UUID, customer_id: UUID, back: int, actor: Actor, at: datetime) -> int:
    """Return what counts towards a limit before a refund: `back` of its payment, and what they did beside it lately.

    What a second person has agreed to, or is asked about, is nothing that somebody did alone.
    """
    beside = Refund.objects.filter(
        customer_id=customer_id,
        requested_by=actor.id,
        approval_id__isnull=True,
        created_at__gt=at - SPAN,
    ).exclude(payment_id=payment_id)
    found = beside.exclude(state__in=_NOTHING).aggregate(total=Sum("amount_minor"))["total"]
    return back + int(found or 0)
