"""Money that came, or went: onto invoices, into a customer's credit, and back out.

Promise kept: every posting balances, no cent is made or lost, and each caller's source is posted once a kind,
whatever runs twice (a unique key).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from billing.ledger import queries as books
from billing.ledger import services as ledger
from billing.ledger.rules import Account, Side, reversal
from billing.settlement.rules import Part, spread
from billing.settlement.services.rows import Cause, allocated, credit_of, lock_money
from core.actor import Actor
from tenancy.context import use_case


@dataclass(frozen=True, slots=True)
class Settled:
    """Where money went: onto invoices, the rest to the customer's credit."""

    allocated: list[Part] = field(default_factory=list)
    credit_minor: int = 0


@use_case
def settle(
    *,
    customer_id: UUID,
    currency: str,
    amount_minor: int,
    wanted: Sequence[tuple[UUID, int]],
    payment_id: UUID,
    cash_account: str,
    kind: str,
    booked_on: date,
    actor: Actor,
    at: datetime,
    source_id: UUID | None = None,
) -> Settled:
    """Book money that came: onto the wanted invoices in their order as far as they are due, the rest to credit.

    The money is here whatever we think of it: what cannot go onto an invoice (voided, of another currency, paid
    meanwhile) is never refused, it becomes credit. `wanted` says how much at most goes onto which invoice;
    `source_id` what caused it, when that is not the payment itself.
    """
    money = lock_money(customer_id=customer_id, currency=currency, booked_on=booked_on, actor=actor, at=at)
    money.lock_invoices(invoice_id for invoice_id, _ in wanted)
    places = [(invoice_id, most, money.room(invoice_id)) for invoice_id, most in wanted]
    parts, rest = spread(amount_minor, places)
    sides = [Side(cash_account, amount_minor)]
    sides += _side(Account.RECEIVABLE, rest - amount_minor)
    sides += _side(Account.CREDIT, -rest)
    ledger.post(
        kind=kind,
        sides=sides,
        currency=currency,
        booked_on=booked_on,
        at=at,
        customer_id=customer_id,
        source_id=source_id or payment_id,
        late_ok=True,
    )
    for part in parts:
        money.allocate(part.id, part.amount_minor, payment_id)
    if rest:
        money.credit(rest, payment_id, Cause.OVERPAYMENT)
    return Settled(parts, rest)


@use_case
def take_back(
    *,
    customer_id: UUID,
    currency: str,
    payment_id: UUID,
    amount_minor: int,
    cash_account: str,
    kind: str,
    source_id: UUID,
    booked_on: date,
    actor: Actor,
    at: datetime,
) -> list[Part]:
    """Book money of a payment that is gone again (a debit returned, a dispute lost): its invoices open again.

    It comes out of what the payment left as credit, then off its invoices, the last one first. What neither holds
    was refunded before and stays on account `refunds`, in our favour.
    """
    money = lock_money(customer_id=customer_id, currency=currency, booked_on=booked_on, actor=actor, at=at)
    on_invoices = allocated(payment_id=payment_id)
    money.lock_invoices(on_invoices)
    out_of_credit = min(amount_minor, credit_of(payment_id=payment_id))
    places = [(invoice_id, held, held) for invoice_id, held in reversed(list(on_invoices.items()))]
    parts, rest = spread(amount_minor - out_of_credit, places)
    sides = [Side(cash_account, -amount_minor)]
    sides += _side(Account.CREDIT, out_of_credit)
    sides += _side(Account.RECEIVABLE, amount_minor - out_of_credit - rest)
    sides += _side(Account.REFUNDS, rest)
    ledger.post(
        kind=kind,
        sides=sides,
        currency=currency,
        booked_on=booked_on,
        at=at,
        customer_id=customer_id,
        source_id=source_id,
        late_ok=True,
    )
    for part in parts:
        money.allocate(part.id, -part.amount_minor, payment_id)
    if out_of_credit:
        money.credit(-out_of_credit, payment_id, Cause.REVERSED)
    return parts


@use_case
def refund_out(
    *,
    customer_id: UUID,
    currency: str,
    payment_id: UUID,
    amount_minor: int,
    cash_account: str,
    kind: str,
    source_id: UUID,
    booked_on: date,
    actor: Actor,
    at: datetime,
    is_promised: bool = False,
) -> int:
    """Book a refund that has left: first out of the credit its payment left, the rest on account `refunds`.

    What a credit note has promised (`is_promised`) stands on that account already, and comes from there alone.

    Invoices stay paid: what they say is still owed and was paid; why money went back is a credit note's to say.
    Returns how much came out of credit.
    """
    money = lock_money(customer_id=customer_id, currency=currency, booked_on=booked_on, actor=actor, at=at)
    out_of_credit = 0 if is_promised else min(amount_minor, credit_of(payment_id=payment_id))
    sides = [Side(cash_account, -amount_minor)]
    sides += _side(Account.CREDIT, out_of_credit)
    sides += _side(Account.REFUNDS, amount_minor - out_of_credit)
    ledger.post(
        kind=kind,
        sides=sides,
        currency=currency,
        booked_on=booked_on,
        at=at,
        customer_id=customer_id,
        source_id=source_id,
        late_ok=True,
    )
    if out_of_credit:
        money.credit(-out_of_credit, payment_id, Cause.REFUNDED)
    return out_of_credit


@use_case
def refund_back(
    *,
    customer_id: UUID,
    currency: str,
    payment_id: UUID,
    source_id: UUID,
    kind: str,
    returned_kind: str,
    booked_on: date,
    actor: Actor,
    at: datetime,
) -> None:
    """Book that a refund which had left came back: the mirror image of what `refund_out` booked as `kind`."""
    money = lock_money(customer_id=customer_id, currency=currency, booked_on=booked_on, actor=actor, at=at)
    left = books.sides_of_source(source_id=source_id, kind=kind)
    ledger.post(
        kind=returned_kind,
        sides=reversal(left),
        currency=currency,
        booked_on=booked_on,
        at=at,
        customer_id=customer_id,
        source_id=source_id,
        late_ok=True,
    )
    out_of_credit = sum(side.amount_minor for side in left if side.account == Account.CREDIT)
    if out_of_credit:
        money.credit(out_of_credit, payment_id, Cause.REFUNDED)


@use_case
def refund_to_credit(
    *,
    customer_id: UUID,
    currency: str,
    payment_id: UUID,
    credit_note_id: UUID,
    amount_minor: int,
    source_id: UUID,
    booked_on: date,
    actor: Actor,
    at: datetime,
) -> None:
    """Give a customer as credit what a credit note promised them back and what did not leave, or came back."""
    money = lock_money(customer_id=customer_id, currency=currency, booked_on=booked_on, actor=actor, at=at)
    ledger.post(
        kind="refund_to_credit",
        late_ok=True,
        sides=[Side(Account.REFUNDS, amount_minor), Side(Account.CREDIT, -amount_minor)],
        currency=currency,
        booked_on=booked_on,
        at=at,
        customer_id=customer_id,
        source_id=source_id,
    )
    # Left by the payment, so that a later refund of it finds the money here.
    money.credit(amount_minor, payment_id, Cause.CREDIT_NOTE, credit_note_id=credit_note_id)


def _side(account: str, amount_minor: int) -> list[Side]:
    return [Side(account, amount_minor)] if amount_minor else []
