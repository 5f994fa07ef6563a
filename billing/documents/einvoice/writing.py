"""What writing UBL and CII has in common: profiles, exact numbers, and a tree built in the order of its schema.

Promise kept: an amount is written from minor units with the currency's own decimals; a text never becomes markup,
and a character that XML cannot hold is left out; what is empty is not written.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from itertools import zip_longest
from xml.etree.ElementTree import Element, SubElement, tostring  # builds and writes; parsing is xml.py's

from billing.documents.einvoice.document import Adjustment, Document, Line
from billing.tax.rules import Rate
from core import money

# What XML 1.0 cannot hold (section 2.2).
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_EN16931 = "urn:cen.eu:en16931:2017"
PEPPOL_PROCESS = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"
# Why nothing is charged (VATEX list, BT-121), where the category says it by itself.
_VATEX = {"AE": "VATEX-EU-AE", "K": "VATEX-EU-IC", "G": "VATEX-EU-G", "O": "VATEX-EU-O"}
_REASONS = {
    "AE": "Reverse charge",
    "K": "Intra-community supply",
    "G": "Export outside the EU",
    "O": "Not subject to VAT",
    "E": "Exempt from tax",
}
NO_PERCENTAGE = frozenset({"O"})


class Profile(StrEnum):
    """Whose rules a document follows (BT-24)."""

    EN16931 = _EN16931
    PEPPOL = f"{_EN16931}#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"
    XRECHNUNG = f"{_EN16931}#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0"

    @property
    def process(self) -> str:
        """The business process (BT-23) that goes with it."""
        return "" if self is Profile.EN16931 else PEPPOL_PROCESS


class Node:
    """One element, filled in the order of its schema."""

    def __init__(self, element: Element) -> None:
        self.element = element

    def text(self, name: str, value: str | None, **attributes: str) -> None:
        """Add an element with a text; nothing for none."""
        clean = _UNWRITABLE.sub("", value or "").strip()
        if clean:
            SubElement(self.element, name, attributes).text = clean

    def node(self, path: str) -> "Node":
        """Add an element, or several inside one another."""
        element = self.element
        for name in path.split("/"):
            element = SubElement(element, name)
        return Node(element)

    def drop_if_empty(self, child: "Node") -> None:
        """Take out a child in which nothing was written."""
        if not len(child.element) and not child.element.text:
            self.element.remove(child.element)


def root(name: str, namespaces: dict[str, str]) -> Node:
    """Begin a document."""
    return Node(
        Element(name, {f"xmlns:{prefix}" if prefix else "xmlns": uri for prefix, uri in namespaces.items()})
    )


def finish(node: Node) -> bytes:
    """Write a document as UTF-8."""
    return bytes(tostring(node.element, encoding="utf-8", xml_declaration=True))


def amount(minor: int, currency: str) -> str:
    """Write an amount of minor units in major ones."""
    return f"{money.from_minor(minor, currency):f}"


def number(value: Decimal) -> str:
    """Write an exact number without zeros that say nothing."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


@dataclass(frozen=True, slots=True)
class Price:
    """Quantity and price of a line as EN 16931 wants them: no price is below zero (BR-27)."""

    quantity: Decimal
    unit_amount: Decimal
    base_quantity: Decimal
    unit_code: str


def price(line: Line) -> Price:
    """Write a price below zero as a quantity below zero; a line of no unit counts pieces."""
    sign = -1 if line.unit_amount < 0 else 1
    return Price(
        line.quantity * sign, line.unit_amount * sign, line.price_base_quantity, line.unit_code or "C62"
    )


def name_and_description(line: Line) -> tuple[str, str]:
    """Return what is bought (BT-153), and more about it (BT-154)."""
    name, _, rest = line.text.strip().partition("\n")
    return (name or line.identifier or "-"), rest.strip()


def reason(item: Adjustment) -> str:
    """Say why something is taken off or added; a document must (BR-33, BR-38, BR-41, BR-43)."""
    return item.reason or ("" if item.reason_code else "Charge" if item.is_charge else "Discount")


def exemption(rate: Rate, given: str, code: str) -> tuple[str, str]:
    """Return why nothing is charged, in words and as a code; nothing for what is taxed (BR-S-10, BR-Z-10)."""
    if rate.category not in _REASONS:
        return "", ""
    code = code or _VATEX.get(rate.category, "")
    return given or _REASONS[rate.category], code


def percentage(rate: Rate) -> str | None:
    """Return the percentage for a line; what is outside the scope of tax has none (BR-O-05)."""
    return None if rate.category in NO_PERCENTAGE else number(rate.percentage)


def has_adjustments(document: Document, *, charges: bool) -> bool:
    """Tell whether a sum of allowances or charges must be written; it must even where it comes to nothing."""
    return any(item.is_charge is charges for item in document.adjustments)


def is_out_of_scope(document: Document) -> bool:
    """Tell whether nothing on the document is taxable, so that no VAT number may stand on it (BR-O-02)."""
    return any(item.rate.category == "O" for item in document.taxes)


def terms(document: Document) -> str:
    """Return the terms of payment; a document with money due and no day must have some (BR-CO-25)."""
    given = document.references.get("payment_terms", "")
    return given or ("" if document.due_on or document.totals.payable_minor <= 0 else "Payable on receipt")


def preceding(document: Document) -> list[tuple[str, date | None]]:
    """Return the invoices that this one corrects, or takes off (BT-25, BT-26)."""
    numbers = document.references.get("preceding_invoice", "").split("\n")
    days = document.references.get("preceding_invoice_on", "").split("\n")
    return [
        (number, date.fromisoformat(on) if on else None)
        for number, on in zip_longest(numbers, days[: len(numbers)], fillvalue="")
        if number
    ]


def day_of(document: Document, name: str) -> date | None:
    """Return a day that stands among the references."""
    text = document.references.get(name, "")
    return date.fromisoformat(text[:10]) if text else None


def delivery_address(document: Document) -> dict[str, str]:
    """Return where it was delivered (BG-15); an intra-community supply says the country (BR-IC-12)."""
    prefix = "deliver_to_"
    found = {
        name.removeprefix(prefix): text
        for name, text in document.references.items()
        if name.startswith(prefix)
    }
    if not found.get("country") and any(item.rate.category == "K" for item in document.taxes):
        found = {key: text for key, text in document.buyer.address.items() if key != "region"}
    return found if found.get("country") else {}


def once(texts: Iterable[str]) -> list[str]:
    """Return texts without what is empty or said twice."""
    return list(dict.fromkeys(text for text in texts if text))
