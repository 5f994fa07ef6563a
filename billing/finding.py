"""Finding documents as somebody types: by a whole number, a creditor reference, an amount, or their own ids.

Promise kept: every statement reads an index or a bounded number of rows. Numbers, references and totals are found among
all documents; what is open of one, which no index holds, among the AMONG longest due.
`within` limits what is read to these customers' documents; None sets no limit.
"""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from billing.creditnotes import queries as credit_notes
from billing.creditnotes.models import CreditNote
from billing.creditnotes.queries import CreditNoteRow
from billing.customers import queries as customers
from billing.documents import reference
from billing.invoices import queries as invoice_queries
from billing.invoices.models import Invoice
from billing.invoices.queries import InvoiceRow
from billing.quotes import queries as quote_queries
from billing.quotes.models import Quote
from billing.quotes.queries import QuoteRow
from billing.tallies import queries as tallies
from tenancy import context

AMONG = 5_000
# An amount in minor units of a currency.
Amount = tuple[str, int]
# By the index of totals, in its own order.
_TOTAL = (
    "SELECT id FROM (SELECT id, currency, customer_id FROM billing_invoice "
    "WHERE tenant_id = %(tenant)s AND total_minor = %(minor)s ORDER BY total_minor DESC, id DESC LIMIT %(among)s) "
    "AS alike WHERE currency = %(currency)s AND (%(all)s OR customer_id = ANY(%(within)s)) LIMIT %(limit)s"
)
# By the index of what is owed, in its own order: the longest due.
_OWING = (
    "SELECT id FROM (SELECT id, total_minor, amount_due_minor FROM billing_invoice "
    "WHERE tenant_id = %(tenant)s AND currency = %(currency)s AND amount_due_minor <> 0 AND status <> 'draft' "
    "AND (%(all)s OR customer_id = ANY(%(within)s)) ORDER BY due_on LIMIT %(among)s) "
    "AS owing WHERE total_minor = %(minor)s OR amount_due_minor = %(minor)s ORDER BY id DESC LIMIT %(limit)s"
)


def currencies() -> list[str]:
    """Return the currencies the organization has billed in."""
    return sorted({total.currency for total in tallies.totals("invoice") if total.currency})


def invoices(invoice_ids: Collection[UUID], *, within: Collection[UUID] | None = None) -> list[InvoiceRow]:
    """Return these invoices, newest first."""
    return _invoices(Invoice.objects.filter(pk__in=list(invoice_ids)), within, len(invoice_ids))


def invoices_numbered(text: str, *, limit: int, within: Collection[UUID] | None = None) -> list[InvoiceRow]:
    """Find invoices by their number, the number they had elsewhere, or the reference on a transfer."""
    spellings = _spellings(text)
    found = _invoices(Invoice.objects.filter(number__in=spellings), within, limit)
    if not found:
        found = _invoices(Invoice.objects.filter(imported_number__in=spellings), within, limit)
    if not found and (named := reference.find(text)) is not None:
        found = invoices([named], within=within)
    return found


def invoices_over(
    wanted: Sequence[Amount], *, limit: int, within: Collection[UUID] | None = None
) -> list[InvoiceRow]:
    """Find invoices whose total or open amount is one of these."""
    found: dict[UUID, None] = {}
    given = {"tenant": context.current_tenant(), "all": within is None, "within": list(within or ())}
    with connection.cursor() as cursor:
        for currency, minor in wanted:
            for statement in (_TOTAL, _OWING):
                asked: dict[str, Any] = {
                    **given,
                    "among": AMONG,
                    "limit": limit,
                    "currency": currency,
                    "minor": minor,
                }
                cursor.execute(statement, asked)
                found |= dict.fromkeys(row[0] for row in cursor.fetchall())
    return invoices(list(found), within=within)[:limit] if found else []


def quotes(quote_ids: Collection[UUID]) -> list[QuoteRow]:
    """Return these quotes, newest first."""
    return _quotes(Quote.objects.filter(pk__in=list(quote_ids)), len(quote_ids))


def quotes_numbered(text: str, *, limit: int) -> list[QuoteRow]:
    """Find quotes by their number."""
    return _quotes(Quote.objects.filter(number__in=_spellings(text)), limit)


def credit_notes_of(note_ids: Collection[UUID]) -> list[CreditNoteRow]:
    """Return these credit notes, newest first."""
    return _notes(CreditNote.objects.filter(pk__in=list(note_ids)), len(note_ids))


def credit_notes_numbered(text: str, *, limit: int) -> list[CreditNoteRow]:
    """Find credit notes by their number."""
    return _notes(CreditNote.objects.filter(number__in=_spellings(text)), limit)


def _spellings(text: str) -> list[str]:
    """A number is typed in small letters too."""
    return list(dict.fromkeys([text, text.upper()]))


def _invoices(rows: "QuerySet[Invoice]", within: Collection[UUID] | None, limit: int) -> list[InvoiceRow]:
    if within is not None:
        rows = rows.filter(customer_id__in=list(within))
    found = list(rows.order_by("-id").values(*invoice_queries.LIST)[:limit])
    names = customers.names(row["customer_id"] for row in found)
    return [invoice_queries.row_of(row, names) for row in found]


def _quotes(rows: "QuerySet[Quote]", limit: int) -> list[QuoteRow]:
    found = list(rows.order_by("-id").values(*quote_queries.LIST)[:limit])
    names = customers.names(row["customer_id"] for row in found)
    return [QuoteRow(**row, customer_name=names.get(row["customer_id"], "")) for row in found]


def _notes(rows: "QuerySet[CreditNote]", limit: int) -> list[CreditNoteRow]:
    found = list(rows.order_by("-id").values(*credit_notes.LIST)[:limit])
    names = customers.names(row["customer_id"] for row in found)
    return [CreditNoteRow(**row, customer_name=names.get(row["customer_id"], "")) for row in found]
