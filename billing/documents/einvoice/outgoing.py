"""A finalized invoice of ours as the document that is written for others.

Promise kept: parties, lines and amounts are the frozen ones. What routes and pays it (electronic addresses, the buyer's
reference, the bank account) is read as it is now where the frozen copy says nothing, so that it can be mended.
Reading needs the organization's scope; writing and checking need nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from billing.creditnotes.queries import CreditNoteDetail
from billing.creditnotes.queries import LineRow as CreditLineRow
from billing.customers import queries as customers
from billing.documents import reference
from billing.documents.einvoice import reading
from billing.documents.einvoice.document import Adjustment, Document, Line, Party, Period, TaxLine, Totals
from billing.documents.papers import bank_details
from billing.invoices.models import Invoice
from billing.invoices.queries import InvoiceDetail, LineRow
from billing.issuer import queries as issuers
from billing.tax.rules import Rate
from core import money
from core.errors import Conflict

INVOICE, CREDIT_NOTE = "380", "381"
# UNTDID 1001: what is billed ahead, and a part of what was done.
_ROLES = {"deposit": "386", "progress": "326"}
# UNTDID 4461: a SEPA credit transfer, and nothing in particular.
_TRANSFER, _ANY_MEANS = "58", "1"
_PRICE = Decimal(1).scaleb(-12)


class NotFinal(Conflict):
    """Only a finalized invoice has an electronic form: a draft has neither number nor parties."""

    code = "not_final"


def document_of(found: InvoiceDetail, *, at: datetime) -> Document:
    """Return the document of a finalized invoice.

    Raises:
        NotFinal: it is a draft.
    """
    if found.status == "draft" or found.issued_on is None:
        raise NotFinal
    seller, buyer, references = party(found.seller), party(found.buyer), dict(found.references)
    if found.imported_number is None:
        seller, buyer = _reachable(found, seller, buyer, references)
        _payable(found, references, at)
        references |= {"type_code": _ROLES.get(found.role, ""), **_taken_off(found)}
    return _document(
        found, seller, buyer, references, issued_on=found.issued_on, due_on=found.due_on, note=found.note
    )


def credit_note_of(found: CreditNoteDetail, *, at: datetime) -> Document:
    """Return the document of a credit note."""
    seller, buyer, references = party(found.seller), party(found.buyer), dict(found.references)
    references.setdefault("type_code", CREDIT_NOTE)
    references.setdefault("preceding_invoice", references.pop("invoice", ""))
    references.setdefault("preceding_invoice_on", references.pop("invoice_issued_on", ""))
    due = references.pop("due_on", "")
    if found.imported_number is None:
        seller, buyer = _reachable(found, seller, buyer, references)
        references["payment_means"] = _ANY_MEANS
        # Nothing of a credit note is to be paid by its receiver (BR-CO-25 asks for terms all the same).
        references.setdefault("payment_terms", "Offset against invoices, or refunded")
    return _document(
        found,
        seller,
        buyer,
        {name: text for name, text in references.items() if text},
        issued_on=found.issued_on,
        due_on=date.fromisoformat(due) if due else None,
        note="\n".join(text for text in (found.reason, found.note) if text),
    )


def _document(
    found: InvoiceDetail | CreditNoteDetail,
    seller: Party,
    buyer: Party,
    references: dict[str, str],
    *,
    issued_on: date,
    due_on: date | None,
    note: str,
) -> Document:
    _delivered(found.lines, references)
    items = [line for line in found.lines if line.kind == "item"]
    others = [_document_adjustment(line) for line in found.lines if line.kind != "item"]
    allowances = sum(item.amount_minor for item in others if not item.is_charge)
    charges = sum(item.amount_minor for item in others if item.is_charge)
    return Document(
        number=found.number or "",
        type_code=references.pop("type_code", "") or INVOICE,
        currency=found.currency,
        issued_on=issued_on,
        due_on=due_on,
        seller=seller,
        buyer=buyer,
        note=note,
        references={name: text for name, text in references.items() if text},
        lines=tuple(_line(line, found.currency) for line in items),
        adjustments=tuple(others),
        taxes=tuple(
            TaxLine(
                rate=Rate(tax.category, tax.percentage),
                base_minor=tax.base_minor,
                tax_minor=tax.tax_minor,
                reason=tax.reason,
                reason_code=tax.reason_code,
            )
            for tax in found.taxes
        ),
        totals=Totals(
            lines_minor=sum(line.net_minor for line in items),
            allowances_minor=allowances,
            charges_minor=charges,
            subtotal_minor=found.subtotal_minor,
            tax_minor=found.total_minor - found.subtotal_minor,
            total_minor=found.total_minor,
            prepaid_minor=found.prepaid_minor,
            rounding_minor=found.rounding_minor,
            payable_minor=found.total_minor + found.rounding_minor - found.prepaid_minor,
        ),
    )


def party(values: Mapping[str, Any]) -> Party:
    """Read a party from a document's copy of it."""
    texts = ("name", "trading_name", "tax_id", "tax_number", "registration", "endpoint_id", "endpoint_scheme",
             "contact_name", "phone", "email")  # fmt: skip
    return Party(
        **{name: str(values.get(name) or "") for name in texts},
        identifiers=tuple(str(text) for text in values.get("identifiers") or ()),
        address={str(key): str(text) for key, text in (values.get("address") or {}).items()},
    )


