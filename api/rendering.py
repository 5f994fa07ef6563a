"""JSON in and out. In: strictly, so that no two readers of one body can understand two things by it.

Promise kept (ASVS 1.5.3, 15.3.7): duplicate members, NaN, Infinity, numbers of absurd length, broken UTF-8
and half characters are refused, instead of the last one winning somewhere down the line.
"""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import IO, Any, NoReturn

import orjson
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from api.errors import BodyTooLarge, Unreadable, UnsupportedMediaType

MEDIA_TYPE = "application/json"
LARGEST_BODY = 1024 * 1024  # bytes; 500 lines of the longest description fit
_LONGEST_INTEGER = 19  # digits: what PostgreSQL's bigint holds
_LONGEST_FRACTION = 40
_CHARSET = re.compile(r';\s*charset\s*=\s*"?utf-8"?\s*', re.IGNORECASE)


class JsonRenderer(BaseRenderer):
    """Writes answers with orjson: times in UTC, never a float."""

    media_type = MEDIA_TYPE
    format = "json"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        """Write one answer."""
        return b"" if data is None else dumps(data)


def dumps(data: Any) -> bytes:
    """Write a value as JSON in UTF-8; times as RFC 3339 in UTC."""
    return orjson.dumps(data, option=orjson.OPT_UTC_Z)


class OneAnswer(BaseContentNegotiation):
    """Every address answers in one form, whatever Accept says."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        """Return the one parser there is; it refuses other content types itself."""
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        """Return the one renderer there is."""
        return renderers[0], renderers[0].media_type


class StrictJsonParser(BaseParser):
    """Reads a JSON document that can be read in one way only."""

    media_type = MEDIA_TYPE

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Read the body.

        Raises:
            UnsupportedMediaType, BodyTooLarge, Unreadable: see there.
        """
        essence, _, rest = (media_type or "").partition(";")
        if essence.strip().lower() != MEDIA_TYPE or (rest and not _CHARSET.fullmatch(f";{rest}")):
            raise UnsupportedMediaType
        body = stream.read(LARGEST_BODY + 1)
        if len(body) > LARGEST_BODY:
            raise BodyTooLarge
        return loads(body)


def loads(body: bytes) -> Any:
    """Read a JSON document; numbers with a fraction become Decimal, which no field of ours takes.

    Raises:
        Unreadable: not UTF-8, not JSON, or open to more than one reading.
    """
    try:
        found = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_once,
            parse_constant=_no_constant,
            parse_int=_integer,
            parse_float=_fraction,
        )
        # A lone surrogate (`"\ud800"`) is no character; it would fail only when it is stored.
        json.dumps(found, ensure_ascii=False, default=str).encode("utf-8")
    except (UnicodeError, ValueError, RecursionError) as error:
        raise Unreadable from error
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unreadable("A member stands twice in one object of the body.")
    return found


def _no_constant(name: str) -> NoReturn:
    raise Unreadable("NaN and Infinity are no JSON numbers.")


def _integer(text: str) -> int:
    if len(text.lstrip("-")) > _LONGEST_INTEGER:
        raise Unreadable("A number in the body is too long.")
    return int(text)


def _fraction(text: str) -> Decimal:
    if len(text) > _LONGEST_FRACTION:
        raise Unreadable("A number in the body is too long.")
    return Decimal(text)
