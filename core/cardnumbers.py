"""No text with a card number in it is ever stored: this finds the numbers (PCI DSS 3.3, SAQ A).

A number counts when its length and first digits belong to a card scheme and its check digit is right (Luhn,
ISO/IEC 7812-1). Digits may be grouped in any way, in any script, with invisible characters between them.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from itertools import accumulate

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
_SHORTEST = 12
_PREFIX = 4
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def _lengths() -> dict[str, tuple[int, ...]]:
    """Write the ranges out: the lengths that are issued under each four digits."""
    found: dict[str, set[int]] = {}
    for low, high, lengths in _RANGES:
        rest = _PREFIX - len(low)
        for prefix in range(int(low) * 10**rest, (int(high) + 1) * 10**rest):
            found.setdefault(f"{prefix:0{_PREFIX}}", set()).update(lengths)
    return {prefix: tuple(sorted(lengths)) for prefix, lengths in found.items()}


_LENGTHS = _lengths()
_DIGITS = re.compile(r"\d+", re.ASCII)
_SEPARATOR = r"[\s\-_.·•*/|]"
_BETWEEN = re.compile(_SEPARATOR + r"{1,3}\Z")
# Most texts have too few digits that stand together: they are told in one look.
_CLOSE = re.compile(rf"[0-9](?:{_SEPARATOR}{{0,3}}[0-9]){{{_SHORTEST - 1}}}")
# Programs for writing make dashes of hyphens by themselves; these letters and signs show nothing (NFKC folds U+3164 and
# U+FFA0 into the second).
_MINUS = "\N{MINUS SIGN}"
_BLANK = "\N{HANGUL CHOSEONG FILLER}\N{HANGUL JUNGSEONG FILLER}\N{BRAILLE PATTERN BLANK}"
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
# A bank account number is long and grouped like a card; its own check digits (ISO 7064 mod 97) tell it apart.
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b", re.ASCII)


class CardNumberRefused(Refusal):
    """The text holds a card number; card data must never reach this system."""

    code = "card_number"


def contains_card_number(text: str) -> bool:
    """Tell whether the text holds something that is a payment card's number."""
    plain = _plain(text)
    if not _CLOSE.search(plain):
        return False
    accounts = [match.span() for match in _IBAN.finditer(plain) if _is_iban(match.group())]
    return any(_holds_card(groups, accounts) for groups in _runs(plain))


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
    """Fold full-width and other scripts' digits to ASCII; drop what cannot be seen or only adorns a digit,
    and write every dash as one.
    """
    if text.isascii():
        return text
    return _BEYOND_ASCII.sub(_fold, unicodedata.normalize("NFKC", text))


def _fold(match: re.Match[str]) -> str:
    char = match.group()
    category = unicodedata.category(char)
    if category in ("Cf", "Mn", "Me"):
        return ""
    if category == "Pd" or char == _MINUS:
        return "-"
    if char in _BLANK:
        return " "
    return str(unicodedata.digit(char)) if char.isdigit() else char


def _runs(text: str) -> list[list[re.Match[str]]]:
    """Cut the text into runs of digit groups that stand close enough to be one number."""
    runs: list[list[re.Match[str]]] = []
    for group in _DIGITS.finditer(text):
        if runs and _BETWEEN.match(text[runs[-1][-1].end() : group.start()]):
            runs[-1].append(group)
        else:
            runs.append([group])
    return runs


def _holds_card(groups: list[re.Match[str]], accounts: list[tuple[int, int]]) -> bool:
    """Tell whether some of the groups, one after the other, are a card's number that is no part of an account's.

    A text may be all digits in groups of one: each costs the same few steps, however many there are.
    """
    digits = "".join(group.group() for group in groups)
    if len(digits) < _SHORTEST:
        return False
    borders = [0, *accumulate(len(group.group()) for group in groups)]
    ends = set(borders)
    # The check sum of any part is a difference of two: with its last digit as it is, every other one is doubled.
    plain, doubled = [int(digit) for digit in digits], [_DOUBLED[int(digit)] for digit in digits]
    sums = [
        [0, *accumulate((odd if at % 2 else even) for at, (even, odd) in enumerate(zip(*pair, strict=True)))]
        for pair in ((plain, doubled), (doubled, plain))
    ]
    for start, group in zip(borders, groups, strict=False):
        for length in _LENGTHS.get(digits[start : start + _PREFIX], ()):
            end = start + length
            if end in ends and (sums[(end - 1) % 2][end] - sums[(end - 1) % 2][start]) % 10 == 0:
                before = bisect_right(accounts, (group.start(), len(digits) + group.start())) - 1
                if before < 0 or group.start() >= accounts[before][1]:
                    return True
    return False


def _is_iban(text: str) -> bool:
    compact = text.replace(" ", "")
    moved = compact[4:] + compact[:4]
    return int("".join(str(int(char, 36)) for char in moved)) % 97 == 1
