"""Reading quotes. Lists are keyset pages of plain rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from accounts.lists.order import Sorts, ordered
from billing.customers import queries as customers
from billing.invoices.queries import LineRow
from billing.quotes.models import Quote, QuoteLine
from billing.tallies import queries as tallies
from billing.tax.rules import plain
from core.errors import NotFound

MOST = 200
SORTS: Sorts = {"valid_until": "valid_until", "total": "total_minor"}
LIST = (
    "id", "customer_id", "invoice_id", "number", "status", "currency", "issued_on", "valid_until",
    "subtotal_minor", "tax_minor", "total_minor", "created_at", "updated_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteRow:
    """One quote in a list. Amounts are minor units."""

    id: UUID
    customer_id: UUID
    customer_name: str
    invoice_id: UUID | None
    number: str | None
    status: str
    currency: str
    issued_on: date | None
    valid_until: date | None
    subtotal_minor: int
    tax_minor: int
    total_minor: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteDetail(QuoteRow):
    """One quote with its lines and taxes."""

    note: str
    lines: tuple[LineRow, ...]
    taxes: tuple[dict[str, Any], ...] = ()
    opened_at: datetime | None = None
    ended_at: datetime | None = None
    references: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class QuotePage:
    """One page; `next_after` is the cursor of the next one, None on the last."""

    rows: list[QuoteRow]
    next_after: UUID | None


def page(
    *,
    limit: int = 50,
    after: UUID | None = None,
    customer_id: UUID | None = None,
    status: str | None = None,
    sort: str = "",
    with_names: bool = True,
) -> QuotePage:
    """List quotes, newest first or in another order, from behind `after`."""
    wanted = {"customer_id": customer_id, "status": status}
    rows = Quote.objects.filter(**{name: value for name, value in wanted.items() if value is not None})
    rows = ordered(rows, sort, SORTS, after=after)
    limit = max(1, min(limit, MOST))
    found = list(rows.values(*LIST)[: limit + 1])
    shown = found[:limit]
    names = customers.names(row["customer_id"] for row in shown) if with_names else {}
    made = [QuoteRow(**row, customer_name=names.get(row["customer_id"], "")) for row in shown]
    return QuotePage(made, shown[-1]["id"] if len(found) > limit else None)


def sums(*, status: str | None = None) -> dict[str, tuple[int, int]] | None:
    """Add up the quotes of a status, or all; None when they are too many."""
    rows = Quote.objects.all()
    return tallies.added(rows if status is None else rows.filter(status=status), amount="total_minor")


def get(quote_id: UUID) -> QuoteDetail:
    """Return one quote with its lines. Raises NotFound."""
    row: Quote | None = Quote.objects.filter(pk=quote_id).first()
    if row is None:
        raise NotFound
    return detail_of(row)


def detail_of(row: Quote) -> QuoteDetail:
    """Return a quote as it is shown, with its name and lines."""
    lines = row.parts
    if lines is None:
        lines = list(QuoteLine.objects.filter(quote_id=row.pk).order_by("position"))
    values: Mapping[str, Any] = {name: getattr(row, name) for name in LIST}
    return QuoteDetail(
        **values,
        customer_name=customers.names([row.customer_id]).get(row.customer_id, ""),
        note=row.note or "",
        lines=tuple(_line(line) for line in lines),
        taxes=tuple(row.taxes),
        opened_at=row.opened_at,
        ended_at=row.ended_at,
    )


def of_invoice(invoice_id: UUID) -> tuple[UUID, str] | None:
    """Return id and number of the quote an invoice was drafted from, if it was."""
    found = Quote.objects.filter(invoice_id=invoice_id).values_list("id", "number").first()
    return None if found is None else (found[0], found[1] or "")


def _line(line: QuoteLine) -> LineRow:
    return LineRow(
        id=line.pk,
        position=line.position,
        kind=line.kind,
        description=line.description,
        quantity=plain(line.quantity),
        unit_code=line.unit_code,
        unit_amount=plain(line.unit_amount),
        price_base_quantity=line.price_base_quantity,
        net_exact=plain(line.net_exact),
        net_minor=line.net_minor,
        tax_rate_id=line.tax_rate_id,
        tax_category=line.tax_category,
        tax_percentage=plain(line.tax_percentage),
        gross_minor=line.gross_minor,
        price_id=line.price_id,
        period_from=line.period_from,
        period_to=line.period_to,
        adjustments=line.adjustments or [],
    )
