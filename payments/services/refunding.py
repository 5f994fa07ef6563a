"""Asking the provider to give money back, in three steps: note, ask, note.

Promise kept: whatever is not known to have been asked for is looked for first, by our own id, and asked for under the
same key; so a second call gives nothing back twice, also after the provider has forgotten the key.
"""

from datetime import datetime
from uuid import UUID

from audit import services as audit
from core import ids
from core.actor import Actor
from core.money import Money
from payments import events, rules
from payments.gateways.base import (
    Gateway,
    GatewayAway,
    GatewayRefused,
    GatewayUnsure,
    RefundAsk,
    RefundOutcome,
)
from payments.models import GatewayAccount, Refund
from payments.services import accounts, holds, moves, refunds
from tenancy.context import Scope, scope, use_case
from tenancy.models import only

_TO_ASK = (Refund.State.PENDING, Refund.State.UNKNOWN, Refund.State.SENT)


def send(*, tenant_id: UUID, refund_id: UUID, actor: Actor, at: datetime) -> None:
    """Ask the provider for a refund, or how one stands that was asked for; call it outside any transaction.

    What the provider does not answer is noted and asked again later; nothing is raised for it.
    """
    with scope(Scope(tenant_id)):
        noted = prepare(refund_id=refund_id, actor=actor, at=at)
    if noted is None:
        return
    gateway, refund, payment_reference, before, held = noted
    try:
        outcome = _ask(gateway, refund, payment_reference, again=before, held=held)
    except (GatewayUnsure, GatewayAway) as silence:
        with scope(Scope(tenant_id)):
            unanswered(refund_id=refund_id, sent=isinstance(silence, GatewayUnsure), actor=actor, at=at)
        return
    except GatewayRefused as refusal:
        with scope(Scope(tenant_id)):
            refused(refund_id=refund_id, code=refusal.reason, actor=actor, at=at)
        return
    with scope(Scope(tenant_id)):
        refunds.apply(refund_id=refund_id, outcome=outcome, actor=actor, at=at)


@use_case
def prepare(*, refund_id: UUID, actor: Actor, at: datetime) -> tuple[Gateway, Refund, str, bool, bool] | None:
    """Note that the provider is being asked, so that somebody looks should this process end here."""
    payment, refund = moves.lock_refund(refund_id)
    account = only(GatewayAccount.objects.filter(pk=payment.account_id)) if payment.account_id else None
    if account is None or refund.state not in _TO_ASK:
        return None
    again = refund.state != Refund.State.PENDING or refund.asked > 0
    held = holds.are_held()
    if held and not again:
        # Nobody has been asked yet, and nobody will be while payouts are held.
        refund.ask_at = at + rules.LEASE
        refund.save(update_fields=["ask_at"])
        return None
    refund.asked += 1
    on_its_way = refund.state == Refund.State.SENT
    refund.ask_at = at + (rules.pause(refund.asked) if on_its_way else rules.LEASE)
    late = not on_its_way and at - refund.created_at > rules.GIVEN_UP_AFTER
    if late and refund.failure_code != rules.UNRESOLVED:
        refund.failure_code = rules.UNRESOLVED
        audit.record(events.REFUND_UNRESOLVED, actor=actor, subject=("refund", refund.pk), result="failed")
    refund.save(update_fields=["asked", "ask_at", "failure_code"])
    return accounts.for_account(account), refund, payment.reference, again, held


@use_case
def unanswered(*, refund_id: UUID, sent: bool, actor: Actor, at: datetime) -> None:
    """Note that the provider did not answer: nobody knows whether the refund is on its way, when it was asked for."""
    _, refund = moves.lock_refund(refund_id)
    if refund.state not in _TO_ASK:
        return
    ask_at = at + rules.wait(refund.asked)
    if sent and refund.state == Refund.State.PENDING:
        refunds.move(refund, Refund.State.UNKNOWN, at=at, ask_at=ask_at)
        audit.record(events.REFUND_UNSURE, actor=actor, subject=("refund", refund.pk), result="failed")
        return
    refund.ask_at = ask_at
    refund.save(update_fields=["ask_at"])


@use_case
def refused(*, refund_id: UUID, code: str, actor: Actor, at: datetime) -> None:
    """Note that the provider will not: nothing has left."""
    payment, refund = moves.lock_refund(refund_id)
    if refund.state in (Refund.State.PENDING, Refund.State.UNKNOWN):
        refunds.fail(payment, refund, code=code, actor=actor, at=at)


def _ask(
    gateway: Gateway, refund: Refund, payment_reference: str, *, again: bool, held: bool
) -> RefundOutcome:
    outside = ids.encode("refund", refund.pk)
    try:
        if refund.reference:
            return gateway.look_up_refund(refund.reference)
        found = gateway.find_refund(payment=payment_reference, refund=outside) if again else None
    except GatewayRefused as refusal:
        # That it may not be asked about does not say that it was not given.
        raise GatewayUnsure(refusal.reason) from None
    if found is not None:
        return found
    if held:
        # It was not taken the first time; it is not asked for again before payouts are let go.
        raise GatewayAway("held")
    return gateway.refund(
        RefundAsk(
            key=outside,
            payment=payment_reference,
            amount=Money(refund.amount_minor, refund.currency),
            refund=outside,
            reason=refund.reason_code,
        )
    )
