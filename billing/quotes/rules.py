"""How a quote may move. Pure."""

from collections.abc import Mapping
from types import MappingProxyType

MOVES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "draft": frozenset({"open", "canceled"}),
        "open": frozenset({"accepted", "declined", "expired", "canceled"}),
        "accepted": frozenset({"canceled"}),
        "declined": frozenset(),
        "expired": frozenset(),
        "canceled": frozenset(),
    }
)
