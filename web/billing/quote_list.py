"""The list of quotes."""

from django.http import HttpResponse
from django.urls import reverse

from accounts.permissions import Permission
from billing import events
from billing.quotes import queries
from billing.quotes.models import Quote
from billing.quotes.queries import QuoteRow
from core import ids
from edge import recording
from edge.access import access
from edge.request import Request
from web.kit import cells
from web.kit.parts import Tab
from web.kit.status import STATUS
from web.lists import listings, page
from web.lists.page import Empty, Head, Shown

_PAGE = 50
_STATES = tuple(Quote.Status.values)


@access(get=Permission.INVOICE_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """List quotes."""
    state, cursor = request.GET.get("status", ""), request.GET.get("cursor", "")
    status = state if state in _STATES else None
    order = page.by_column(request.GET, {"valid_until": "ascending", "total": "descending"})
    found = queries.page(
        limit=_PAGE, after=ids.from_base32(cursor) if cursor else None, status=status, sort=order.sort
    )
    recording.read(
        request, events.QUOTE_LISTED, subjects=[row.id for row in found.rows], fields=["customer.name"]
    )
    sums = queries.sums(status=status)
    new = Head("New quote", reverse("billing:new_quote", args=[slug]), "plus", primary=True)
    heads = [new] if Permission.QUOTE_WRITE in request.permissions else []
    at = page.cursor_page(request.GET, shown=len(found.rows), next_after=found.next_after)
    states = [("", "All"), *((each, STATUS["quote"][each].word) for each in _STATES)]
    given = Shown(
        listing=listings.QUOTES,
        rows=[_listed(row, slug) for row in found.rows],
        page=page.counted(at, sums),
        empty=_empty(status, heads),
        tabs=[Tab(label, page.viewed(request.GET, "status", code), code == state) for code, label in states],
        heads=heads,
        sums=page.sums(sums, "total"),
        no_sums=page.no_sums(sums),
        # Amounts of several currencies have no order.
        **order.shown(*([] if len(sums or ()) == 1 else ["total"])),
        lead="What you offered, to whom, and what became of it.",
    )
    return page.show(request, slug, given)


def _empty(status: str | None, heads: list[Head]) -> Empty:
    if status is not None:
        word = STATUS["quote"][status].word.lower()
        return Empty(title=f"No quote is {word}", sentence="The others stand in the other views.")
    return Empty(
        title="No quotes yet",
        sentence="A quote says what something will cost, before it is done. Accepted, it becomes an invoice.",
        action=heads[0] if heads else None,
    )


def _listed(row: QuoteRow, slug: str) -> page.Row:
    key = ids.encode("quote", row.id)
    return page.Row(
        key=key,
        url=reverse("billing:quote", args=[slug, key]),
        title=row.number or "Draft",
        cells={
            "customer": cells.text(row.customer_name),
            "status": cells.tag("quote", row.status),
            "valid_until": cells.day(row.valid_until),
            "total": cells.money(row.total_minor, row.currency),
        },
    )
