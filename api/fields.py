"""The kinds of value the API takes, each read in one way only: no text for a number, no number for a text.

Promise kept: no free text that holds a card number gets past its field, and no message repeats what was sent.
"""

import base64
import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import exceptions, serializers
from rest_framework.exceptions import ErrorDetail

from core import characters, days, ids, money
from core.cardnumbers import contains_card_number
from core.errors import NotFound

# Stands for an identifier that is malformed or of another kind. No record has it, so that a wrong, a foreign
# and an unknown identifier get the same answer from the same query.
NOBODY = UUID(int=0)

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)
_MESSAGES = {
    "required": "This field is required.",
    "null": "This field may not be null.",
    "blank": "This field may not be empty.",
    "not_text": "This must be text.",
    "not_base64": "This must be base64.",
    "not_an_object": "This must be an object.",
    "not_a_list": "This must be a list.",
    "too_long": "This is too long: at most {limit} characters.",
    "too_many": "There are too many: at most {limit}.",
    "too_few": "There must be at least one.",
    "invalid_character": "This holds a character that cannot be kept.",
    "card_number": "This holds what looks like a card number. Nothing was stored; remove it.",
    "unknown_field": "There is no such field here.",
    "out_of_bounds": "This must be from {least} to {most}.",
    "not_whole": "This must be a whole number of minor units.",
    "not_positive": "This must be more than zero.",
    "too_large": "This is larger than any amount that can be booked.",
    "not_a_decimal": 'This must be a decimal number written as text, such as "12.50".',
    "not_a_flag": "This must be true or false.",
    "not_a_day": "This must be a day, written as YYYY-MM-DD.",
    "day_out_of_range": "This must lie between 2000 and 2100.",
    "not_a_moment": "This must be a moment such as 2026-12-31T12:00:00Z.",
    "unknown_currency": "This is not an ISO 4217 currency in use.",
    "unknown_choice": "This must be one of: {choices}.",
}


def fault(code: str, **facts: object) -> exceptions.ValidationError:
    """Make the refusal of one value."""
    return exceptions.ValidationError([ErrorDetail(_MESSAGES[code].format(**facts), code=code)])


def check_text(text: str, *, limit: int, lines: bool = False) -> str:
    """Let a text pass that can be kept and shown.

    Raises:
        ValidationError: too long, a character that cannot be kept, or a card number.
    """
    if len(text) > limit:
        raise fault("too_long", limit=limit)
    for char in text:
        if unicodedata.category(char) in ("Cc", "Cs") and not (lines and char in "\n\t"):
            raise fault("invalid_character")
    if not characters.are_kept(text):
        raise fault("invalid_character")
    if contains_card_number(text):
        raise fault("card_number")
    return text


class _Strict(serializers.Field):  # type: ignore[type-arg]  # generic in the stubs only
    """What all of them share: the words for a value that is missing or null."""

    def fail(self, key: str, **kwargs: Any) -> Any:
        """Refuse in our own words."""
        raise fault(key, **kwargs)

    def to_representation(self, value: Any) -> Any:
        """Answers are written by `api.v1`, not by these."""
        return value


@extend_schema_field(OpenApiTypes.STR)
class Text(_Strict):
    """A text, trimmed at both ends."""

    def __init__(self, *, limit: int, lines: bool = False, blank: bool = False, **kwargs: Any) -> None:
        self.limit, self.lines, self.blank = limit, lines, blank
        super().__init__(**kwargs)
        self._spectacular_annotation = {"field": {"type": "string", "maxLength": limit, **self._least()}}

    def _least(self) -> dict[str, int]:
        return {} if self.blank else {"minLength": 1}

    def to_internal_value(self, data: Any) -> str:
        """Read the text."""
        if not isinstance(data, str):
            raise fault("not_text")
        text = check_text(data.strip(), limit=self.limit, lines=self.lines)
        if not text and not self.blank:
            raise fault("blank")
        return text


