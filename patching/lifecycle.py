"""How long the series in use are mended by their makers: a small table of our own, replaced by what a bundle says."""

import csv
import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from patching.inventory import Component, Kind, debian
from patching.rules import Series

_TABLE = Path(__file__).with_name("data") / "lifecycle.json"
_DISTRIBUTIONS = Path("/usr/share/distro-info/debian.csv")
# How many numbers of a version name its series.
_NUMBERS = {"python": 2, "django": 2, "postgresql": 1, "valkey": 2, "redis": 2}


def bundled() -> dict[tuple[str, str], date]:
    """Return the table that came with this release."""
    return {
        (one["product"], one["series"]): date.fromisoformat(one["ends_on"])
        for one in json.loads(_TABLE.read_text())["series"]
    }


def in_use(components: Sequence[Component], endings: Mapping[tuple[str, str], date]) -> list[Series]:
    """Return the series in use with the last day of their support."""
    known = {**bundled(), **_of_the_distribution(), **endings}
    found = []
    for component in components:
        named = component.kind is Kind.ENGINE or (
            component.kind is Kind.PYTHON and component.name == "django"
        )
        if not named or not component.version:
            continue
        series = ".".join(component.version.split(".")[: _NUMBERS[component.name]])
        found.append(
            Series(
                product=component.name,
                series=series,
                version=component.version,
                ends_on=known.get((component.name, series)),
            )
        )
    product, series = debian.release()
    if product and series:
        found.append(
            Series(product=product, series=series, version=series, ends_on=known.get((product, series)))
        )
    return found


def _of_the_distribution() -> dict[tuple[str, str], date]:
    """Return what the distribution itself says, where it does (package distro-info-data): its long-term support."""
    if not _DISTRIBUTIONS.is_file():
        return {}
    found = {}
    with _DISTRIBUTIONS.open(newline="") as file:
        for row in csv.DictReader(file):
            last = row.get("eol-lts") or row.get("eol")
            if last and row.get("version"):
                found["debian", row["version"].partition(".")[0]] = date.fromisoformat(last)
    return found
