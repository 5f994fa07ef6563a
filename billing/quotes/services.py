"""Quotes: drafted, opened under a number, ended once, and turned into one invoice draft.

Promise kept: what was opened is what is billed. Two who act on one quote wait for each other, so that it ends once and
becomes one invoice.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from audit import services as audit
from billing import events
from billing.invoices import catalogued, pricing, rules
from billing.invoices import services as invoices
from billing.invoices.models import Invoice
from billing.invoices.services.rows import asked
from billing.issuer import queries as issuers
from billing.issuer import rules as numbering
from billing.issuer import services as issuing
from billing.issuer.models import Series
from billing.quotes import parts
from billing.quotes.models import Quote, QuoteLine
from billing.quotes.rules import MOVES
from core import days, states
from core.actor import Actor
from core.errors import Conflict, FieldError, Invalid, NotFound, Refusal
from outbound.webhooks import services as webhooks
from outbound.webhooks.rules import Value
from tenancy.context import together, use_case
from tenancy.models import only

_CHANGEABLE = frozenset(["customer_id", "currency", "lines", "discounts", "valid_until", "note"])
Status = Quote.Status


class QuoteNotDraft(Conflict):
    """Only the draft of a quote can be changed or opened."""

    code = "quote_not_draft"


class QuoteNotOpen(Conflict):
    """This quote does not stand: it is a draft, or it has ended."""

    code = "quote_not_open"


class QuoteNotAccepted(Conflict):
    """Only an accepted quote becomes an invoice."""

    code = "quote_not_accepted"


class QuoteConverted(Conflict):
    """An invoice was drafted from this quote already."""

    code = "quote_converted"


class QuoteOver(Conflict):
    """The last day of this quote is over."""

    code = "quote_over"


class QuoteWithoutLines(Refusal):
    """A quote needs at least one line."""

    code = "quote_without_lines"


@use_case
def create(
    *,
    customer_id: UUID,
    actor: Actor,
    at: datetime,
    lines: Sequence[catalogued.Asked] = (),
    discounts: Sequence[rules.Discount] = (),
    currency: str,
    valid_until: date | None = None,
    note: str | None = None,
) -> Quote:
    """Draft a quote.

    Raises:
        NotFound: there is no such customer or tax rate.
        CustomerArchived, CustomerErased: nothing can be offered to them.
        Invalid: names every field that cannot be used.
        DiscountExceedsLine, NegativeTotal: as on an invoice.
    """
    _check(valid_until, note)
    quote = Quote(
        customer_id=customer_id,
        currency=currency,
        valid_until=valid_until,
        note=note or None,
        created_at=at,
        updated_at=at,
    )
    bill = _priced(quote, _written(lines, currency, at), discounts)
    quote.save(force_insert=True)
    with together():
        _insert_lines(quote, bill)
        audit.record(events.QUOTE_CREATED, actor=actor, subject=("quote", quote.pk))
        _tell(quote, "created")
    return quote


@use_case
def update(*, quote_id: UUID, changes: Mapping[str, Any], actor: Actor, at: datetime) -> Quote:
    """Change the named fields of a draft; `lines` replaces all lines, `discounts` all discounts.

    Fields: customer_id, currency, lines, discounts, valid_until, note.

    Raises:
        NotFound: there is no such quote, customer or tax rate.
        QuoteNotDraft: it has been opened, or withdrawn.
        Invalid, DiscountExceedsLine, NegativeTotal: as at drafting.
    """
    unknown = sorted(set(changes) - _CHANGEABLE)
    if unknown:
        raise Invalid(
            [FieldError(f"/{name}", "unknown_field", "There is no such field.") for name in unknown]
        )
    quote = locked(quote_id)
    if quote.status != Status.DRAFT:
        raise QuoteNotDraft
    kept = list(QuoteLine.objects.filter(quote_id=quote.pk).order_by("position"))
    for name in ("customer_id", "currency", "valid_until", "note"):
        if name in changes:
            setattr(quote, name, changes[name] or None)
    _check(quote.valid_until, quote.note)
    lines, discounts = changes.get("lines"), changes.get("discounts")
    bill = _priced(
        quote,
        asked(kept, quote.currency) if lines is None else _written(lines, quote.currency, at),
        pricing.asked_discounts([(line.kind, line.adjustments or []) for line in kept])
        if discounts is None
        else discounts,
    )
    quote.updated_at = at
    QuoteLine.objects.filter(quote_id=quote.pk).delete()
    quote.save()
    with together():
        _insert_lines(quote, bill)
        fields = sorted(name.removesuffix("_id") for name in changes)
        audit.record(events.QUOTE_UPDATED, actor=actor, subject=("quote", quote.pk), fields=fields)
        _tell(quote, "updated")
    return quote


@use_case
def open_quote(*, quote_id: UUID, actor: Actor, at: datetime) -> Quote:
    """Give a draft its number: from now on it stands as it is, until its last day.

    Raises:
        NotFound: there is no such quote.
        QuoteNotDraft: it was opened or withdrawn before.
        QuoteWithoutLines: it offers nothing.
        QuoteOver: its last day is over.
        IssuerMissing, SeriesRetired: it cannot be numbered.
    """
    quote = locked(quote_id)
    quote.status = states.move(MOVES, quote.status, to="open", refusal=QuoteNotDraft)
    if not QuoteLine.objects.filter(quote_id=quote.pk).exists():
        raise QuoteWithoutLines(field="lines")
    today = _today(at)
    if quote.valid_until is not None and quote.valid_until < today:
        raise QuoteOver(field="valid_until")
    series = issuing.series_for(Series.Purpose.QUOTE, at=at)
    quote.issued_on, quote.opened_at, quote.updated_at, quote.series = today, at, at, series
    quote.fiscal_year = numbering.fiscal_year(today, starts_in=series.fiscal_year_starts_in)
    quote.sequence = issuing.next_sequence(series_id=series.pk, fiscal_year=quote.fiscal_year)
    quote.number = numbering.number(
        series.pattern, fiscal_year=quote.fiscal_year, sequence=quote.sequence, digits=series.digits
    )
    quote.save()
    audit.record(events.QUOTE_OPENED, actor=actor, subject=("quote", quote.pk))
    _tell(quote, "opened")
    return quote


@use_case
def accept(*, quote_id: UUID, actor: Actor, at: datetime) -> Quote:
    """Note that the customer accepted a quote that stands.

    Raises:
        NotFound: there is no such quote.
        QuoteNotOpen: it is a draft, or it has ended.
        QuoteOver: its last day is over.
    """
    quote = locked(quote_id)
    if quote.status == Status.OPEN and quote.valid_until is not None and quote.valid_until < _today(at):
        raise QuoteOver
    return _ended(quote, Status.ACCEPTED, events.QUOTE_ACCEPTED, actor, at)


@use_case
def decline(*, quote_id: UUID, actor: Actor, at: datetime) -> Quote:
    """Note that the customer declined a quote that stands. Raises NotFound, QuoteNotOpen."""
    return _ended(locked(quote_id), Status.DECLINED, events.QUOTE_DECLINED, actor, at)


@use_case
def cancel(*, quote_id: UUID, actor: Actor, at: datetime) -> Quote:
    """Withdraw a quote, as long as no invoice of it, or of a part of it, stands or is drafted.

    Raises:
        NotFound: there is no such quote.
        QuoteNotOpen: it was declined, withdrawn, or its time is over.
        QuoteConverted: there is an invoice of it.
    """
    quote = locked(quote_id)
    if quote.invoice_id is not None or parts.is_begun(quote):
        raise QuoteConverted
    return _ended(quote, Status.CANCELED, events.QUOTE_CANCELED, actor, at)


@use_case
def convert(*, quote_id: UUID, actor: Actor, at: datetime) -> Invoice:
    """Draft the one invoice of an accepted quote, line by line as it was offered, less the parts that were billed.

    Raises:
        NotFound: there is no such quote.
        QuoteNotAccepted: nobody has agreed to it.
        QuoteConverted: there is one already; it is only after that draft was discarded that another can be made.
        parts.PartsAreDrafts: a part of it has no number yet.
        CustomerArchived, CustomerErased: they cannot be billed any more.
    """
    quote = locked(quote_id)
    check_billable(quote)
    less = parts.taken_off(quote)
    kept = list(QuoteLine.objects.filter(quote_id=quote.pk).order_by("position"))
    invoice = invoices.create_draft(
        customer_id=quote.customer_id,
        currency=quote.currency,
        lines=[*asked(kept, quote.currency), *less],
        discounts=pricing.asked_discounts([(line.kind, line.adjustments or []) for line in kept]),
        note=quote.note,
        role=Invoice.Role.FINAL if less else "",
        quote_id=quote.pk if less else None,
        actor=actor,
        at=at,
    )
    quote.invoice, quote.updated_at = invoice, at
    quote.save(update_fields=["invoice", "updated_at"])
    audit.record(events.QUOTE_CONVERTED, actor=actor, subject=("quote", quote.pk))
    _tell(quote, "converted")
    return invoice


@use_case
def expire_due(*, actor: Actor, at: datetime, most: int = 500) -> int:
    """End open quotes whose last day is over; return how many."""
    rows = Quote.objects.filter(status=Status.OPEN, valid_until__lt=_today(at)).order_by("valid_until", "id")
    found = list(rows.select_for_update(skip_locked=True, no_key=True)[:most])
    for quote in found:
        _ended(quote, Status.EXPIRED, events.QUOTE_EXPIRED, actor, at)
    return len(found)


def check_billable(quote: Quote) -> None:
    """Let a quote pass of which something can be billed. Raises QuoteNotAccepted, QuoteConverted."""
    if quote.status != Status.ACCEPTED:
        raise QuoteNotAccepted
    if quote.invoice_id is not None:
        raise QuoteConverted


def locked(quote_id: UUID) -> Quote:
    """Lock a quote. Raises NotFound."""
    quote: Quote | None = only(Quote.objects.select_for_update(no_key=True).filter(pk=quote_id))
    if quote is None:
        raise NotFound
    return quote


def _ended(quote: Quote, to: str, event: Any, actor: Actor, at: datetime) -> Quote:
    quote.status = states.move(MOVES, quote.status, to=to, refusal=QuoteNotOpen)
    quote.ended_at = quote.updated_at = at
    quote.save(update_fields=["status", "ended_at", "updated_at"])
    audit.record(event, actor=actor, subject=("quote", quote.pk), fields=["status"])
    _tell(quote, str(to))
    return quote


def _check(valid_until: date | None, note: str | None) -> None:
    days.check(valid_until, field="valid_until")
    errors = rules.text_errors("/note", note or "", rules.NOTE_LENGTH)
    if errors:
        raise Invalid(errors)


def _today(at: datetime) -> date:
    return rules.local_day(at, issuers.time_zone())


def _written(lines: Sequence[catalogued.Asked], currency: str, at: datetime) -> list[rules.LineInput]:
    """Write out what lines leave to the catalogue, as it stands today."""
    return catalogued.written(lines, currency=currency, on=_today(at), automatic_tax=False)


def _priced(
    quote: Quote, lines: Sequence[rules.LineInput], discounts: Sequence[rules.Discount]
) -> pricing.Bill:
    """Compute what the quote comes to, as the invoice will: in the usual series of invoices."""
    bill = invoices.preview(
        customer_id=quote.customer_id, lines=lines, currency=quote.currency, discounts=discounts
    )
    totals = bill.totals
    quote.subtotal_minor, quote.tax_minor = totals.subtotal_minor, totals.tax_minor
    quote.total_minor = totals.total_minor
    quote.taxes = [
        {
            "category": tax.rate.category,
            "percentage": str(tax.rate.percentage),
            "name": tax.name,
            "base_minor": tax.base_minor,
            "tax_minor": tax.tax_minor,
        }
        for tax in totals.taxes
    ]
    return bill


def _insert_lines(quote: Quote, bill: pricing.Bill) -> None:
    quote.parts = [
        QuoteLine(
            quote=quote,
            customer_id=quote.customer_id,
            tax_rate_id=item.tax_rate_id,
            position=position,
            kind=item.kind,
            description=item.description,
            quantity=item.quantity,
            unit_code=item.unit_code,
            unit_amount=item.unit_amount,
            net_exact=item.net_exact,
            net_minor=item.net_minor,
            gross_minor=item.gross_minor,
            tax_category=item.rate.category,
            tax_percentage=item.rate.percentage,
            price_id=item.price_id,
            period_from=item.period_from,
            period_to=item.period_to,
            adjustments=list(item.adjustments) or None,
        )
        for position, item in enumerate(bill.lines, start=1)
    ]
    QuoteLine.objects.bulk_create(quote.parts)


def _tell(quote: Quote, what: str) -> None:
    data: dict[str, Value] = {
        "customer": quote.customer_id,
        "status": quote.status,
        "currency": quote.currency,
        "total_minor": quote.total_minor,
        "valid_until": quote.valid_until,
        "invoice": quote.invoice_id,
    }
    webhooks.publish(type=f"quote.{what}", subject=("quote", quote.pk), data=data)
