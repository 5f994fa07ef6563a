"""The rates of the EU that can be added, from the file beside this module (its README says whose data it is)."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from billing.tax import place
from core.errors import Refusal

_FILE = Path(__file__).parent / "data" / "eu_vat.json"
# What is sold across a border without tax; the same for every country of the EU.
_UNTAXED = (
    ("eu-reverse-charge", "Reverse charge", "AE", "reverse_charge", "reverse_charge"),
    ("eu-intra-community", "Intra-Community supply", "K", "intra_community", "intra_community"),
    ("eu-export", "Export outside the EU", "G", "export", "export"),
    ("exempt", "Exempt from VAT", "E", "exempt", ""),
    ("outside-scope", "Outside the scope of VAT", "O", "outside", "outside"),
)


class NoRatesKnown(Refusal):
    """The rates of this country are not among those that can be added. Add them one by one."""

    code = "no_rates_known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """One rate of a country. `windows` are its percentages with the day each began, oldest first."""

    code: str
    name: str
    category: str
    kind: str
    country: str = ""
    windows: tuple[tuple[date, Decimal], ...]
    reason: str = ""
    reason_code: str = ""


def countries() -> dict[str, str]:
    """Return the countries by code."""
    return {code: str(found["name"]) for code, found in _data()["countries"].items()}


def credit() -> list[str]:
    """Return whose data it is, as its licences ask."""
    return list(_data()["credit"])


def rates(country: str) -> list[Seed]:
    """Return the rates of a country.

    Raises:
        NoRatesKnown: it is none of the EU's.
    """
    found = _data()["countries"].get(country)
    if found is None:
        raise NoRatesKnown(field="country")
    return list(_rates(country, found))


def untaxed() -> list[Seed]:
    """Return what is sold across a border without tax."""
    first = date(2016, 1, 1)
    return [
        Seed(
            code=code,
            name=name,
            category=category,
            kind=kind,
            windows=((first, Decimal(0)),),
            reason=place.REASONS.get(reason, ("", ""))[0],
            reason_code=place.REASONS.get(reason, ("", ""))[1],
        )
        for code, name, category, kind, reason in _UNTAXED
    ]


def _rates(country: str, found: dict[str, Any]) -> Iterator[Seed]:
    known_on = date.fromisoformat(_data()["reduced_known_on"])
    name = str(found["name"])

    def seed(kind: str, code: str, words: str, windows: tuple[tuple[date, Decimal], ...]) -> Seed:
        code, category = f"{country.lower()}-{code}", "S" if windows[-1][1] else "Z"
        return Seed(
            code=code, name=f"{name} {words}", category=category, kind=kind, country=country, windows=windows
        )

    standard = tuple((date.fromisoformat(day), Decimal(text)) for day, text in found["standard"])
    yield seed("standard", "standard", "standard", standard)
    for number, text in enumerate(found["reduced"]):
        kind = "reduced" if number == 0 else "second_reduced"
        windows = ((known_on, Decimal(text)),)
        yield seed(kind, f"reduced-{text}", "reduced", windows)
    for kind, words in (("super_reduced", "super-reduced"), ("parking", "parking")):
        if found[kind] is not None:
            yield seed(kind, words, words, ((known_on, Decimal(found[kind])),))


@cache
def _data() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(_FILE.read_text())
    return data
