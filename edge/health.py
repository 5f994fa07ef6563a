"""Whether the product lives, and whether it can work; no sign-in, no detail that helps an attacker."""

import time
from collections.abc import Callable
from datetime import timedelta

from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, JsonResponse

from audit import queries
from backups import queries as backups
from core import clock
from crypto import keyring
from edge.access import Public, access

HEARTBEAT_SECONDS = 30
# It writes each half minute and whenever a segment is stored; a slow target may hold it up for a while.
RECEIVER_SILENT = timedelta(minutes=5)


def beat(name: str) -> None:
    """Note that a process lives; it is asked for at /readyz."""
    cache.set(f"heartbeat:{name}", int(time.time()), HEARTBEAT_SECONDS * 2)


@access(get=Public(reason="a load balancer has no account"))
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer as long as the process runs, sealed or not."""
    return JsonResponse({"status": "live"})


@access(get=Public(reason="a load balancer has no account"))
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 when every part works, else 503 naming the parts that do not."""
    parts = {name: _works(part) for name, part in _PARTS.items()}
    ready = all(parts.values())
    return JsonResponse(
        {
            "status": "ready" if ready else "not_ready",
            "parts": {k: "ok" if v else "failed" for k, v in parts.items()},
        },
        status=200 if ready else 503,
    )


def _works(part: Callable[[], bool]) -> bool:
    try:
        return part()
    except Exception:
        return False


def reaches_database() -> bool:
    """Tell whether this process's database role is let in; raises what the driver raises when it is not."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return bool(cursor.fetchone() == (1,))


def _cache() -> bool:
    cache.set("readyz", 1, 10)
    return bool(cache.get("readyz") == 1)


def _alive(name: str) -> Callable[[], bool]:
    return lambda: cache.get(f"heartbeat:{name}") is not None


def _sealer() -> bool:
    """The sealer has no way into the cache: how late its seals are is read from the database."""
    return queries.seconds_since_sealing(at=clock.now()) < HEARTBEAT_SECONDS


def _receiver() -> bool:
    """The receiver tells the database how far it has come; where backups go nowhere there is none."""
    known = backups.evidence()
    if known.places_seen_at is None or known.stream_seen_at is None:
        # The worker has not looked yet, or nobody set up where backups go: other signals tell of that.
        return True
    return clock.now() - known.stream_seen_at < RECEIVER_SILENT


_PARTS: dict[str, Callable[[], bool]] = {
    "database": reaches_database,
    "cache": _cache,
    "keys": lambda: not keyring.is_sealed(),
    "worker": _alive("worker"),
    "ops_worker": _alive("ops_worker"),
    "watch": _alive("watch"),
    "beat": _alive("beat"),
    "receiver": _receiver,
    "sealer": _sealer,
}
