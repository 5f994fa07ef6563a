"""A state moves only along the arrows of its table, and every other move is refused by name."""

from collections.abc import Mapping
from typing import TypeVar

from core.errors import Refusal

S = TypeVar("S", bound=str)


def move(moves: Mapping[S, frozenset[S]], current: S, *, to: S, refusal: type[Refusal]) -> S:
    """Return the new state when the table allows it.

    Raises:
        Refusal: the given kind, when the table has no such arrow.
    """
    if to not in moves[current]:
        raise refusal()
    return to
