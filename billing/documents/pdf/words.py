"""Amounts, days and addresses as a document writes them: by its own language, never by whoever makes it."""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from types import MappingProxyType

from babel import Locale, UnknownLocaleError, dates, numbers

from billing.documents.pdf.language import say
from billing.tax.rules import CATEGORIES
from core import money as core_money

_MINUS = "\N{MINUS SIGN}"
_THIN = "\N{NARROW NO-BREAK SPACE}"
# English without a country is written the international way: day before month, "1,000.00".
_ENGLISH = "en_GB"
_CODE_BEFORE_DIGITS = re.compile(r"([A-Z]{3})(?=\d)")
# The units of UN/ECE Recommendation 20 that people write otherwise; a piece needs no word.
UNITS: Mapping[str, str] = MappingProxyType(
    {"C62": "", "H87": "", "EA": "", "XPP": "", "HUR": "h", "MIN": "min", "SEC": "s", "DAY": "days", "WEE": "weeks",
     "MON": "months", "ANN": "years", "KGM": "kg", "GRM": "g", "TNE": "t", "MTR": "m", "CMT": "cm", "KMT": "km",
     "MTK": "m²", "MTQ": "m³", "LTR": "l", "KWH": "kWh", "P1": "%"}
)  # fmt: skip
# What an invoice says where a rate charges nothing (EN 16931 BT-120 in common words).
_NOTHING: Mapping[str, str] = MappingProxyType(
    {
        "AE": "Reverse charge: the customer owes the tax.",
        "K": "Intra-community supply, exempt from tax.",
        "G": "Export outside the EU, exempt from tax.",
        "E": "Exempt from tax.",
    }
)


@cache
def locale(language: str) -> Locale:
    """Return the locale of a document's language; the international form of English when it is unknown."""
    try:
        return Locale.parse(_ENGLISH if language == "en" else language.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return Locale.parse(_ENGLISH)


def money(amount_minor: int, currency: str, language: str = "en") -> str:
    """Write an amount of minor units with its currency."""
    amount = core_money.from_minor(amount_minor, currency)
    written = numbers.format_currency(amount, currency, locale=locale(language))
    # A currency that is written as its code stands off from the digits (CLDR; Babel leaves the space out).
    return _CODE_BEFORE_DIGITS.sub("\\1\u00a0", written).replace("-", _MINUS)


def amount(amount_minor: int, currency: str, language: str = "en") -> str:
    """Write an amount of minor units without its currency, for a column whose head names it."""
    return decimal(
        core_money.from_minor(amount_minor, currency), core_money.exponent(currency), language=language
    )


def price(value: Decimal, currency: str, language: str = "en") -> str:
    """Write a price per unit with at least the currency's decimals and all that it has."""
    has = value.as_tuple().exponent
    places = max(core_money.exponent(currency), -has if isinstance(has, int) else 0)
    return decimal(value, places, language=language)


def decimal(value: Decimal, places: int, *, language: str = "en") -> str:
    """Write an exact number with this many decimals, in groups of three.

    Python's own formatting with the locale's marks: a long document has thousands of these, and Babel takes ten times
    as long for the same text.
    """
    return f"{value:,.{places}f}".translate(_marks(language))


@cache
def _marks(language: str) -> Mapping[int, str]:
    symbols = locale(language).number_symbols["latn"]
    return str.maketrans({",": symbols["group"], ".": symbols["decimal"], "-": _MINUS})


def number(value: Decimal, language: str = "en") -> str:
    """Write a number with all the decimals it has."""
    has = value.as_tuple().exponent
    return decimal(value, max(0, -has) if isinstance(has, int) else 0, language=language)


def quantity(value: Decimal, unit_code: str, language: str = "en") -> str:
    """Write a quantity with its unit in words; a code nobody knows stays as it is."""
    unit = say(UNITS.get(unit_code, unit_code), language)
    return f"{number(value, language)}\u00a0{unit}" if unit else number(value, language)


def rate(category: str, percentage: Decimal, language: str = "en") -> str:
    """Write a tax rate for a line: its percentage, or a dash."""
    return f"{number(percentage, language)}{_THIN}%" if percentage else "–"


def tax(category: str, percentage: Decimal, language: str = "en") -> str:
    """Name a rate in the summary: "Tax 20 %", or why there is none."""
    if percentage:
        return f"{say('Tax', language)} {number(percentage, language)}{_THIN}%"
    return say(CATEGORIES.get(category, category), language)


def why_nothing(category: str, reason: str, language: str = "en") -> str:
    """Say why a rate charges nothing: in the document's own words, or the law's common ones."""
    return reason or say(_NOTHING.get(category, ""), language)


def day(value: date | None, language: str = "en") -> str:
    """Write a day: "14 Aug 2026"; nothing for none."""
    return (
        ""
        if value is None
        else dates.format_date(value, format=_day_pattern(language), locale=locale(language))
    )


def _day_pattern(language: str) -> str:
    return "d. MMMM y" if language[:2] == "de" else "d MMM y"


def address(values: Mapping[str, str], language: str = "en") -> tuple[str, ...]:
    """Write an address as lines, the country in words."""
    town = " ".join(part for part in (values.get("postal_code"), values.get("city")) if part)
    lines = [*(values.get(name, "") for name in ("line1", "line2", "line3")), town, values.get("region", "")]
    code = values.get("country", "")
    return tuple(line for line in [*lines, str(locale(language).territories.get(code, code))] if line)


def iban(value: str) -> str:
    """Write an IBAN in groups of four (ISO 13616)."""
    return "\u00a0".join(value[start : start + 4] for start in range(0, len(value), 4))
