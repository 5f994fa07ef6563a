"""What of a quote is billed: its deposits and progress invoices, what they leave, and the lines that take them off."""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from uuid import UUID

from billing.customers.models import Customer
from billing.invoices import deductions
from billing.invoices.models import Invoice
from billing.invoices.rules import LineInput
from billing.issuer.models import Issuer
from billing.quotes.models import Quote, QuoteLine
from billing.tax import queries as tax_rates
from billing.tax.rules import Component, Rate
from core.errors import Conflict, NotFound

_WORDS = {
    "en": {
        "deposit": "Deposit on quote {number}{percent}",
        "progress": "Part of quote {number}{percent}",
        "ahead": "Deposit{percent}",
        "less_deposit": "Less deposit invoice {number}",
        "less_progress": "Less progress invoice {number}",
        "point": ".",
    },
    "de": {
        "deposit": "Anzahlung auf Angebot {number}{percent}",
        "progress": "Abschlag auf Angebot {number}{percent}",
        "ahead": "Anzahlung{percent}",
        "less_deposit": "Abzüglich Anzahlungsrechnung {number}",
        "less_progress": "Abzüglich Abschlagsrechnung {number}",
        "point": ",",
    },
}


class PartsAreDrafts(Conflict):
    """A part of this quote is still a draft. Finalize or discard it first."""

    code = "parts_are_drafts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """An invoice that bills a part of a quote, or its rest; amounts in minor units, tax included."""

    invoice_id: UUID
    role: str
    number: str | None
    status: str
    issued_on: date | None
    total_minor: int
    # Less what was credited of it.
    stands_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far a quote is billed."""

    parts: tuple[Part, ...]
    left_minor: int


def standing(quote: Quote) -> Standing:
    """Return the parts of a quote in their order, voided ones too, and what is left to bill, tax included."""
    rows = Invoice.objects.filter(quote_id=quote.pk).order_by("id")
    parts = tuple(
        Part(
            invoice_id=row.pk,
            role=row.role,
            number=row.number,
            status=row.status,
            issued_on=row.issued_on,
            total_minor=row.total_minor,
            stands_minor=0 if row.status == Invoice.Status.VOIDED else row.total_minor - row.noted_minor,
        )
        for row in rows
    )
    # What is credited of the final invoice is not billed again.
    billed = any(
        part.role == Invoice.Role.FINAL and part.status == Invoice.Status.FINALIZED for part in parts
    )
    left = 0 if billed else quote.total_minor - sum(part.stands_minor for part in parts)
    return Standing(parts=parts, left_minor=left)


def standing_of(quote_id: UUID) -> Standing:
    """Return how far a quote is billed. Raises NotFound."""
    quote = Quote.objects.filter(pk=quote_id).first()
    if quote is None:
        raise NotFound
    return standing(quote)


def taken_off(quote: Quote) -> list[LineInput]:
    """Return the lines by which the final invoice of a quote takes off its parts; none where there is none.

    Raises:
        PartsAreDrafts: a part has no number yet.
    """
    rows = Invoice.objects.filter(quote_id=quote.pk, role__in=deductions.PARTS).order_by("id")
    parts = [row for row in rows if row.status != Invoice.Status.VOIDED]
    if any(part.status == Invoice.Status.DRAFT for part in parts):
        raise PartsAreDrafts
    said = words_for(quote.customer_id)
    words = {part.pk: said[f"less_{part.role}"].format(number=part.number) for part in parts}
    return deductions.lines_for(parts, rates=rates_of(quote), words=words)


def is_begun(quote: Quote) -> bool:
    """Whether an invoice of a part of the quote stands or is drafted."""
    return Invoice.objects.filter(quote_id=quote.pk).exclude(status=Invoice.Status.VOIDED).exists()


def rates_of(quote: Quote) -> dict[Rate, UUID | None]:
    """Return the tax rate that stands for each rate of a quote."""
    return {rate: key for rate, key, _ in _rated(quote)}


def _rated(quote: Quote) -> list[tuple[Rate, UUID | None, int]]:
    """Return the rate of each line of a quote, the id of it, and the line's net amount."""
    lines = list(QuoteLine.objects.filter(quote_id=quote.pk).order_by("position"))
    rates = tax_rates.rates_by_id(line.tax_rate_id for line in lines if line.tax_rate_id is not None)
    return [
        (
            Rate(line.tax_category, line.tax_percentage)
            if line.tax_rate_id is None
            else replace(rates[line.tax_rate_id], reason="", reason_code=""),
            line.tax_rate_id,
            line.net_minor,
        )
        for line in lines
    ]


def words_for(customer_id: UUID) -> dict[str, str]:
    """Return what the lines say, in the language of the customer's documents."""
    chosen = Customer.objects.filter(pk=customer_id).values_list("language", flat=True).first()
    return _WORDS.get(
        chosen or Issuer.objects.values_list("language", flat=True).first() or "en", _WORDS["en"]
    )


def left_of(quote: Quote) -> dict[Rate, int]:
    """Return what no invoice bills yet, by rate, tax included."""
    nets: dict[Rate, int] = {}
    for rate, _, net in _rated(quote):
        nets[rate] = nets.get(rate, 0) + net
    taxes = {
        (tax["category"], Component(tax["name"], Decimal(tax["percentage"]))): int(tax["tax_minor"])
        for tax in quote.taxes
    }
    rows = Invoice.objects.filter(quote_id=quote.pk).exclude(status=Invoice.Status.VOIDED)
    return deductions.left_of(deductions.by_rate(nets, taxes), rows.values_list("pk", flat=True))
