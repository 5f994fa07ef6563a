"""What of payments waits for somebody here: each kind as the rows a list shows, and what they come to.

Promise kept: a count and the list behind its link are made of one and the same rows.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, Min, OuterRef, QuerySet, Sum

from billing.invoices.models import Invoice
from billing.settlement.models import CreditBalance
from payments import rules
from payments.models import Attempt, Dispute, Payment, PaymentItem, Refund
from payments.statements.models import StatementLine

# What failed longer ago is chased as overdue, and not tried again.
FAILED_DAYS = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """How many of one currency, and what they come to in minor units."""

    currency: str
    count: int
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What waits, each by currency, and by when the first dispute has to be answered."""

    disputes: list[Total]
    answer_by: datetime | None
    failed: list[Total]
    held: list[Total]
    lines: list[Total]
    credit: list[Total]
    payouts: list[Total]
    # Payments and refunds whose end nobody could say for days.
    unresolved: list[Total]
    unresolved_refunds: list[Total]


def waiting(*, at: datetime) -> Waiting:
    """Add up what waits in the organization in scope; each statement reads an index of what is open."""
    disputes = to_answer()
    return Waiting(
        disputes=sums(disputes),
        answer_by=disputes.aggregate(first=Min("answer_by"))["first"],
        failed=sums(failed(at=at)),
        held=sums(Payment.objects.filter(state=Payment.State.HELD)),
        lines=sums(StatementLine.objects.filter(state=StatementLine.State.OPEN)),
        credit=sums(CreditBalance.objects.filter(amount_minor__gt=0)),
        payouts=sums(to_pay_out()),
        unresolved=sums(unresolved()),
        unresolved_refunds=sums(unresolved_refunds()),
    )


def failed(*, at: datetime) -> "QuerySet[Payment]":
    """Payments that failed lately, of invoices that are still open and that no other payment is on its way to."""
    owing = PaymentItem.objects.filter(
        payment_id=OuterRef("pk"),
        invoice__status=Invoice.Status.FINALIZED,
        invoice__amount_due_minor__gt=0,
        invoice__payment_status__in=[Invoice.PaymentStatus.UNPAID, Invoice.PaymentStatus.PARTIALLY_PAID],
    )
    return Payment.objects.filter(Exists(owing), state=Payment.State.FAILED, created_at__gte=at - FAILED_DAYS)


def unresolved() -> "QuerySet[Payment]":
    """Payments of which nobody could say for days how they ended."""
    asked = Attempt.objects.filter(
        state__in=rules.LIVE_ATTEMPTS, failure_code=rules.UNRESOLVED, ask_at__isnull=False
    )
    return Payment.objects.filter(pk__in=asked.values("payment_id"))


def unresolved_refunds() -> "QuerySet[Refund]":
    """Refunds of which nobody could say for days how they ended."""
    return Refund.objects.filter(
        state__in=[Refund.State.PENDING, Refund.State.UNKNOWN], failure_code=rules.UNRESOLVED
    )


def to_pay_out() -> "QuerySet[Refund]":
    """Refunds that somebody sends by bank and then records."""
    return Refund.objects.filter(state=Refund.State.PENDING, payment__method=Payment.Method.BANK_TRANSFER)


def to_answer() -> "QuerySet[Dispute]":
    """Disputes that are lost when nobody answers."""
    return Dispute.objects.filter(state=Dispute.State.NEEDS_RESPONSE, answered_at__isnull=True)


def sums(rows: "QuerySet[Any]") -> list[Total]:
    """Add up payments, refunds, disputes, lines or credit by currency."""
    counted = rows.order_by().values("currency").annotate(n=Count("pk"), whole=Sum("amount_minor"))
    found = counted.order_by("currency")
    return [Total(currency=row["currency"], count=row["n"], amount_minor=int(row["whole"])) for row in found]
