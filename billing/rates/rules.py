"""Rates and the file of the European Central Bank's reference rates. Pure."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from core import money
from core.errors import FieldError, Invalid, Refusal

# A week-end, a holiday and a day on either side.
DAYS_BACK = 7
# No two currencies lie further apart, and what is worth so much the other way round can still be booked.
MAX_RATE, MIN_RATE = Decimal(10) ** 8, Decimal(1).scaleb(-8)
MAX_FILE = 4 * 1024 * 1024
# The whole history since 1999 with every currency is some 250,000.
MAX_RATES = 400_000
_STEP = Decimal("0.000000000001")


class SameCurrency(Refusal):
    """A rate is between two currencies."""

    code = "same_currency"


class BadRate(Refusal):
    """A rate lies between 0.00000001 and 100,000,000 and has at most 12 digits after the point."""

    code = "bad_rate"


class RateInFuture(Refusal):
    """A rate of a day that has not come is nobody's to know."""

    code = "rate_in_future"


class ExchangeRateMissing(Refusal):
    """There is no exchange rate for that day."""

    code = "exchange_rate_missing"


class NotARatesFile(Refusal):
    """The file must begin with a row Date,USD,JPY,… and hold one row a day, as the European Central Bank's does."""

    code = "not_a_rates_file"


class RatesFileTooLarge(Refusal):
    """The file is larger than the whole history of the European Central Bank."""

    code = "rates_file_too_large"


@dataclass(frozen=True, slots=True)
class Rate:
    """How many units of one currency a unit of another was worth on a day."""

    valid_on: date
    from_currency: str
    to_currency: str
    rate: Decimal


def written(rate: Decimal) -> str:
    """Write a rate with the digits it has."""
    return format(rate.normalize(), "f")


def check(found: Rate, *, today: date) -> None:
    """Refuse what is no rate.

    Raises:
        UnknownCurrency, SameCurrency, BadRate, RateInFuture.
    """
    for field in ("from_currency", "to_currency"):
        try:
            money.exponent(getattr(found, field))
        except money.UnknownCurrency as error:
            raise money.UnknownCurrency(str(error), field=field) from None
    if found.from_currency == found.to_currency:
        raise SameCurrency(field="to_currency")
    if not MIN_RATE <= found.rate <= MAX_RATE or found.rate != found.rate.quantize(
        _STEP, context=money.EXACT
    ):
        raise BadRate(field="rate")
    if found.valid_on > today:
        raise RateInFuture(field="valid_on")


def read_ecb(content: bytes, *, today: date) -> list[Rate]:
    """Read the European Central Bank's history of reference rates (eurofxref-hist.csv): a unit of EUR in each currency.

    A cell without a rate ("N/A" or empty) is left out, and so is a currency that is no longer in use.

    Raises:
        NotARatesFile, RatesFileTooLarge.
        Invalid: names every row that cannot be used, up to fifty of them.
    """
    if len(content) > MAX_FILE:
        raise RatesFileTooLarge(field="file")
    try:
        rows = csv.reader(io.StringIO(content.decode("utf-8-sig")), strict=True)
        head = [cell.strip() for cell in next(rows, [])]
    except (UnicodeDecodeError, csv.Error):
        raise NotARatesFile(field="file") from None
    columns = [(place, name) for place, name in enumerate(head) if place and name in money.EXPONENTS]
    if not head or head[0] != "Date" or not columns:
        raise NotARatesFile(field="file")
    found: list[Rate] = []
    errors: list[FieldError] = []
    try:
        for number, row in enumerate(rows, start=2):
            if not any(cell.strip() for cell in row):
                continue
            try:
                found += _row(row, columns, today)
            except Refusal as error:
                errors.append(FieldError(f"/rows/{number}", error.code, str(error)))
            if len(found) > MAX_RATES:
                raise RatesFileTooLarge(field="file")
            if len(errors) == 50:
                break
    except csv.Error:
        raise NotARatesFile(field="file") from None
    if errors:
        raise Invalid(errors, "Some rows of the file cannot be used. Nothing was stored.")
    return found


def _row(row: list[str], columns: list[tuple[int, str]], today: date) -> Iterator[Rate]:
    try:
        day = date.fromisoformat(row[0].strip())
    except ValueError:
        raise NotARatesFile(f"{row[0].strip()[:20]!r} is not a day written as 2026-08-31.") from None
    found = []
    for place, currency in columns:
        text = row[place].strip() if place < len(row) else ""
        if currency == "EUR" or text in ("", "N/A"):
            continue
        rate = Rate(day, "EUR", currency, money.decimal(text))
        check(rate, today=today)
        found.append(rate)
    return iter(found)
