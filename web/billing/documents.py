"""An invoice as the document it is: a final one from its own copies, a draft as it would be printed now."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from babel import UnknownLocaleError
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from billing.bankaccounts import queries as bankaccounts
from billing.customers import queries as customers
from billing.documents import papers
from billing.documents.pdf import BankDetails, words
from billing.documents.pdf.language import say
from billing.documents.reference import printed, references
from billing.invoices.queries import InvoiceDetail, LineRow
from billing.issuer import queries as issuers
from billing.tax.rules import CATEGORIES
from core import clock, money
from web.kit import formats
from web.kit.parts import CursorPage

# More lines than that stand on pages of their own: ten thousand took a browser, and the server, many seconds.
LINES_A_PAGE = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A seller or a buyer as the document names it."""

    name: str
    address: list[str]
    tax_id: str
    email: str
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the document. The unit price keeps every decimal it has."""

    position: int
    description: str
    quantity: str
    unit: str
    tax: str
    net_minor: int
    # What else is said of it: its days of service, its discount, what it comes to with tax.
    details: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tax:
    """The tax of one rate."""

    label: str
    base_minor: int
    tax_minor: int
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """Everything that stands on the paper."""

    seller: Party
    buyer: Party
    lines: list[Line]
    taxes: list[Tax]
    currency: str
    subtotal_minor: int
    total_minor: int
    prepaid_minor: int
    rounding_minor: int
    paid_minor: int
    due_minor: int
    note: str
    credited_minor: int = 0
    references: tuple[tuple[str, str], ...] = ()
    # How it is paid: label and what to copy.
    pay: tuple[tuple[str, str], ...] = ()
    # The sentence against forged letters, and where it is proved.
    trust: tuple[str, str] = ("", "")
    # Which of very many lines these are.
    part: CursorPage | None = None

    @property
    def payable_minor(self) -> int:
        """The total as it is to be paid."""
        return self.total_minor + self.rounding_minor


def document(found: InvoiceDetail, *, lines: str = "all") -> Document:
    """Return what an invoice says; a draft's parties are read as they are now.

    `lines` is what an address asks for: the number of a page of them, or all of them.
    """
    shown, part = _part(found.lines, lines)
    if found.seller or found.status != "draft":
        seller, buyer = party(found.seller), party(found.buyer)
    else:
        seller, buyer = issuer_party(), customer_party(found.customer_id)
    lang = get_language() or "en"
    owed = found.status == "finalized" and found.amount_due_minor > 0
    bank = papers.bank_details(clock.now()) if owed else None
    return Document(
        seller=seller,
        buyer=buyer,
        lines=lines_of(shown, found.currency),
        part=part,
        taxes=[
            Tax(
                label=f"{tax.name}, {rate(tax.category, tax.percentage)}"
                if tax.name
                else rate(tax.category, tax.percentage, words=True),
                reason=tax.reason,
                base_minor=tax.base_minor,
                tax_minor=tax.tax_minor,
            )
            for tax in found.taxes
        ],
        currency=found.currency,
        subtotal_minor=found.subtotal_minor,
        total_minor=found.total_minor,
        prepaid_minor=found.prepaid_minor,
        rounding_minor=found.rounding_minor,
        paid_minor=found.amount_paid_minor - found.prepaid_minor,
        due_minor=found.amount_due_minor,
        note=found.note,
        credited_minor=found.credited_minor,
        references=worded(papers.references_of(found, {"reference": buyer.reference})),
        pay=_pay(found, bank, lang),
        trust=_trust(bank, lang),
    )


def _part(lines: Sequence[LineRow], asked: str) -> tuple[Sequence[LineRow], CursorPage | None]:
    """Return the page of lines that is asked for, the first if none is, and where it stands; all where they fit."""
    if asked == "all" or len(lines) <= LINES_A_PAGE:
        return lines, None
    last = -(-len(lines) // LINES_A_PAGE)
    number = min(max(int(asked), 1), last) if asked.isascii() and asked.isdigit() and len(asked) < 9 else 1
    start = (number - 1) * LINES_A_PAGE
    shown = lines[start : start + LINES_A_PAGE]
    page = CursorPage(
        shown=len(shown),
        first=start + 1,
        total=len(lines),
        previous_url=f"?lines={number - 1}" if number > 1 else "",
        next_url=f"?lines={number + 1}" if number < last else "",
    )
    return shown, page


def _pay(found: InvoiceDetail, bank: BankDetails | None, lang: str) -> tuple[tuple[str, str], ...]:
    """Say where a transfer goes, as the PDF does."""
    if bank is None:
        return ()
    rows = (
        ("Account holder", bank.holder),
        ("IBAN", words.iban(bank.iban)),
        ("BIC", bank.bic),
        ("Reference", printed(references([found.id]).get(found.id, ""))),
    )
    return tuple((say(label, lang), text) for label, text in rows if text)


def _trust(bank: BankDetails | None, lang: str) -> tuple[str, str]:
    where = f"{say('Check them at', lang)} {bankaccounts.check_url()}"
    if bank is not None and bank.changed_on is not None:
        where += f", {say('last changed on', lang)} {words.day(bank.changed_on, lang)}"
    return say("We never change bank details by e-mail.", lang), where


def lines_of(lines: Iterable[LineRow], currency: str) -> list[Line]:
    """Write the lines of a document, or of a quote."""
    return [
        Line(
            position=line.position,
            description=line.description,
            quantity=quantity(line.quantity, line.unit_code),
            unit=unit_price(line.unit_amount, currency),
            tax=rate(line.tax_category, line.tax_percentage),
            net_minor=line.net_minor,
            details=_details(line, currency),
        )
        for line in lines
    ]


def _details(line: LineRow, currency: str) -> list[str]:
    said: list[str] = []
    if line.period_from is not None and line.period_to is not None:
        last = line.period_to - timedelta(days=1)
        said.append(f"{formats.day(line.period_from)} – {formats.day(last)}")
    said += papers.adjustments_of(line, currency, get_language() or "en")
    if line.gross_minor is not None:
        said.append(_("With tax: %(amount)s") % {"amount": formats.money(line.gross_minor, currency)})
    return said


def quantity(value: Decimal, unit_code: str) -> str:
    """Write a quantity with its unit in words; a code nobody knows stays as it is."""
    unit = say(words.UNITS.get(unit_code, unit_code), get_language() or "en")
    return " ".join(part for part in (formats.number(value), unit) if part)


def worded(references: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Write references in the reader's language."""
    return tuple((say(label, get_language() or "en"), text) for label, text in references)


