"""What an invoice may say, and how it may move. Pure: no clock, no database. What it comes to: pricing.py."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from uuid import UUID
from zoneinfo import ZoneInfo

from core import cardnumbers, characters, days, money
from core.errors import FieldError, Invalid, Refusal

MOVES: Mapping[str, frozenset[str]] = MappingProxyType(
    {"draft": frozenset({"finalized"}), "finalized": frozenset({"voided"}), "voided": frozenset()}
)
MOST_LINES, MOST_DISCOUNTS = 10_000, 20
# What a document may refer to (EN 16931 BT-10 to BT-18, BT-20); the buyer's reference routes it in public bodies.
REFERENCES = ("buyer_reference", "order", "sales_order", "contract", "project", "despatch", "receipt", "tender",
              "accounting", "payment_reference", "payment_terms")  # fmt: skip
DESCRIPTION_LENGTH, NOTE_LENGTH, REASON_LENGTH = 2_000, 5_000, 1_000
_LARGEST = Decimal(10) ** 12
_DECIMALS = Decimal(1).scaleb(-12)
_PERCENT_DECIMALS = Decimal(1).scaleb(-6)


class NegativeTotal(Refusal):
    """An invoice cannot come to less than nothing; that is a credit note."""

    code = "negative_total"


class DiscountExceedsLine(Refusal):
    """A discount cannot be larger than what it is taken from."""

    code = "discount_exceeds_line"


@dataclass(frozen=True, slots=True, kw_only=True)
class Discount:
    """Something off, or on top with `is_charge`: a percentage, or an amount in major units, and why.

    On a line it is always off. On a document it is spread over the rates of its lines (EN 16931 BG-20, BG-21).
    """

    percentage: Decimal | None = None
    amount: Decimal | None = None
    reason: str = ""
    is_charge: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LineInput:
    """A line as somebody asks for it. `unit_amount` is in major units, with up to 12 decimals.

    With `tax_inclusive` the price, and a discount's amount, have the tax inside. The period of service is half-open:
    from its first day up to, and without, `period_to`. `price_id` is the catalogue's price, if it came from there.

    With `deducts_id` it takes off what an earlier invoice charged: `settled` are the taxes (below zero) charged there,
    one for each part of the rate, and no discount of this document touches it.
    """

    description: str
    unit_amount: Decimal
    quantity: Decimal = Decimal(1)
    tax_rate_id: UUID | None = None
    unit_code: str = ""
    price_id: UUID | None = None
    period_from: date | None = None
    period_to: date | None = None
    discount: Discount | None = None
    tax_inclusive: bool = False
    deducts_id: UUID | None = None
    settled: tuple[int, ...] = ()


def check_lines(lines: Sequence[LineInput]) -> None:
    """Let lines pass that can be kept and computed.

    Raises:
        Invalid: names every field of every line that cannot be used.
    """
    errors: list[FieldError] = []
    if len(lines) > MOST_LINES:
        errors.append(FieldError("/lines", "too_many", f"An invoice has at most {MOST_LINES:,} lines."))
    for index, line in enumerate(lines[:MOST_LINES]):
        pointer = f"/lines/{index}"
        errors += text_errors(f"{pointer}/description", line.description, DESCRIPTION_LENGTH, required=True)
        errors += text_errors(f"{pointer}/unit_code", line.unit_code, 8)
        errors += _number_errors(f"{pointer}/quantity", line.quantity)
        errors += _number_errors(f"{pointer}/unit_amount", line.unit_amount)
        if line.quantity == 0:
            errors.append(FieldError(f"{pointer}/quantity", "zero", "A quantity of nothing is no line."))
        errors += _period_errors(pointer, line.period_from, line.period_to)
        if line.discount is not None:
            errors += _discount_errors(f"{pointer}/discount", line.discount)
    if errors:
        raise Invalid(errors)


def check_discounts(discounts: Sequence[Discount], *, lines: int) -> None:
    """Let allowances and charges of a document pass.

    Raises:
        Invalid: names every field that cannot be used; or there is no line to take them from.
    """
    errors: list[FieldError] = []
    if len(discounts) > MOST_DISCOUNTS:
        sentence = f"A document has at most {MOST_DISCOUNTS} discounts and charges."
        errors.append(FieldError("/discounts", "too_many", sentence))
    if discounts and not lines:
        errors.append(FieldError("/discounts", "no_lines", "There is no line to take a discount from."))
    for index, discount in enumerate(discounts[:MOST_DISCOUNTS]):
        errors += _discount_errors(f"/discounts/{index}", discount)
    if errors:
        raise Invalid(errors)


def _number_errors(pointer: str, amount: Decimal) -> list[FieldError]:
    if not amount.is_finite() or abs(amount) >= _LARGEST:
        return [FieldError(pointer, "out_of_range", "This number is too large.")]
    if amount != amount.quantize(_DECIMALS, context=money.EXACT):
        return [FieldError(pointer, "too_precise", "This number has more than 12 decimals.")]
    return []


def _period_errors(pointer: str, first: date | None, end: date | None) -> list[FieldError]:
    errors: list[FieldError] = []
    for name, day in (("period_from", first), ("period_to", end)):
        if day is not None and not days.FIRST <= day <= days.LAST:
            errors.append(FieldError(f"{pointer}/{name}", "day_out_of_range", days.SENTENCE))
    if (first is None) != (end is None):
        missing = "period_from" if first is None else "period_to"
        errors.append(FieldError(f"{pointer}/{missing}", "required", "A period has two ends."))
    elif first is not None and end is not None and end <= first:
        sentence = "A period ends after it begins; this is the first day that is not part of it."
        errors.append(FieldError(f"{pointer}/period_to", "period_is_empty", sentence))
    return errors


def _discount_errors(pointer: str, discount: Discount) -> list[FieldError]:
    errors = text_errors(f"{pointer}/reason", discount.reason, REASON_LENGTH)
    if (discount.percentage is None) == (discount.amount is None):
        sentence = "Give either a percentage or an amount."
        return [*errors, FieldError(f"{pointer}/percentage", "one_of_two", sentence)]
    if discount.amount is not None:
        pointer = f"{pointer}/amount"
        errors += _number_errors(pointer, discount.amount)
        if discount.amount.is_finite() and discount.amount <= 0:
            errors.append(FieldError(pointer, "not_positive", "This must be more than zero."))
        return errors
    percentage, pointer = discount.percentage or Decimal(0), f"{pointer}/percentage"
    if not percentage.is_finite() or not 0 < percentage <= 100:
        errors.append(FieldError(pointer, "out_of_range", "A percentage is more than 0 and at most 100."))
    elif percentage != percentage.quantize(_PERCENT_DECIMALS, context=money.EXACT):
        errors.append(FieldError(pointer, "too_precise", "This number has more than 6 decimals."))
    return errors


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
