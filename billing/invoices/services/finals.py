"""Finalizing and voiding.

Finalize is one transaction: lock the draft, copy the parties, take the number, freeze, post, record. Lock
order: invoice row, then series counter; the counter comes last, because others wait for it until the commit.
"""

from collections.abc import Iterable
from datetime import date, datetime
from uuid import UUID

from audit import services as audit
from billing import events
from billing.customers.services import CustomerErased
from billing.invoices import content, deductions, pricing, rules
from billing.invoices.models import Invoice, InvoiceLine, InvoiceTax
from billing.invoices.queries import due_minor, parts_of
from billing.invoices.services.rows import (
    InvoiceNotDraft,
    change_of,
    locked,
    locked_draft,
    taxes_of,
    tell,
)
from billing.issuer import rules as numbering
from billing.issuer import services as issuers
from billing.issuer.models import Issuer, Rounding, Series
from billing.ledger import rules as books
from billing.ledger import services as ledger
from billing.ledger.models import LedgerTransaction
from billing.tallies import services as tallies
from billing.tax import rules as tax
from core import states
from core.actor import Actor
from core.errors import Conflict, Invalid, Refusal
from tenancy.context import together, use_case
from tenancy.models import only

_FINALIZED = (
    "status", "payment_status", "series", "fiscal_year", "sequence", "number", "issued_on", "due_on",
    "seller", "buyer", "content_digest", "finalized_at", "updated_at",
    "rounding_minor",
)  # fmt: skip


class InvoiceNotFinalized(Conflict):
    """Only a finalized invoice can be voided."""

    code = "invoice_not_finalized"


class RoundingChanged(Conflict):
    """The number series rounds in another way since this draft was written. Save the draft again."""

    code = "rounding_changed"


class InvoiceHasPayments(Conflict):
    """Money was received for this invoice; refund or move it before voiding."""

    code = "invoice_has_payments"


class PaymentUnderWay(Conflict):
    """A payment of this invoice is under way. Cancel it or wait for its end before voiding."""

    code = "payment_under_way"


class InvoiceDisputed(Conflict):
    """A payment of this invoice is disputed; the dispute has to end before voiding."""

    code = "invoice_disputed"


class InvoiceCredited(Conflict):
    """A credit note stands against this invoice; credit the rest of it instead of voiding it."""

    code = "invoice_credited"


class InvoiceWrittenOff(Conflict):
    """This invoice was written off, which stands in the books; it cannot be voided any more."""

    code = "invoice_written_off"


class InvoiceWithoutLines(Refusal):
    """An invoice needs at least one line."""

    code = "invoice_without_lines"


@use_case
def finalize(*, invoice_id: UUID, actor: Actor, at: datetime) -> Invoice:
    """Give a draft its number, freeze it for good, and post it to the books.

    The number is drawn inside this transaction from the series' counter, so that a failure anywhere below
    leaves no hole in the sequence. An imported draft keeps its number and seller, and opens what is due.

    Raises:
        NotFound: there is no such invoice.
        InvoiceNotDraft: it was finalized or voided before.
        InvoiceWithoutLines: there is nothing to bill.
        RoundingChanged: its series rounds in another way by now.
        SeriesRetired: its series was closed; name another one.
        IssuerMissing: nobody has said who bills.
        DeductionsChanged, QuoteFinallyBilled: more or less of its quote was billed meanwhile.
        CustomerErased: there is nobody to bill any more.
        PeriodClosed: it is dated in a month whose books are closed.
    """
    invoice = locked_draft(invoice_id)
    lines, taxes = parts_of(invoice)
    if not lines:
        raise InvoiceWithoutLines(field="lines")
    before = change_of(invoice)
    invoice.status = states.move(rules.MOVES, invoice.status, to="finalized", refusal=InvoiceNotDraft)
    deductions.check_final(invoice, lines)
    if invoice.imported_number is None:
        series, taxes = _complete(invoice, lines, taxes, at)
    else:
        series = Series.objects.get(pk=invoice.series_id)
    issued_on = _take_number(invoice, series, at)
    invoice.parts = lines, taxes
    invoice.content_digest = content.digest(invoice, lines, taxes)
    invoice.finalized_at = invoice.updated_at = at
    invoice.save(update_fields=_FINALIZED)
    with together():
        ledger.post(
            kind=_opening_kind(invoice),
            sides=_sides(invoice, lines),
            currency=invoice.currency,
            booked_on=issued_on,
            at=at,
            customer_id=invoice.customer_id,
            invoice_id=invoice.pk,
            # What an imported document opens comes into these books today, whenever it was issued elsewhere.
            late_ok=invoice.imported_number is not None,
            field="issued_on",
        )
        tallies.add([before.taken_back(), change_of(invoice)])
        audit.record(events.INVOICE_FINALIZED, actor=actor, subject=("invoice", invoice.pk))
        tell(invoice, "finalized")
    return invoice


