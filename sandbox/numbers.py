"""A card number in a text that is kept (a name, a description, metadata) is refused: nothing here holds one."""

import re

# Whole numbers only, or the groups printed on cards: parts of longer identifiers are not meant.
_NUMBER = re.compile(
    r"(?<![0-9A-Za-z])(?:[2-6]\d{12,18}|[2-6]\d{3}(?P<gap>[ .-])\d{4}(?P=gap)\d{4}(?P=gap)\d{4}"
    r"|3\d{3}(?P<wide>[ .-])\d{6}(?P=wide)\d{5})(?![0-9A-Za-z])",
    re.ASCII,
)


def holds_card_number(text: str) -> bool:
    """Tell whether a text holds a number whose check digit is right (Luhn)."""
    return any(_is_right(re.sub(r"\D", "", found.group())) for found in _NUMBER.finditer(text))


def _is_right(digits: str) -> bool:
    doubled = [int(digit) * 2 for digit in digits[-2::-2]]
    return (
        sum(map(int, digits[-1::-2])) + sum(value - 9 if value > 9 else value for value in doubled)
    ) % 10 == 0
