"""Characters that no name and no text may hold: NUL, and those that turn the direction of writing.

With the latter a text reads otherwise than it is: an amount, an account number or a file's name seems to be another
(Unicode Technical Report 36, section 3.2; "Trojan Source").
"""

import re
from collections.abc import Mapping

from core.errors import Refusal

SENTENCE = "This holds a character that cannot be kept."
CODE = "invalid_character"
_REFUSED = re.compile("[\\x00\\u202a-\\u202e\\u2066-\\u2069]")


class CharacterRefused(Refusal):
    """The text holds a character that cannot be kept."""

    code = CODE


def are_kept(text: str) -> bool:
    """Tell whether every character of a text may be kept."""
    return _REFUSED.search(text) is None


def refuse(fields: Mapping[str, str | None]) -> None:
    """Let no text pass that holds such a character.

    Raises:
        CharacterRefused: names the first field that holds one.
    """
    for field, text in fields.items():
        if text and not are_kept(text):
            raise CharacterRefused(f"{field} holds a character that cannot be kept.", field=field)
