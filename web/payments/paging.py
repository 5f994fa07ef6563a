"""Pages of the lists of payments in an address: behind an id, or before it with a dash."""

from typing import Any

from django.http import QueryDict

from core import ids
from payments.lists import PAGE, Listed, Place
from web.kit.parts import CursorPage


def place(query: QueryDict, *, limit: int = PAGE, sort: str = "") -> Place:
    """Read where the page begins.

    Raises:
        NotFound: the address is damaged.
    """
    cursor = query.get("cursor", "")
    if not cursor:
        return Place(limit=limit, sort=sort)
    return Place(ids.from_base32(cursor.lstrip("-")), back=cursor.startswith("-"), limit=limit, sort=sort)


def page(query: QueryDict, listed: Listed[Any], *, limit: int = PAGE) -> CursorPage:
    """Say where the page stands; a long list is not counted."""
    raw = query.get("from", "")
    first = max(int(raw), 1) if raw.isdecimal() and len(raw) <= 9 else 1
    shown = len(listed.rows)
    following, before = listed.next_after, listed.previous_before
    return CursorPage(
        shown=shown,
        first=first,
        next_url=_at(query, ids.base32(following), first + shown) if following else "",
        previous_url=_at(query, f"-{ids.base32(before)}", max(first - limit, 1)) if before else "",
    )


def _at(query: QueryDict, cursor: str, first: int) -> str:
    there = query.copy()
    there["cursor"], there["from"] = cursor, str(first)
    return f"?{there.urlencode()}"
