"""One spelling for one value: the JSON that is signed, hashed or compared byte by byte.

Promise kept: two equal values have equal bytes, in every process and every version. Only the types with a
single spelling are allowed; a float has many, so it is refused rather than rounded.
"""

import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

Value: TypeAlias = "None | bool | int | str | Sequence[Value] | Mapping[str, Value]"


_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


class NotCanonical(TypeError):
    """Only null, booleans, integers, strings, lists and objects with string keys have one spelling."""


def _refuse_ambiguous(value: object) -> None:
    if value is None or isinstance(value, (str, bool, int)):
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise NotCanonical(f"an object's key is a string, not {type(key).__name__}")
            # Most of what is written is text; whether it can be written is found when it is.
            if type(inner) is not str:
                _refuse_ambiguous(inner)
        return
    if isinstance(value, list):
        for inner in value:
            _refuse_ambiguous(inner)
        return
    raise NotCanonical(f"{type(value).__name__} has no canonical form")


def dumps(value: Value) -> bytes:
    """Return `value` as JSON in UTF-8: keys sorted by code point, no spaces, no escapes beyond the needed ones.

    Raises NotCanonical for a float, bytes, a tuple, a date or any other type.
    """
    _refuse_ambiguous(value)
    try:
        return _encode(value).encode()
    except UnicodeEncodeError:
        # A lone surrogate has no UTF-8 form; json would print it as an escape that other readers refuse.
        raise NotCanonical("a string holds half of a character") from None
