"""What a price says, and what a quantity of it comes to. Pure."""

import re
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from core import money
from core.errors import FieldError, Invalid

MODELS = ("flat", "per_unit", "graduated", "volume", "package")
INTERVALS = ("none", "day", "week", "month", "year")
MOST_TIERS, MOST_INTERVALS = 50, 120
NAME_LENGTH, DESCRIPTION_LENGTH = 200, 2_000
_LARGEST = Decimal(10) ** 12
_DECIMALS = Decimal(1).scaleb(-12)
_CODE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}\Z", re.ASCII)
CODE_SENTENCE = "A code is lower-case letters, digits and _ . - only, at most 40."


@dataclass(frozen=True, slots=True)
class Tier:
    """One step of a price: up to and including so many, each for so much, and once a flat amount."""

    up_to: Decimal | None
    unit_amount: Decimal
    flat_minor: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a price says."""

    model: str
    currency: str
    unit_amount: Decimal = Decimal(0)
    package_size: Decimal | None = None
    flat_minor: int = 0
    minimum_minor: int = 0
    tiers: tuple[Tier, ...] = ()


def amount(terms: Terms, quantity: Decimal) -> Decimal:
    """Return what a quantity comes to in major units, exactly; flat amount and minimum of a period left aside."""
    if terms.model == "per_unit":
        return money.multiply(quantity, terms.unit_amount)
    if terms.model == "package":
        packages = money.divide(quantity, terms.package_size or Decimal(1)).to_integral_value(ROUND_CEILING)
        return money.multiply(packages, terms.unit_amount)
    return sum((part for _, part in steps(terms, quantity)), Decimal(0))


def steps(terms: Terms, quantity: Decimal) -> list[tuple[str, Decimal]]:
    """Return each tier that a quantity reaches: in words, and what it comes to in major units."""
    found: list[tuple[str, Decimal]] = []
    below = Decimal(0)
    for tier in terms.tiers:
        reached = tier.up_to is None or quantity <= tier.up_to
        if terms.model == "volume" and not reached:
            continue
        within = quantity if reached else tier.up_to
        units = quantity if terms.model == "volume" else (within or Decimal(0)) - below
        if units <= 0 and (found or quantity > 0 or not tier.flat_minor):
            break
        flat = money.from_minor(tier.flat_minor, terms.currency)
        words = f"{plain(units)} × {plain(tier.unit_amount)}" + (f" + {flat}" if tier.flat_minor else "")
        found.append((words, money.multiply(units, tier.unit_amount) + flat))
        below = within or Decimal(0)
        if reached:
            break
    return found


def of_period(terms: Terms, quantity: Decimal) -> int:
    """Return what a whole period of a quantity comes to, in minor units.

    Raises:
        AmountTooLarge: more than can be booked.
    """
    own = money.to_minor(amount(terms, quantity), terms.currency) + terms.flat_minor
    return max(own, terms.minimum_minor)


def is_product(terms: Terms, quantity: Decimal, amount_minor: int) -> bool:
    """Tell whether an amount is a quantity times a price and nothing else."""
    if terms.model != "per_unit" or amount_minor <= 0:
        return False
    product = money.multiply(quantity, terms.unit_amount)
    return money.to_minor(product, terms.currency) == amount_minor


def formula(terms: Terms, quantity: Decimal) -> str:
    """Say how a quantity becomes the amount of a period."""
    flat = money.from_minor(terms.flat_minor, terms.currency)
    if terms.model == "flat":
        return "flat"
    if terms.model == "package":
        packages = money.divide(quantity, terms.package_size or Decimal(1)).to_integral_value(ROUND_CEILING)
        words = (
            f"{plain(quantity)} in {plain(packages)} packages of {plain(terms.package_size or Decimal(1))}"
        )
        words += f" × {plain(terms.unit_amount)}"
    elif terms.model == "per_unit":
        words = f"{plain(quantity)} × {plain(terms.unit_amount)}"
    else:
        words = "; ".join(step for step, _ in steps(terms, quantity)) or plain(quantity)
    if terms.flat_minor:
        words += f" + {flat}"
    own = money.to_minor(amount(terms, quantity), terms.currency) + terms.flat_minor
    if own < terms.minimum_minor:
        words += f", at least {money.from_minor(terms.minimum_minor, terms.currency)}"
    return words


def plain(number: Decimal) -> str:
    """Write a number without zeros at its end."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def code_errors(pointer: str, code: str) -> list[FieldError]:
    """Return what is wrong with a code that people give to something."""
    return [] if _CODE.match(code) else [FieldError(pointer, "bad_code", CODE_SENTENCE)]


