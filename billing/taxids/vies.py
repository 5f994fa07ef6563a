"""Asking VIES, the tax authorities' register of the European Union, over its REST interface."""

import json
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from billing.customers.rules import normalize_tax_id
from core.errors import Refusal
from outbound import http

_SECONDS = 15
_MOST_BYTES = 64 * 1024
# Words of theirs that mean that somebody answered, and that it is none.
_NONE_SUCH = frozenset({"INVALID", "INVALID_INPUT"})
_LONGEST_FAULT = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What they said. `fault` is their word for why there is no answer; then nothing is known."""

    is_valid: bool = False
    consultation: str = ""
    name: str = ""
    address: str = ""
    fault: str = ""


def ask(tax_id: str, *, requester: str = "") -> Said:
    """Ask about a tax id; with a requester's own they give a consultation number. No transaction is open here."""
    if not settings.VIES_ADDRESS:
        return Said(fault="not_configured")
    asked = normalize_tax_id(tax_id)
    body = {"countryCode": _country(asked), "vatNumber": asked[2:]}
    own = normalize_tax_id(requester)
    if own:
        body |= {"requesterMemberStateCode": _country(own), "requesterNumber": own[2:]}
    client = http.Client(timeout_seconds=_SECONDS, most_bytes=_MOST_BYTES)
    try:
        answer = client.send(
            "POST",
            f"{settings.VIES_ADDRESS}/check-vat-number",
            headers={"Content-Type": "application/json", "Accept": "application/json"},
            body=json.dumps(body).encode(),
        )
    except Refusal as refusal:
        return Said(fault=refusal.code)
    return _read(answer)


def _read(answer: http.Answer) -> Said:
    try:
        said = json.loads(answer.body)
    except ValueError:
        return Said(fault=f"http_{answer.status}")
    if not isinstance(said, dict):
        return Said(fault="malformed")
    errors = said.get("errorWrappers")
    if isinstance(errors, list) and errors:
        code = str(errors[0].get("error", "")) if isinstance(errors[0], dict) else ""
        return Said() if code in _NONE_SUCH else Said(fault=_word(code))
    word = str(said.get("userError") or "")
    valid = said.get("valid", said.get("isValid"))
    if answer.status != 200 or not isinstance(valid, bool):
        return Said(fault=_word(word) if word else f"http_{answer.status}")
    if not valid and word and word not in _NONE_SUCH:
        # "valid: false" also stands beside their word for not having been able to look.
        return Said(fault=_word(word))
    return Said(
        is_valid=valid,
        consultation=_text(said, "requestIdentifier", 100),
        name=_text(said, "name", 300),
        address=_text(said, "address", 500),
    )


def _text(said: dict[str, Any], name: str, most: int) -> str:
    text = str(said.get(name) or "").strip()
    # Three dashes are how some countries say that they tell no names.
    return "" if text == "---" else text[:most]


def _country(tax_id: str) -> str:
    return "EL" if tax_id[:2] == "GR" else tax_id[:2]


def _word(code: str) -> str:
    plain = "".join(char for char in code.casefold() if char.isascii() and (char.isalnum() or char == "_"))
    return plain[:_LONGEST_FAULT] or "unknown"
