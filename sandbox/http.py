"""What comes in and what goes out, apart from sockets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


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
        found = parse_qs(self.body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=100)
        return {name: values[-1] for name, values in found.items()}

    def fields(self) -> dict[str, str]:
        """Return the query of the address."""
        found = parse_qs(self.query, keep_blank_values=True, max_num_fields=100)
        return {name: values[-1] for name, values in found.items()}


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
