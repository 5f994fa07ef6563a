"""A document as the template takes it: every text in words, clean of what no font has; no value is ever source."""

from collections.abc import Iterable
from itertools import accumulate
from typing import Any

from billing.documents import epc
from billing.documents.pdf import coverage, words
from billing.documents.pdf.documents import (
    MOST_LINES,
    BankDetails,
    CreditNoteDocument,
    InvoiceDocument,
    Line,
    Look,
    Mark,
    Party,
    ReceiptDocument,
    Tax,
    TooManyForPaper,
)
from billing.documents.pdf.language import labels, say
from billing.documents.reference import printed

Values = dict[str, Any]
_NUMBERS = {"Credit note": "Credit note number", "Quote": "Quote number"}
_DRAFT = "A draft: nothing is owed yet, and anything on it may still change."


def of_invoice(document: InvoiceDocument) -> Values:
    """Write an invoice for its template.

    Raises:
        TooManyForPaper: nobody waits so long for it.
    """
    if len(document.lines) > MOST_LINES:
        raise TooManyForPaper
    lang, currency = document.language, document.currency

    def money(minor: int) -> str:
        return words.money(minor, currency, lang)

    paid = document.prepaid_minor or document.paid_minor or document.credited_minor
    after = [(say("Paid before", lang), money(-document.prepaid_minor))] if document.prepaid_minor else []
    after += [(say("Paid", lang), money(-document.paid_minor))] if document.paid_minor else []
    after += [(say("Credited", lang), money(-document.credited_minor))] if document.credited_minor else []
    return showable(
        {
            "t": labels(lang),
            "look": look(document.look),
            "heading": say(document.title, lang),
            "title": f"{say(document.title, lang)} {document.number}".strip(),
            "number": document.number,
            "mark": document.mark.value,
            "marked": _marked(document),
            "seller": party(document.seller),
            "buyer": party(document.buyer),
            "facts": _facts(document),
            "currency": currency,
            "lines": [_line(line, currency, lang) for line in document.lines],
            "running": running((line.net_minor for line in document.lines), currency, lang),
            "taxed": any(line.percentage for line in document.lines),
            "sums": _sums(document),
            "tax_table": _tax_table(document),
            "total": money(document.total_minor + document.rounding_minor),
            "after": after,
            "due": money(document.due_minor) if paid else "",
            "reasons": _reasons(document),
            "note": document.note,
            "key": _key(document),
            "pay": _pay(document),
            "changed": words.day(document.bank.changed_on, lang) if document.bank is not None else "",
            "settled": document.mark is Mark.NONE and document.due_minor <= 0 and _is_invoice(document),
            "check_url": document.check_url,
            "language": lang,
        }
    )


def of_credit_note(document: CreditNoteDocument) -> Values:
    """Write a credit note for its template.

    Raises:
        TooManyForPaper: nobody waits so long for it.
    """
    if len(document.lines) > MOST_LINES:
        raise TooManyForPaper
    lang, currency = document.language, document.currency
    facts = [
        ("Credit note number", document.number),
        ("Issued on", words.day(document.issued_on, lang)),
        *document.references,
        ("Your tax id", document.buyer.tax_id or document.buyer.tax_number),
    ]
    on = words.day(document.invoice_issued_on, lang)
    when = f" {'vom' if lang[:2] == 'de' else 'of'} {on}" if on else ""
    corrects = f"{say('Corrects invoice', lang)} {document.invoice_number}{when}"
    return showable(
        {
            "t": labels(lang),
            "look": look(document.look),
            "title": f"{say('Credit note', lang)} {document.number}",
            "number": document.number,
            "mark": "",
            "seller": party(document.seller),
            "buyer": party(document.buyer),
            "facts": [(say(label, lang), text) for label, text in facts if text],
            "corrects": corrects if document.invoice_number else "",
            "currency": currency,
            "lines": [_line(line, currency, lang) for line in document.lines],
            "running": running((line.net_minor for line in document.lines), currency, lang),
            "taxed": any(line.percentage for line in document.lines),
            "sums": _sums(document),
            "tax_table": _tax_table(document),
            "key": (
                say("Credited", lang),
                words.money(document.total_minor + document.rounding_minor, currency, lang),
            ),
            "total": words.money(document.total_minor + document.rounding_minor, currency, lang),
            "went": [
                (say(label, lang), words.money(minor, currency, lang))
                for label, minor in document.went
                if minor
            ],
            "reasons": _reasons(document),
            "note": document.note,
            "check_url": document.check_url,
            "language": lang,
        }
    )


