"""A payment that its payer contests at their bank: what the provider says of it, and what we answer.

Promises kept: while it lasts the money stands on an account of its own and the invoice says so; won, all is as before;
lost, the money is gone and the invoice is open again. An answer is kept first and sent after the commit, once.
"""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from audit import services as audit
from billing.invoices import rules as texts
from billing.ledger import queries as books
from billing.ledger import services as ledger
from billing.ledger.rules import Account, Side
from billing.settlement import services as settlement
from core import ids
from core.actor import Actor
from core.errors import Conflict, Invalid, NotFound
from outbound.webhooks import services as webhooks
from payments import events, rules
from payments.gateways.base import (
    DisputeFacts,
    Evidence,
    GatewayAway,
    GatewayRefused,
    GatewayUnsure,
)
from payments.models import Dispute, Payment
from payments.services import accounts, moves, soon
from tenancy.context import Scope, scope, use_case
from tenancy.models import only

OPENED, WON, LOST = "dispute_opened", "dispute_won", "dispute_lost"
REINSTATED, REINSTATED_REFUND = "dispute_reinstated", "dispute_reinstated_refund"
EVIDENCE_LENGTH = 20_000
OPEN = (Dispute.State.NEEDS_RESPONSE, Dispute.State.UNDER_REVIEW)


class PaymentNotHere(NotFound):
    """This dispute is about a payment that has not arrived here yet."""

    code = "payment_not_here"


class DisputeDiffers(Conflict):
    """This dispute is not in the currency of its payment."""

    code = "dispute_differs"


class DisputeNotOpen(Conflict):
    """This dispute is answered already, or has ended."""

    code = "dispute_not_open"


class AnswerTooLate(Conflict):
    """The day by which this dispute had to be answered has passed."""

    code = "answer_too_late"


@use_case
def apply_facts(*, facts: DisputeFacts, actor: Actor, at: datetime) -> Dispute:
    """Apply how a dispute stands at the provider, however often and in whatever order it is said.

    Raises:
        PaymentNotHere: its payment has not arrived here; to be said again later.
        DisputeDiffers
    """
    paid = Payment.objects.filter(reference=facts.payment, account__isnull=False, captured_minor__gt=0)
    payment_id = only(paid.values_list("pk", flat=True)) if facts.payment else None
    if payment_id is None:
        raise PaymentNotHere
    payment = moves.lock_payment(payment_id)
    if facts.amount.currency != payment.currency:
        raise DisputeDiffers
    # It may begin and end in one go: the credit is locked before the invoices, as everywhere.
    settlement.lock_money(
        customer_id=payment.customer_id,
        currency=payment.currency,
        booked_on=moves.today(at),
        actor=actor,
        at=at,
    )
    rows = Dispute.objects.select_for_update(no_key=True).filter(reference=facts.reference)
    dispute = only(rows) or _begin(payment, facts, actor, at)
    if dispute.payment_id != payment.pk:
        raise DisputeDiffers
    if facts.state == dispute.state or facts.state not in rules.DISPUTE_MOVES[dispute.state]:
        if facts.answer_by != dispute.answer_by:
            dispute.answer_by = facts.answer_by
            dispute.save(update_fields=["answer_by"])
        return dispute
    before, dispute.state = dispute.state, Dispute.State(facts.state)
    dispute.answer_by, dispute.updated_at = facts.answer_by, at
    if dispute.state in OPEN:
        dispute.save(force_update=True)
        audit.record(events.DISPUTE_UPDATED, actor=actor, subject=("dispute", dispute.pk))
        _tell(dispute, "updated")
    else:
        dispute.closed_at = at
        dispute.save(force_update=True)
        _end(payment, dispute, before, actor, at)
    return dispute


@use_case
def answer(*, dispute_id: UUID, evidence: str, actor: Actor, at: datetime) -> Dispute:
    """Keep what answers a dispute, and send it after the commit; it can be sent once.

    Raises:
        NotFound: there is no such dispute.
        DisputeNotOpen, AnswerTooLate.
        Invalid: nothing was said, or what cannot be kept.
    """
    errors = texts.text_errors("/evidence", evidence, EVIDENCE_LENGTH, required=True)
    if errors:
        raise Invalid(errors)
    dispute = _answerable(dispute_id, at)
    dispute.evidence, dispute.answered_at, dispute.updated_at = evidence.strip(), at, at
    dispute.save(update_fields=["evidence", "answered_at", "updated_at"])
    audit.record(events.DISPUTE_ANSWERED, actor=actor, subject=("dispute", dispute.pk), fields=["evidence"])
    soon.answer_disputes()
    return dispute