def number_errors(pointer: str, number: Decimal, *, least: Decimal | None = Decimal(0)) -> list[FieldError]:
    """Return what is wrong with a quantity or a price: not kept exactly, too large, or below the least."""
    if not number.is_finite() or abs(number) >= _LARGEST:
        return [FieldError(pointer, "out_of_range", "This number is too large.")]
    if number != number.quantize(_DECIMALS, context=money.EXACT):
        return [FieldError(pointer, "too_precise", "This number has more than 12 decimals.")]
    if least is not None and number < least:
        return [FieldError(pointer, "too_small", f"This is at least {plain(least)}.")]
    return []


def check(terms: Terms, *, interval: str, interval_count: int, metered: bool) -> None:
    """Let a price pass that can be computed and billed.

    Raises:
        Invalid: names every field that cannot be used.
        UnknownCurrency: no such currency in use.
    """
    money.exponent(terms.currency)
    errors = number_errors("/unit_amount", terms.unit_amount) + _tier_errors(terms)
    if terms.model not in MODELS:
        errors.append(FieldError("/model", "unknown_choice", "There is no such kind of price."))
    if interval not in INTERVALS:
        errors.append(FieldError("/interval", "unknown_choice", "There is no such interval."))
    if not 1 <= interval_count <= MOST_INTERVALS:
        errors.append(FieldError("/interval_count", "out_of_range", f"From 1 to {MOST_INTERVALS}."))
    for name, minor in (("flat_minor", terms.flat_minor), ("minimum_minor", terms.minimum_minor)):
        if not 0 <= minor <= money.MAX_MINOR:
            errors.append(FieldError(f"/{name}", "out_of_range", "From nothing to what can be booked."))
    if terms.model == "package":
        if terms.package_size is None:
            errors.append(FieldError("/package_size", "required", "Say how many are in a package."))
        else:
            errors += number_errors("/package_size", terms.package_size, least=_DECIMALS)
    elif terms.package_size is not None:
        errors.append(FieldError("/package_size", "not_allowed", "Only a package price has packages."))
    if terms.model in ("flat", "graduated", "volume") and terms.unit_amount:
        sentence = "A flat price has its amount in flat_minor, one with tiers has it in them."
        errors.append(FieldError("/unit_amount", "not_allowed", sentence))
    if metered and interval == "none":
        errors.append(FieldError("/interval", "required", "What is metered is billed every so often."))
    if metered and terms.model == "flat":
        errors.append(FieldError("/model", "not_allowed", "A flat price needs no meter."))
    if errors:
        raise Invalid(errors)


def _tier_errors(terms: Terms) -> list[FieldError]:
    if terms.model not in ("graduated", "volume"):
        sentence = "Only a graduated or volume price has tiers."
        return [FieldError("/tiers", "not_allowed", sentence)] if terms.tiers else []
    if not 1 <= len(terms.tiers) <= MOST_TIERS:
        return [FieldError("/tiers", "required", f"A price like this has 1 to {MOST_TIERS} tiers.")]
    errors, below = [], Decimal(0)
    for index, tier in enumerate(terms.tiers):
        pointer = f"/tiers/{index}"
        errors += number_errors(f"{pointer}/unit_amount", tier.unit_amount)
        if not 0 <= tier.flat_minor <= money.MAX_MINOR:
            errors.append(
                FieldError(f"{pointer}/flat_minor", "out_of_range", "From nothing to what can be booked.")
            )
        is_last = index == len(terms.tiers) - 1
        if (tier.up_to is None) != is_last:
            errors.append(
                FieldError(f"{pointer}/up_to", "tier_end", "The last tier, and no other, has no end.")
            )
        elif tier.up_to is not None:
            errors += number_errors(f"{pointer}/up_to", tier.up_to)
            if tier.up_to <= below:
                errors.append(
                    FieldError(f"{pointer}/up_to", "tier_order", "Each tier ends behind the one before.")
                )
            below = tier.up_to
    return errors
