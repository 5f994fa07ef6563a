"""How amounts, dates and counts are written: by the reader's language, never through a binary fraction."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache

from babel import Locale, UnknownLocaleError, dates, numbers
from django.utils import timezone, translation

from core import money as core_money

MINUS = "\N{MINUS SIGN}"
# English without a country is written the international way: day before month, "1,000.00".
_ENGLISH = "en_GB"
# A day in words, as each language writes it.
_DAYS = {"de": "d. MMMM y"}
_DAY = "d MMM y"
# A day as it is typed; every form reads both.
_TYPED = {"de": "%d.%m.%Y"}
_DIGITS = re.compile(r"(\D*)\d(?:.*\d)?(\D*)")
_CODE_BEFORE_DIGITS = re.compile(r"([A-Z]{3})(?=\d)")


def locale() -> Locale:
    """Return the reader's locale; the international form of English when it is not known."""
    return _locale(translation.get_language() or "en")


# A list writes some two hundred amounts and days; what they have in common is read once.
@lru_cache(maxsize=64)
def _locale(language: str) -> Locale:
    try:
        return Locale.parse(_ENGLISH if language == "en" else language, sep="-" if "-" in language else "_")
    except (UnknownLocaleError, ValueError):
        return Locale.parse(_ENGLISH)


@lru_cache(maxsize=64)
def _pattern(places: int) -> numbers.NumberPattern:
    return numbers.parse_pattern("#,##0" + ("." + "0" * places if places else ""))


@lru_cache(maxsize=2_048)
def _in_words(value: date, language: str) -> str:
    found = _locale(language)
    return dates.format_date(value, format=_DAYS.get(found.language, _DAY), locale=found)


def _real_minus(text: str) -> str:
    return text.replace("-", MINUS)


def money(amount_minor: int, currency: str) -> str:
    """Write an amount of minor units with its currency."""
    language = translation.get_language() or "en"
    before, after = _around(currency, language, amount_minor < 0)
    return f"{before}{_digits(abs(amount_minor), currency, language)}{after}"


# What stands around the digits of an amount is asked of Babel once: a list writes hundreds of them.
@lru_cache(maxsize=1_024)
def _around(currency: str, language: str, negative: bool) -> tuple[str, str]:
    one = core_money.from_minor(-1 if negative else 1, currency)
    found = _DIGITS.fullmatch(_price(one, currency, language))
    assert found is not None  # noqa: S101  an amount has digits
    return found[1], found[2]


@lru_cache(maxsize=64)
def _signs(language: str) -> dict[int, str]:
    found = _locale(language)
    return str.maketrans(
        {",": numbers.get_group_symbol(found), ".": numbers.get_decimal_symbol(found), "-": MINUS}
    )


def price(value: Decimal, currency: str) -> str:
    """Write a price in major units with its currency: at least the currency's decimals, and all that it has."""
    return _price(value, currency, translation.get_language() or "en")


def _price(value: Decimal, currency: str, language: str) -> str:
    written = numbers.format_currency(value, currency, locale=_locale(language), decimal_quantization=False)
    # A currency that is written as its code stands off from the digits (CLDR; Babel leaves the space out).
    return _real_minus(_CODE_BEFORE_DIGITS.sub("\\1\u00a0", written))


def amount(amount_minor: int, currency: str) -> str:
    """Write an amount of minor units without its currency, for a column whose head names it."""
    return _digits(amount_minor, currency, translation.get_language() or "en")


def _digits(amount_minor: int, currency: str, language: str) -> str:
    value, places = core_money.from_minor(amount_minor, currency), core_money.exponent(currency)
    return f"{value:,.{places}f}".translate(_signs(language))


def number(value: int | Decimal) -> str:
    """Write a whole or decimal number with all the decimals it has, in the reader's grouping."""
    return _real_minus(numbers.format_decimal(value, locale=locale(), decimal_quantization=False))


def decimal(value: Decimal, *, places: int) -> str:
    """Write an exact number with this many decimals, such as a price per unit."""
    written = numbers.format_decimal(
        value, format=_pattern(places), locale=locale(), decimal_quantization=False
    )
    return _real_minus(written)


def percent(value: Decimal | float) -> str:
    """Write a share of one as a percentage with at most one decimal."""
    return _real_minus(numbers.format_percent(value, format="#,##0.#\u202f%", locale=locale()))


def count(value: int, noun: str, plural: str = "") -> str:
    """Write a count with its noun in the reader's language: "1 invoice", "1,204 invoices"."""
    return f"{number(value)} {translation.ngettext(noun, plural or f'{noun}s', value)}"


def day(value: date | datetime) -> str:
    """Write a date in words, "14 Aug 2026" or "14. August 2026"; a datetime first in the reader's time zone."""
    if isinstance(value, datetime):
        value = timezone.localtime(value).date()
    return _in_words(value, translation.get_language() or "en")


def typed(value: date) -> str:
    """Write a day as somebody would type it into a field: "2026-08-14" or "14.08.2026"."""
    return value.strftime(_TYPED.get(locale().language, "%Y-%m-%d"))


def moment(value: datetime) -> str:
    """Write a time in the reader's zone: "14 Aug 2026, 09:41"."""
    local = timezone.localtime(value)
    return f"{day(local)}, {local:%H:%M}"


def moment_utc(value: datetime) -> str:
    """Write a time in UTC to the second, as the audit trail holds it."""
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def relative(value: datetime, now: datetime) -> str:
    """Say how far a time lies from now: "2 minutes ago", "in 3 days"."""
    return dates.format_timedelta(value - now, add_direction=True, locale=locale())


def duration(seconds: float) -> str:
    """Write a span with its two largest units: "41 s", "12 min 4 s", "3 h 20 min", "2 d 4 h"."""
    whole = round(seconds)
    units = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
    parts: list[str] = []
    for size, name in units:
        if whole >= size:
            parts.append(f"{whole // size} {name}")
            whole %= size
    return " ".join(parts[:2]) or "0 s"


def size(byte_count: int) -> str:
    """Write a number of bytes: "812 B", "4.1 MB"."""
    value = Decimal(byte_count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{number(value.quantize(Decimal('0.1')) if unit != 'B' else value)} {unit}"
        value /= 1000
    return f"{number(value.quantize(Decimal('0.1')))} TB"


def middle(text: str, keep: int = 14) -> str:
    """Shorten an identifier in its middle: its kind and its last characters are what people compare."""
    if len(text) <= keep:
        return text
    head = keep // 2
    return f"{text[:head]}\N{HORIZONTAL ELLIPSIS}{text[-(keep - head) + 1 :]}"


def initials(name: str) -> str:
    """Return up to two initials of a name."""
    words = [word for word in name.split() if word[0].isalnum()]
    return "".join(word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words)).upper()
