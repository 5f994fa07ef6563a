"""What comes in and what goes out, apart from sockets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

JSON = "application/json"


@dataclass(frozen=True)
class Request:
    """One request, its body read."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    def form(self) -> dict[str, str]:
        """Return a page's form; of a repeated name the last value counts."""
        return _pairs(self.body.decode("utf-8", "replace"))

    def fields(self) -> dict[str, str]:
        """Return the query of the address."""
        return _pairs(self.query)


def _pairs(encoded: str) -> dict[str, str]:
    try:
        found = parse_qsl(encoded, keep_blank_values=True, max_num_fields=100)
    except ValueError:
        return {}
    return dict(found)


@dataclass(frozen=True)
class Answer:
    """One answer. `route` is what the log names: a pattern, never what was typed."""

    status: int
    body: bytes
    kind: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    route: str = ""


@dataclass(frozen=True)
class Silence:
    """No answer: the connection is reset at once, or held for some seconds and closed."""

    seconds: float
    route: str = ""


def of_json(status: int, value: Any, **more: Any) -> Answer:
    """Return an answer in JSON."""
    return Answer(status, json.dumps(value).encode(), **more)
