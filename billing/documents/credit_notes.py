"""A credit note as the document it is, read from its own frozen copies. Reading needs the organization's scope."""

from datetime import date

from billing.bankaccounts import queries as bankaccounts
from billing.creditnotes.queries import CreditNoteDetail
from billing.documents import logo as logos
from billing.documents import look as looks
from billing.documents import papers, pdf

_REFERENCES = {
    "buyer_reference": "Your reference",
    "order": "Your order",
    "sales_order": "Our order",
    "contract": "Contract",
    "project": "Project",
    "accounting": "Cost centre",
}


def document_of(found: CreditNoteDetail) -> pdf.CreditNoteDocument:
    """Read what stands on a credit note; give the result to `pdf.credit_note` outside the transaction."""
    lang = papers.language_of(found.customer_id)
    issued = found.references.get("invoice_issued_on")
    return pdf.CreditNoteDocument(
        number=found.number,
        at=found.created_at,
        seller=papers.party(found.seller, lang),
        buyer=papers.party(found.buyer, lang),
        issued_on=found.issued_on,
        invoice_number=found.references.get("invoice", ""),
        invoice_issued_on=date.fromisoformat(issued) if issued else None,
        references=references_of(found),
        currency=found.currency,
        lines=tuple(
            pdf.Line(
                description=line.description,
                quantity=line.quantity if line.kind == "item" else None,
                unit_code=line.unit_code,
                unit_amount=line.unit_amount if line.kind == "item" else None,
                category=line.tax_category,
                percentage=line.tax_percentage,
                net_minor=line.net_minor,
            )
            for line in found.lines
        ),
        taxes=tuple(
            pdf.Tax(
                category=tax.category,
                percentage=tax.percentage,
                base_minor=tax.base_minor,
                tax_minor=tax.tax_minor,
                reason=tax.reason,
            )
            for tax in found.taxes
        ),
        subtotal_minor=found.subtotal_minor,
        total_minor=found.total_minor,
        rounding_minor=found.rounding_minor,
        went=(
            ("Off what was open", found.offset_minor),
            ("Kept as credit", found.credit_minor),
            ("Given back", found.refund_minor),
        ),
        note=found.note,
        check_url=bankaccounts.check_url(),
        language=lang,
        logo=logos.current(),
        look=looks.current(),
    )


def references_of(found: CreditNoteDetail) -> tuple[tuple[str, str], ...]:
    """Name what a credit note refers to beside its invoice."""
    return tuple(
        (label, found.references[name]) for name, label in _REFERENCES.items() if name in found.references
    )


def file_name(found: CreditNoteDetail) -> str:
    """Return the name under which a credit note is saved: letters, digits, points and dashes only."""
    safe = "".join(
        letter if letter.isascii() and (letter.isalnum() or letter in "-_.") else "-"
        for letter in found.number
    )
    return f"{safe.strip('.-') or 'credit-note'}.pdf"
