"""No text with a card number in it is ever stored: this finds the numbers (PCI DSS 3.3, SAQ A).

A number counts when its length and first digits belong to a card scheme and its check digit is right (Luhn,
ISO/IEC 7812-1). Digits may be grouped in any way, in any script, with invisible characters between them.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping

from core.errors import Refusal

# First digits (low, high) and the lengths issued under them, from the schemes' published ranges.
_RANGES: tuple[tuple[str, str, range], ...] = (
    ("4", "4", range(13, 20, 3)),  # Visa, Elo
    ("51", "55", range(16, 17)),  # Mastercard
    ("2221", "2720", range(16, 17)),  # Mastercard
    ("34", "34", range(15, 16)),  # American Express
    ("37", "37", range(15, 16)),  # American Express
    ("300", "305", range(14, 20)),  # Diners Club
    ("3095", "3095", range(14, 20)),  # Diners Club
    ("36", "36", range(14, 20)),  # Diners Club
    ("38", "39", range(14, 20)),  # Diners Club
    ("3528", "3589", range(16, 20)),  # JCB
    ("6011", "6011", range(16, 20)),  # Discover
    ("644", "659", range(16, 20)),  # Discover, RuPay
    ("60", "60", range(16, 17)),  # RuPay
    ("62", "62", range(16, 20)),  # UnionPay
    ("81", "81", range(16, 20)),  # UnionPay, RuPay
    ("5018", "5018", range(12, 20)),  # Maestro
    ("5020", "5020", range(12, 20)),  # Maestro
    ("5038", "5038", range(12, 20)),  # Maestro
    ("5893", "5893", range(12, 20)),  # Maestro
    ("6304", "6304", range(12, 20)),  # Maestro
    ("6759", "6763", range(12, 20)),  # Maestro
    ("5060", "5061", range(16, 20)),  # Verve
    ("2200", "2204", range(16, 20)),  # Mir
    ("9792", "9792", range(16, 17)),  # Troy
)
_SHORTEST, _LONGEST = 12, 19
_DIGITS = re.compile(r"\d+", re.ASCII)
_BETWEEN = re.compile(r"[\s\-_.·•*/|]{1,3}\Z")
# A bank account number is long and grouped like a card; its own check digits (ISO 7064 mod 97) tell it apart.
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b", re.ASCII)


class CardNumberRefused(Refusal):
    """The text holds a card number; card data must never reach this system."""

    code = "card_number"


def contains_card_number(text: str) -> bool:
    """Tell whether the text holds something that is a payment card's number."""
    if sum(map(str.isdigit, text)) < _SHORTEST:
        return False
    plain = _plain(text)
    accounts = [match.span() for match in _IBAN.finditer(plain) if _is_iban(match.group())]
    for groups in _runs(plain):
        for start in range(len(groups)):
            if any(low <= groups[start].start() < high for low, high in accounts):
                continue
            digits = ""
            for group in groups[start:]:
                digits += group.group()
                if len(digits) > _LONGEST:
                    break
                if len(digits) >= _SHORTEST and _is_card(digits):
                    return True
    return False


def refuse(fields: Mapping[str, str | None]) -> None:
    """Let nothing pass that holds a card number; the fields are named, the numbers never are.

    Raises:
        CardNumberRefused: names the first field that holds one.
    """
    for field, text in fields.items():
        if text and contains_card_number(text):
            sentence = f"{field} holds what looks like a card number. Nothing was stored; remove the number."
            raise CardNumberRefused(sentence, field=field)


def texts(value: object, path: str) -> dict[str, str]:
    """Name every text inside a JSON-like value by its path, keys included, ready for `refuse`."""
    if isinstance(value, str):
        return {path: value}
    if isinstance(value, bool) or value is None:
        return {}
    if isinstance(value, int):
        return {path: str(value)}
    found: dict[str, str] = {}
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if contains_card_number(str(key)):
                found[path] = str(key)
            found.update(texts(inner, f"{path}/{key}"))
    elif isinstance(value, Iterable):
        for index, inner in enumerate(value):
            found.update(texts(inner, f"{path}/{index}"))
    return found


def _plain(text: str) -> str:
    """Fold full-width and other scripts' digits to ASCII; drop what cannot be seen."""
    folded = unicodedata.normalize("NFKC", text)
    return "".join(
        str(unicodedata.digit(char)) if char.isdigit() else char
        for char in folded
        if unicodedata.category(char) != "Cf"
    )


def _runs(text: str) -> list[list[re.Match[str]]]:
    """Cut the text into runs of digit groups that stand close enough to be one number."""
    runs: list[list[re.Match[str]]] = []
    for group in _DIGITS.finditer(text):
        if runs and _BETWEEN.match(text[runs[-1][-1].end() : group.start()]):
            runs[-1].append(group)
        else:
            runs.append([group])
    return runs


def _is_card(digits: str) -> bool:
    in_range = any(
        len(digits) in lengths and low <= digits[: len(low)] <= high for low, high, lengths in _RANGES
    )
    return in_range and _luhn(digits)


def _luhn(digits: str) -> bool:
    doubled = sum((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)[int(digit)] for digit in digits[-2::-2])
    return (doubled + sum(int(digit) for digit in digits[-1::-2])) % 10 == 0


def _is_iban(text: str) -> bool:
    compact = text.replace(" ", "")
    moved = compact[4:] + compact[:4]
    return int("".join(str(int(char, 36)) for char in moved)) % 97 == 1
