"""An invoice to nobody, to see how documents would look before anybody gets one."""

from datetime import datetime, timedelta
from decimal import Decimal

from billing.bankaccounts import queries as bankaccounts
from billing.documents import logo as logos
from billing.documents import papers, pdf
from billing.documents.pdf import compiler, values
from billing.documents.pdf.language import say
from billing.invoices import rules
from billing.issuer import queries as issuers
from core import money

# What is sold, how often and in which unit, at how many whole units of the currency, and its tax rate.
_LINES = (
    ("Consulting, first half of the month", 12, "HUR", 120, 19),
    ("Workshop on site", 1, "C62", 900, 19),
    ("Printed handbook", 15, "C62", 18, 7),
)


def sample(look: pdf.Look, *, language: str, at: datetime) -> pdf.InvoiceDocument:
    """Return an invoice of the organization in scope, in a look that has not been chosen yet."""
    found = issuers.get()
    currency = "EUR" if found is None else found.currency
    today = rules.local_day(at, issuers.time_zone())
    lines = tuple(
        pdf.Line(
            description=say(text, language),
            quantity=Decimal(quantity),
            unit_code=unit,
            unit_amount=Decimal(price),
            category="S",
            percentage=Decimal(rate),
            net_minor=money.to_minor(Decimal(quantity * price), currency),
        )
        for text, quantity, unit, price, rate in _LINES
    )
    bases = {rate: sum(line.net_minor for line in lines if line.percentage == rate) for rate in (19, 7)}
    taxes = tuple(
        pdf.Tax(category="S", percentage=Decimal(rate), base_minor=base, tax_minor=base * rate // 100)
        for rate, base in bases.items()
    )
    total = sum(tax.base_minor + tax.tax_minor for tax in taxes)
    return pdf.InvoiceDocument(
        number="0000",
        at=at,
        seller=papers.issuer_party(language),
        buyer=pdf.Party(name=say("A customer of yours", language)),
        issued_on=today,
        due_on=today + timedelta(days=14),
        currency=currency,
        lines=lines,
        taxes=taxes,
        subtotal_minor=sum(bases.values()),
        total_minor=total,
        due_minor=total,
        bank=papers.bank_details(at),
        check_url=bankaccounts.check_url(),
        language=language,
        logo=logos.current(),
        look=look,
    )


def picture(document: pdf.InvoiceDocument) -> bytes:
    """Draw an invoice as PNG, as wide as a page shows it. Call it outside any transaction."""
    return compiler.to_pictures("invoice", values.of_invoice(document), logo=document.logo, ppi=96)[0]
