"""An invoice as the document it is: a final one from its own copies, a draft as it would be printed now.

Promise kept: the parties, lines and amounts of a final document are the frozen ones; what it says about paying (the
account, the link, what is left) is what holds today. Reading needs the organization's scope; setting needs nothing.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from uuid import UUID

from billing.bankaccounts import queries as bankaccounts
from billing.creditnotes.queries import CreditNoteDetail
from billing.creditnotes.queries import LineRow as CreditLineRow
from billing.creditnotes.queries import TaxRow as CreditTaxRow
from billing.customers import queries as customers
from billing.customers.models import Customer
from billing.documents import logo as logos
from billing.documents import look as looks
from billing.documents import pdf, reference
from billing.documents.pdf import words
from billing.documents.pdf.language import say
from billing.invoices import rules
from billing.invoices.queries import InvoiceDetail, LineRow, TaxRow
from billing.issuer import queries as issuers
from billing.issuer.models import Issuer

# What people call the references of EN 16931, in the order in which they look for them.
_REFERENCES: Mapping[str, str] = MappingProxyType(
    {"buyer_reference": "Your reference", "order": "Your order", "sales_order": "Our order", "contract": "Contract",
     "project": "Project", "despatch": "Delivery note", "receipt": "Goods receipt", "tender": "Tender",
     "accounting": "Cost centre", "payment_terms": "Terms"}
)  # fmt: skip
TITLES: Mapping[str, str] = MappingProxyType(
    {"": "Invoice", "deposit": "Deposit invoice", "progress": "Progress invoice", "final": "Final invoice"}
)
_MARKS = MappingProxyType({"draft": pdf.Mark.DRAFT, "voided": pdf.Mark.VOID, "finalized": pdf.Mark.NONE})


def document_of(found: InvoiceDetail, *, at: datetime, pay_url: str = "") -> pdf.InvoiceDocument:
    """Read what stands on an invoice at this time; give the result to `pdf.invoice` outside the transaction.

    `pay_url` is the page on which it can be paid, if there is one.
    """
    seller, buyer = _parties(found)
    mark = _MARKS[found.status]
    payable = mark is pdf.Mark.NONE and found.amount_due_minor > 0
    prepaid, lang = found.prepaid_minor, language_of(found.customer_id)
    return pdf.InvoiceDocument(
        title=TITLES[found.role],
        number=found.number or "",
        at=found.updated_at,
        mark=mark,
        seller=party(seller, lang),
        buyer=party(buyer, lang),
        issued_on=found.issued_on,
        due_on=found.due_on,
        voided_on=None if found.voided_at is None else rules.local_day(found.voided_at, issuers.time_zone()),
        references=references_of(found, buyer),
        currency=found.currency,
        lines=tuple(_line(line, found.currency, lang) for line in found.lines),
        taxes=_taxes(found.taxes),
        subtotal_minor=found.subtotal_minor,
        total_minor=found.total_minor,
        rounding_minor=found.rounding_minor,
        prepaid_minor=prepaid,
        paid_minor=found.amount_paid_minor - prepaid,
        credited_minor=found.credited_minor,
        due_minor=found.amount_due_minor,
        note=found.note,
        bank=bank_details(at) if payable else None,
        reference=reference.references([found.id]).get(found.id, "") if payable else "",
        pay_url=pay_url if payable else "",
        check_url=bankaccounts.check_url(),
        language=lang,
        logo=logos.current(),
        look=looks.current(),
    )


def credit_note_of(found: CreditNoteDetail) -> pdf.InvoiceDocument:
    """Read what stands on a credit note; give the result to `pdf.invoice` outside the transaction."""
    lang = language_of(found.customer_id)
    issued = found.references.get("invoice_issued_on", "")
    references = [
        ("Takes back from invoice", found.references.get("invoice", "")),
        ("Invoice issued", words.day(date.fromisoformat(issued), lang) if issued else ""),
        *((label, found.references.get(key, "")) for key, label in _REFERENCES.items()),
        ("Customer number", str(found.buyer.get("reference") or "")),
    ]
    return pdf.InvoiceDocument(
        title="Credit note",
        number=found.number,
        at=found.created_at,
        seller=party(found.seller, lang),
        buyer=party(found.buyer, lang),
        issued_on=found.issued_on,
        due_on=None,
        references=tuple((label, text) for label, text in references if text),
        currency=found.currency,
        lines=tuple(_line(line, found.currency, lang) for line in found.lines),
        taxes=_taxes(found.taxes),
        subtotal_minor=found.subtotal_minor,
        total_minor=found.total_minor,
        rounding_minor=found.rounding_minor,
        prepaid_minor=found.prepaid_minor,
        due_minor=0,
        note="\n".join(text for text in (found.reason, found.note) if text),
        check_url=bankaccounts.check_url(),
        language=lang,
        logo=logos.current(),
        look=looks.current(),
    )


def language_of(customer_id: UUID) -> str:
    """Return the language a customer's documents and mail are written in: their own choice, or the issuer's."""
    chosen = Customer.objects.filter(pk=customer_id).values_list("language", flat=True).first()
    return chosen or Issuer.objects.values_list("language", flat=True).first() or "en"


def file_name(found: InvoiceDetail | CreditNoteDetail) -> str:
    """Return the name under which a document is saved: letters, digits, points and dashes only."""
    return safe_name(found.number or "draft")


def safe_name(name: str) -> str:
    """Return a document's number as the name of a PDF: letters, digits, points and dashes only."""
    safe = "".join(
        letter if letter.isascii() and (letter.isalnum() or letter in "-_.") else "-" for letter in name
    )
    return f"{safe.strip('.-') or 'invoice'}.pdf"


