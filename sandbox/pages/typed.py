"""What a payer types: checked, turned into a scenario, and forgotten. A number leaves this file as a scenario only."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sandbox import scenarios
from sandbox.scenarios import Scenario

_EXPIRY = re.compile(r"\s*(\d{1,2})\s*/?\s*(\d{2}|\d{4})\s*", re.ASCII)
_LONGEST = 200
_DIGITS = 12


@dataclass
class Typed:
    """A form as it was understood. `errors` name the fields; the numbers themselves are in neither."""

    scenario: Scenario | None = None
    expires: tuple[int, int] = (12, 2034)
    name: str = ""
    email: str = ""
    expiry: str = ""
    errors: dict[str, str] = field(default_factory=dict)


def card(form: dict[str, str]) -> Typed:
    """Understand the card form."""
    typed = _person(form)
    typed.scenario = scenarios.of_card(form.get("number", ""))
    if typed.scenario is None:
        typed.errors["number"] = "Enter one of the test card numbers. Real cards are refused here."
    typed.expiry = form.get("expiry", "")[:10]
    when = _expiry(typed.expiry)
    if when is None:
        typed.errors["expiry"] = "Enter a month and a year in the future, such as 12/34."
    else:
        typed.expires = when
    digits = 4 if typed.scenario is not None and typed.scenario.brand == "amex" else 3
    if not re.fullmatch(rf"\d{{{digits}}}", form.get("cvc", "").strip(), re.ASCII):
        typed.errors["cvc"] = f"Enter the security code: {digits} digits."
    return typed


def account(form: dict[str, str]) -> Typed:
    """Understand the debit form."""
    typed = _person(form)
    typed.scenario = scenarios.of_account(form.get("iban", ""))
    if typed.scenario is None:
        typed.errors["iban"] = "Enter one of the test IBANs. Real accounts are refused here."
    if not typed.name:
        typed.errors["holder"] = "Enter the name of the account holder."
    return typed


def _person(form: dict[str, str]) -> Typed:
    # A number typed into the wrong field is neither kept nor shown again.
    said = {name: form.get(name, "").strip()[:_LONGEST] for name in ("name", "holder", "email")}
    kept = {name: "" if _many_digits(value) else value for name, value in said.items()}
    return Typed(name=kept["name"] or kept["holder"], email=kept["email"])


def _many_digits(text: str) -> bool:
    return sum(map(str.isdigit, text)) >= _DIGITS


def _expiry(text: str) -> tuple[int, int] | None:
    match = _EXPIRY.fullmatch(text)
    if match is None:
        return None
    month, year = int(match[1]), int(match[2])
    year += 2000 if year < 100 else 0
    now = datetime.now(UTC)
    if not 1 <= month <= 12 or not (now.year, now.month) <= (year, month) <= (now.year + 50, 12):
        return None
    return month, year