@use_case
def accept(*, dispute_id: UUID, actor: Actor, at: datetime) -> Dispute:
    """Give a dispute up: the provider is told after the commit, and what follows is as for one that was lost.

    Raises:
        NotFound: there is no such dispute.
        DisputeNotOpen
    """
    dispute = _answerable(dispute_id, None)
    dispute.evidence, dispute.answered_at, dispute.updated_at = None, at, at
    dispute.save(update_fields=["evidence", "answered_at", "updated_at"])
    audit.record(events.DISPUTE_ACCEPTED, actor=actor, subject=("dispute", dispute.pk))
    soon.answer_disputes()
    return dispute


def send(*, tenant_id: UUID, dispute_id: UUID, actor: Actor, at: datetime) -> None:
    """Tell the provider what was decided, in three steps; call it outside any transaction."""
    with scope(Scope(tenant_id)):
        dispute = only(Dispute.objects.select_related("payment__account").filter(pk=dispute_id))
        if dispute is None or dispute.state != Dispute.State.NEEDS_RESPONSE or dispute.answered_at is None:
            return
        gateway = accounts.for_account(dispute.payment.account)
        said: Mapping[Evidence, str] | None = {Evidence.TEXT: dispute.evidence} if dispute.evidence else None
    outside = ids.encode("dispute", dispute.pk)
    try:
        if said is None:
            facts = gateway.accept_dispute(key=f"{outside}.accept", reference=dispute.reference)
        else:
            facts = gateway.answer_dispute(
                key=f"{outside}.answer", reference=dispute.reference, evidence=said
            )
    except (GatewayUnsure, GatewayAway):
        return  # the sweep asks again under the same key
    except GatewayRefused as refusal:
        with scope(Scope(tenant_id)):
            refused(dispute_id=dispute_id, code=refusal.reason, actor=actor, at=at)
        return
    with scope(Scope(tenant_id)):
        apply_facts(facts=facts, actor=actor, at=at)


def look_up(*, tenant_id: UUID, dispute_id: UUID, actor: Actor, at: datetime) -> None:
    """Ask the provider how an open dispute stands; call it outside any transaction."""
    with scope(Scope(tenant_id)):
        dispute = Dispute.objects.select_related("payment__account").get(pk=dispute_id)
        Dispute.objects.filter(pk=dispute_id).update(updated_at=at)
        gateway = accounts.for_account(dispute.payment.account)
    try:
        facts = gateway.look_up_dispute(dispute.reference)
    except (GatewayUnsure, GatewayAway, GatewayRefused):
        return
    with scope(Scope(tenant_id)):
        apply_facts(facts=facts, actor=actor, at=at)


@use_case
def refused(*, dispute_id: UUID, code: str, actor: Actor, at: datetime) -> None:
    """Note that the provider took no answer, so that a person looks at it again; what was said is kept."""
    dispute = Dispute.objects.select_for_update(no_key=True).get(pk=dispute_id)
    dispute.answered_at, dispute.updated_at = None, at
    dispute.save(update_fields=["answered_at", "updated_at"])
    audit.record(
        events.DISPUTE_ANSWER_REFUSED,
        actor=actor,
        subject=("dispute", dispute.pk),
        facts={"code": code},
        result="failed",
    )


def _begin(payment: Payment, facts: DisputeFacts, actor: Actor, at: datetime) -> Dispute:
    dispute = Dispute(
        payment=payment,
        customer_id=payment.customer_id,
        reference=facts.reference,
        state=Dispute.State.NEEDS_RESPONSE,
        currency=facts.amount.currency,
        amount_minor=facts.amount.amount_minor,
        reason_code=facts.reason,
        answer_by=facts.answer_by,
        opened_at=facts.opened_at,
        updated_at=at,
    )
    dispute.save(force_insert=True)
    _post(dispute, OPENED, Account.DISPUTED, Account.GATEWAY, dispute.amount_minor, at)
    _mark(payment, 1, at)
    audit.record(events.DISPUTE_CREATED, actor=actor, subject=("dispute", dispute.pk))
    _tell(dispute, "created")
    return dispute


