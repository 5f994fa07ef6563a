"""A quote as the document it is. Reading needs the organization's scope; setting needs nothing."""

from decimal import Decimal

from billing.bankaccounts import queries as bankaccounts
from billing.customers import queries as customers
from billing.documents import logo, look, papers, pdf
from billing.documents.pdf import words
from billing.quotes.queries import QuoteDetail


def document_of(found: QuoteDetail, *, lang: str = "") -> pdf.InvoiceDocument:
    """Read what stands on a quote; give the result to `pdf.invoice` outside the transaction."""
    row = customers.get(found.customer_id)
    lang = lang or papers.language_of(found.customer_id)
    buyer = {"name": row.name, "address": row.address, "tax_id": row.tax_id}
    references = [
        ("Valid through", words.day(found.valid_until, lang) if found.valid_until else ""),
        ("Customer number", row.reference),
    ]
    return pdf.InvoiceDocument(
        title="Quote",
        number=found.number or "",
        at=found.updated_at,
        mark=pdf.Mark.NONE if found.number else pdf.Mark.DRAFT,
        seller=papers.issuer_party(lang),
        buyer=papers.party(buyer, lang),
        issued_on=found.issued_on,
        due_on=None,
        references=tuple((label, text) for label, text in references if text),
        currency=found.currency,
        lines=papers.lines_of(found.lines, found.currency, lang),
        taxes=tuple(
            pdf.Tax(
                category=tax["category"],
                percentage=Decimal(tax["percentage"]),
                base_minor=tax["base_minor"],
                tax_minor=tax["tax_minor"],
                name=tax["name"],
            )
            for tax in found.taxes
        ),
        subtotal_minor=found.subtotal_minor,
        total_minor=found.total_minor,
        due_minor=0,
        note=found.note,
        check_url=bankaccounts.check_url(),
        language=lang,
        logo=logo.current(),
        look=look.current(),
    )


def file_name(found: QuoteDetail) -> str:
    """Return the name under which a quote is saved."""
    return papers.safe_name(found.number or "quote")
