"""Crediting an invoice and giving the money back in one step: a credit note that promises, and refunds that keep it.

Promises kept: what a credit note promises back is held on account `refunds`, where no other use of the customer's
credit reaches it; each refund has its own limit and approval; what does not arrive becomes the customer's credit.
Lock order: the payments by id, then the customer's credit, the invoice and the series' counter.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from billing.creditnotes import services as creditnotes
from billing.creditnotes.models import CreditNote
from billing.ledger import queries as books
from billing.ledger.rules import Account
from billing.settlement import queries as settlement
from billing.settlement.rules import spread
from core.actor import Actor
from core.errors import NotFound, Refusal
from payments.models import Payment, Refund
from payments.services import moves, refunds
from tenancy.context import use_case

_REASONS = {
    CreditNote.Reason.DUPLICATED_CHARGE: Refund.ReasonCode.DUPLICATE,
    CreditNote.Reason.PRODUCT_UNSATISFACTORY: Refund.ReasonCode.UNSATISFACTORY,
    CreditNote.Reason.ORDER_CANCELLATION: Refund.ReasonCode.ORDER_CANCELED,
}


class RefundExceedsPayments(Refusal):
    """The payments of this invoice have not brought that much, or it went back already."""

    code = "refund_exceeds_payments"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A payment of an invoice, and how much of what it put there can still go back."""

    payment_id: UUID
    left_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenBack:
    """A refund that left before there was a credit note, and what of it waits on account `refunds` for one."""

    refund_id: UUID
    amount_minor: int


@use_case
def credit(
    *,
    invoice_id: UUID,
    refund_minor: int,
    actor: Actor,
    at: datetime,
    given_back: Sequence[UUID] = (),
    reason_code: str = CreditNote.Reason.OTHER,
    reason: str = "",
    **values: Any,
) -> tuple[CreditNote, list[Refund]]:
    """Issue a credit note and ask for refunds of its invoice's payments, the last one first.

    `refund_minor` is what goes back now; `given_back` are refunds that left before, which the credit note explains.
    Other values as `billing.creditnotes.services.issue` takes them.

    Raises:
        What `issue` and `refunds.ask` raise.
        NotFound: a refund in `given_back` is not of this invoice, or explained already.
        RefundExceedsPayments: without `seen_minor`; with it, CreditedMeanwhile.
    """
    for payment_id in sorted(_payments_of(invoice_id)):
        moves.lock_payment(payment_id)
    found = sources(invoice_id)
    parts, rest = spread(refund_minor, [(each.payment_id, refund_minor, each.left_minor) for each in found])
    if rest or refund_minor < 0:
        exceeds = RefundExceedsPayments(field="refund_minor")
        # There was as much when somebody looked.
        raise exceeds if values.get("seen_minor") is None else creditnotes.CreditedMeanwhile from exceeds
    known = {each.refund_id: each for each in unexplained(invoice_id)}
    if not set(given_back) <= set(known):
        raise NotFound("There is no such refund of this invoice.", field="given_back")
    explained = [known[refund_id] for refund_id in dict.fromkeys(given_back)]
    note = creditnotes.issue(
        invoice_id=invoice_id,
        refund_minor=refund_minor + sum(each.amount_minor for each in explained),
        reason_code=reason_code,
        reason=reason,
        actor=actor,
        at=at,
        **values,
    )
    for each in explained:
        Refund.objects.filter(pk=each.refund_id).update(
            credit_note=note, promised_minor=each.amount_minor, updated_at=at
        )
    asked = [
        refunds.ask(
            payment_id=part.id,
            amount_minor=part.amount_minor,
            reason=reason[: refunds.REASON_LENGTH],
            reason_code=_REASONS.get(CreditNote.Reason(reason_code), Refund.ReasonCode.OTHER),
            credit_note_id=note.pk,
            actor=actor,
            at=at,
        )
        for part in parts
    ]
    return note, asked


def sources(invoice_id: UUID) -> list[Source]:
    """Return the payments of an invoice that can be refunded, the last one first."""
    held = _payments_of(invoice_id)
    found = []
    rows = Payment.objects.filter(pk__in=list(held), state=Payment.State.SUCCEEDED).order_by("-id")
    for payment in rows:
        gone = payment.refunding_minor + payment.refunded_minor + payment.reversed_minor
        left = min(held[payment.pk], payment.captured_minor - gone)
        if left > 0:
            found.append(Source(payment_id=payment.pk, left_minor=left))
    return found


def unexplained(invoice_id: UUID) -> list[GivenBack]:
    """Return the refunds of an invoice's payments that left and that no credit note explains yet, the oldest first."""
    rows = Refund.objects.filter(
        payment_id__in=list(_payments_of(invoice_id)), state=Refund.State.SUCCEEDED, credit_note=None
    )
    found = []
    for refund_id in rows.order_by("id").values_list("pk", flat=True):
        sides = books.sides_of_source(source_id=refund_id, kind=refunds.LEFT)
        amount = sum(side.amount_minor for side in sides if side.account == Account.REFUNDS)
        if amount > 0:
            found.append(GivenBack(refund_id=refund_id, amount_minor=amount))
    return found


def _payments_of(invoice_id: UUID) -> dict[UUID, int]:
    held: dict[UUID, int] = {}
    for row in settlement.allocations(invoice_id=invoice_id):
        if row.payment_id is not None:
            held[row.payment_id] = held.get(row.payment_id, 0) + row.amount_minor
    return {payment_id: amount for payment_id, amount in held.items() if amount > 0}