class Content(_Strict):
    """The bytes of a file as base64. Whoever keeps them looks into what they are."""

    def __init__(self, *, most_bytes: int, **kwargs: Any) -> None:
        self.most = -(-most_bytes // 3) * 4
        super().__init__(**kwargs)
        field = {"type": "string", "contentEncoding": "base64", "maxLength": self.most}
        self._spectacular_annotation = {"field": field}

    def to_internal_value(self, data: Any) -> bytes:
        """Read the bytes."""
        if not isinstance(data, str):
            raise fault("not_text")
        if len(data) > self.most:
            raise fault("too_long", limit=self.most)
        try:
            return base64.b64decode(data, validate=True)
        except ValueError:
            raise fault("not_base64") from None


@extend_schema_field({"type": "string", "pattern": r"^-?\d{1,12}(\.\d{1,12})?$", "examples": ["12.50"]})
class DecimalText(_Strict):
    """An exact number, written as text: a JSON number would become a binary fraction somewhere."""

    _SHAPE = re.compile(r"-?\d{1,12}(\.\d{1,12})?\Z", re.ASCII)

    def to_internal_value(self, data: Any) -> Decimal:
        """Read the number."""
        if not isinstance(data, str) or not self._SHAPE.match(data):
            raise fault("not_a_decimal")
        return Decimal(data)


@extend_schema_field({"type": "integer", "minimum": 1, "maximum": money.MAX_MINOR, "examples": [12_500]})
class Minor(_Strict):
    """An amount in minor units, above zero. A number with a fraction is refused, also one of ".0"."""

    def to_internal_value(self, data: Any) -> int:
        """Read the amount."""
        if not isinstance(data, int) or isinstance(data, bool):
            raise fault("not_whole")
        if data < 1:
            raise fault("not_positive")
        if data > money.MAX_MINOR:
            raise fault("too_large")
        return data


@extend_schema_field(OpenApiTypes.DATE)
class Day(_Strict):
    """A day without a time."""

    def to_internal_value(self, data: Any) -> date:
        """Read the day."""
        if not isinstance(data, str) or not _DAY.match(data):
            raise fault("not_a_day")
        try:
            day = date.fromisoformat(data)
        except ValueError as error:
            raise fault("not_a_day") from error
        if not days.FIRST <= day <= days.LAST:
            raise fault("day_out_of_range")
        return day


@extend_schema_field({"type": "string", "pattern": "^[A-Z]{3}$", "examples": ["EUR"]})
class Currency(_Strict):
    """An ISO 4217 code in use."""

    def to_internal_value(self, data: Any) -> str:
        """Read the code."""
        if not isinstance(data, str):
            raise fault("not_text")
        if data not in money.EXPONENTS:
            raise fault("unknown_currency")
        return data


@extend_schema_field(OpenApiTypes.BOOL)
class Flag(_Strict):
    """True or false, and nothing that only looks like it."""

    def to_internal_value(self, data: Any) -> bool:
        """Read the flag."""
        if not isinstance(data, bool):
            raise fault("not_a_flag")
        return data


class Choice(_Strict):
    """One word of a short list."""

    def __init__(self, *, words: tuple[str, ...], **kwargs: Any) -> None:
        self.words = words
        super().__init__(**kwargs)
        self._spectacular_annotation = {"field": {"type": "string", "enum": list(words)}}

    def to_internal_value(self, data: Any) -> str:
        """Read the word."""
        if not isinstance(data, str):
            raise fault("not_text")
        if data not in self.words:
            raise fault("unknown_choice", choices=", ".join(self.words))
        return data


class Whole(_Strict):
    """A whole number within bounds. One with a fraction is refused, also one of ".0"."""

    def __init__(self, *, least: int, most: int, **kwargs: Any) -> None:
        self.least, self.most = least, most
        super().__init__(**kwargs)
        self._spectacular_annotation = {"field": {"type": "integer", "minimum": least, "maximum": most}}

    def to_internal_value(self, data: Any) -> int:
        """Read the number."""
        if not isinstance(data, int) or isinstance(data, bool):
            raise fault("not_whole")
        if not self.least <= data <= self.most:
            raise fault("out_of_bounds", least=self.least, most=self.most)
        return data


class Id(_Strict):
    """The outside name of a record. A wrong one reads as `NOBODY`: no answer tells it from a foreign one."""

    def __init__(self, *, kind: str, **kwargs: Any) -> None:
        self.kind = kind
        super().__init__(**kwargs)
        self._spectacular_annotation = {"field": id_schema(kind)}

    def to_internal_value(self, data: Any) -> UUID:
        """Read the identifier."""
        if not isinstance(data, str):
            raise fault("not_text")
        try:
            return ids.decode(self.kind, data)
        except NotFound:
            return NOBODY


@extend_schema_field({"type": "string", "examples": ["inv_" + "0" * 26]})
class AnyId(_Strict):
    """The outside name of a record of any kind."""

    def to_internal_value(self, data: Any) -> UUID:
        """Read the identifier."""
        if not isinstance(data, str):
            raise fault("not_text")
        try:
            return ids.decode(ids.kind_of(data) or "request", data)
        except NotFound:
            return NOBODY


@extend_schema_field(OpenApiTypes.DATETIME)
class Moment(_Strict):
    """A moment with its offset from UTC (RFC 3339)."""

    def to_internal_value(self, data: Any) -> datetime:
        """Read the moment."""
        try:
            found = datetime.fromisoformat(data)
        except (TypeError, ValueError) as error:
            raise fault("not_a_moment") from error
        if found.tzinfo is None:
            raise fault("not_a_moment")
        if not days.FIRST <= found.date() <= days.LAST:
            raise fault("day_out_of_range")
        return found


@extend_schema_field({"type": "object", "additionalProperties": {"type": "string"}})
class TextMap(_Strict):
    """Names and texts of the caller's own."""

    def __init__(self, *, keys: int, key_limit: int, limit: int, **kwargs: Any) -> None:
        self.keys, self.key_limit, self.limit = keys, key_limit, limit
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> dict[str, str]:
        """Read the map, and name every entry that cannot be used."""
        if not isinstance(data, Mapping):
            raise fault("not_an_object")
        if len(data) > self.keys:
            raise fault("too_many", limit=self.keys)
        faults: dict[str, Any] = {}
        for key, text in data.items():
            try:
                if not key:
                    raise fault("blank")
                check_text(key, limit=self.key_limit)
                if not isinstance(text, str):
                    raise fault("not_text")
                check_text(text, limit=self.limit, lines=True)
            except exceptions.ValidationError as error:
                faults[key] = error.detail
        if faults:
            raise exceptions.ValidationError(faults)
        return dict(data)


class Body(serializers.Serializer):  # type: ignore[type-arg]  # generic in the stubs only
    """An object of exactly these fields: what is not declared is refused, and every fault is named at once.

    A misspelt field that is silently ignored is a changed invoice that nobody notices.
    """

    def fail(self, key: str, **kwargs: Any) -> Any:
        """Refuse in our own words."""
        raise fault(key, **kwargs)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Read the object.

        Raises:
            ValidationError: every fault of every field.
        """
        if not isinstance(data, Mapping):
            raise fault("not_an_object")
        faults: dict[str, Any] = {}
        values: dict[str, Any] = {}
        try:
            values = super().to_internal_value(data)
        except exceptions.ValidationError as error:
            faults.update(error.detail)  # type: ignore[arg-type]  # an object's detail is a dict
        for name in data:
            if name not in self.fields:
                faults[name] = fault("unknown_field").detail
        if faults:
            raise exceptions.ValidationError(faults)
        return values


class Nothing(Body):
    """An empty object, or no body at all."""


class Bodies(_Strict):
    """A list of such objects, at least one unless it may be empty, and not too many."""

    def __init__(self, *, of: type[Body], limit: int, empty: bool = False, **kwargs: Any) -> None:
        self.of, self.limit, self.empty = of, limit, empty
        super().__init__(**kwargs)
        self.child = of()

    def to_internal_value(self, data: Any) -> list[dict[str, Any]]:
        """Read the list, and name every fault of every entry."""
        if not isinstance(data, list):
            raise fault("not_a_list")
        if not data and not self.empty:
            raise fault("too_few")
        if len(data) > self.limit:
            raise fault("too_many", limit=self.limit)
        values, faults = [], {}
        for index, entry in enumerate(data):
            try:
                values.append(self.child.run_validation(entry))
            except exceptions.ValidationError as error:
                faults[str(index)] = error.detail
        if faults:
            raise exceptions.ValidationError(faults)
        return values


def decimal_text(value: Decimal) -> str:
    """Write an exact number without trailing zeros and without an exponent."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def id_schema(kind: str) -> dict[str, Any]:
    """Describe an outside name for the schema."""
    prefix = ids.PREFIXES[kind]
    return {"type": "string", "pattern": f"^{prefix}_[0-9a-z]{{26}}$", "examples": [f"{prefix}_{'0' * 26}"]}