def party(values: Mapping[str, Any]) -> Party:
    """Write a party from a document's copy."""
    return Party(
        name=str(values.get("name") or ""),
        address=address(values.get("address") or {}),
        tax_id=str(values.get("tax_id") or values.get("tax_number") or ""),
        email=str(values.get("email") or ""),
        reference=str(values.get("reference") or ""),
    )


def address(values: Mapping[str, str]) -> list[str]:
    """Write an address as lines, the country in words."""
    town = " ".join(part for part in (values.get("postal_code"), values.get("city")) if part)
    lines = [*(values.get(name, "") for name in ("line1", "line2", "line3")), town, values.get("region", "")]
    return [line for line in [*lines, country(values.get("country", ""))] if line]


def country(code: str) -> str:
    """Name a country in the reader's language; an unknown code stays as it is."""
    try:
        return str(formats.locale().territories.get(code, code))
    except UnknownLocaleError:
        return code


def rate(category: str, percentage: Decimal, *, words: bool = False) -> str:
    """Write a tax rate: its percentage, or why there is none."""
    if percentage:
        share = f"{formats.number(percentage)}\u202f%"
        return _("Tax %(share)s") % {"share": share} if words else share
    return _(CATEGORIES.get(category, category)) if words or category not in ("O", "Z") else "–"


def unit_price(amount: Decimal, currency: str) -> str:
    """Write a price per unit with at least the currency's decimals and all that it has."""
    places = money.exponent(currency)
    has = -amount.as_tuple().exponent if isinstance(amount.as_tuple().exponent, int) else 0  # type: ignore[operator]  # a finite number's exponent is one
    return formats.decimal(amount, places=max(places, has))


def issuer_party() -> Party:
    """Return who bills, as it is now."""
    found = issuers.get()
    if found is None:
        return Party(name="", address=[], tax_id="", email="")
    return Party(
        name=found.name,
        address=address(found.address),
        tax_id=found.tax_id or found.tax_number,
        email=found.email,
    )


def customer_party(customer_id: UUID) -> Party:
    """Return who is billed, as they are now."""
    row = customers.get(customer_id)
    return Party(
        name=row.name,
        address=address(row.address),
        tax_id=row.tax_id,
        email=row.email,
        reference=row.reference,
    )
