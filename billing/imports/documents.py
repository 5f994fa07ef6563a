"""Taking in invoices and credit notes from outside, in UBL or CII, each whole or not at all."""

from datetime import datetime
from decimal import Decimal
from typing import Any, TypeAlias
from uuid import UUID

from audit import services as audit
from billing import events
from billing.creditnotes import services as notes
from billing.creditnotes.models import CreditNote
from billing.customers import rules as details
from billing.customers import services as customers
from billing.customers.models import Customer
from billing.documents.einvoice import incoming
from billing.documents.einvoice.document import Document, Party
from billing.documents.einvoice.rules import TotalsDisagree
from billing.imports import parts, rules
from billing.invoices import services as invoices
from billing.invoices.models import Invoice, InvoiceLine, InvoiceTax
from billing.invoices.services import rows as invoice_rows
from billing.issuer import services as issuers
from billing.issuer.models import Series
from billing.ledger import services as ledger
from billing.ledger.models import LedgerTransaction
from billing.settlement.services.rows import Cause, lock_money
from billing.tallies import services as tallies
from core import cardnumbers, characters, days, ids, money
from core.actor import Actor
from core.errors import Conflict, Refusal
from crypto import blindindex
from tenancy.context import attempt, use_case

_LARGEST = Decimal(10) ** 12
Taken: TypeAlias = Invoice | CreditNote


class AlreadyImported(Conflict):
    """A document of this seller with this number is here already."""

    code = "already_imported"

    def __init__(self, existing: Taken) -> None:
        self.kind = "credit_note" if isinstance(existing, CreditNote) else "invoice"
        named = ids.encode(self.kind, existing.pk)
        super().__init__(f"This seller's document of this number is here already: {named}.", field="number")
        self.document_id: UUID = existing.pk


class CreditNoteIsFinal(Refusal):
    """A credit note has no draft: whoever takes one in must be allowed to make documents final."""

    code = "credit_note_is_final"


class NumberTooLong(Refusal):
    """The document's number is longer than any that can be kept."""

    code = "number_too_long"


@use_case
def import_document(
    *, data: bytes, actor: Actor, at: datetime, finalize: bool = False, credit_notes: bool = True
) -> Taken:
    """Take in one invoice in UBL or CII: a draft that keeps its outside number and seller, or finalized at once.

    A credit note has no draft: it is taken in as final, goes off the invoice it names as far as that is here and open,
    and is the customer's credit beyond that.

    The buyer becomes a customer unless one of that tax id, e-mail or name is here. Our totals are the
    document's own, to the minor unit: `total_minor` is its total with tax, the amount due its payable amount.

    Raises:
        AlreadyImported: names the document that is here.
        CardNumberRefused: names the field; nothing is stored.
        Refusal: of `billing.documents.einvoice`; names what is wrong with the document.
    """
    document = incoming.read(data)
    _check(document)
    series = issuers.imported_series(seller=document.seller.identity, at=at)
    if document.is_credit_note:
        if not credit_notes:
            raise CreditNoteIsFinal(field="document")
        return _credit_note(document, series, actor=actor, at=at)
    existing = Invoice.objects.filter(series=series, imported_number=document.number).first()
    if existing is not None:
        raise AlreadyImported(existing)
    customer = _customer_of(document, actor=actor, at=at)
    invoice = _draft(document, customer, at)
    invoice.series = series
    invoice.save(force_insert=True)
    InvoiceLine.objects.bulk_create(parts.lines(document, invoice))
    InvoiceTax.objects.bulk_create(parts.taxes(document, invoice))
    tallies.add([invoice_rows.change_of(invoice)])
    audit.record(events.INVOICE_IMPORTED, actor=actor, subject=("invoice", invoice.pk))
    invoice_rows.tell(invoice, "created")
    if finalize:
        return invoices.finalize(invoice_id=invoice.pk, actor=actor, at=at)
    return invoice