def _sums(document: InvoiceDocument | CreditNoteDocument) -> list[tuple[str, str]]:
    lang, currency = document.language, document.currency
    rows = [(say("Net", lang), words.money(document.subtotal_minor, currency, lang))]
    rows += [(_tax_name(tax, lang), words.money(tax.tax_minor, currency, lang)) for tax in _told(document)]
    if document.rounding_minor:
        rows.append((say("Rounding", lang), words.money(document.rounding_minor, currency, lang)))
    return rows


def _tax_table(document: InvoiceDocument | CreditNoteDocument) -> list[tuple[str, str, str]]:
    """Write what each tax is computed from; nothing where the sums say all there is to say."""
    lang, currency = document.language, document.currency
    if len(document.taxes) < 2:
        return []
    return [
        (
            _tax_name(tax, lang),
            words.amount(tax.base_minor, currency, lang),
            words.amount(tax.tax_minor, currency, lang),
        )
        for tax in document.taxes
    ]


def _told(document: InvoiceDocument | CreditNoteDocument) -> list[Tax]:
    several = len(document.taxes) > 1
    return [tax for tax in document.taxes if tax.percentage or tax.category != "O" or several]


def _tax_name(tax: Tax, lang: str) -> str:
    return (f"{tax.name}, " if tax.name else "") + words.tax(tax.category, tax.percentage, lang)


def running(amounts: Iterable[int], currency: str, lang: str) -> list[str]:
    """Write how far the sum has come with each line: what a page carries forward to the next."""
    return [words.amount(so_far, currency, lang) for so_far in accumulate(amounts)]


def look(of: Look) -> Values:
    """Write how a document looks."""
    return {"accent": of.accent, "layout": of.layout.value}


def of_receipt(document: ReceiptDocument) -> Values:
    """Write a receipt for its template."""
    lang, currency = document.language, document.amount.currency
    facts = [
        ("Receipt number", document.number),
        ("Paid on", words.day(document.paid_on, lang)),
        ("Paid with", document.method),
        ("Reference", document.reference),
    ]
    after = []
    if document.credit_minor:
        after.append((say("Kept as credit", lang), words.money(document.credit_minor, currency, lang)))
    if document.refunded_minor:
        after.append((say("Refunded since", lang), words.money(-document.refunded_minor, currency, lang)))
    return showable(
        {
            "t": labels(lang),
            "look": look(document.look),
            "title": f"{say('Receipt', lang)} {document.number}".strip(),
            "number": document.number,
            "mark": "",
            "seller": party(document.seller),
            "buyer": party(document.buyer),
            "facts": [(say(label, lang), text) for label, text in facts if text],
            "currency": currency,
            "amount": words.money(document.amount.amount_minor, currency, lang),
            "invoices": [
                {
                    "number": paid.number,
                    "issued": words.day(paid.issued_on, lang),
                    "amount": words.amount(paid.amount_minor, currency, lang),
                    "left": words.amount(paid.left_minor, currency, lang),
                }
                for paid in document.invoices
            ],
            "after": after,
            "check_url": document.check_url,
            "language": lang,
        }
    )


