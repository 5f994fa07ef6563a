"""Pages by key, never by count: each begins where the last one ended, however large the organization.

Promise kept: a cursor opens nothing. It is signed for one organization and one list with its filters.
Row-level security would show nothing of another's anyway, but what was tampered with is refused, not
guessed at.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings

from core import canonical, primitives
from core.errors import FieldError, Invalid

DEFAULT_LIMIT = 50
LARGEST_LIMIT = 100
PARAMETERS = frozenset({"limit", "cursor"})
_SIGNATURE_BYTES = 16


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of which list is wanted, and where the part before it ended."""

    limit: int
    ending: bytes
    purpose: bytes

    @property
    def after(self) -> UUID | None:
        """Return the last id already seen, None at the start, where the list goes by id."""
        return UUID(bytes=self.ending) if self.ending else None

    @property
    def place(self) -> str:
        """Return where the list goes on, empty at the start, where its query has an address of its own for that."""
        return self.ending.decode()

    def answer(self, data: Sequence[Mapping[str, Any]], next_after: UUID | str | None) -> dict[str, Any]:
        """Write the page as the API shows lists; `next_after` is None on the last page."""
        cursor = None
        if next_after is not None:
            ending = next_after.bytes if isinstance(next_after, UUID) else next_after.encode()
            cursor = _sign(ending, self.purpose)
        return {"object": "list", "data": data, "has_more": cursor is not None, "next_cursor": cursor}


def page_of(
    parameters: Mapping[str, str], *, tenant_id: UUID, name: str, filters: Mapping[str, str] | None = None
) -> Page:
    """Read `limit` and `cursor`; `name` and `filters` say which list the cursor must belong to.

    Raises:
        Invalid: a limit that is no number from 1 to 100, or a cursor of another list.
    """
    purpose = canonical.dumps({"tenant": str(tenant_id), "list": name, "filters": dict(filters or {})})
    faults: list[FieldError] = []
    limit, ending = DEFAULT_LIMIT, b""
    text = parameters.get("limit", str(DEFAULT_LIMIT))
    if text.isascii() and text.isdecimal() and len(text) <= len(str(LARGEST_LIMIT)):
        limit = int(text)
    if not 1 <= limit <= LARGEST_LIMIT or text.lstrip("0") != str(limit):
        detail = f"This must be a number from 1 to {LARGEST_LIMIT}."
        faults.append(FieldError("/limit", "out_of_range", detail))
    if "cursor" in parameters:
        ending = _read(parameters["cursor"], purpose)
        if not ending:
            detail = "This cursor does not belong to this list. Start without one."
            faults.append(FieldError("/cursor", "bad_cursor", detail))
    if faults:
        raise Invalid(faults)
    return Page(limit, ending, purpose)


def _signature(ending: bytes, purpose: bytes) -> bytes:
    key = primitives.hkdf_expand(primitives.sha256(settings.SECRET_KEY.encode()), b"api cursor")
    return primitives.hmac_sha256(key, ending + purpose)[:_SIGNATURE_BYTES]


def _sign(ending: bytes, purpose: bytes) -> str:
    return base64.urlsafe_b64encode(_signature(ending, purpose) + ending).decode().rstrip("=")


def _read(text: str, purpose: bytes) -> bytes:
    """Return what was signed, or nothing."""
    try:
        signed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""
    signature, ending = signed[:_SIGNATURE_BYTES], signed[_SIGNATURE_BYTES:]
    return ending if primitives.constant_time_equal(signature, _signature(ending, purpose)) else b""