@use_case
def try_document(
    *,
    data: bytes,
    actor: Actor,
    at: datetime,
    finalize: bool = False,
    dry_run: bool = False,
    credit_notes: bool = True,
) -> rules.Result:
    """Take in one document and answer with what happened; a refusal leaves nothing behind."""
    try:
        with attempt():
            invoice = import_document(
                data=data, actor=actor, at=at, finalize=finalize, credit_notes=credit_notes
            )
            if dry_run:
                raise _DryRun(invoice)
    except _DryRun as done:
        total, currency = done.invoice.total_minor, done.invoice.currency
        kind = "credit_note" if isinstance(done.invoice, CreditNote) else "invoice"
        return rules.Result(ready=1, kind=kind, total_minor=total, currency=currency, dry_run=True)
    except AlreadyImported as refusal:
        (named,) = rules.refusals(1, refusal)
        existing = rules.Refused(
            row=1,
            field=named.field,
            code=named.code,
            reason=named.reason,
            existing_id=refusal.document_id,
            existing_kind=refusal.kind,
        )
        return rules.Result(refused=[existing], dry_run=dry_run)
    except Refusal as refusal:
        return rules.Result(refused=rules.refusals(1, refusal), dry_run=dry_run)
    kind = "credit_note" if isinstance(invoice, CreditNote) else "invoice"
    return rules.Result(
        created=[invoice.pk], kind=kind, ready=1, total_minor=invoice.total_minor, currency=invoice.currency
    )


class _DryRun(Exception):
    def __init__(self, invoice: Taken) -> None:
        super().__init__()
        self.invoice = invoice


def _check(document: Document) -> None:
    """Look for card numbers in every text of a document before any of it is stored."""
    if len(document.number) > 80:
        raise NumberTooLong(field="number")
    days.check(document.issued_on, field="issued_on")
    days.check(document.due_on, field="due_on")
    texts = {"number": document.number, "note": document.note}
    texts |= cardnumbers.texts(document.seller.snapshot(), "seller")
    texts |= cardnumbers.texts(document.buyer.snapshot(), "buyer")
    texts |= cardnumbers.texts(document.references, "references")
    for position, line in enumerate(document.lines, start=1):
        texts[f"lines/{position}/description"] = line.text
        for item in line.adjustments:
            texts[f"lines/{position}/adjustments"] = item.reason
        if max(abs(line.quantity), abs(line.unit_amount), line.price_base_quantity) >= _LARGEST:
            raise money.AmountTooLarge(field=f"lines/{position}")
    for item in document.adjustments:
        texts["adjustments"] = f"{texts.get('adjustments', '')}\n{item.reason}"
    for applied in document.taxes:
        texts["taxes"] = f"{texts.get('taxes', '')}\n{applied.reason}"
    cardnumbers.refuse(texts)
    characters.refuse(texts)


def _customer_of(document: Document, *, actor: Actor, at: datetime) -> Customer:
    buyer = document.buyer
    for column, text in (
        ("tax_id_index", buyer.tax_id),
        ("email_index", buyer.email),
        ("name_index", buyer.name),
    ):
        if not text:
            continue
        index = blindindex.lookup(Customer, column, text)
        rows = Customer.objects.filter(**{column: index}, state=Customer.State.ACTIVE)
        candidates: list[Customer] = list(rows.order_by("id")[:20])
        for found in candidates:
            if _may_be(found, buyer):
                return found
    return customers.create(
        name=buyer.name[:200],
        currency=document.currency,
        actor=actor,
        at=at,
        as_written=True,
        **_contact(buyer),
    )


def _may_be(customer: Customer, buyer: Party) -> bool:
    """Two of one name are not one: what both say, tax id and postal code, must agree."""
    address = customer.address if isinstance(customer.address, dict) else {}
    pairs = (
        (customer.tax_id or "", buyer.tax_id),
        (address.get("postal_code", ""), buyer.address.get("postal_code", "")),
    )
    agreed = [(details.normalize_tax_id(ours), details.normalize_tax_id(theirs)) for ours, theirs in pairs]
    return all(ours == theirs for ours, theirs in agreed if ours and theirs)


