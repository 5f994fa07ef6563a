"""What reading UBL and CII has in common: the refusals, and amounts that are exact or refused."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import NoReturn
from xml.etree.ElementTree import Element  # a type; parsing is xml.py's

from billing.tax.rules import Rate
from core import money
from core.errors import Refusal


class FormatUnsupported(Refusal):
    """This is XML, but no invoice or credit note in UBL or CII."""

    code = "format_unsupported"


class FieldMissing(Refusal):
    """The document lacks something every invoice has."""

    code = "missing_field"


class FieldMalformed(Refusal):
    """The document holds a value that cannot be read."""

    code = "malformed_field"


class CurrencyMismatch(Refusal):
    """The document mixes currencies."""

    code = "currency_mismatch"


def missing(name: str) -> NoReturn:
    """Refuse a document that lacks something every invoice has."""
    raise FieldMissing(f"The document has no {name}.", field=name)


def decimal(element: Element, name: str) -> Decimal:
    """Read a plain decimal number."""
    try:
        return money.decimal(element.text or "")
    except money.NotADecimal:
        raise FieldMalformed(f"{name} is not a plain decimal number.", field=name) from None


def rate(category: str, percentage: Decimal | None, declared: set[Rate]) -> Rate:
    """Return a rate; where the percentage is left out, the one that the document declares for the category."""
    if percentage is not None:
        return Rate(category, percentage)
    found = {item for item in declared if item.category == category}
    return found.pop() if len(found) == 1 else Rate(category, Decimal(0))


def base_quantity(per: Decimal) -> Decimal:
    """Let a price's base quantity pass that a price can be divided by."""
    if per <= 0:
        raise FieldMalformed("A price's BaseQuantity is not above zero.", field="BaseQuantity")
    return per


def preceding_texts(found: Iterable[tuple[str, date | None]]) -> dict[str, str]:
    """Write them as references of a document: one a line, and their days in the same lines."""
    rows = [(number, "" if on is None else on.isoformat()) for number, on in found if number]
    texts = {
        "preceding_invoice": "\n".join(number for number, _ in rows),
        "preceding_invoice_on": "\n".join(on for _, on in rows) if any(on for _, on in rows) else "",
    }
    return {name: text for name, text in texts.items() if text}
