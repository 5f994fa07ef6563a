"""What of payments waits for somebody here: each kind as the rows a list shows, and what they come to.

Promise kept: a count and the list behind its link are made of one and the same rows.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Count, Exists, OuterRef, QuerySet, Sum

from billing.invoices.models import Invoice
from payments import rules
from payments.models import Attempt, Dispute, Payment, PaymentItem, Refund
from tenancy import context

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


# The rows of the lists below, written out: Django would take ten times as long to write the statement as the database
# to run it, and this is on the first page of everybody. A test opens each list and compares.
_PARTS = {
    "disputes": "payments_dispute r WHERE {of} AND state = 'needs_response' AND answered_at IS NULL",
    "failed": """payments_payment r WHERE {of} AND state = 'failed' AND created_at >= %(since)s AND EXISTS (
      SELECT FROM payments_paymentitem p JOIN billing_invoice i ON i.tenant_id = p.tenant_id AND i.id = p.invoice_id
      WHERE p.tenant_id = r.tenant_id AND p.payment_id = r.id AND i.status = 'finalized' AND i.amount_due_minor > 0
        AND i.payment_status IN ('unpaid', 'partially_paid'))""",
    "held": "payments_payment r WHERE {of} AND state = 'held'",
    "lines": "payments_statementline r WHERE {of} AND state = 'open'",
    "credit": "billing_creditbalance r WHERE {of} AND amount_minor > 0",
    "payouts": """payments_refund r WHERE {of} AND state = 'pending' AND EXISTS (
      SELECT FROM payments_payment p WHERE p.tenant_id = r.tenant_id AND p.id = r.payment_id
        AND p.method = 'bank_transfer')""",
    "unresolved": """payments_payment r WHERE {of} AND id IN (
      SELECT a.payment_id FROM payments_attempt a WHERE a.tenant_id = %(tenant)s AND a.failure_code = 'unresolved'
        AND a.ask_at IS NOT NULL AND a.state IN ({live}))""",
    "unresolved_refunds": """payments_refund r WHERE {of} AND state IN ('pending', 'unknown')
      AND failure_code = 'unresolved'""",
}
_WAITING = " UNION ALL ".join(
    f"SELECT '{kind}', currency, count(*), sum(amount_minor)::bigint, "  # noqa: S608  constants only
    f"{'min(answer_by)' if kind == 'disputes' else 'NULL::timestamptz'} FROM {part} GROUP BY currency"
    for kind, part in _PARTS.items()
).format(of="r.tenant_id = %(tenant)s", live=", ".join(f"'{state}'" for state in sorted(rules.LIVE_ATTEMPTS)))
_WAITING += " ORDER BY 1, 2"


def waiting(*, at: datetime) -> Waiting:
    """Add up what waits in the organization in scope: one statement that reads indexes of what is open."""
    found: dict[str, list[Total]] = {kind: [] for kind in _PARTS}
    answer_by = None
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, {"tenant": context.current_tenant(), "since": at - FAILED_DAYS})
        for kind, currency, count, whole, first in cursor.fetchall():
            found[kind].append(Total(currency=currency, count=count, amount_minor=whole))
            answer_by = min(filter(None, (answer_by, first)), default=None)
    return Waiting(answer_by=answer_by, **found)


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
