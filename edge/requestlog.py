"""The last requests of an organization's programs, for whoever looks for a fault: how, where to, with what result.

It is no audit trail: that keeps who did or saw what, for years, in the database. This keeps what the trail does not
(a body that was refused, how long an answer took) for a week, in the cache: one round trip and no statement a request.
Faults have a list of their own, so that a busy program does not push the one fault that is looked for out of sight.

Promise kept: no body, no query and nothing that somebody typed: a path as its route with identifiers of ours in it.
What cannot be noted is not noted, and the request is answered all the same.
"""

import json
import logging
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.cache import caches
from redis.exceptions import RedisError

MOST = 500
KEPT_FOR = timedelta(days=7)
_FAILED_FROM = 400
_log = logging.getLogger("strongbox.requestlog")


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """One request of an API key and its answer; `code` says why it was refused."""

    id: str
    at: str
    key_id: str
    method: str
    path: str
    status: int
    milliseconds: int
    code: str = ""

    @property
    def has_failed(self) -> bool:
        """Tell whether it was refused, or failed."""
        return self.status >= _FAILED_FROM

    @property
    def when(self) -> datetime:
        """Return when it was answered."""
        return datetime.fromisoformat(self.at)


def note(tenant_id: UUID, noted: Noted) -> None:
    """Keep one request in its organization's list, and a fault in that of faults as well."""
    text = json.dumps(asdict(noted))
    try:
        pipe = _client().pipeline(transaction=False)
        for name in _names(tenant_id)[: 1 + noted.has_failed]:
            pipe.lpush(name, text)
            pipe.ltrim(name, 0, MOST - 1)
            pipe.expire(name, KEPT_FOR)
        pipe.execute()
    except (RedisError, OSError):
        _log.warning("a request could not be noted")


def latest(tenant_id: UUID, *, since: datetime, failed: bool = False) -> list[Noted]:
    """Return the last requests of an organization, or those that failed, newest first; none when nobody can tell."""
    name = _names(tenant_id)[failed]
    try:
        rows = _client().lrange(name, 0, MOST - 1)
    except (RedisError, OSError):
        return []
    found = (_read(row) for row in rows)
    return [row for row in found if row is not None and row.when > since]


def _read(row: bytes) -> Noted | None:
    """Return what was noted; nothing where an older or newer edition of the product wrote it otherwise."""
    try:
        noted = Noted(**json.loads(row))
        return noted if noted.when.tzinfo is not None else None
    except (TypeError, ValueError):
        return None


def _names(tenant_id: UUID) -> tuple[str, str]:
    cache: Any = caches["default"]
    return cache.make_key(f"requests:{tenant_id}"), cache.make_key(f"faults:{tenant_id}")


def _client() -> Any:
    cache: Any = caches["default"]
    return cache.client
