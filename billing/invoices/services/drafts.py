"""Drafting invoices, changing drafts, discarding them. A draft has no number, so that none goes missing."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from audit import services as audit
from billing import events
from billing.customers.models import Customer
from billing.customers.services import CustomerArchived, CustomerErased
from billing.invoices import rules
from billing.invoices.models import Invoice, InvoiceLine, InvoiceTax
from billing.invoices.services.rows import change_of, check_days, locked_draft, taxes_of, tell
from billing.tallies import services as tallies
from billing.tax import queries as tax_rates
from billing.tax import rules as tax
from core import money
from core.actor import Actor
from core.errors import Conflict, FieldError, Invalid, NotFound
from tenancy.context import together, use_case
from tenancy.models import only

_CHANGEABLE = frozenset({"customer_id", "currency", "lines", "issued_on", "due_on", "note", "references"})


class ImportedContentFixed(Conflict):
    """An imported document is kept as its seller wrote it; discard the draft or finalize it."""

    code = "imported_content_fixed"


@use_case
def create_draft(
    *,
    customer_id: UUID,
    actor: Actor,
    at: datetime,
    lines: Sequence[rules.LineInput] = (),
    currency: str | None = None,
    issued_on: date | None = None,
    due_on: date | None = None,
    note: str | None = None,
    references: Mapping[str, str] | None = None,
) -> Invoice:
    """Draft an invoice, in the customer's currency unless another is named.

    Raises:
        NotFound: there is no such customer or tax rate.
        CustomerArchived, CustomerErased: they cannot be billed.
        Invalid: names every field that cannot be used.
        NegativeTotal: the lines come to less than nothing.
    """
    customer = _billable(customer_id)
    currency = _currency(currency or customer.currency)
    _check_texts(note, references)
    check_days(issued_on, due_on)
    priced = _price(lines, currency)
    totals = rules.totals([(item.rate, item.net_minor) for item in priced], currency)
    invoice = Invoice(
        customer=customer,
        currency=currency,
        issued_on=issued_on,
        due_on=due_on,
        note=note or None,
        references=dict(references or {}) or None,
        created_at=at,
        updated_at=at,
        **_amounts(totals),
    )
    invoice.save(force_insert=True)
    with together():
        _insert_parts(invoice, priced, totals)
        tallies.add([change_of(invoice)])
        audit.record(events.INVOICE_CREATED, actor=actor, subject=("invoice", invoice.pk))
        tell(invoice, "created")
    return invoice


@use_case
def update_draft(*, invoice_id: UUID, changes: Mapping[str, Any], actor: Actor, at: datetime) -> Invoice:
    """Change the named fields of a draft; `lines` replaces all lines.

    Fields: customer_id, currency, lines, issued_on, due_on, note, references.

    Raises:
        NotFound: there is no such invoice, customer or tax rate.
        InvoiceNotDraft: it has been finalized.
        ImportedContentFixed: only the due date and note of an imported draft may change.
        Invalid, NegativeTotal: as at drafting.
    """
    unknown = sorted(set(changes) - _CHANGEABLE)
    if unknown:
        raise Invalid(
            [FieldError(f"/{name}", "unknown_field", "There is no such field.") for name in unknown]
        )
    invoice = locked_draft(invoice_id)
    if invoice.imported_number is not None and set(changes) - {"due_on", "note"}:
        raise ImportedContentFixed
    before = change_of(invoice)
    _check_texts(changes.get("note"), changes.get("references"))
    for name in ("issued_on", "due_on", "note", "references"):
        if name in changes:
            setattr(invoice, name, changes[name] or None)
    check_days(invoice.issued_on, invoice.due_on)
    if "customer_id" in changes:
        invoice.customer = _billable(changes["customer_id"])
    if set(changes) & {"customer_id", "currency", "lines"}:
        _replace_lines(invoice, changes)
    invoice.updated_at = at
    invoice.save()
    tallies.add([before.taken_back(), change_of(invoice)])
    fields = sorted("customer" if name == "customer_id" else name for name in changes)
    audit.record(events.INVOICE_UPDATED, actor=actor, subject=("invoice", invoice.pk), fields=fields)
    return invoice


@use_case
def discard_draft(*, invoice_id: UUID, actor: Actor, at: datetime) -> None:
    """Delete a draft. It had no number, so that none is missing.

    Raises:
        NotFound: there is no such invoice.
        InvoiceNotDraft: it has been finalized.
    """
    invoice = locked_draft(invoice_id)
    tallies.add([change_of(invoice).taken_back()])
    audit.record(events.INVOICE_DISCARDED, actor=actor, subject=("invoice", invoice.pk))
    InvoiceLine.objects.filter(invoice_id=invoice.pk).delete()
    InvoiceTax.objects.filter(invoice_id=invoice.pk).delete()
    Invoice.objects.filter(pk=invoice.pk).delete()


def _billable(customer_id: UUID) -> Customer:
    customer: Customer | None = only(Customer.objects.filter(pk=customer_id))
    if customer is None:
        raise NotFound("There is no such customer.", field="customer")
    if customer.state != Customer.State.ACTIVE:
        raise CustomerArchived(field="customer")
    if customer.subject_key is None:
        raise CustomerErased(field="customer")
    return customer


def _currency(currency: str) -> str:
    money.exponent(currency)
    return currency


def _check_texts(note: str | None, references: Mapping[str, str] | None) -> None:
    errors = rules.text_errors("/note", note or "", rules.NOTE_LENGTH)
    for name, text in (references or {}).items():
        if name not in rules.REFERENCES:
            errors.append(
                FieldError("/references", "unknown_field", f"Known: {', '.join(rules.REFERENCES)}.")
            )
            continue
        errors += rules.text_errors(f"/references/{name}", text, rules.NOTE_LENGTH)
    if errors:
        raise Invalid(errors)


def _price(lines: Sequence[rules.LineInput], currency: str) -> list[rules.Priced]:
    rules.check_lines(lines)
    found = tax_rates.by_ids(line.tax_rate_id for line in lines if line.tax_rate_id is not None)
    priced: list[rules.Priced] = []
    for index, line in enumerate(lines):
        rate = tax.NO_TAX
        if line.tax_rate_id is not None:
            if line.tax_rate_id not in found:
                raise NotFound("There is no such tax rate.", field=f"lines/{index}/tax_rate")
            rate = tax_rates.rate_of(found[line.tax_rate_id])
        priced.append(rules.price(line, rate, currency))
    return priced


def _amounts(totals: rules.Totals) -> dict[str, int]:
    return {
        "subtotal_minor": totals.subtotal_minor,
        "tax_minor": totals.tax_minor,
        "total_minor": totals.total_minor,
    }


def _replace_lines(invoice: Invoice, changes: Mapping[str, Any]) -> None:
    """Compute the lines anew, given or as they stand, in the currency the draft now has."""
    invoice.currency = _currency(changes.get("currency") or invoice.currency)
    wanted = changes.get("lines")
    if wanted is None:
        wanted = [
            rules.LineInput(
                description=line.description,
                unit_amount=line.unit_amount,
                quantity=line.quantity,
                tax_rate_id=line.tax_rate_id,
                unit_code=line.unit_code,
            )
            for line in InvoiceLine.objects.filter(invoice_id=invoice.pk).order_by("position")
        ]
    priced = _price(wanted, invoice.currency)
    totals = rules.totals([(item.rate, item.net_minor) for item in priced], invoice.currency)
    for name, amount in _amounts(totals).items():
        setattr(invoice, name, amount)
    InvoiceLine.objects.filter(invoice_id=invoice.pk).delete()
    InvoiceTax.objects.filter(invoice_id=invoice.pk).delete()
    # The parts' customer is compared with the invoice's when they are inserted.
    invoice.save(update_fields=["customer"])
    _insert_parts(invoice, priced, totals)


def _insert_parts(invoice: Invoice, priced: Sequence[rules.Priced], totals: rules.Totals) -> None:
    lines = [
        InvoiceLine(
            invoice=invoice,
            customer_id=invoice.customer_id,
            tax_rate_id=item.line.tax_rate_id,
            position=position,
            description=item.line.description.strip(),
            quantity=item.line.quantity,
            unit_code=item.line.unit_code,
            unit_amount=item.line.unit_amount,
            net_exact=item.net_exact,
            net_minor=item.net_minor,
            tax_category=item.rate.category,
            tax_percentage=item.rate.percentage,
        )
        for position, item in enumerate(priced, start=1)
    ]
    invoice.parts = lines, taxes_of(invoice, totals)
    InvoiceLine.objects.bulk_create(lines)
    InvoiceTax.objects.bulk_create(invoice.parts[1])
