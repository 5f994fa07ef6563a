"""What many invoices of a run have in common, computed once by the very functions that the services use.

A shape is a finished invoice without its buyer, number and ids. Customers with equal lines share one: prices, taxes,
postings, the news for webhooks and the text of every row are made once, and only what differs is filled in.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from billing.invoices import content, pricing, rules
from billing.invoices.models import Invoice, InvoiceLine, InvoiceTax
from billing.invoices.queries import due_minor
from billing.invoices.services import rows as parts
from billing.invoices.services.drafts import StackedTaxOnEInvoice
from billing.invoices.services.finals import InvoiceWithoutLines
from billing.issuer.models import Issuer, Rounding
from billing.issuer.rules import coin
from billing.ledger import rules as books
from billing.runs.rules import PlannedInvoice
from billing.runs.staging import Stage
from billing.tallies.services import Change
from billing.tax import queries as tax_rates
from billing.tax.rules import Rate
from core import ids, money
from core.errors import Invalid
from outbound.webhooks import services as webhooks

# Placeholders that no document can hold: private-use characters around a name.
_NUMBER, _BUYER = "\ue000number\ue001", "\ue000buyer\ue001"
MOST = 2_000

INVOICES = Stage(
    Invoice,
    varying={
        "id": "id",
        "customer_id": "customer",
        "created_at": "at",
        "updated_at": "at",
        "finalized_at": "at",
    },
    # Drawn and computed when the rest of the chunk is in its tables.
    later=("sequence", "number", "content_digest"),
    extra=("posting uuid", "accounts text[]", "amounts bigint[]"),
)
LINES = Stage(InvoiceLine, varying={"id": "id", "invoice_id": "invoice", "customer_id": "customer"})
TAXES = Stage(InvoiceTax, varying={"id": "id", "invoice_id": "invoice", "customer_id": "customer"})


@dataclass(frozen=True, slots=True)
class Part:
    """A line or tax: its row with holes, and what is encrypted into them."""

    template: str
    plaintexts: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """A finished invoice without its buyer, its number and the ids."""

    template: str
    plaintexts: tuple[tuple[str, bytes], ...]
    lines: tuple[Part, ...]
    taxes: tuple[Part, ...]
    # What is digested: %s for the id, the buyer and the number, in this order.
    digested: str
    change: Change
    news: webhooks.Alike


class Shapes:
    """The shapes of one run as its issuer is now."""

    def __init__(self, issuer: Issuer, *, issued_on: date, fiscal_year: int) -> None:
        self._issuer, self._series = issuer, issuer.series
        self._issued_on, self._fiscal_year = issued_on, fiscal_year
        self._seller = content.seller_of(issuer)
        self._rates: dict[UUID, Rate] = {}
        self._known: dict[Any, Shape] = {}

    def learn(self, planned: list[PlannedInvoice]) -> None:
        """Read the tax rates that are not known yet; they never change."""
        wanted = {line.tax_rate_id for item in planned for line in item.lines} - {None, *self._rates}
        if wanted:
            self._rates |= tax_rates.rates_by_id(key for key in wanted if key is not None)

    def of(self, planned: PlannedInvoice, *, currency: str, payment_days: int) -> Shape:
        """Return the shape of a planned invoice.

        Raises:
            Refusal: it cannot be billed as it is planned.
        """
        refers = tuple(sorted(planned.references.items())) if planned.references else ()
        due_on = planned.due_on or rules.due_on(self._issued_on, payment_days=payment_days)
        key = (planned.lines, currency, due_on, planned.note, planned.tax_rule, refers)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= MOST:
                self._known.clear()
            known = self._known[key] = self._make(planned, currency, due_on)
        return known

    def _bill(self, planned: PlannedInvoice, currency: str) -> pricing.Bill:
        if not planned.lines:
            raise InvoiceWithoutLines(field="lines")
        rules.check_lines(planned.lines)
        errors = rules.text_errors("/note", planned.note or "", rules.NOTE_LENGTH)
        for name, text in (planned.references or {}).items():
            errors += rules.text_errors(f"/references/{name}", text, rules.NOTE_LENGTH)
        if errors:
            raise Invalid(errors)
        parts.check_days(self._issued_on, planned.due_on, at=None)
        money.exponent(currency)
        used = {line.tax_rate_id for line in planned.lines}
        if self._series.e_invoice and any(self._rates[key].components for key in used if key in self._rates):
            raise StackedTaxOnEInvoice(field="lines")
        return pricing.bill(
            planned.lines,
            rates=self._rates,
            currency=currency,
            by_line=self._series.rounding == Rounding.LINE,
            coin_minor=coin(currency, self._issuer.rounded_currencies),
        )

    def _make(self, planned: PlannedInvoice, currency: str, due_on: date) -> Shape:
        bill = self._bill(planned, currency)
        invoice = Invoice(
            id=ids.uuid7(),
            customer_id=ids.uuid7(),
            series=self._series,
            rounding=self._series.rounding,
            tax_rule=planned.tax_rule,
            fiscal_year=self._fiscal_year,
            number=_NUMBER,
            status=Invoice.Status.FINALIZED,
            currency=currency,
            issued_on=self._issued_on,
            due_on=due_on,
            subtotal_minor=bill.totals.subtotal_minor,
            tax_minor=bill.totals.tax_minor,
            total_minor=bill.totals.total_minor,
            rounding_minor=bill.totals.rounding_minor,
            seller=self._seller,
            buyer=_BUYER,
            references=dict(planned.references or {}) or None,
            note=planned.note or None,
        )
        invoice.payment_status = rules.payment_status(due_minor=due_minor(invoice), paid_minor=0)
        lines, taxes = parts.parts_of(invoice, bill)
        sides = books.finalized(
            subtotal_minor=bill.totals.subtotal_minor,
            tax_minor=bill.totals.tax_minor,
            rounding_minor=bill.totals.rounding_minor,
        )
        accounts = ",".join(str(side.account) for side in sides)
        amounts = ",".join(str(side.amount_minor) for side in sides)
        return Shape(
            template=INVOICES.template(invoice, "%(posting)s", f"{{{accounts}}}", f"{{{amounts}}}"),
            plaintexts=tuple(one for one in INVOICES.plaintexts(invoice) if one[0] != "buyer"),
            lines=tuple(Part(LINES.template(line), LINES.plaintexts(line)) for line in lines),
            taxes=tuple(Part(TAXES.template(tax), TAXES.plaintexts(tax)) for tax in taxes),
            digested=_with_holes(content.plaintext(invoice, lines, taxes), str(invoice.pk)),
            change=parts.change_of(invoice),
            news=webhooks.Alike(type="invoice.finalized", kind="invoice", data=parts.news_of(invoice)),
        )


def _with_holes(text: str, own_id: str) -> str:
    """Put %s for the id, the buyer and the number of a document's text; they stand in it in this order."""
    places = [text.index(mark) for mark in (own_id, f'"{_BUYER}"', _NUMBER)]
    if sorted(places) != places or any(text.count(mark) != 1 for mark in (own_id, _BUYER, _NUMBER)):
        raise RuntimeError("the text of a document is not as this module knows it")
    plain = text.replace("%", "%%")
    return plain.replace(own_id, "%s").replace(f'"{_BUYER}"', "%s").replace(_NUMBER, "%s")
