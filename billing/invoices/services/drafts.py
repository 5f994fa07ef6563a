"""Drafting invoices, changing drafts, discarding them. A draft has no number, so that none goes missing."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db.models.expressions import RawSQL

from audit import services as audit
from billing import events
from billing.attachments.models import InvoiceAttachment
from billing.customers.models import Customer
from billing.customers.restriction import CustomerRestricted
from billing.customers.services import CustomerArchived, CustomerErased
from billing.invoices import catalogued, deductions, pricing, rules
from billing.invoices.catalogued import Asked
from billing.invoices.models import Invoice, InvoiceLine, InvoiceTax
from billing.invoices.services.rows import asked, change_of, check_days, locked_draft, parts_of, tell
from billing.issuer import queries as issuers
from billing.issuer.models import Issuer, Rounding, Series
from billing.issuer.rules import coin
from billing.tallies import services as tallies
from billing.tax import proposals
from billing.tax import queries as tax_rates
from billing.tax import rules as tax
from core import money
from core.actor import Actor
from core.errors import Conflict, FieldError, Invalid, NotFound, Refusal
from outbound import files
from tenancy.context import together, use_case
from tenancy.models import only

_CHANGEABLE = frozenset(
    ["customer_id", "currency", "lines", "discounts", "series_id", "automatic_tax", "supply", "tax_rule",
     "issued_on", "due_on", "note", "references"]
)  # fmt: skip

# What of the issuer and its usual series a draft needs, read with the customer.
_USUAL = """
SELECT jsonb_build_object('rounding', rounding, 'e_invoice', e_invoice, 'rounded', rounded_currencies)
FROM billing_issuer AS issuer JOIN billing_series AS series USING (tenant_id)
WHERE tenant_id = billing_customer.tenant_id AND series.id = series_id
"""


class SeriesUnfit(Refusal):
    """This number series takes no new documents of our own."""

    code = "series_unfit"


class StackedTaxOnEInvoice(Refusal):
    """An electronic invoice knows one tax a line. Take another rate, or a number series (Settings) without them."""

    code = "stacked_tax_on_e_invoice"


class QuotedContentFixed(Conflict):
    """This invoice bills in parts what was agreed. Its days, note and references may change; its lines may not."""

    code = "quoted_content_fixed"


class ImportedContentFixed(Conflict):
    """An imported document is kept as its seller wrote it; discard the draft or finalize it."""

    code = "imported_content_fixed"


@use_case
def create_draft(
    *,
    customer_id: UUID,
    actor: Actor,
    at: datetime,
    lines: Sequence[Asked] = (),
    currency: str | None = None,
    issued_on: date | None = None,
    due_on: date | None = None,
    note: str | None = None,
    references: Mapping[str, str] | None = None,
    discounts: Sequence[rules.Discount] = (),
    series_id: UUID | None = None,
    automatic_tax: bool = False,
    supply: str = "",
    tax_rule: str = "",
    role: str = "",
    quote_id: UUID | None = None,
    plan_id: UUID | None = None,
) -> Invoice:
    """Draft an invoice, in the customer's currency unless another is named.

    With `automatic_tax`, lines that name no tax rate get the one that the place of supply asks for, of what is sold
    (`supply`; the organization's usual if empty). A rate that is named stays; `tax_rule` says which rule it follows.
    `discounts` are what is taken off, or put on top, of all lines together. It is numbered in the organization's
    usual series unless another of its own is named. A line that names a price takes from it what it does not say.
    `role`, `quote_id` and `plan_id` are set by the services of quotes and deposits alone.

    Raises:
        NotFound: there is no such customer, tax rate, price or series.
        SeriesUnfit: the series is of imported numbers.
        StackedTaxOnEInvoice: the series issues electronic invoices.
        DiscountExceedsLine: something is taken off that is not there.
        CountryMissing, NoRateForThis: there is no automatic tax.
        CustomerArchived, CustomerErased: they cannot be billed.
        Invalid: names every field that cannot be used.
        NegativeTotal: the lines come to less than nothing.
    """
    customer = _billable(customer_id)
    currency = _currency(currency or customer.currency)
    _check_texts(note, references)
    check_days(issued_on, due_on, at=at)
    policy = _usual(customer) if series_id is None else _policy(series_id)
    asked = _written(lines, currency, issued_on, at, automatic_tax=automatic_tax)
    if automatic_tax:
        asked, tax_rule = _proposed(asked, customer.pk, issued_on, supply, at)
    bill = _bill(asked, discounts, currency, policy, customer)
    invoice = Invoice(
        customer=customer,
        series_id=series_id,
        rounding=policy.rounding,
        tax_rule=tax_rule,
        currency=currency,
        role=role,
        quote_id=quote_id,
        plan_id=plan_id,
        issued_on=issued_on,
        due_on=due_on,
        note=note or None,
        references=dict(references or {}) or None,
        created_at=at,
        updated_at=at,
        **_amounts(bill.totals),
    )
    invoice.save(force_insert=True)
    with together():
        _insert_parts(invoice, bill)
        tallies.add([change_of(invoice)])
        audit.record(events.INVOICE_CREATED, actor=actor, subject=("invoice", invoice.pk))
        tell(invoice, "created")
    return invoice


def preview(
    *,
    customer_id: UUID,
    lines: Sequence[rules.LineInput],
    currency: str,
    discounts: Sequence[rules.Discount] = (),
    series_id: UUID | None = None,
) -> pricing.Bill:
    """Compute what a draft would come to; nothing is stored. Raises as `create_draft` does."""
    customer = _billable(customer_id)
    policy = _usual(customer) if series_id is None else _policy(series_id)
    return _bill(lines, discounts, _currency(currency), policy, customer)


@use_case
def update_draft(*, invoice_id: UUID, changes: Mapping[str, Any], actor: Actor, at: datetime) -> Invoice:
    """Change the named fields of a draft; `lines` replaces all lines, `discounts` all discounts.

    Fields: customer_id, currency, lines (with automatic_tax and supply, or tax_rule), discounts, series_id,
    issued_on, due_on, note, references.

    Raises:
        NotFound: there is no such invoice, customer or tax rate.
        InvoiceNotDraft: it has been finalized.
        ImportedContentFixed: only the due date and note of an imported draft may change.
        QuotedContentFixed: it bills a part of a quote, or the rest of one.
        Invalid, NegativeTotal: as at drafting, and all that lines can be refused for.
    """
    unknown = sorted(set(changes) - _CHANGEABLE)
    if unknown:
        raise Invalid(
            [FieldError(f"/{name}", "unknown_field", "There is no such field.") for name in unknown]
        )
    invoice = locked_draft(invoice_id)
    if invoice.imported_number is not None and set(changes) - {"due_on", "note"}:
        raise ImportedContentFixed
    if invoice.role and set(changes) - {"issued_on", "due_on", "note", "references"}:
        raise QuotedContentFixed
    before = change_of(invoice)
    _check_texts(changes.get("note"), changes.get("references"))
    for name in ("issued_on", "due_on", "note", "references"):
        if name in changes:
            setattr(invoice, name, changes[name] or None)
    check_days(invoice.issued_on, invoice.due_on, at=at if "issued_on" in changes else None)
    if "customer_id" in changes:
        invoice.customer = _billable(changes["customer_id"])
    if set(changes) - {"issued_on", "due_on", "note", "references"}:
        replace_lines(invoice, changes, at)
    invoice.updated_at = at
    invoice.save()
    tallies.add([before.taken_back(), change_of(invoice)])
    fields = sorted(name.removesuffix("_id") for name in changes)
    audit.record(events.INVOICE_UPDATED, actor=actor, subject=("invoice", invoice.pk), fields=fields)
    return invoice


@use_case
def copy(*, invoice_id: UUID, actor: Actor, at: datetime) -> Invoice:
    """Draft another invoice with the lines, discounts, note and references of one; its days stay behind.

    What the one takes off of earlier invoices stays with it.

    Raises:
        NotFound: there is no such invoice.
        ImportedContentFixed: its lines name no tax rates of ours.
        CustomerArchived, CustomerErased: they cannot be billed any more.
    """
    found: Invoice | None = only(Invoice.objects.filter(pk=invoice_id))
    if found is None:
        raise NotFound
    if found.imported_number is not None:
        raise ImportedContentFixed
    kept = list(InvoiceLine.objects.filter(invoice_id=found.pk, deducts=None).order_by("position"))
    made = create_draft(
        customer_id=found.customer_id,
        currency=found.currency,
        lines=asked(kept, found.currency),
        discounts=pricing.asked_discounts([(line.kind, line.adjustments or []) for line in kept]),
        note=found.note,
        references=found.references,
        tax_rule=found.tax_rule,
        actor=actor,
        at=at,
    )
    audit.record(events.INVOICE_COPIED, actor=actor, subject=("invoice", found.pk))
    return made


@use_case
def discard_draft(*, invoice_id: UUID, actor: Actor, at: datetime) -> None:
    """Delete a draft. It had no number, so that none is missing.

    Raises:
        NotFound: there is no such invoice.
        InvoiceNotDraft: it has been finalized.
        deductions.BilledAhead: a deposit on it stands.
    """
    invoice = locked_draft(invoice_id)
    deductions.refuse_billed_ahead(invoice)
    tallies.add([change_of(invoice).taken_back()])
    audit.record(events.INVOICE_DISCARDED, actor=actor, subject=("invoice", invoice.pk))
    for attached in InvoiceAttachment.objects.filter(invoice_id=invoice.pk).select_related("file"):
        InvoiceAttachment.objects.filter(pk=attached.pk).delete()
        files.delete(file=attached.file, actor=actor)
    InvoiceLine.objects.filter(invoice_id=invoice.pk).delete()
    InvoiceTax.objects.filter(invoice_id=invoice.pk).delete()
    Invoice.objects.filter(pk=invoice.pk).delete()


def _billable(customer_id: UUID) -> Customer:
    rows = Customer.objects.filter(pk=customer_id).annotate(usual=RawSQL(_USUAL, []))  # noqa: S611  no value is in it
    customer: Customer | None = only(rows)
    if customer is None:
        raise NotFound("There is no such customer.", field="customer")
    if customer.state != Customer.State.ACTIVE:
        raise CustomerArchived(field="customer")
    if customer.subject_key is None:
        raise CustomerErased(field="customer")
    if customer.restricted_at is not None:
        raise CustomerRestricted(field="customer")
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


@dataclass(frozen=True, slots=True)
class _Policy:
    """What of its series and issuer decides what a document comes to; as it stands, that of a new issuer."""

    rounding: str = Rounding.DOCUMENT
    e_invoice: bool = True
    rounded: Sequence[str] = ()


def _usual(customer: Customer) -> _Policy:
    """Return the policy of the usual series, read with the customer."""
    usual: str | None = customer.usual  # type: ignore[attr-defined]  # an annotation of `_billable`
    return _Policy(**json.loads(usual or "{}"))


def _policy(series_id: UUID | None) -> _Policy:
    if series_id is None:
        issuer: Issuer | None = only(Issuer.objects.select_related("series"))
        used = Series() if issuer is None else issuer.series
        return _Policy(used.rounding, used.e_invoice, () if issuer is None else issuer.rounded_currencies)
    row = Series.objects.filter(pk=series_id).first()
    if row is None:
        raise NotFound("There is no such number series.", field="series")
    if row.kind != Series.Kind.OWN or row.purpose != Series.Purpose.INVOICE or row.retired_at is not None:
        raise SeriesUnfit(field="series")
    return _Policy(row.rounding, row.e_invoice, issuers.rounded_currencies())


def _written(
    lines: Sequence[Asked], currency: str, on: date | None, at: datetime, *, automatic_tax: bool
) -> list[rules.LineInput]:
    """Write out the lines that name a price, as it is sold on the day of the document."""
    if all(line.price_id is None for line in lines):
        return [line for line in lines if isinstance(line, rules.LineInput)]
    day = on or rules.local_day(at, issuers.time_zone())
    return catalogued.written(lines, currency=currency, on=day, automatic_tax=automatic_tax)


def _proposed(
    lines: Sequence[rules.LineInput], customer_id: UUID, on: date | None, supply: str, at: datetime
) -> tuple[list[rules.LineInput], str]:
    """Give lines without a rate the one that their place of supply asks for, and say by which rule."""
    if all(line.tax_rate_id is not None for line in lines):
        return list(lines), ""
    day = on or rules.local_day(at, issuers.time_zone())
    proposal = proposals.propose(customer_id=customer_id, on=day, supply=supply)
    given = [
        line if line.tax_rate_id is not None else replace(line, tax_rate_id=proposal.rate.id)
        for line in lines
    ]
    return given, proposal.rule


def _bill(
    lines: Sequence[rules.LineInput],
    discounts: Sequence[rules.Discount],
    currency: str,
    policy: _Policy,
    customer: Customer,
) -> pricing.Bill:
    rules.check_lines(lines)
    rules.check_discounts(discounts, lines=len(lines))
    rates = tax_rates.rates_by_id(line.tax_rate_id for line in lines if line.tax_rate_id is not None)
    rates = tax.for_customer(rates, exemption=customer.tax_exemption or "")
    if policy.e_invoice and any(rate.components for rate in rates.values()):
        raise StackedTaxOnEInvoice(field="lines")
    by_line, smallest = policy.rounding == Rounding.LINE, coin(currency, policy.rounded)
    return pricing.bill(
        lines, rates=rates, currency=currency, discounts=discounts, by_line=by_line, coin_minor=smallest
    )


def _amounts(totals: pricing.Totals) -> dict[str, int]:
    names = ("subtotal_minor", "tax_minor", "total_minor", "rounding_minor")
    return {name: getattr(totals, name) for name in names}


def replace_lines(invoice: Invoice, changes: Mapping[str, Any], at: datetime) -> None:
    """Compute the lines anew, given or as they stand, in the currency the draft now has."""
    was = invoice.currency
    invoice.currency = _currency(changes.get("currency") or was)
    kept = list(InvoiceLine.objects.filter(invoice_id=invoice.pk).order_by("position"))
    lines, discounts = changes.get("lines"), changes.get("discounts")
    if lines is None:
        lines = asked(kept, was)
        invoice.tax_rule = "" if "customer_id" in changes else invoice.tax_rule
    else:
        invoice.tax_rule = str(changes.get("tax_rule") or "")
    automatic_tax = bool(changes.get("automatic_tax"))
    lines = _written(lines, invoice.currency, invoice.issued_on, at, automatic_tax=automatic_tax)
    if automatic_tax:
        supply = str(changes.get("supply") or "")
        lines, invoice.tax_rule = _proposed(lines, invoice.customer_id, invoice.issued_on, supply, at)
    if discounts is None:
        discounts = pricing.asked_discounts([(line.kind, line.adjustments or []) for line in kept])
    if "series_id" in changes:
        invoice.series_id = changes["series_id"]
    policy = _policy(invoice.series_id)
    bill = _bill(lines, discounts, invoice.currency, policy, invoice.customer)
    invoice.rounding = policy.rounding
    for name, amount in _amounts(bill.totals).items():
        setattr(invoice, name, amount)
    InvoiceLine.objects.filter(invoice_id=invoice.pk).delete()
    InvoiceTax.objects.filter(invoice_id=invoice.pk).delete()
    # The parts' customer is compared with the invoice's when they are inserted.
    invoice.save(update_fields=["customer"])
    _insert_parts(invoice, bill)


def _insert_parts(invoice: Invoice, bill: pricing.Bill) -> None:
    invoice.parts = parts_of(invoice, bill)
    InvoiceLine.objects.bulk_create(invoice.parts[0])
    InvoiceTax.objects.bulk_create(invoice.parts[1])
