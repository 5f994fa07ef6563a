"""Issuing credit notes, and taking over those that were issued elsewhere.

Lock order as everywhere money moves: the customer's credit, the invoice, then the series' counter. Two credit notes of
one invoice wait for each other, so that together they never take back more than it asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from audit import services as audit
from billing import events
from billing.creditnotes import content, queries, rules
from billing.creditnotes.models import CreditNote, CreditNoteLine, CreditNoteTax
from billing.invoices import content as parties
from billing.invoices import deductions
from billing.invoices import rules as invoice_rules
from billing.invoices.models import Invoice, InvoiceLine
from billing.issuer import rules as numbering
from billing.issuer import services as issuers
from billing.issuer.models import Issuer, Series
from billing.ledger import rules as books
from billing.ledger import services as ledger
from billing.ledger.models import LedgerTransaction
from billing.settlement.services.rows import Cause, Money, lock_money
from billing.tallies import services as tallies
from core import days, money
from core.actor import Actor
from core.errors import Conflict, FieldError, Invalid, NotFound, Refusal
from outbound.webhooks import services as webhooks
from tenancy.context import together, use_case
from tenancy.models import only


class InvoiceNotCreditable(Conflict):
    """Only a finalized invoice can be credited."""

    code = "invoice_not_creditable"


class CreditedMeanwhile(Conflict):
    """Something of this invoice was credited meanwhile, or its money moved. Look at the amounts again."""

    code = "credited_meanwhile"


class CreditBeforeInvoice(Conflict):
    """A credit note cannot be issued before the invoice it corrects."""

    code = "credit_before_invoice"


class CreditInFuture(Refusal):
    """A credit note counts at once, so that it cannot bear a day that has not come."""

    code = "credit_in_future"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be credited: lines, or an amount with its tax in minor units, or (neither) all that is left."""

    lines: Sequence[rules.LineCredit] = ()
    amount_minor: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How an invoice stands for whoever wants to credit it, in minor units."""

    left: queries.Left
    open_minor: int
    noted_minor: int
    is_final: bool
    rounded: rules.Rounded

    def payable_minor(self, credited: rules.Credited) -> int:
        """Return what goes back of what is credited, rounded to a coin where its invoice is."""
        return credited.total_minor + self.rounded.of(credited.total_minor)


@use_case
def issue(
    *,
    invoice_id: UUID,
    actor: Actor,
    at: datetime,
    wanted: Wanted | None = None,
    reason_code: str = CreditNote.Reason.OTHER,
    reason: str = "",
    note: str = "",
    issued_on: date | None = None,
    offset_minor: int | None = None,
    credit_minor: int | None = None,
    refund_minor: int = 0,
    series_id: UUID | None = None,
    seen_minor: int | None = None,
) -> CreditNote:
    """Credit an invoice, wholly or in part: numbered, frozen and posted at once.

    Unless `offset_minor` or `credit_minor` says otherwise it goes off what is open, the rest to the customer's credit.
    What is to go back to the payer (`refund_minor`) waits on account `refunds`, where nobody else can spend it: only
    the services of payments ask for it. `seen_minor` is what had been credited of the invoice when somebody decided,
    so that a page that is sent twice credits once; where it goes was decided then as well.

    Raises:
        NotFound: there is no such invoice or series.
        InvoiceNotCreditable, CreditedMeanwhile, CreditBeforeInvoice, CreditInFuture.
        deductions.InvoiceDeducted: a final invoice takes it off.
        rules.NothingToCredit, rules.CreditExceedsInvoice, rules.SplitDiffers.
        Invalid: names every field that cannot be used.
    """
    _check_texts(reason_code, reason, note)
    held, invoice = _locked(invoice_id, actor, at)
    if seen_minor not in (None, invoice.noted_minor):
        raise CreditedMeanwhile
    issuer = only(Issuer.objects.all())
    if issuer is None:
        raise issuers.IssuerMissing
    today = invoice_rules.local_day(at, issuer.time_zone)
    issued_on = issued_on or today
    days.check(issued_on, field="issued_on")
    if invoice.issued_on is not None and issued_on < invoice.issued_on:
        raise CreditBeforeInvoice
    # An invoice may be dated ahead, and its credit note then no further.
    if issued_on > max(today, invoice.issued_on or today):
        raise CreditInFuture(field="issued_on")
    deductions.refuse_deducted(invoice)
    left = queries.left(invoice)
    credited = _credited(left, wanted or Wanted())
    rounding = queries.rounded(invoice).of(credited.total_minor)
    try:
        split = rules.split(
            credited.total_minor + rounding,
            open_minor=held.room(invoice_id),
            offset_minor=offset_minor,
            credit_minor=credit_minor,
            refund_minor=refund_minor,
        )
    except rules.SplitDiffers as differs:
        # It did not when somebody looked: more was open of it.
        raise differs if seen_minor is None else CreditedMeanwhile from differs
    made = CreditNote(
        customer_id=invoice.customer_id,
        invoice_id=invoice.pk,
        currency=invoice.currency,
        issued_on=issued_on,
        reason_code=CreditNote.Reason(reason_code),
        reason=reason.strip() or None,
        subtotal_minor=credited.subtotal_minor,
        tax_minor=credited.tax_minor,
        total_minor=credited.total_minor,
        rounding_minor=rounding,
        offset_minor=split.offset_minor,
        credit_minor=split.credit_minor,
        refund_minor=split.refund_minor,
        seller=parties.seller_of(issuer),
        buyer=invoice.buyer or {},
        references=content.references_of(invoice),
        note=note.strip() or None,
        created_at=at,
    )
    series = issuers.series_for(Series.Purpose.CREDIT_NOTE, series_id=series_id, at=at)
    lines, taxes = _parts(made, left, credited)
    held.booked_on = issued_on
    held.take_off(invoice, split.offset_minor, noted_minor=credited.total_minor)
    write(made, series, lines, taxes)
    ledger.post(
        kind=LedgerTransaction.Kind.CREDIT_NOTE_ISSUED,
        sides=sides_of(made, deposits_minor=_of_deposits(invoice, left, credited)),
        currency=made.currency,
        booked_on=issued_on,
        at=at,
        customer_id=made.customer_id,
        invoice_id=invoice.pk,
        source_id=made.pk,
        field="issued_on",
        at_invoices_rate=True,
    )
    if made.credit_minor:
        held.credit(made.credit_minor, None, Cause.CREDIT_NOTE, credit_note_id=made.pk)
    with together():
        tallies.add([change_of(made)])
        audit.record(events.CREDIT_NOTE_ISSUED, actor=actor, subject=("credit_note", made.pk))
        audit.record(events.INVOICE_CREDITED, actor=actor, subject=("invoice", invoice.pk))
        tell(made)
    return made


def standing(invoice_id: UUID) -> Standing:
    """Return what of an invoice can still be credited, and what is open of it, given up or not.

    Raises:
        NotFound: there is no such invoice.
    """
    invoice = only(Invoice.objects.filter(pk=invoice_id))
    if invoice is None:
        raise NotFound
    final = invoice.status == Invoice.Status.FINALIZED
    due = max(0, invoice.amount_due_minor) if final else 0
    return Standing(
        left=queries.left(invoice),
        open_minor=due + invoice.written_off_minor,
        noted_minor=invoice.noted_minor,
        is_final=final,
        rounded=queries.rounded(invoice),
    )


def planned(found: Standing, wanted: Wanted) -> rules.Credited:
    """Compute what a credit note would take back, without issuing it.

    Raises:
        InvoiceNotCreditable
        rules.NothingToCredit, rules.CreditExceedsInvoice, Invalid.
    """
    if not found.is_final:
        raise InvoiceNotCreditable
    return _credited(found.left, wanted)


def sides_of(note: CreditNote, *, deposits_minor: int = 0) -> list[books.Side]:
    """Return what a credit note posts: our own takes income and tax back, an imported one did so in other books."""
    if note.imported_number is None:
        return books.credited(
            subtotal_minor=note.subtotal_minor,
            tax_minor=note.tax_minor,
            offset_minor=note.offset_minor,
            credit_minor=note.credit_minor,
            refund_minor=note.refund_minor,
            deposits_minor=deposits_minor,
            rounding_minor=note.rounding_minor,
        )
    return books.credit_opening(offset_minor=note.offset_minor, credit_minor=note.credit_minor)


def change_of(note: CreditNote) -> tallies.Change:
    """Return what a credit note adds to the tallies."""
    return tallies.Change(
        noun="credit_note", state="finalized", currency=note.currency, total_minor=note.total_minor
    )


def tell(note: CreditNote) -> None:
    """Publish that a credit note was issued."""
    webhooks.publish(
        type="credit_note.created",
        subject=("credit_note", note.pk),
        data={
            "customer": note.customer_id,
            "invoice": note.invoice_id,
            "status": "finalized",
            "reason_code": note.reason_code,
            "currency": note.currency,
            "total_minor": note.total_minor,
            "offset_minor": note.offset_minor,
            "credit_minor": note.credit_minor,
            "refund_minor": note.refund_minor,
            "issued_on": note.issued_on,
        },
    )


def _locked(invoice_id: UUID, actor: Actor, at: datetime) -> tuple[Money, Invoice]:
    # Whose it is and in which currency never changes once it is final; the rest is read under the lock.
    found = only(Invoice.objects.filter(pk=invoice_id).only("customer_id", "currency", "status"))
    if found is None:
        raise NotFound
    if found.status != Invoice.Status.FINALIZED:
        raise InvoiceNotCreditable
    held = lock_money(
        customer_id=found.customer_id, currency=found.currency, booked_on=at.date(), actor=actor, at=at
    )
    held.lock_invoices([invoice_id])
    invoice = held.invoices[invoice_id]
    if invoice.status != Invoice.Status.FINALIZED:
        raise InvoiceNotCreditable
    return held, invoice


def _credited(left: queries.Left, wanted: Wanted) -> rules.Credited:
    if wanted.lines:
        quantities = {row.pk: row.quantity for row in left.rows}
        known = {line.id: line for line in left.lines}
        amounts: dict[UUID, int] = {}
        errors = []
        for index, item in enumerate(wanted.lines):
            net = item.net_minor
            if item.line_id in amounts:
                errors.append(FieldError(f"/lines/{index}/line", "twice", "This line stands here twice."))
            if net is None:
                if item.quantity is None or item.line_id not in known:
                    net = known[item.line_id].left_minor if item.line_id in known else 0
                elif not 0 < item.quantity / quantities[item.line_id] <= 1:
                    sentence = "There is less than that on the invoice's line."
                    errors.append(FieldError(f"/lines/{index}/quantity", "credit_exceeds_line", sentence))
                    net = 0
                else:
                    net = rules.net_of(known[item.line_id], item.quantity, of=quantities[item.line_id])
            amounts[item.line_id] = net
        if errors:
            raise Invalid(errors)
        return rules.by_lines(left.lines, left.taxes, amounts)
    if wanted.amount_minor is not None:
        return rules.by_amount(left.lines, left.taxes, wanted.amount_minor)
    return rules.everything(left.lines, left.taxes)


def _of_deposits(invoice: Invoice, left: queries.Left, credited: rules.Credited) -> int:
    lines = deductions.deposit_lines(invoice, left.rows)
    return sum(taken.net_minor for taken in credited.lines if taken.line_id in lines)


def _parts(
    made: CreditNote, left: queries.Left, credited: rules.Credited
) -> tuple[list[CreditNoteLine], list[CreditNoteTax]]:
    rows = {row.pk: row for row in left.rows}
    lines = [
        CreditNoteLine(
            credit_note=made,
            customer_id=made.customer_id,
            invoice_line_id=taken.line_id,
            position=position,
            net_minor=taken.net_minor,
            **_as_said(rows[taken.line_id], taken.net_minor, made.currency),
        )
        for position, taken in enumerate(credited.lines, start=1)
    ]
    taxes = [
        CreditNoteTax(
            credit_note=made,
            customer_id=made.customer_id,
            category=item.key.category,
            percentage=item.key.percentage,
            name=item.key.name,
            base_minor=item.base_minor,
            tax_minor=item.tax_minor,
            reason=left.reasons[item.key][0],
            reason_code=left.reasons[item.key][1],
        )
        for item in credited.taxes
    ]
    return lines, taxes


def _as_said(row: InvoiceLine, net_minor: int, currency: str) -> dict[str, Any]:
    """Repeat the invoice's line; a part of it stands as one piece of that amount, since no price would come to it."""
    said: dict[str, Any] = {
        "kind": row.kind,
        "description": row.description,
        "tax_category": row.tax_category,
        "tax_percentage": row.tax_percentage,
        "tax_components": row.tax_components,
        "period_from": row.period_from,
        "period_to": row.period_to,
    }
    if net_minor == row.net_minor:
        names = ("quantity", "unit_code", "unit_amount", "price_base_quantity", "adjustments")
        return {**said, **{name: getattr(row, name) for name in names}}
    amount = money.from_minor(net_minor, currency)
    return {**said, "quantity": Decimal(1), "unit_amount": amount}


