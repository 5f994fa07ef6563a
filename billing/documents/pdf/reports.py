"""Statements and reports as their templates take them."""

import re

from billing.documents.pdf import words
from billing.documents.pdf.documents import Moved, ReportDocument, ReportTable, StatementDocument
from billing.documents.pdf.language import labels, say
from billing.documents.pdf.values import Values, look, party, showable

# Digits with a sign, a currency, a unit or a per cent beside them; a dash says that there is none.
_NUMBER = re.compile(r"(\D{0,4}\d[\d.,\s\u00a0\u202f]*\D{0,5}|[–—-])\Z")


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
            "look": look(document.look),
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
            "running": [words.amount(row.balance_minor, currency, lang) for row in document.rows],
            "said": said,
            "after": after,
            "check_url": document.check_url,
            "language": lang,
        }
    )


def of_report(document: ReportDocument) -> Values:
    """Write a report for its template."""
    lang = document.language
    return showable(
        {
            "t": labels(lang),
            "look": look(document.look),
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
                    "words": [at for at in range(1, len(table.head)) if not _is_numeric(table, at)],
                }
                for table in document.tables
            ],
            "language": lang,
        }
    )


def _is_numeric(table: ReportTable, column: int) -> bool:
    """Tell whether a column holds numbers alone: they stand under each other by their last digit."""
    found = [row[column] for row in (*table.rows, *table.foot) if column < len(row) and row[column]]
    return all(_NUMBER.match(text) for text in found)


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
