"""Finding a person in words that somebody typed, and taking them out of the words. Pure.

A name is found as a whole and by its parts (a colleague writes "Ms Lovelace"), a telephone number by its last digits
however it is grouped. What is found is for a person to decide about: two people may share a name.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

REMOVED = "[removed]"
_SHORTEST_PART = 4
_PHONE_DIGITS = 8
_PHONE = re.compile(r"\+?\d(?:[\s().\-/]{0,3}\d){6,17}")
# Parts of a company's name that name nobody.
_COMMON = frozenset(
    {
        "gmbh",
        "corp",
        "inc.",
        "group",
        "company",
        "limited",
        "and",
        "sons",
        "holding",
        "verein",
        "und",
        "söhne",
    }
)


@dataclass(frozen=True, slots=True)
class Known:
    """What a person can be recognized by, case folded; of telephone numbers the last digits."""

    words: tuple[str, ...]
    phones: frozenset[str]


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Where the person stands in a text."""

    start: int
    end: int


def known(
    *, names: Iterable[str], addresses: Iterable[str], phones: Iterable[str], parts: bool = True
) -> Known:
    """Say what to look for; without `parts` a name is found as a whole only."""
    words = {each for each in (*names, *addresses) if len(each) >= _SHORTEST_PART - 1}
    if parts:
        split = {part.strip(".,;()") for name in names for part in name.split()}
        words |= {part for part in split if len(part) >= _SHORTEST_PART and part not in _COMMON}
    digits = {re.sub(r"\D", "", each) for each in phones}
    return Known(
        words=tuple(sorted(words, key=lambda each: (-len(each), each))),
        phones=frozenset(each[-_PHONE_DIGITS:] for each in digits if len(each) >= _PHONE_DIGITS),
    )


def spans(text: str, person: Known) -> list[Span]:
    """Return where a text names the person; what overlaps is one place."""
    found = []
    if person.words:
        # Between signs that belong to no word, so that "Ada" is not found in "Adams".
        either = "|".join(re.escape(each) for each in person.words)
        found = [
            Span(*hit.span())
            for hit in re.finditer(rf"(?<!\w)(?:{either})(?!\w)", text, re.IGNORECASE | re.UNICODE)
        ]
    for hit in _PHONE.finditer(text):
        if re.sub(r"\D", "", hit[0])[-_PHONE_DIGITS:] in person.phones:
            found.append(Span(*hit.span()))
    joined: list[Span] = []
    for each in sorted(found):
        if joined and each.start < joined[-1].end:
            joined[-1] = Span(joined[-1].start, max(joined[-1].end, each.end))
        else:
            joined.append(each)
    return joined


def texts(value: Any) -> Iterator[str]:
    """Yield every text inside a stored value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)


def count(value: Any, person: Known) -> int:
    """Say how often a stored value names the person."""
    return sum(len(spans(text, person)) for text in texts(value))


def without(value: Any, person: Known) -> Any:
    """Return a stored value with the person taken out of its texts; everything else stays as it is."""
    if isinstance(value, dict):
        return {key: without(each, person) for key, each in value.items()}
    if isinstance(value, list):
        return [without(each, person) for each in value]
    if not isinstance(value, str):
        return value
    for each in reversed(spans(value, person)):
        value = value[: each.start] + REMOVED + value[each.end :]
    return value
