"""Spreading money over what is owed. Pure: no cent is made or lost."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Part:
    """How much goes to (or comes from) one thing, in minor units."""

    id: UUID
    amount_minor: int


def spread(amount_minor: int, places: Sequence[tuple[UUID, int, int]]) -> tuple[list[Part], int]:
    """Spread an amount over places in their order; return the parts and what is left.

    A place is (id, wanted, room): it takes what was wanted, never more than there is room for.
    """
    left, parts = amount_minor, []
    for place, wanted, room in places:
        taken = max(0, min(left, wanted, room))
        if taken:
            parts.append(Part(place, taken))
            left -= taken
    return parts, left
