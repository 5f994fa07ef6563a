"""Whether a tax id can be one, by the check digits of its country; whom VIES knows; when it is asked again. Pure."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from stdnum.ch import vat as switzerland
from stdnum.eu import vat as union
from stdnum.exceptions import ValidationError
from stdnum.gb import vat as britain
from stdnum.no import mva as norway

from billing.customers.rules import normalize_tax_id
from core.errors import FieldError

# Greece writes EL. Northern Ireland's XI is in VIES, the rest of the kingdom has left it.
VIES_COUNTRIES = frozenset({"EL", "XI"} | {code.upper() for code in union.MEMBER_STATES if code != "gr"})
_NAMES = {
    "AT": "Austria", "BE": "Belgium", "BG": "Bulgaria", "CH": "Switzerland", "CY": "Cyprus", "CZ": "Czechia",
    "DE": "Germany", "DK": "Denmark", "EE": "Estonia", "EL": "Greece", "ES": "Spain", "FI": "Finland",
    "FR": "France", "GB": "the United Kingdom", "HR": "Croatia", "HU": "Hungary", "IE": "Ireland",
    "IT": "Italy", "LT": "Lithuania", "LU": "Luxembourg", "LV": "Latvia", "MT": "Malta",
    "NL": "the Netherlands", "NO": "Norway", "PL": "Poland", "PT": "Portugal", "RO": "Romania",
    "SE": "Sweden", "SI": "Slovenia", "SK": "Slovakia", "XI": "Northern Ireland",
}  # fmt: skip
_OTHERS: dict[str, Any] = {"GB": britain, "CH": switzerland, "NO": norway}
# Shorter ones are somebody's own number that happens to begin with two such letters.
_SHORTEST = 7

# The waits between one unanswered question and the next; after the last, somebody has to ask.
WAITS = (
    timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=6), timedelta(hours=24),
    timedelta(hours=24), timedelta(hours=48), timedelta(hours=72),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the check digits say: of which country the tax id is, and whether it can be one of it."""

    country: str
    possible: bool

    @property
    def in_vies(self) -> bool:
        """Tell whether the authorities can be asked about it."""
        return self.possible and self.country in VIES_COUNTRIES


def judge(tax_id: str) -> Verdict | None:
    """Say what a tax id's own digits tell; None of a country, or a kind of number, that has no known check."""
    text = normalize_tax_id(tax_id)
    country = "EL" if text[:2] == "GR" else text[:2]
    if country not in _NAMES or len(text) < _SHORTEST or not any(char.isdigit() for char in text[2:]):
        return None
    checker = _OTHERS.get(country, union)
    try:
        checker.validate(text)
    except ValidationError:
        # Swiss ones are often written without the word for the tax.
        if country != "CH" or not _is_swiss(text):
            return Verdict(country, possible=False)
    return Verdict(country, possible=True)


def fault(tax_id: str) -> FieldError | None:
    """Say in a sentence why a tax id cannot be kept, None when it can."""
    verdict = judge(tax_id)
    if verdict is None or verdict.possible:
        return None
    sentence = f"This is no VAT number of {_NAMES[verdict.country]}: its length or check digits are wrong."
    return FieldError("/tax_id", "wrong_check_digits", sentence)


def wait_after(unanswered: int) -> timedelta | None:
    """Return how long to wait after so many unanswered questions, None when it is enough."""
    return WAITS[unanswered - 1] if unanswered <= len(WAITS) else None


def _is_swiss(text: str) -> bool:
    try:
        switzerland.validate(f"{text}MWST")
    except ValidationError:
        return False
    return True
