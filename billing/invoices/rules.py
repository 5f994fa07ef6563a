"""What an invoice comes to, and how it may move. Pure: no clock, no database.

A line is rounded to minor units once; tax is computed per rate on the document (EN 16931 BR-CO-17).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from uuid import UUID
from zoneinfo import ZoneInfo

from billing.tax import rules as tax
from core import cardnumbers, characters, money
from core.errors import FieldError, Invalid, Refusal

MOVES: Mapping[str, frozenset[str]] = MappingProxyType(
    {"draft": frozenset({"finalized"}), "finalized": frozenset({"voided"}), "voided": frozenset()}
)
MOST_LINES = 1_000
# What a document may refer to (EN 16931 BT-10 to BT-18, BT-20); the buyer's reference routes it in public bodies.
REFERENCES = ("buyer_reference", "order", "sales_order", "contract", "project", "despatch", "receipt", "tender",
              "accounting", "payment_reference", "payment_terms")  # fmt: skip
DESCRIPTION_LENGTH, NOTE_LENGTH, REASON_LENGTH = 2_000, 5_000, 1_000
_LARGEST = Decimal(10) ** 12
_DECIMALS = Decimal(1).scaleb(-12)
_EXACT = Decimal(1).scaleb(-24)


class NegativeTotal(Refusal):
    """An invoice cannot come to less than nothing; that is a credit note."""

    code = "negative_total"


@dataclass(frozen=True, slots=True, kw_only=True)
class LineInput:
    """A line as somebody asks for it. `unit_amount` is in major units, with up to 12 decimals."""

    description: str
    unit_amount: Decimal
    quantity: Decimal = Decimal(1)
    tax_rate_id: UUID | None = None
    unit_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """A line with what it comes to: exact, and rounded once."""

    line: LineInput
    rate: tax.Rate
    net_exact: Decimal
    net_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What a document comes to, in minor units."""

    subtotal_minor: int
    taxes: tuple[tax.AppliedTax, ...]

    @property
    def tax_minor(self) -> int:
        """All taxes together."""
        return sum(item.tax_minor for item in self.taxes)

    @property
    def total_minor(self) -> int:
        """What the customer owes."""
        return self.subtotal_minor + self.tax_minor


def check_lines(lines: Sequence[LineInput]) -> None:
    """Let lines pass that can be kept and computed.

    Raises:
        Invalid: names every field of every line that cannot be used.
    """
    errors: list[FieldError] = []
    if len(lines) > MOST_LINES:
        errors.append(FieldError("/lines", "too_many", f"An invoice has at most {MOST_LINES} lines."))
    for index, line in enumerate(lines[:MOST_LINES]):
        pointer = f"/lines/{index}"
        errors += text_errors(f"{pointer}/description", line.description, DESCRIPTION_LENGTH, required=True)
        errors += text_errors(f"{pointer}/unit_code", line.unit_code, 8)
        for name, amount in (("quantity", line.quantity), ("unit_amount", line.unit_amount)):
            if not amount.is_finite() or abs(amount) >= _LARGEST:
                errors.append(FieldError(f"{pointer}/{name}", "out_of_range", "This number is too large."))
            elif amount != amount.quantize(_DECIMALS, context=money.EXACT):
                sentence = "This number has more than 12 decimals."
                errors.append(FieldError(f"{pointer}/{name}", "too_precise", sentence))
        if line.quantity == 0:
            errors.append(FieldError(f"{pointer}/quantity", "zero", "A quantity of nothing is no line."))
    if errors:
        raise Invalid(errors)


def text_errors(pointer: str, text: str, limit: int, *, required: bool = False) -> list[FieldError]:
    """Return what is wrong with a free text: too long, unkeepable, or a card number in it."""
    errors: list[FieldError] = []
    if required and not text.strip():
        errors.append(FieldError(pointer, "required", "This cannot be empty."))
    if len(text) > limit:
        errors.append(FieldError(pointer, "too_long", f"This may have {limit} characters."))
    if not characters.are_kept(text):
        errors.append(FieldError(pointer, characters.CODE, characters.SENTENCE))
    if cardnumbers.contains_card_number(text):
        sentence = "This holds what looks like a card number. Nothing was stored; remove it."
        errors.append(FieldError(pointer, "card_number", sentence))
    return errors


def price(line: LineInput, rate: tax.Rate, currency: str) -> Priced:
    """Compute a line: quantity times price, kept exactly and rounded once."""
    exact = money.multiply(line.quantity, line.unit_amount)
    return Priced(
        line=line,
        rate=rate,
        net_exact=exact.quantize(_EXACT, context=money.EXACT),
        net_minor=money.to_minor(exact, currency),
    )


def totals(amounts: Sequence[tuple[tax.Rate, int]], currency: str) -> Totals:
    """Add up a document from the rates and net amounts (minor units) of its lines.

    Raises:
        NegativeTotal: it comes to less than nothing.
    """
    result = Totals(
        subtotal_minor=sum(amount for _, amount in amounts),
        taxes=tuple(tax.per_rate(amounts, currency)),
    )
    if result.total_minor < 0:
        raise NegativeTotal(field="lines")
    return result


def payment_status(*, due_minor: int, paid_minor: int, processing: bool = False) -> str:
    """Say how far a document is paid, from what is due, what was paid or prepaid, and what is on its way."""
    if due_minor <= 0:
        return "paid"
    if processing:
        return "processing"
    return "partially_paid" if paid_minor > 0 else "unpaid"


def local_day(at: datetime, time_zone: str) -> date:
    """Return the calendar day of an instant where the issuer is."""
    return at.astimezone(ZoneInfo(time_zone)).date()


def due_on(issued_on: date, *, payment_days: int) -> date:
    """Return the day by which an invoice is to be paid."""
    return issued_on + timedelta(days=payment_days)
