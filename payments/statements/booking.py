"""What becomes of a line, once a person says so: a payment, a payment that is here already, nothing; and all undone.

Promise kept: a line is booked once, however often somebody clicks: its row is locked and must be open, and a payment
stands on one line alone (unique). More than the line is over is never put on invoices. Nothing is ever booked because
a score is high: somebody presses the button, and what they press for is matched anew first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from audit import services as audit
from billing.invoices import rules as texts
from core.actor import Actor
from core.errors import Conflict, Invalid, NotFound, Refusal
from crypto.values import BlindIndex
from payments import events
from payments.models import Payment, StatementLine
from payments.services import collect
from payments.statements import looking, matching
from tenancy.context import attempt, use_case

MOST_AT_ONCE = 200
_MOST_MATCHED_ANEW = 500
_REASON = 500
_State = StatementLine.State


class LineMovedOn(Conflict):
    """This line is not open any more. Look at it again."""

    code = "line_moved_on"


class LineNotDecided(Conflict):
    """Nothing has been decided about this line that could be undone."""

    code = "line_not_decided"


class MoreThanTransferred(Refusal):
    """The invoices would get more than was transferred."""

    code = "more_than_transferred"


class PaymentDiffers(Refusal):
    """That payment is of another amount or currency, was taken back, or stands on a line already."""

    code = "payment_differs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """How booking many at once went: lines and sums by currency in minor units, and how many were left open."""

    lines: int = 0
    left: int = 0
    sums: dict[str, int] = field(default_factory=dict)


@use_case
def book(
    *,
    line_id: UUID,
    customer_id: UUID,
    wanted: Sequence[tuple[UUID, int]],
    actor: Actor,
    at: datetime,
) -> Payment:
    """Make a payment of a line: onto these invoices as far as they are due, the rest to the customer's credit.

    `wanted` may be empty: then all of it becomes credit.

    Raises:
        NotFound: there is no such line, customer or invoice of theirs.
        LineMovedOn, MoreThanTransferred.
        Refusal: of `collect.record`.
    """
    line = _open(line_id)
    payment = _book(line, customer_id, wanted, actor=actor, at=at)
    match_anew([customer_id], accounts=[line.iban_index])
    return payment


@use_case
def book_certain(*, actor: Actor, at: datetime, statement_id: UUID | None = None) -> Booked:
    """Book the open lines that are certain, at most two hundred, each as it is matched now.

    What is no longer certain (somebody has paid or booked meanwhile) stays open.
    """
    rows = StatementLine.objects.select_for_update(skip_locked=True).filter(
        state=_State.OPEN, score__gte=matching.CERTAIN
    )
    if statement_id is not None:
        rows = rows.filter(statement_id=statement_id)
    lines = list(rows.order_by("id")[:MOST_AT_ONCE])
    transfers = [looking.transfer_of(line) for line in lines]
    books = looking.books_for(transfers)
    sums: dict[str, int] = {}
    booked, touched = 0, set()
    for line, transfer in zip(lines, transfers, strict=True):
        found = books.candidates(transfer)
        best = found[0] if found else None
        touched |= {each for each in (line.customer_id, best and best.customer_id) if each}
        if best is None or not best.is_certain or best.payment_id is not None:
            continue
        try:
            with attempt():
                _book(line, best.customer_id, best.parts, actor=actor, at=at)
        except Refusal:
            continue
        books.claim(best)
        booked += 1
        sums[line.currency] = sums.get(line.currency, 0) + line.amount_minor
    match_anew(touched, accounts=[line.iban_index for line in lines])
    return Booked(lines=booked, left=len(lines) - booked, sums=sums)


@use_case
def link(*, line_id: UUID, payment_id: UUID, actor: Actor, at: datetime) -> None:
    """Say that a line is a payment which somebody had recorded by hand: nothing is booked a second time.

    Raises:
        NotFound, LineMovedOn, PaymentDiffers.
    """
    line = _open(line_id)
    payment = Payment.objects.select_for_update().filter(pk=payment_id).first()
    if payment is None:
        raise NotFound
    fits = (
        payment.method == Payment.Method.BANK_TRANSFER
        and payment.state == Payment.State.SUCCEEDED
        and (payment.currency, payment.captured_minor) == (line.currency, line.amount_minor)
        and not StatementLine.objects.filter(payment_id=payment.pk).exists()
    )
    if not fits:
        raise PaymentDiffers
    line.customer_id = payment.customer_id
    _decide(line, _State.LINKED, payment=payment, actor=actor, at=at)
    audit.record(events.STATEMENT_LINE_LINKED, actor=actor, subject=("statement_line", line.pk))


@use_case
def ignore(*, line_id: UUID, reason: str, actor: Actor, at: datetime) -> None:
    """Set a line aside: it is no customer's payment. The reason is kept, encrypted.

    Raises:
        NotFound, LineMovedOn.
        Invalid: no reason, or one that cannot be kept.
    """
    line = _open(line_id)
    line.reason = _reason(reason)
    _decide(line, _State.IGNORED, actor=actor, at=at)
    audit.record(events.STATEMENT_LINE_IGNORED, actor=actor, subject=("statement_line", line.pk))


@use_case
def undo(*, line_id: UUID, reason: str, actor: Actor, at: datetime) -> None:
    """Open a line again: the payment made of it is taken back by a counter-entry, a linked one only let go.

    Raises:
        NotFound, LineNotDecided.
        Invalid: no reason, where a payment is taken back.
        Refusal: of `collect.reverse`, such as a refund under way.
    """
    line = _locked(line_id)
    if line.state in (_State.OPEN, _State.OTHER):
        raise LineNotDecided
    if line.state == _State.BOOKED and line.payment_id is not None:
        payment = Payment.objects.get(pk=line.payment_id)
        if payment.state != Payment.State.REVERSED:
            collect.reverse(payment_id=payment.pk, reason=reason, actor=actor, at=at)
    line.reason = None
    _decide(line, _State.OPEN, actor=actor, at=at)
    audit.record(events.STATEMENT_LINE_REOPENED, actor=actor, subject=("statement_line", line.pk))
    customer_id = line.customer_id
    looking.match([line])
    _save_proposal(line)
    match_anew([customer_id] if customer_id else [])


@use_case
def match_anew(
    customer_ids: Iterable[UUID] | None = None, *, accounts: Iterable[BlindIndex | None] = ()
) -> int:
    """Match open lines once more, those of these customers and accounts or the newest of all.

    Returns how many were looked at.
    """
    rows = StatementLine.objects.select_for_update(skip_locked=True).filter(state=_State.OPEN)
    if customer_ids is not None:
        known = {each for each in accounts if each is not None}
        rows = rows.filter(Q(customer_id__in=set(customer_ids)) | Q(iban_index__in=known))
    lines = list(rows.order_by("-id")[:_MOST_MATCHED_ANEW])
    lines.reverse()
    looking.match(lines)
    for line in lines:
        _save_proposal(line)
    return len(lines)


def _book(
    line: StatementLine,
    customer_id: UUID,
    wanted: Sequence[tuple[UUID, int]],
    *,
    actor: Actor,
    at: datetime,
) -> Payment:
    if sum(amount for _, amount in wanted) > line.amount_minor:
        raise MoreThanTransferred
    payment: Payment = collect.record(
        customer_id=customer_id,
        currency=line.currency,
        amount_minor=line.amount_minor,
        wanted=wanted,
        received_on=line.booked_on,
        reference=line.text or "",
        source=Payment.Source.STATEMENT,
        actor=actor,
        at=at,
    )
    line.customer_id = customer_id
    _decide(line, _State.BOOKED, payment=payment, actor=actor, at=at)
    audit.record(events.STATEMENT_LINE_BOOKED, actor=actor, subject=("statement_line", line.pk))
    return payment


def _decide(
    line: StatementLine, state: str, *, actor: Actor, at: datetime, payment: Payment | None = None
) -> None:
    line.state = state
    line.payment_id = None if payment is None else payment.pk
    line.decided_by, line.decided_at = (None, None) if state == _State.OPEN else (actor.id, at)
    line.save(update_fields=["state", "payment", "customer", "reason", "decided_by", "decided_at"])


def _save_proposal(line: StatementLine) -> None:
    line.save(update_fields=["score", "customer", "proposal"])


def _open(line_id: UUID) -> StatementLine:
    line = _locked(line_id)
    if line.state != _State.OPEN:
        raise LineMovedOn
    return line


def _locked(line_id: UUID) -> StatementLine:
    line: StatementLine | None = StatementLine.objects.select_for_update().filter(pk=line_id).first()
    if line is None:
        raise NotFound
    return line


def _reason(text: str) -> str:
    errors = texts.text_errors("/reason", text, _REASON, required=True)
    if errors:
        raise Invalid(errors)
    return text.strip()