def write(made: CreditNote, series: Series, lines: list[CreditNoteLine], taxes: list[CreditNoteTax]) -> None:
    """Number it and store it. From the number to the commit others of the series wait."""
    made.series = series
    made.fiscal_year = numbering.fiscal_year(made.issued_on, starts_in=series.fiscal_year_starts_in)
    made.line_count, made.tax_count = len(lines), len(taxes)
    made.sequence = issuers.next_sequence(series_id=series.pk, fiscal_year=made.fiscal_year)
    made.number = made.imported_number or numbering.number(
        series.pattern, fiscal_year=made.fiscal_year, sequence=made.sequence, digits=series.digits
    )
    made.content_digest = content.digest(made, lines, taxes)
    made.parts = lines, taxes
    made.save(force_insert=True)
    with together():
        CreditNoteLine.objects.bulk_create(lines)
        CreditNoteTax.objects.bulk_create(taxes)


def _check_texts(reason_code: str, reason: str, note: str) -> None:
    errors = invoice_rules.text_errors("/reason", reason, invoice_rules.REASON_LENGTH)
    errors += invoice_rules.text_errors("/note", note, invoice_rules.NOTE_LENGTH)
    if reason_code not in CreditNote.Reason.values:
        errors.append(FieldError("/reason_code", "unknown", f"Known: {', '.join(CreditNote.Reason.values)}."))
    if errors:
        raise Invalid(errors)