def _reachable(
    found: InvoiceDetail | CreditNoteDetail, seller: Party, buyer: Party, references: dict[str, str]
) -> tuple[Party, Party]:
    """Fill in what routes it, where the frozen copies say nothing."""
    issuer, customer = issuers.get(), customers.get(found.customer_id)
    if issuer is not None:
        seller = replace(
            seller,
            registration=seller.registration or issuer.registration,
            contact_name=seller.contact_name or issuer.contact_name,
            phone=seller.phone or issuer.phone,
            email=seller.email or issuer.email,
        )
        if not seller.endpoint_id:
            seller = _reached(seller, issuer.endpoint_id, issuer.endpoint_scheme)
    if not buyer.endpoint_id:
        buyer = _reached(buyer, customer.endpoint_id, customer.endpoint_scheme)
    routed = str(found.buyer.get("buyer_reference") or "") or customer.buyer_reference
    references["buyer_reference"] = references.get("buyer_reference") or routed
    return seller, buyer


def _payable(found: InvoiceDetail, references: dict[str, str], at: datetime) -> None:
    """Fill in how it is paid."""
    bank = bank_details(at)
    references["payment_means"] = _ANY_MEANS if bank is None else _TRANSFER
    if bank is not None:
        references |= {
            "payment_account": bank.iban,
            "payment_account_name": bank.holder,
            "payment_bank": bank.bic,
        }
    references.setdefault("payment_reference", reference.references([found.id]).get(found.id, ""))


def _taken_off(found: InvoiceDetail) -> dict[str, str]:
    """Name the invoices that a final one takes off (BG-3), in the order of its lines."""
    of = dict.fromkeys(line.deducts_id for line in found.lines if line.deducts_id is not None)
    if not of:
        return {}
    rows = {row.pk: (row.number or "", row.issued_on) for row in Invoice.objects.filter(pk__in=list(of))}
    return reading.preceding_texts(rows[key] for key in of)


def _delivered(lines: Sequence[LineRow | CreditLineRow], references: dict[str, str]) -> None:
    """Fill in when it was for, from the first day of any line to the last, where the document says nothing."""
    days = [(line.period_from, line.period_to) for line in lines if line.period_from and line.period_to]
    if days and not references.get("period_from") and not references.get("period_to"):
        first, last = min(day for day, _ in days), max(day for _, day in days) - timedelta(days=1)
        references |= {"period_from": first.isoformat(), "period_to": last.isoformat()}


def _reached(found: Party, endpoint_id: str, scheme: str) -> Party:
    """Give a party its electronic address: its own, or its e-mail address."""
    if endpoint_id:
        return replace(found, endpoint_id=endpoint_id, endpoint_scheme=scheme or "EM")
    return replace(found, endpoint_id=found.email, endpoint_scheme="EM") if found.email else found


def _line(line: LineRow | CreditLineRow, currency: str) -> Line:
    period = None
    if line.period_from and line.period_to:
        period = Period(line.period_from, line.period_to - timedelta(days=1))
    unit_amount, adjustments = line.unit_amount, tuple(_adjustment(entry) for entry in line.adjustments)
    if isinstance(line, LineRow) and line.gross_minor is not None:
        # A price with tax inside has no place in EN 16931 (BT-146): what remains of it without tax, discount taken.
        unit_amount, adjustments = _net_price(line, currency), ()
    return Line(
        identifier=str(line.position),
        name=line.description,
        description="",
        note="",
        quantity=line.quantity,
        unit_code=line.unit_code,
        unit_amount=unit_amount,
        price_base_quantity=line.price_base_quantity,
        net_minor=line.net_minor,
        rate=Rate(line.tax_category, line.tax_percentage),
        period=period,
        adjustments=adjustments,
    )


def _net_price(line: LineRow, currency: str) -> Decimal:
    """Return the price of one unit without tax, to the decimals that a price may have."""
    net = money.multiply(money.from_minor(line.net_minor, currency), line.price_base_quantity)
    return money.divide(net, line.quantity).quantize(_PRICE, context=money.EXACT)


def _document_adjustment(line: LineRow | CreditLineRow) -> Adjustment:
    """An allowance or charge of the whole document, whose amount is the line's own."""
    is_charge = line.kind == "charge"
    kept = dict(line.adjustments[0]) if line.adjustments else {}
    if isinstance(line, LineRow) and line.gross_minor is not None:
        kept |= {"percentage": None, "base_minor": None}  # they speak of the price with tax
    return replace(
        _adjustment({**kept, "is_charge": is_charge}),
        amount_minor=line.net_minor if is_charge else -line.net_minor,
        reason=str(kept.get("reason") or ("" if kept.get("reason_code") else line.description)),
        rate=Rate(line.tax_category, line.tax_percentage),
    )


def _adjustment(entry: Mapping[str, Any]) -> Adjustment:
    percentage, base = entry.get("percentage"), entry.get("base_minor")
    return Adjustment(
        is_charge=bool(entry.get("is_charge")),
        amount_minor=int(entry.get("amount_minor", 0)),
        reason=str(entry.get("reason") or ""),
        reason_code=str(entry.get("reason_code") or ""),
        percentage=None if percentage is None else Decimal(str(percentage)),
        base_minor=None if base is None else int(base),
    )
