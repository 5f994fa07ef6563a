"""Stripe's way of writing nested parameters in a form: `line_items[0][price_data][currency]=eur`.

A parameter that nobody reads is refused: what Stripe does not know must not pass here either.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

from sandbox.errors import ApiError, invalid
from sandbox.numbers import holds_card_number

_LARGEST_AMOUNT = 99_999_999
_LONGEST = 5_000
_PART = re.compile(r"\[([^\]]*)\]")
_DEEPEST = 6


def parse(encoded: str) -> dict[str, Any]:
    """Return the nested form of url-encoded pairs; indexed parts become lists."""
    root: dict[str, Any] = {}
    try:
        pairs = parse_qsl(encoded, keep_blank_values=True, max_num_fields=2000)
    except ValueError:
        raise invalid("Too many parameters.") from None
    for name, value in pairs:
        head, bracket, rest = name.partition("[")
        path = [head, *_PART.findall(bracket + rest)]
        if len(path) > _DEEPEST:
            raise invalid("A parameter is nested too deeply.")
        _put(root, path, value)
    return {name: _lists(value) for name, value in root.items()}


def _put(target: dict[str, Any], path: list[str], value: str) -> None:
    *above, last = path
    for part in above:
        inner = target.setdefault(part or str(len(target)), {})
        if not isinstance(inner, dict):
            raise invalid("A parameter is both a value and a group.")
        target = inner
    target[last or str(len(target))] = value


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {name: _lists(item) for name, item in value.items()}
    if inner and all(name.isdecimal() and len(name) < 5 for name in inner):
        return [inner[name] for name in sorted(inner, key=int)]
    return inner


def _number_refused(name: str) -> ApiError:
    return invalid("Card numbers are taken by the hosted page only.", name, code="parameter_invalid")


class Params:
    """The parameters of one call; each has to be read by somebody."""

    def __init__(self, values: dict[str, Any], prefix: str = "") -> None:
        self._values = values
        self._prefix = prefix
        self._unread = set(values)
        self._inner: list[Params] = []

    def _name(self, name: str) -> str:
        return f"{self._prefix}[{name}]" if self._prefix else name

    def _take(self, name: str) -> Any:
        self._unread.discard(name)
        return self._values.get(name)

    def has(self, name: str) -> bool:
        """Tell whether a parameter was given."""
        return name in self._values

    def text(self, name: str, default: str | None = None) -> str | None:
        """Return a text, or `default`; an empty text unsets, as at Stripe."""
        value = self._take(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise invalid(
                "Invalid string: this is a group.", self._name(name), code="parameter_invalid_string"
            )
        if len(value) > _LONGEST:
            raise invalid(f"Invalid string: at most {_LONGEST} characters.", self._name(name))
        if holds_card_number(value):
            raise _number_refused(self._name(name))
        return value or None

    def needed(self, name: str) -> str:
        """Return a text that must be given."""
        value = self.text(name)
        if value is None:
            full = self._name(name)
            raise ApiError(400, f"Missing required param: {full}.", code="parameter_missing", param=full)
        return value

    def choice(self, name: str, allowed: Iterable[str], default: str) -> str:
        """Return one of some words."""
        value = self.text(name, default) or default
        choices = list(allowed)
        if value not in choices:
            words = ", ".join(choices)
            raise invalid(
                f"Invalid {self._name(name)}: must be one of {words}",
                self._name(name),
                code="parameter_unknown",
            )
        return value

    def number(self, name: str) -> int | None:
        """Return a whole number, or None."""
        value = self.text(name)
        if value is None:
            return None
        if not re.fullmatch(r"-?\d{1,15}", value, re.ASCII):
            raise invalid("Invalid integer.", self._name(name), code="parameter_invalid_integer")
        return int(value)

    def amount(self, name: str) -> int | None:
        """Return an amount in minor units, or None."""
        value = self.number(name)
        if value is None:
            return None
        if value < 1:
            raise invalid(
                "This value must be greater than or equal to 1.",
                self._name(name),
                code="parameter_invalid_integer",
            )
        if value > _LARGEST_AMOUNT:
            raise invalid("Amount must be no more than 999999.99.", self._name(name), code="amount_too_large")
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return true or false."""
        value = self.text(name)
        if value is None:
            return default
        if value not in ("true", "false"):
            raise invalid("Invalid boolean: must be true or false.", self._name(name))
        return value == "true"

    def group(self, name: str) -> Params:
        """Return the parameters inside a group; an absent group is empty."""
        value = self._take(name)
        inner = Params(value if isinstance(value, dict) else {}, self._name(name))
        if value not in (None, "") and not isinstance(value, dict):
            raise invalid("Invalid object", self._name(name), code="parameter_invalid_empty")
        self._inner.append(inner)
        return inner

    def groups(self, name: str) -> list[Params]:
        """Return each group of a list."""
        value = self._take(name)
        if value in (None, ""):
            return []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise invalid("Invalid array", self._name(name), code="parameter_invalid_empty")
        inner = [Params(item, f"{self._name(name)}[{index}]") for index, item in enumerate(value)]
        self._inner += inner
        return inner

    def texts(self, name: str) -> list[str]:
        """Return each text of a list."""
        value = self._take(name)
        if value in (None, ""):
            return []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise invalid("Invalid array", self._name(name), code="parameter_invalid_empty")
        return value

    def metadata(self, name: str = "metadata") -> dict[str, str]:
        """Return metadata: at most 50 names of 40 characters, values of 500."""
        value = self._take(name)
        if value in (None, "", {}):
            return {}
        if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
            raise invalid("Invalid metadata: texts only.", self._name(name))
        if len(value) > 50 or any(len(key) > 40 or len(item) > 500 for key, item in value.items()):
            raise invalid("Metadata: at most 50 names of 40 characters, values of 500.", self._name(name))
        if any(map(holds_card_number, value.values())):
            raise _number_refused(self._name(name))
        return value

    def accept(self, *names: str) -> dict[str, Any]:
        """Return parameters that are known at Stripe and change nothing here."""
        return {name: self._take(name) for name in names if name in self._values}

    def finish(self) -> None:
        """Refuse what nobody has read.

        Raises: ApiError.
        """
        for name in sorted(self._unread):
            full = self._name(name)
            raise ApiError(
                400, f"Received unknown parameter: {full[:80]}", code="parameter_unknown", param=full[:80]
            )
        for inner in self._inner:
            inner.finish()
