"""What stands beside a member: where they are signed in, the keys they made, what they did; and what ends with them."""

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from accounts import events, grants, oversight
from accounts.models import ApiKey, Membership
from accounts.permissions import Permission
from audit import events as audit_events
from audit import queries as trail_queries
from audit.queries import Filters
from core import clock, ids
from edge import recording
from edge.request import Request
from web.console import trail
from web.console.sessions import FACTORS
from web.kit.parts import Entry
from web.signin.origins import device_words, network_words

_MOST = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a member is signed in."""

    device: str
    network: str
    factor: str
    last_seen_at: datetime


def beside(request: Request, slug: str, member: Membership) -> dict[str, object]:
    """Return sessions, keys and the latest acts of a member, each only for whoever may see it."""
    may = request.permissions
    found: dict[str, object] = {"now": clock.now()}
    if Permission.SECURITY_READ in may:
        found["places"] = _places(request, member)
        if Permission.ALERT_CONTAIN in may:
            pk = ids.encode("member", member.pk)
            found["sign_out_url"] = reverse("console:sign_out", args=[slug, pk])
    if Permission.APIKEY_MANAGE in may:
        found["keys"] = _keys(request, member)
    if Permission.AUDIT_READ in may:
        found["activity"] = _activity(request, slug, member)
        found["activity_url"] = trail.search_url(slug, actor=str(member.user_id))
    return found


def ending(request: Request, member: Membership) -> dict[str, object]:
    """Name what ends, or is handed over, when a member goes."""
    asked = oversight.asked_by(member.user_id, at=clock.now()).count()
    return {
        "places": _places(request, member),
        "keys": _keys(request, member),
        "asked": asked,
        "grants": grants.count_of(member.user_id),
        "invited": oversight.invited_by(member.user_id, at=clock.now()),
    }


def _places(request: Request, member: Membership) -> list[Place]:
    rows = list(oversight.sessions_of_member(member, at=clock.now()))
    if rows:
        recording.read(
            request, events.SESSIONS_READ, subjects=[row.pk for row in rows], fields=["user.name", "device"]
        )
    return [
        Place(
            device=device_words(row.device),
            network=network_words(row.network),
            factor=FACTORS[row.factor],
            last_seen_at=row.last_seen_at,
        )
        for row in rows
    ]


def _keys(request: Request, member: Membership) -> list[ApiKey]:
    rows = list(oversight.keys_of(member, at=clock.now()))
    if rows:
        recording.read(request, events.APIKEYS_READ, subjects=[row.pk for row in rows])
    return rows


def _activity(request: Request, slug: str, member: Membership) -> list[Entry]:
    page = trail_queries.events(Filters(actor=member.user_id), limit=_MOST)
    recording.read(
        request, audit_events.AUDIT_READ, subject=("member", member.pk), facts={"shown": len(page.events)}
    )
    return trail.entries(trail.rows(page.events, slug=slug, permissions=request.permissions), linked=True)
