"""What somebody types to narrow the trail: `actor:ana result:denied ip:192.0.2.7 record:inv_…`, one word each.

Every word has a control of its own on the page; typing is the faster way to the same filters.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from audit.events import REGISTRY
from core import ids
from core.errors import NotFound
from edge import network
from web.console import trail

RESULTS = {
    "success": "success",
    "done": "success",
    "denied": "refused",
    "refused": "refused",
    "failed": "failed",
}
WORDS = (
    "actor", "action", "event", "operation", "result", "ip", "network", "record", "session", "request", "key", "via",
    "since", "until",
)  # fmt: skip
_WORD = re.compile(r'(?:(\w+):)?(?:"([^"]*)"|(\S+))')


class NotUnderstood(ValueError):
    """A word of the search says nothing that the trail could be asked; the message says which and what would."""


def read(text: str, *, names: Mapping[UUID, str], zone: str) -> dict[str, Any]:
    """Return what the words ask for, as arguments of the trail's filters.

    Raises:
        NotUnderstood: with a sentence for whoever typed.
    """
    readers: Mapping[str, Callable[[str], dict[str, Any]]] = {
        "actor": lambda value: {"actor": _person(value, names)},
        "action": _event,
        "event": _event,
        "operation": _operation,
        "result": lambda value: {"result": _one_of("result", value, RESULTS)},
        "ip": lambda value: {"network": _network(value)},
        "network": lambda value: {"network": value},
        "record": lambda value: {"subject": _id("record", value)},
        "session": lambda value: {"session": _id("session", value)},
        "request": lambda value: {"request": _id("request", value)},
        "key": lambda value: {"key": _id("key", value)},
        "via": lambda value: {"via": _one_of("via", value, {word: word for word in trail.VIA})},
        "since": lambda value: {"since": trail.midnight(_day("since", value), zone)},
        "until": lambda value: {"until": trail.midnight(_day("until", value) + timedelta(days=1), zone)},
    }
    found: dict[str, Any] = {}
    for word, quoted, plain in _WORD.findall(text):
        value = (quoted or plain).strip()
        if not word:
            found |= _bare(value, names)
        elif word not in readers:
            raise NotUnderstood(f"“{word}:” is no word of this search. Use one of {', '.join(WORDS)}.")
        elif not value:
            raise NotUnderstood(f"Say what “{word}:” shall be.")
        else:
            found |= readers[word](value)
    return found


def _bare(value: str, names: Mapping[UUID, str]) -> dict[str, Any]:
    """Read a word without a name: an id, an event or its family, else a person."""
    if ids.is_id(value):
        return {"subject": _id("record", value)}
    if value in REGISTRY or any(code.startswith(f"{value.rstrip('.')}.") for code in REGISTRY):
        return _event(value)
    return {"actor": _person(value, names)}


def _event(value: str) -> dict[str, Any]:
    if value in REGISTRY:
        return {"event": value}
    family = f"{value.rstrip('.*')}."
    if not any(code.startswith(family) for code in REGISTRY):
        raise NotUnderstood(f"There is no event “{value}”. A family is written with a dot: invoice.")
    return {"event": family}


def _operation(value: str) -> dict[str, Any]:
    known = {kind.operation: kind.operation for kind in REGISTRY.values()}
    return {"operation": _one_of("operation", value, known)}


def _one_of(word: str, value: str, known: Mapping[str, str]) -> str:
    if value.lower() not in known:
        raise NotUnderstood(f"“{word}:” is one of {', '.join(sorted(known))}.")
    return known[value.lower()]


def _person(value: str, names: Mapping[UUID, str]) -> UUID:
    try:
        return UUID(value)
    except ValueError:
        pass
    wanted = value.casefold()
    found = {key: name for key, name in names.items() if wanted in name.casefold()}
    if len(found) > 1:
        raise NotUnderstood(
            f"“{value}” fits {', '.join(sorted(found.values()))}. Type more of the name, in quotes."
        )
    if not found:
        raise NotUnderstood(f"Nobody here is called “{value}”.")
    return next(iter(found))


def _network(value: str) -> str:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        raise NotUnderstood(f"“{value}” is no network address.") from None
    return network.pseudonym(value)


def _id(word: str, value: str) -> UUID:
    try:
        kind = ids.kind_of(value)
        return ids.decode(kind, value) if kind else UUID(value)
    except (NotFound, ValueError):
        raise NotUnderstood(f"“{word}:” takes a whole id, such as one copied from a page.") from None


def _day(word: str, value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise NotUnderstood(f"“{word}:” takes a day, such as 2026-09-30.") from None