def _contact(buyer: Party) -> dict[str, Any]:
    """Take over what a customer can hold; a document may be laxer, and keeps everything in its own copy."""
    values: dict[str, Any] = {"tax_id": buyer.tax_id, "address": {}}
    for field, text in buyer.address.items():
        country = text.upper()
        if field != "country":
            values["address"][field] = text[:200]
        elif len(country) == 2 and country.isascii() and country.isalpha():
            values["address"][field] = country
    values["email"] = buyer.email if details.is_email(buyer.email) else None
    values["phone"] = buyer.phone if len(buyer.phone) <= 40 else None
    values["tax_id"] = buyer.tax_id if len(buyer.tax_id) <= 40 else None
    return values


def _draft(document: Document, customer: Customer, at: datetime) -> Invoice:
    totals = document.totals
    return Invoice(
        customer=customer,
        imported_number=document.number,
        currency=document.currency,
        issued_on=document.issued_on,
        due_on=document.due_on if document.due_on is None or document.due_on >= document.issued_on else None,
        subtotal_minor=totals.subtotal_minor,
        tax_minor=totals.tax_minor,
        total_minor=totals.total_minor,
        prepaid_minor=totals.prepaid_minor,
        rounding_minor=totals.rounding_minor,
        seller=document.seller.snapshot(),
        buyer=document.buyer.snapshot(),
        references={**document.references, "type_code": document.type_code},
        note=document.note or None,
        created_at=at,
        updated_at=at,
    )


def _credit_note(document: Document, series: Series, *, actor: Actor, at: datetime) -> CreditNote:
    """Take in a credit note: it was booked elsewhere, and opens here what the customer still has of it."""
    totals = document.totals
    existing = CreditNote.objects.filter(series=series, imported_number=document.number).first()
    if existing is not None:
        raise AlreadyImported(existing)
    if totals.payable_minor < 0:
        raise TotalsDisagree("A credit note gives back nothing below zero (BR-CO-16).", field="payable")
    customer = _customer_of(document, actor=actor, at=at)
    corrected = document.references.get("preceding_invoice", "").partition("\n")[0]
    found = Invoice.objects.filter(
        series=series, imported_number=corrected, customer=customer, currency=document.currency
    ).first()
    invoice = found if corrected and found is not None and found.status == Invoice.Status.FINALIZED else None
    held = lock_money(
        customer_id=customer.pk, currency=document.currency, booked_on=document.issued_on, actor=actor, at=at
    )
    offset = 0
    if invoice is not None:
        held.lock_invoices([invoice.pk])
        invoice = held.invoices[invoice.pk]
        offset = min(held.room(invoice.pk), totals.payable_minor)
    made = CreditNote(
        customer=customer,
        invoice=invoice,
        imported_number=document.number,
        currency=document.currency,
        issued_on=document.issued_on,
        reason_code=CreditNote.Reason.OTHER,
        subtotal_minor=totals.subtotal_minor,
        tax_minor=totals.tax_minor,
        total_minor=totals.total_minor,
        prepaid_minor=totals.prepaid_minor,
        rounding_minor=totals.rounding_minor,
        offset_minor=offset,
        credit_minor=totals.payable_minor - offset,
        refund_minor=0,
        seller=document.seller.snapshot(),
        buyer=document.buyer.snapshot(),
        references={
            **document.references,
            "type_code": document.type_code,
            **({"due_on": document.due_on.isoformat()} if document.due_on else {}),
            **({"invoice": corrected} if corrected else {}),
        },
        note=document.note or None,
        created_at=at,
    )
    lines, taxes = parts.credit_parts(document, made)
    if invoice is not None:
        held.take_off(invoice, offset, noted_minor=totals.total_minor)
    notes.write(made, series, lines, taxes)
    ledger.post(
        kind=LedgerTransaction.Kind.CREDIT_NOTE_OPENING,
        sides=notes.sides_of(made),
        currency=made.currency,
        booked_on=made.issued_on,
        at=at,
        customer_id=customer.pk,
        invoice_id=None if invoice is None else invoice.pk,
        source_id=made.pk,
    )
    if made.credit_minor:
        held.credit(made.credit_minor, None, Cause.CREDIT_NOTE, credit_note_id=made.pk)
    tallies.add([notes.change_of(made)])
    audit.record(events.CREDIT_NOTE_IMPORTED, actor=actor, subject=("credit_note", made.pk))
    notes.tell(made)
    return made
