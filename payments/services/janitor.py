"""Asking about what is not known: attempts, refunds, answers to disputes. The one place that comes back by itself.

Promise kept: whatever a process that died, a lost webhook or a silent provider left open is asked about again, with
growing pauses, until it has an end or a person is told. Running twice at once is harmless: every call has its key.
One that cannot be asked about keeps none of the others from being asked about, here or in other organizations.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.core.exceptions import ObjectDoesNotExist
from django.db import DataError, IntegrityError

from core.actor import Actor
from core.errors import Refusal
from core.primitives import InvalidCiphertext
from payments.models import Dispute, PaymentMethod, Refund
from payments.services import collect, disputes, methods, refunding
from payments.services.collect import asking
from tenancy.context import Scope, scope

_log = logging.getLogger("strongbox.payments")
_BATCH = 100
# What a row that was touched, or an answer that nobody foresaw, may end in. A database or a worker that goes away ends
# the whole run instead.
UNFIT = (
    ArithmeticError, DataError, IntegrityError, InvalidCiphertext, LookupError, ObjectDoesNotExist, TypeError,
    ValueError,
)  # fmt: skip
_DISPUTES_LOOKED_UP = timedelta(hours=6)
# For so long the provider is asked daily to forget a removed method, in case it was away.
_FORGOTTEN = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Due:
    """What of one organization is to be done now."""

    attempts: list[UUID]
    pages: list[UUID]
    refunds: list[UUID]
    answers: list[UUID]
    disputes: list[UUID]


def sweep(*, tenant_id: UUID, actor: Actor, at: datetime) -> int:
    """Do whatever is due in one organization, each in steps of its own; return how much that was."""
    with scope(Scope(tenant_id)):
        found = Due(
            attempts=asking.due(at=at),
            pages=asking.superseded(),
            refunds=refunds_due(at=at),
            answers=_to_answer(),
            disputes=_to_look_up(at),
        )
    named = {"tenant_id": tenant_id, "actor": actor, "at": at}
    for attempt_id in found.attempts:
        _apart(collect.ask, attempt_id=attempt_id, **named)
    for attempt_id in found.pages:
        _apart(collect.close_page, attempt_id=attempt_id, **named)
    for refund_id in found.refunds:
        _apart(refunding.send, refund_id=refund_id, **named)
    for dispute_id in found.answers:
        _apart(disputes.send, dispute_id=dispute_id, **named)
    for dispute_id in found.disputes:
        _apart(disputes.look_up, dispute_id=dispute_id, **named)
    return sum(map(len, (found.attempts, found.pages, found.refunds, found.answers, found.disputes)))


def ask_unsure(*, tenant_id: UUID, actor: Actor, at: datetime) -> int:
    """Ask about every attempt, refund and dispute that is due, each in steps of its own; return how many."""
    with scope(Scope(tenant_id)):
        attempts = asking.due(at=at)
        open_refunds = refunds_due(at=at)
    for attempt_id in attempts:
        collect.ask(tenant_id=tenant_id, attempt_id=attempt_id, at=at, actor=actor)
    for refund_id in open_refunds:
        refunding.send(tenant_id=tenant_id, refund_id=refund_id, actor=actor, at=at)
    return len(attempts) + len(open_refunds) + look_up_disputes(tenant_id=tenant_id, actor=actor, at=at)


def send_refunds(*, tenant_id: UUID, actor: Actor, at: datetime) -> int:
    """Ask the provider for every refund that is due; return how many."""
    with scope(Scope(tenant_id)):
        found = refunds_due(at=at)
    for refund_id in found:
        refunding.send(tenant_id=tenant_id, refund_id=refund_id, actor=actor, at=at)
    return len(found)


def close_pages(*, tenant_id: UUID, actor: Actor, at: datetime) -> int:
    """Close the pages that nobody should pay on any more; return how many."""
    with scope(Scope(tenant_id)):
        found = asking.superseded()
    for attempt_id in found:
        collect.close_page(tenant_id=tenant_id, attempt_id=attempt_id, actor=actor, at=at)
    return len(found)


def answer_disputes(*, tenant_id: UUID, actor: Actor, at: datetime) -> int:
    """Tell the provider what was decided about disputes; return how many."""
    with scope(Scope(tenant_id)):
        found = _to_answer()
    for dispute_id in found:
        disputes.send(tenant_id=tenant_id, dispute_id=dispute_id, actor=actor, at=at)
    return len(found)


def look_up_disputes(*, tenant_id: UUID, actor: Actor, at: datetime) -> int:
    """Ask how the open disputes stand of which nothing was heard for hours; return how many."""
    with scope(Scope(tenant_id)):
        found = _to_look_up(at)
    for dispute_id in found:
        disputes.look_up(tenant_id=tenant_id, dispute_id=dispute_id, actor=actor, at=at)
    return len(found)


def forget_methods(*, tenant_id: UUID, at: datetime) -> int:
    """Have the provider forget the methods that were removed lately; return how many."""
    with scope(Scope(tenant_id)):
        rows = PaymentMethod.objects.filter(state=PaymentMethod.State.REMOVED, removed_at__gt=at - _FORGOTTEN)
        found = list(rows.order_by("-removed_at").values_list("pk", flat=True)[:_BATCH])
    for method_id in found:
        methods.forget(tenant_id=tenant_id, method_id=method_id)
    return len(found)


def refunds_due(*, at: datetime) -> list[UUID]:
    """Return the refunds of the organization in scope that the provider is to be asked about now."""
    rows = Refund.objects.filter(
        ask_at__lte=at, state__in=[Refund.State.PENDING, Refund.State.SENT, Refund.State.UNKNOWN]
    )
    return list(rows.order_by("ask_at").values_list("pk", flat=True)[:_BATCH])


def _apart(call: Callable[..., None], **named: object) -> None:
    """Do one thing of many; what cannot be done is left for the next time, and never the end of the others."""
    try:
        call(**named)
    except Refusal as refusal:
        # Somebody was faster, or the provider says what cannot be.
        _log.info("left for the next time: %s", refusal.code)
    except UNFIT:
        _log.exception("something could not be asked about")


def _to_answer() -> list[UUID]:
    rows = Dispute.objects.filter(state=Dispute.State.NEEDS_RESPONSE, answered_at__isnull=False)
    return list(rows.order_by("answered_at").values_list("pk", flat=True)[:_BATCH])


def _to_look_up(at: datetime) -> list[UUID]:
    rows = Dispute.objects.filter(state__in=disputes.OPEN, updated_at__lt=at - _DISPUTES_LOOKED_UP)
    return list(rows.order_by("updated_at").values_list("pk", flat=True)[:_BATCH])
