"""Statements and reports as their templates take them."""

from billing.documents.pdf import words
from billing.documents.pdf.documents import Moved, ReportDocument, StatementDocument
from billing.documents.pdf.language import labels, say
from billing.documents.pdf.values import Values, party, showable


def of_statement(document: StatementDocument) -> Values:
    """Write a statement for its template."""
    lang, currency = document.language, document.currency
    closing = document.closing_minor
    if closing:
        said = (
            say("You owe" if closing > 0 else "We keep for you", lang),
            words.money(abs(closing), currency, lang),
        )
    else:
        said = (say("Nothing is owed", lang), words.money(0, currency, lang))
    facts = [("From", words.day(document.since, lang)), ("To", words.day(document.until, lang))]
    after = []
    if document.credit_minor > 0 and document.credit_minor != -closing:
        after.append(
            (
                say("Of it credit that can be applied", lang),
                words.money(document.credit_minor, currency, lang),
            )
        )
    return showable(
        {
            "t": labels(lang),
            "title": f"{say('Statement of account', lang)} {words.day(document.until, lang)}",
            "number": "",
            "mark": "",
            "seller": party(document.seller),
            "buyer": party(document.buyer),
            "facts": [(say(label, lang), text) for label, text in facts],
            "currency": currency,
            "opening": (say("Opening balance", lang), words.amount(document.opening_minor, currency, lang)),
            "closing": (say("Closing balance", lang), words.amount(closing, currency, lang)),
            "rows": [_moved(row, currency, lang) for row in document.rows],
            "said": said,
            "after": after,
            "check_url": "",
            "language": lang,
        }
    )


def of_report(document: ReportDocument) -> Values:
    """Write a report for its template."""
    lang = document.language
    return showable(
        {
            "t": labels(lang),
            "title": document.title,
            "number": "",
            "mark": "",
            "about": document.about,
            "note": document.note,
            "seller": party(document.seller),
            "tables": [
                {
                    "title": table.title,
                    "head": list(table.head),
                    "rows": [list(row) for row in table.rows],
                    "foot": [list(row) for row in table.foot],
                }
                for table in document.tables
            ],
            "language": lang,
        }
    )


def _moved(row: Moved, currency: str, lang: str) -> Values:
    what = say(row.what, lang)
    if abs(row.amount_minor) != row.moved_minor:
        what = f"{what} ({words.amount(row.moved_minor, currency, lang)})"
    return {
        "on": words.day(row.on, lang),
        "what": what,
        "number": row.number,
        "amount": words.amount(row.amount_minor, currency, lang),
        "balance": words.amount(row.balance_minor, currency, lang),
    }
