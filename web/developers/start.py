"""The first call: a key made in one act, a line to paste, and the page that sees it arrive.

Promise kept: the key made here exists in a test organization alone, where no money moves; it is shown this once, stops
after a week, and can do no more than whoever makes it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect, render

from accounts import queries
from accounts.permissions import API_KEY_SCOPES, Permission
from accounts.services import apikeys
from core import clock, ids
from core.errors import Refusal
from edge import requestlog
from edge.access import access
from edge.request import Request
from edge.requestlog import Noted
from outbound.webhooks import queries as webhooks
from tenancy import context
from web.developers import guides
from web.developers import requests as noted
from web.kit import formats

_LIFE = timedelta(days=7)
_DAY = timedelta(days=1)
# How often a page asks every two seconds, and how often in all.
_OFTEN, _MOST_ASKED = 30, 60
_P = Permission
# What the guides need and nothing that sends, refunds or gives away anything.
_SCOPES = frozenset(
    {
        _P.CUSTOMER_READ, _P.CUSTOMER_WRITE, _P.EVENT_READ, _P.INVOICE_FINALIZE, _P.INVOICE_READ, _P.INVOICE_WRITE,
        _P.JOB_READ, _P.ORGANIZATION_READ, _P.PAYMENT_READ, _P.PAYMENT_WRITE, _P.PRODUCT_READ, _P.TAX_RATE_READ,
    }
)  # fmt: skip


class NotHere(Refusal):
    """A key is made in one act in a sandbox only. In a live organization make one under API keys."""

    code = "live_organization"


@dataclass(frozen=True, slots=True)
class Arrived:
    """A call that was received, as the page says it."""

    method: str
    path: str
    status: int
    milliseconds: int
    at: datetime
    url: str


@access(get=_P.EVENT_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """Show how to make the first call, or what has arrived so far."""
    return _page(request, slug, key=request.GET.get("key", ""))


@access(get=_P.APIKEY_MANAGE, post=_P.APIKEY_MANAGE)
def first_key(request: Request, slug: str) -> HttpResponse:
    """Make a key for the first call and show the line that uses it, this once."""
    if request.method != "POST":
        # Somebody confirmed on the way that it is they, and is sent on by an address.
        return redirect("developers:start", slug)
    if webhooks.livemode():
        raise NotHere
    at = clock.now()
    made = apikeys.create(
        name="First call",
        scopes=request.permissions & API_KEY_SCOPES & _SCOPES,
        limits={},
        expires_at=at + _LIFE,
        actor=request.actor,
        at=at,
    )
    return _page(request, slug, key=ids.encode("api_key", made.key.pk), raw=made.raw, scopes=made.key.scopes)


@access(get=_P.EVENT_READ)
def first_call(request: Request, slug: str) -> HttpResponse:
    """Answer whether a key's first call has arrived, and whether the page is to ask again."""
    key, asked = request.GET.get("key", ""), request.GET.get("asked", "")
    times = int(asked) + 1 if asked.isascii() and asked.isdigit() and len(asked) < 4 else _MOST_ASKED
    context_ = {"arrived": _arrived(slug, key), "key": key, "asked": times, "asks_again": _wait(times)}
    return render(request, "developers/_first_call.html", context_)


def _page(
    request: Request, slug: str, *, key: str, raw: str = "", scopes: Collection[str] = ()
) -> HttpResponse:
    at = clock.now()
    day = requestlog.latest(context.current_tenant(), since=at - _DAY)
    faults = requestlog.latest(context.current_tenant(), since=at - _DAY, failed=True)
    rates = webhooks.rates(at=at).values()
    working = [each for each in queries.api_keys() if each.revoked_at is None and each.expires_at > at]
    context_ = {
        "is_test": not webhooks.livemode(),
        "may_make": _P.APIKEY_MANAGE in request.permissions,
        "key": key,
        "raw": raw,
        "writes": _P.CUSTOMER_WRITE.value in scopes,
        "base": settings.PUBLIC_URL,
        "arrived": _arrived(slug, key),
        "asked": 0,
        "asks_again": _wait(0) if raw else 0,
        "was_called": any(each.last_used_at is not None for each in working),
        "calls": _many(day),
        "faults": _many(faults),
        "keys": formats.number(len(working)),
        "taken": f"{formats.number(sum(each.taken for each in rates))} of "
        f"{formats.number(sum(each.settled for each in rates))}",
        "guides": guides.links(slug),
    }
    return render(request, "developers/start.html", context_)


def _wait(asked: int) -> int:
    """Return after how many seconds the page asks again; 0 for not at all.

    Each look is an event of the trail: a page left open asks for six minutes and no longer.
    """
    if asked >= _MOST_ASKED:
        return 0
    return 2 if asked < _OFTEN else 10


def _many(rows: Sequence[Noted]) -> str:
    return f"{formats.number(len(rows))}{' or more' if len(rows) == requestlog.MOST else ''}"


def _arrived(slug: str, key: str) -> Arrived | None:
    """Return the first call of a key that is still known."""
    rows = requestlog.latest(context.current_tenant(), since=clock.now() - _LIFE)
    found: Noted | None = next((row for row in reversed(rows) if row.key_id == key), None)
    if found is None:
        return None
    return Arrived(
        found.method, found.path, found.status, found.milliseconds, found.when, noted.url_of(slug, found.id)
    )