def bank_details(at: datetime) -> pdf.BankDetails | None:
    """Return the organization's bank details as documents name them at this time, or None."""
    row = bankaccounts.current(at)
    if row is None:
        return None
    changed_on = rules.local_day(row.holds_from, issuers.time_zone())
    return pdf.BankDetails(holder=row.holder, iban=row.iban, bic=row.bic, changed_on=changed_on)


def party(values: Mapping[str, Any], lang: str = "en") -> pdf.Party:
    """Write a party from a document's copy of it, or from the issuer's or customer's own fields."""
    return pdf.Party(
        name=str(values.get("name") or ""),
        address=words.address(values.get("address") or {}, lang),
        tax_id=str(values.get("tax_id") or ""),
        tax_number=str(values.get("tax_number") or ""),
        email=str(values.get("email") or ""),
        phone=str(values.get("phone") or ""),
    )


def issuer_party(lang: str = "en") -> pdf.Party:
    """Return the organization as documents name it now; without a name before anybody has entered one."""
    return party(_issuer(), lang)


def _parties(found: InvoiceDetail) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    if found.seller or found.status != "draft":
        return found.seller, found.buyer
    row = customers.get(found.customer_id)
    buyer = {"name": row.name, "address": row.address, "tax_id": row.tax_id, "reference": row.reference}
    return _issuer(), buyer


def _issuer() -> Mapping[str, Any]:
    row = issuers.get()
    if row is None:
        return {}
    names = ("name", "address", "tax_id", "tax_number", "email", "phone")
    return {name: getattr(row, name) for name in names}


def references_of(found: InvoiceDetail, buyer: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Name what a document refers to, in the order in which people look for it."""
    named = [(label, found.references.get(key, "")) for key, label in _REFERENCES.items()]
    named.append(("Customer number", str(buyer.get("reference") or "")))
    if found.imported_number and found.imported_number != found.number:
        named.append(("Original number", found.imported_number))
    return tuple((label, text) for label, text in named if text)


def _taxes(rows: Iterable[TaxRow | CreditTaxRow]) -> tuple[pdf.Tax, ...]:
    return tuple(
        pdf.Tax(
            category=tax.category,
            percentage=tax.percentage,
            base_minor=tax.base_minor,
            tax_minor=tax.tax_minor,
            reason=tax.reason,
            name=getattr(tax, "name", ""),
        )
        for tax in rows
    )


def lines_of(rows: Iterable[LineRow], currency: str, lang: str) -> tuple[pdf.Line, ...]:
    """Write lines for a paper."""
    return tuple(_line(row, currency, lang) for row in rows)


def _line(line: LineRow | CreditLineRow, currency: str, lang: str) -> pdf.Line:
    item = line.kind == "item"
    details = adjustments_of(line, currency, lang)
    if isinstance(line, LineRow) and line.gross_minor is not None:
        details.append(f"{say('With tax', lang)}: {words.amount(line.gross_minor, currency, lang)}")
    if line.period_from is not None and line.period_to is not None:
        last = line.period_to - timedelta(days=1)
        details.insert(0, f"{words.day(line.period_from, lang)} – {words.day(last, lang)}")
    return pdf.Line(
        description=line.description,
        details=tuple(details),
        quantity=line.quantity if item else None,
        unit_code=line.unit_code,
        unit_amount=line.unit_amount if item else None,
        category=line.tax_category,
        percentage=line.tax_percentage,
        net_minor=line.net_minor,
    )


def adjustments_of(line: LineRow | CreditLineRow, currency: str, lang: str) -> list[str]:
    """Say for how much a line's price is, and what was taken off or put on."""
    if line.kind != "item":
        return []
    said = [_adjustment(entry, currency, lang) for entry in line.adjustments]
    if line.price_base_quantity != 1:
        per = words.quantity(line.price_base_quantity, line.unit_code, lang)
        said.insert(0, f"{say('Price per', lang)} {per}")
    return said


def _adjustment(entry: Mapping[str, Any], currency: str, lang: str) -> str:
    charge = bool(entry.get("is_charge"))
    amount = int(entry.get("amount_minor", 0)) * (1 if charge else -1)
    reason = str(entry.get("reason") or say("Charge" if charge else "Discount", lang))
    if entry.get("percentage"):
        reason += f" {words.number(Decimal(str(entry['percentage'])), lang)}\u202f%"
    return f"{reason}: {words.amount(amount, currency, lang)}"
