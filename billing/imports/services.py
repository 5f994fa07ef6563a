"""Taking in customers and invoices from outside: every refused row named, nothing half done."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from audit import services as audit
from billing import events
from billing.customers import rules as details
from billing.customers import services as customers
from billing.customers.models import Customer
from billing.documents.einvoice import incoming
from billing.documents.einvoice.document import Adjustment, Document, Party, Period
from billing.documents.einvoice.rules import CreditNoteUnsupported
from billing.imports import rules
from billing.invoices import services as invoices
from billing.invoices.models import Invoice, InvoiceLine, InvoiceTax
from billing.invoices.services import rows as invoice_rows
from billing.issuer import services as issuers
from billing.issuer.models import Issuer
from billing.tallies import services as tallies
from core import cardnumbers, characters, days, ids, money
from core.actor import Actor
from core.errors import Conflict, FieldError, Invalid, Refusal
from crypto import blindindex
from crypto.values import BlindIndex
from tenancy.context import attempt, use_case

_EXACT = Decimal(1).scaleb(-12)
_LARGEST = Decimal(10) ** 12


class AlreadyImported(Conflict):
    """A document of this seller with this number is here already."""

    code = "already_imported"

    def __init__(self, invoice: Invoice) -> None:
        super().__init__(
            f"This seller's document of this number is here already: {ids.encode('invoice', invoice.pk)}.",
            field="number",
        )
        self.invoice_id: UUID = invoice.pk


class NumberTooLong(Refusal):
    """The document's number is longer than any that can be kept."""

    code = "number_too_long"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a customers file that can be taken in."""

    line: int
    customer: Customer


@use_case
def import_customers(
    *, data: bytes, actor: Actor, at: datetime, dry_run: bool = False, most_rows: int = rules.MOST_ROWS
) -> rules.Result:
    """Take in a customers file (CSV in UTF-8 with a header). Refused rows are named and left out.

    A row is refused when its e-mail, tax id or number is already a customer's or stands on an earlier row.
    The rows are counted before any is prepared: a file that holds too many costs no more than reading it.

    Raises:
        NotACsvFile, UnknownColumn, MissingColumn, TooManyRows: the file as a whole cannot be used.
    """
    issuer = Issuer.objects.first()
    currency = issuer.currency if issuer else "EUR"
    refused: list[rules.Refused] = []
    ready: list[Row] = []
    for line, values in list(rules.read_customers(data, most=most_rows)):
        try:
            ready.append(Row(line, _prepared(values, currency, at)))
        except Refusal as refusal:
            refused += rules.refusals(line, refusal)
    ready, doubles = without_doubles(ready)
    refused = sorted([*refused, *doubles], key=lambda item: item.row)
    rows = [row.customer for row in ready]
    if not dry_run:
        customers.create_many(rows, actor=actor)
        counts = {"created": len(rows), "refused": len({item.row for item in refused})}
        audit.record(events.CUSTOMERS_IMPORTED, actor=actor, facts=counts)
    created = [] if dry_run else [row.pk for row in rows]
    return rules.Result(created=created, refused=refused, ready=len(rows), dry_run=dry_run)


@use_case
def import_document(*, data: bytes, actor: Actor, at: datetime, finalize: bool = False) -> Invoice:
    """Take in one invoice in UBL or CII: a draft that keeps its outside number and seller, or finalized at once.

    The buyer becomes a customer unless one of that tax id, e-mail or name is here. Our totals are the
    document's own, to the minor unit: `total_minor` is its total with tax, the amount due its payable amount.

    Raises:
        AlreadyImported: names the invoice that is here.
        CardNumberRefused: names the field; nothing is stored.
        Refusal: of `billing.documents.einvoice`; names what is wrong with the document.
    """
    document = incoming.read(data)
    if document.is_credit_note:
        raise CreditNoteUnsupported("Credit notes cannot be taken in yet.", field="document")
    _check(document)
    series = issuers.imported_series(seller=document.seller.identity, at=at)
    existing = Invoice.objects.filter(series=series, imported_number=document.number).first()
    if existing is not None:
        raise AlreadyImported(existing)
    customer = _customer_of(document, actor=actor, at=at)
    invoice = _draft(document, customer, at)
    invoice.series = series
    invoice.save(force_insert=True)
    InvoiceLine.objects.bulk_create(_lines(document, invoice))
    InvoiceTax.objects.bulk_create(_taxes(document, invoice))
    tallies.add([invoice_rows.change_of(invoice)])
    audit.record(events.INVOICE_IMPORTED, actor=actor, subject=("invoice", invoice.pk))
    invoice_rows.tell(invoice, "created")
    if finalize:
        return invoices.finalize(invoice_id=invoice.pk, actor=actor, at=at)
    return invoice


@use_case
def try_document(
    *, data: bytes, actor: Actor, at: datetime, finalize: bool = False, dry_run: bool = False
) -> rules.Result:
    """Take in one document and answer with what happened; a refusal leaves nothing behind."""
    try:
        with attempt():
            invoice = import_document(data=data, actor=actor, at=at, finalize=finalize)
            if dry_run:
                raise _DryRun(invoice)
    except _DryRun as done:
        total, currency = done.invoice.total_minor, done.invoice.currency
        return rules.Result(ready=1, total_minor=total, currency=currency, dry_run=True)
    except AlreadyImported as refusal:
        (named,) = rules.refusals(1, refusal)
        existing = rules.Refused(
            row=1, field=named.field, code=named.code, reason=named.reason, existing_id=refusal.invoice_id
        )
        return rules.Result(refused=[existing], dry_run=dry_run)
    except Refusal as refusal:
        return rules.Result(refused=rules.refusals(1, refusal), dry_run=dry_run)
    return rules.Result(
        created=[invoice.pk], ready=1, total_minor=invoice.total_minor, currency=invoice.currency
    )


class _DryRun(Exception):
    def __init__(self, invoice: Invoice) -> None:
        super().__init__()
        self.invoice = invoice


def _prepared(values: Mapping[str, object], currency: str, at: datetime) -> Customer:
    if "extra" in values:
        raise Invalid([FieldError("/", "too_many_cells", "The row has more cells than the header.")])
    return customers.prepare({**values, "currency": str(values.get("currency") or currency).upper()}, at=at)


def without_doubles(
    ready: list[Row], *, seen: dict[str, set[BlindIndex]] | None = None
) -> tuple[list[Row], list[rules.Refused]]:
    """Sort out the rows whose e-mail, tax id or number is taken, by blind index and in three statements.

    `seen` gathers the indexes of rows that are not stored yet, for whoever asks portion by portion.
    """
    refused: dict[int, rules.Refused] = {}
    for source, column in (
        ("email", "email_index"),
        ("tax_id", "tax_id_index"),
        ("reference", "reference_index"),
    ):
        wanted = {
            row.line: blindindex.lookup(Customer, column, getattr(row.customer, source))
            for row in ready
            if getattr(row.customer, source) is not None
        }
        earlier = set() if seen is None else seen.setdefault(column, set())
        known = _taken(column, set(wanted.values())) | earlier
        for line, index in wanted.items():
            if index in known and line not in refused:
                sentence = "A customer with this is here already, or on an earlier row."
                refused[line] = rules.Refused(row=line, field=source, code="already_exists", reason=sentence)
            elif line not in refused:
                known.add(index)
                earlier.add(index)
    return [row for row in ready if row.line not in refused], list(refused.values())


def _taken(column: str, wanted: set[Any]) -> set[Any]:
    found: set[Any] = set()
    indexes = sorted(wanted)
    for start in range(0, len(indexes), 1_000):
        rows = Customer.objects.filter(**{f"{column}__in": indexes[start : start + 1_000]})
        found |= {BlindIndex(stored) for stored in rows.values_list(column, flat=True)}
    return found


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


def _lines(document: Document, invoice: Invoice) -> list[InvoiceLine]:
    """Lines as the document has them, then its own allowances and charges: together they are the subtotal."""
    rows = [
        InvoiceLine(
            description=line.text or line.identifier or "-",
            quantity=line.quantity.quantize(_EXACT, context=money.EXACT),
            unit_code=line.unit_code[:8],
            unit_amount=line.unit_amount.quantize(_EXACT, context=money.EXACT),
            price_base_quantity=line.price_base_quantity,
            net_exact=money.from_minor(line.net_minor, document.currency),
            net_minor=line.net_minor,
            tax_category=line.rate.category,
            tax_percentage=line.rate.percentage,
            adjustments=[_adjustment(item) for item in line.adjustments] or None,
            **_period(line.period),
        )
        for line in document.lines
    ]
    rows += [_document_adjustment(item, document.currency) for item in document.adjustments]
    for position, row in enumerate(rows, start=1):
        row.invoice, row.customer_id, row.position = invoice, invoice.customer_id, position
    return rows


def _period(period: Period | None) -> dict[str, date]:
    """Return a period as lines have it: half-open, both days or none."""
    if period is None or period.first is None or period.last is None or period.last < period.first:
        return {}
    days.check(period.first, field="period_from")
    days.check(period.last, field="period_to")
    return {"period_from": period.first, "period_to": period.last + timedelta(days=1)}


def _document_adjustment(item: Adjustment, currency: str) -> InvoiceLine:
    kind = InvoiceLine.Kind.CHARGE if item.is_charge else InvoiceLine.Kind.ALLOWANCE
    amount = money.from_minor(item.signed_minor, currency)
    return InvoiceLine(
        kind=kind,
        description=item.reason or str(kind.label),
        quantity=Decimal(1),
        unit_amount=amount,
        net_exact=amount,
        net_minor=item.signed_minor,
        tax_category=item.rate.category if item.rate else "O",
        tax_percentage=item.rate.percentage if item.rate else Decimal(0),
        adjustments=[_adjustment(item)],
    )


def _adjustment(item: Adjustment) -> dict[str, Any]:
    return {
        "is_charge": item.is_charge,
        "amount_minor": item.amount_minor,
        "reason": item.reason,
        "reason_code": item.reason_code,
        "percentage": None if item.percentage is None else str(item.percentage),
        "base_minor": item.base_minor,
    }


def _taxes(document: Document, invoice: Invoice) -> list[InvoiceTax]:
    """The document's own taxes, as its seller computed and declared them; one row a rate."""
    merged: dict[Any, InvoiceTax] = {}
    for item in document.taxes:
        row = merged.get(item.rate)
        if row is None:
            merged[item.rate] = InvoiceTax(
                invoice=invoice,
                customer_id=invoice.customer_id,
                category=item.rate.category,
                percentage=item.rate.percentage,
                base_minor=item.base_minor,
                tax_minor=item.tax_minor,
                reason=item.reason or None,
                reason_code=item.reason_code[:30],
            )
        else:
            row.base_minor += item.base_minor
            row.tax_minor += item.tax_minor
    return list(merged.values())
