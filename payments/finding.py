"""Finding payments, refunds and disputes as somebody types: by a reference, an amount, a card's last four digits.

Promise kept: every statement reads an index or a bounded number of rows. References are found among all; amounts and
last digits, which no index holds, among the AMONG newest payments.
"""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from django.db import connection

from billing.customers import queries as customers
from billing.finding import AMONG, Amount
from crypto import blindindex
from payments import lists
from payments.lists import DisputeRow, PaymentRow, RefundRow
from payments.models import Dispute, Payment, Refund
from payments.statements.models import StatementLine
from tenancy import context

_MATCHING = (
    "SELECT id FROM (SELECT id, currency, amount_minor, captured_minor, last4 FROM payments_payment "
    "WHERE tenant_id = %(tenant)s ORDER BY id DESC LIMIT %(among)s) AS newest "
    "WHERE last4 = %(last4)s OR EXISTS ("
    "SELECT FROM unnest(%(currencies)s::text[], %(minors)s::bigint[]) AS wanted (c, m) "
    "WHERE c = currency AND m IN (amount_minor, captured_minor)) ORDER BY id DESC LIMIT %(limit)s"
)
_NO_CARD = "none"  # no card's last digits


def payments(payment_ids: Collection[UUID]) -> list[PaymentRow]:
    """Return these payments, newest first."""
    rows = Payment.objects.filter(pk__in=list(payment_ids)).order_by("-id") if payment_ids else []
    return lists.payment_rows(list(rows))


def payments_over(wanted: Sequence[Amount], *, last4: str, limit: int) -> list[PaymentRow]:
    """Find payments of one of these amounts, or by a card that ends in these digits."""
    named: dict[str, Any] = {
        "tenant": context.current_tenant(),
        "last4": last4 or _NO_CARD,
        "currencies": [currency for currency, _ in wanted],
        "minors": [minor for _, minor in wanted],
        "among": AMONG,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(_MATCHING, named)
        return payments([row[0] for row in cursor.fetchall()])


def payments_referenced(text: str, *, limit: int) -> list[PaymentRow]:
    """Find payments by the provider's reference."""
    return lists.payment_rows(list(Payment.objects.filter(reference=text).order_by("-id")[:limit]))


def payments_from(account: str, *, limit: int) -> list[PaymentRow]:
    """Find payments that came from an account, by the IBAN on the statement they were booked from."""
    index = blindindex.lookup(StatementLine, "iban_index", account)
    lines = StatementLine.objects.filter(iban_index=index, payment__isnull=False).order_by("-id")
    return payments(list(lines.values_list("payment_id", flat=True)[:limit]))


def refunds(refund_ids: Collection[UUID]) -> list[RefundRow]:
    """Return these refunds, newest first."""
    rows = Refund.objects.filter(pk__in=list(refund_ids))
    return _refunds(list(rows.select_related("payment").order_by("-id")) if refund_ids else [])


def refunds_referenced(text: str, *, limit: int) -> list[RefundRow]:
    """Find refunds by the provider's reference."""
    rows = Refund.objects.filter(reference=text).select_related("payment")
    return _refunds(list(rows.order_by("-id")[:limit]))


def disputes(dispute_ids: Collection[UUID]) -> list[DisputeRow]:
    """Return these disputes, newest first."""
    rows = Dispute.objects.defer("evidence").filter(pk__in=list(dispute_ids))
    return _disputes(list(rows.order_by("-id")) if dispute_ids else [])


def disputes_referenced(text: str) -> list[DisputeRow]:
    """Find the dispute that the provider calls this."""
    return _disputes(list(Dispute.objects.defer("evidence").filter(reference=text)))


def _refunds(found: Sequence[Refund]) -> list[RefundRow]:
    names = customers.names(refund.customer_id for refund in found)
    return [lists.refund_row(refund, names) for refund in found]


def _disputes(found: Sequence[Dispute]) -> list[DisputeRow]:
    names = customers.names(dispute.customer_id for dispute in found)
    return [lists.dispute_row(dispute, names) for dispute in found]