def _marked(document: InvoiceDocument) -> str:
    lang = document.language
    if document.mark is Mark.DRAFT:
        return say(_DRAFT, lang)
    if document.mark is Mark.VOID:
        on = words.day(document.voided_on, lang)
        when = f" {'am' if lang[:2] == 'de' else 'on'} {on}" if on else ""
        return f"{say('Voided', lang)}{when}. {say('Nothing is owed on this invoice.', lang)}"
    return ""


def _facts(document: InvoiceDocument) -> list[tuple[str, str]]:
    lang = document.language
    facts = [
        (
            _NUMBERS.get(document.title, "Invoice number"),
            document.number or say("Given when it is final", lang),
        ),
        (
            "Issued on" if document.title == "Quote" else "Issued",
            words.day(document.issued_on, lang) or say("When it is final", lang),
        ),
        ("Due", words.day(document.due_on, lang)),
        *document.references,
        ("Your tax id", document.buyer.tax_id or document.buyer.tax_number),
    ]
    return [(say(label, lang), text) for label, text in facts if text]


def _line(line: Line, currency: str, lang: str) -> Values:
    return {
        "description": line.description,
        "details": list(line.details),
        "quantity": "" if line.quantity is None else words.quantity(line.quantity, line.unit_code, lang),
        "unit": "" if line.unit_amount is None else words.price(line.unit_amount, currency, lang),
        "tax": words.rate(line.category, line.percentage, lang),
        "net": words.amount(line.net_minor, currency, lang),
    }


def _reasons(document: InvoiceDocument | CreditNoteDocument) -> list[str]:
    found = (
        words.why_nothing(tax.category, tax.reason, document.language)
        for tax in document.taxes
        if not tax.percentage or tax.reason
    )
    return list(dict.fromkeys(reason for reason in found if reason))


def _key(document: InvoiceDocument) -> tuple[str, str] | None:
    """Return the one figure that everybody looks for: what is owed, or what is offered."""
    lang, currency = document.language, document.currency
    if document.title == "Quote":
        return say("Total", lang), words.money(document.total_minor + document.rounding_minor, currency, lang)
    if _is_owed(document):
        return say("Amount due", lang), words.money(document.due_minor, currency, lang)
    return None


def _is_owed(document: InvoiceDocument) -> bool:
    return document.mark is Mark.NONE and document.due_minor > 0 and _is_invoice(document)


def _is_invoice(document: InvoiceDocument) -> bool:
    return document.title not in _NUMBERS


def _pay(document: InvoiceDocument) -> Values | None:
    """Write the ways to pay; nothing where there is nothing to pay or no way."""
    if not _is_owed(document) or not (document.bank or document.pay_url):
        return None
    lang, bank = document.language, document.bank
    return {
        "amount": words.money(document.due_minor, document.currency, lang),
        "by": words.day(document.due_on, lang),
        "bank": None if bank is None else _bank(document, bank),
        "url": document.pay_url,
    }


def _bank(document: InvoiceDocument, bank: BankDetails) -> Values:
    code = epc.code(
        holder=bank.holder,
        iban=bank.iban,
        bic=bank.bic,
        amount_minor=document.due_minor,
        currency=document.currency,
        reference=document.reference,
    )
    return {
        "holder": bank.holder,
        "iban": words.iban(bank.iban),
        "bic": bank.bic,
        "reference": printed(document.reference).replace(" ", "\u00a0"),
        "code": "" if code is None else code.svg(),
    }


def party(of: Party) -> Values:
    """Write a of."""
    return {
        "name": of.name,
        "address": list(of.address),
        "tax_id": of.tax_id,
        "tax_number": of.tax_number,
        "email": of.email,
        "phone": of.phone,
    }


def showable(values: Values) -> Values:
    """Return the values with every text made showable."""
    return {key: _clean(value) for key, value in values.items()}


def _clean(value: Any) -> Any:
    """Return the values with every text made showable."""
    if isinstance(value, str):
        return coverage.showable(value)
    if isinstance(value, dict):
        return showable(value)
    if isinstance(value, (list, tuple)):
        return [_clean(item) for item in value]
    return value
