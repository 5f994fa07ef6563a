"""How alike two names of people or firms are, as a bank writes the one and we the other. Pure, and bounded."""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from difflib import SequenceMatcher
from functools import lru_cache
from uuid import UUID

SAME, LIKE = 92, 75
# A word that this many customers share tells nothing, and comparing with all of them would cost.
_COMMON = 200
_MOST_COMPARED, _MOST_FOUND = 8, 4
_MOST_COMPARISONS = 30_000
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
    # What the letters alone rule out is not compared one after the other.
    if 100 * compared.quick_ratio() < LIKE:
        return 0
    return int(100 * compared.ratio())


class Directory:
    """The customers by the words of their names. A long file costs no more than its budget of comparisons."""

    def __init__(self, names: Mapping[UUID, str]) -> None:
        self._names = names
        self._same: dict[tuple[str, ...], list[UUID]] = {}
        self._by_word: dict[str, list[UUID]] = {}
        self._found: dict[str, dict[UUID, int]] = {}
        self._budget = _MOST_COMPARISONS
        for customer_id, name in names.items():
            known = words(name)
            self._same.setdefault(tuple(sorted(known)), []).append(customer_id)
            for word in set(known):
                self._by_word.setdefault(word, []).append(customer_id)

    def like(self, name: str) -> dict[UUID, int]:
        """Return the customers whose names are like this one, the likest first, and how much."""
        if name not in self._found:
            self._found[name] = self._like(name)
        return self._found[name]

    def _like(self, name: str) -> dict[UUID, int]:
        known = words(name)
        same = self._same.get(tuple(sorted(known)), []) if known else []
        found = dict.fromkeys(same[:_MOST_FOUND], 100)
        shared: Counter[UUID] = Counter()
        for word in set(known):
            sharing = self._by_word.get(word, [])
            if len(sharing) <= _COMMON:
                shared.update(sharing)
        near = [each for each, _ in shared.most_common(_MOST_COMPARED + len(same)) if each not in found]
        for each in near[: min(_MOST_COMPARED, self._budget)]:
            self._budget -= 1
            score = likeness(name, self._names[each])
            if score >= LIKE:
                found[each] = score
        ranked = sorted(found.items(), key=lambda item: (-item[1], item[0]))
        return dict(ranked[:_MOST_FOUND])
