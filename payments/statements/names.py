"""How alike two names of people or firms are, as a bank writes the one and we the other. Pure, and bounded."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher
from functools import lru_cache
from uuid import UUID

SAME, LIKE = 92, 75
# A word that this many customers share tells nothing, and comparing with all of them would cost.
_COMMON = 400
_MOST_COMPARED = 40
# Letters that stand between marks are joined first: "G.m.b.H." is one word.
_DOTS = re.compile(r"(?<=\w)\.(?=\w)")
_NO_WORD = re.compile(r"[^0-9a-z]+")
_FIRMS = """
ab ag as bv bvba co corp corporation cv cvba company eg ek ev gbr gesellschaft gmbh inc kg kgaa kft lda limited llc
llp lp ltd mbh nv ohg oy oyj plc pte pty sa sab sarl sas sasu sca scop sl slu snc spa sprl srl sro ug
"""
_FORMS = frozenset(f"{_FIRMS} und and et herr frau mr mrs ms dr the".split())


@lru_cache(maxsize=65_536)
def words(name: str) -> tuple[str, ...]:
    """Return the words of a name that tell it from others: no accents, no legal form."""
    plain = unicodedata.normalize("NFKD", _DOTS.sub("", name).casefold().replace("ß", "ss").replace("ø", "o"))
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    found = [word for word in _NO_WORD.split(plain) if word]
    return tuple(word for word in found if word not in _FORMS) or tuple(found)


def likeness(one: str, other: str) -> int:
    """Return how alike two names are, in per cent, whatever the order of their words."""
    ours, theirs = words(one), words(other)
    if not ours or not theirs:
        return 0
    if sorted(ours) == sorted(theirs):
        return 100
    shorter, longer = sorted((frozenset(ours), frozenset(theirs)), key=len)
    if len(shorter) > 1 and shorter < longer:
        return 90
    compared = SequenceMatcher(None, " ".join(sorted(ours)), " ".join(sorted(theirs)), autojunk=False)
    return int(100 * compared.ratio())


class Directory:
    """The customers by the words of their names."""

    def __init__(self, names: Mapping[UUID, str]) -> None:
        self._names = names
        self._by_word: dict[str, list[UUID]] = {}
        for customer_id, name in names.items():
            for word in set(words(name)):
                self._by_word.setdefault(word, []).append(customer_id)

    def like(self, name: str) -> dict[UUID, int]:
        """Return the customers whose names are like this one, and how much."""
        compared: dict[UUID, None] = {}
        for sharing in sorted(self._sharing(name), key=len):
            if len(sharing) <= _COMMON:
                compared.update(dict.fromkeys(sharing))
            if len(compared) >= _MOST_COMPARED:
                break
        found = {each: likeness(name, self._names[each]) for each in list(compared)[:_COMMON]}
        return {each: score for each, score in found.items() if score >= LIKE}

    def _sharing(self, name: str) -> Iterable[list[UUID]]:
        return [self._by_word[word] for word in set(words(name)) if word in self._by_word]