@use_case
def void(*, invoice_id: UUID, reason: str, actor: Actor, at: datetime) -> Invoice:
    """Void a finalized invoice on which nothing was paid: it keeps its number, and the books take it back.

    Raises:
        NotFound: there is no such invoice.
        InvoiceNotFinalized: a draft, or voided already.
        InvoiceHasPayments: money was received for it.
        PaymentUnderWay: money may still come.
        InvoiceDisputed: money that came is contested.
        InvoiceCredited, InvoiceWrittenOff, InvoiceDeducted: other documents and entries rest on it.
        Invalid: no reason, or one that cannot be kept.
    """
    errors = rules.text_errors("/reason", reason, rules.REASON_LENGTH, required=True)
    if errors:
        raise Invalid(errors)
    invoice = locked(invoice_id)
    before = change_of(invoice)
    invoice.status = states.move(rules.MOVES, invoice.status, to="voided", refusal=InvoiceNotFinalized)
    if invoice.amount_paid_minor:
        raise InvoiceHasPayments
    if invoice.attempts_open:
        raise PaymentUnderWay
    if invoice.disputes_open:
        raise InvoiceDisputed
    if invoice.noted_minor:
        raise InvoiceCredited
    if invoice.written_off_minor:
        raise InvoiceWrittenOff
    deductions.refuse_deducted(invoice)
    issuer = Issuer.objects.first()
    invoice.void_reason, invoice.voided_at, invoice.updated_at = reason.strip(), at, at
    invoice.save(update_fields=["status", "void_reason", "voided_at", "updated_at"])
    ledger.post(
        kind=LedgerTransaction.Kind.INVOICE_VOIDED,
        sides=books.reversal(_sides(invoice, InvoiceLine.objects.filter(invoice_id=invoice.pk))),
        currency=invoice.currency,
        booked_on=rules.local_day(at, issuer.time_zone if issuer else "UTC"),
        at=at,
        customer_id=invoice.customer_id,
        invoice_id=invoice.pk,
        late_ok=True,
        at_invoices_rate=True,
    )
    tallies.add([before.taken_back(), change_of(invoice)])
    audit.record(events.INVOICE_VOIDED, actor=actor, subject=("invoice", invoice.pk), fields=["status"])
    tell(invoice, "voided")
    return invoice


def _complete(
    invoice: Invoice, lines: list[InvoiceLine], kept: list[InvoiceTax], at: datetime
) -> tuple[Series, list[InvoiceTax]]:
    """Copy the parties onto a document of our own, date it, and compute its taxes once more."""
    issuer = only(Issuer.objects.select_related("series"))
    if issuer is None:
        raise issuers.IssuerMissing
    if invoice.customer.subject_key is None:
        raise CustomerErased
    invoice.seller, invoice.buyer = content.seller_of(issuer), content.buyer_of(invoice.customer)
    invoice.issued_on = invoice.issued_on or rules.local_day(at, issuer.time_zone)
    agreed = invoice.customer.payment_days
    days = issuer.payment_days if agreed is None else agreed
    invoice.due_on = invoice.due_on or rules.due_on(invoice.issued_on, payment_days=days)
    series = issuer.series
    if invoice.series_id is not None:
        series = issuers.usable(Series.objects.get(pk=invoice.series_id), Series.Purpose.INVOICE)
    if series.rounding != invoice.rounding:
        raise RoundingChanged
    coin = numbering.coin(invoice.currency, issuer.rounded_currencies)
    invoice.rounding_minor = numbering.to_coin(invoice.total_minor, coin) - invoice.total_minor
    return series, _taxes(invoice, lines, kept)


def _taxes(invoice: Invoice, lines: list[InvoiceLine], kept: list[InvoiceTax]) -> list[InvoiceTax]:
    """Compute the taxes once more from the lines, and see that nothing has written past the services."""
    amounts = [
        tax.Amount(
            pricing.rate_of(line),
            line.net_minor if line.gross_minor is None else line.gross_minor,
            line.gross_minor is not None,
            pricing.settled_of(line, invoice.currency),
        )
        for line in lines
    ]
    by_line = invoice.rounding == Rounding.LINE
    computed = tax.compute(amounts, invoice.currency, by_line=by_line)
    sums = sum(computed.nets), sum(item.tax_minor for item in computed.taxes)
    if list(computed.nets) != [line.net_minor for line in lines] or sums != (
        invoice.subtotal_minor,
        invoice.tax_minor,
    ):
        raise RuntimeError(f"invoice {invoice.pk}: its lines do not come to its totals")
    if all(item.rate.category in tax.TAXED for item in computed.taxes):
        return taxes_of(invoice, computed.taxes)
    # Why nothing is charged stands with the stored taxes alone.
    return kept


def _take_number(invoice: Invoice, series: Series, at: datetime) -> date:
    """Number a dated document. What takes time is done by now: from here to the commit others wait."""
    issued_on = invoice.issued_on or at.date()
    invoice.series = series
    invoice.payment_status = rules.payment_status(
        due_minor=due_minor(invoice), paid_minor=invoice.prepaid_minor
    )
    invoice.fiscal_year = numbering.fiscal_year(issued_on, starts_in=series.fiscal_year_starts_in)
    invoice.sequence = issuers.next_sequence(series_id=series.pk, fiscal_year=invoice.fiscal_year)
    invoice.number = invoice.imported_number or numbering.number(
        series.pattern, fiscal_year=invoice.fiscal_year, sequence=invoice.sequence, digits=series.digits
    )
    return issued_on


def _opening_kind(invoice: Invoice) -> str:
    kinds = LedgerTransaction.Kind
    return kinds.INVOICE_FINALIZED if invoice.imported_number is None else kinds.INVOICE_OPENING


def _sides(invoice: Invoice, lines: Iterable[InvoiceLine]) -> list[books.Side]:
    if invoice.imported_number is None:
        kept = list(lines) if invoice.role else []
        unearned = deductions.deposit_lines(invoice, kept)
        return books.finalized(
            subtotal_minor=invoice.subtotal_minor,
            tax_minor=invoice.tax_minor,
            deposits_minor=sum(line.net_minor for line in kept if line.pk in unearned),
            rounding_minor=invoice.rounding_minor,
        )
    owed = invoice.total_minor + invoice.rounding_minor - invoice.prepaid_minor
    return books.opening(due_minor=owed)