def _end(payment: Payment, dispute: Dispute, before: str, actor: Actor, at: datetime) -> None:
    if dispute.state == Dispute.State.LOST:
        _lose(payment, dispute, actor, at)
    elif before == Dispute.State.LOST:
        _reinstate(payment, dispute, actor, at)
    else:
        _post(dispute, WON, Account.GATEWAY, Account.DISPUTED, dispute.amount_minor, at)
    if before in OPEN:
        _mark(payment, -1, at)
    event = events.DISPUTE_LOST if dispute.state == Dispute.State.LOST else events.DISPUTE_WON
    audit.record(event, actor=actor, subject=("dispute", dispute.pk))
    _tell(dispute, "lost" if dispute.state == Dispute.State.LOST else "won")


def _lose(payment: Payment, dispute: Dispute, actor: Actor, at: datetime) -> None:
    settlement.take_back(
        customer_id=payment.customer_id,
        currency=payment.currency,
        payment_id=payment.pk,
        amount_minor=dispute.amount_minor,
        cash_account=Account.DISPUTED,
        kind=LOST,
        source_id=dispute.pk,
        booked_on=moves.today(at),
        actor=actor,
        at=at,
    )
    moves.count_lost(payment)
    payment.updated_at = at
    payment.save(update_fields=["state", "reversed_minor", "updated_at"])
    moves.tell(payment, "reversed")


def _reinstate(payment: Payment, dispute: Dispute, actor: Actor, at: datetime) -> None:
    """Take in once more what a lost dispute took: a bank may change its mind."""
    lost = books.sides_of_source(source_id=dispute.pk, kind=LOST)
    refunded = sum(side.amount_minor for side in lost if side.account == Account.REFUNDS)
    if refunded:
        _post(dispute, REINSTATED_REFUND, Account.GATEWAY, Account.REFUNDS, refunded, at)
    if dispute.amount_minor > refunded:
        settlement.settle(
            customer_id=payment.customer_id,
            currency=payment.currency,
            amount_minor=dispute.amount_minor - refunded,
            wanted=moves.items_of(payment.pk),
            payment_id=payment.pk,
            source_id=dispute.pk,
            cash_account=Account.GATEWAY,
            kind=REINSTATED,
            booked_on=moves.today(at),
            actor=actor,
            at=at,
        )
        soon.close_pages_of([invoice_id for invoice_id, _ in moves.items_of(payment.pk)])
    moves.count_lost(payment)
    payment.updated_at = at
    payment.save(update_fields=["state", "reversed_minor", "updated_at"])


def _answerable(dispute_id: UUID, at: datetime | None) -> Dispute:
    dispute: Dispute | None = only(Dispute.objects.select_for_update(no_key=True).filter(pk=dispute_id))
    if dispute is None:
        raise NotFound
    if dispute.state != Dispute.State.NEEDS_RESPONSE or dispute.answered_at is not None:
        raise DisputeNotOpen
    if at is not None and dispute.answer_by is not None and at > dispute.answer_by:
        raise AnswerTooLate
    return dispute


def _mark(payment: Payment, disputes: int, at: datetime) -> None:
    invoices = [invoice_id for invoice_id, _ in moves.items_of(payment.pk)]
    settlement.mark(invoice_ids=invoices, disputes=disputes, at=at)


def _post(dispute: Dispute, kind: str, to: str, out_of: str, amount_minor: int, at: datetime) -> None:
    ledger.post(
        kind=kind,
        sides=[Side(to, amount_minor), Side(out_of, -amount_minor)],
        currency=dispute.currency,
        booked_on=moves.today(at),
        at=at,
        customer_id=dispute.customer_id,
        source_id=dispute.pk,
        late_ok=True,
    )


def _tell(dispute: Dispute, what: str) -> None:
    webhooks.publish(
        type=f"dispute.{what}",
        subject=("dispute", dispute.pk),
        data={
            "payment": dispute.payment_id,
            "customer": dispute.customer_id,
            "status": dispute.state,
            "currency": dispute.currency,
            "amount_minor": dispute.amount_minor,
            "reason_code": dispute.reason_code,
            "answer_by": dispute.answer_by,
        },
    )
