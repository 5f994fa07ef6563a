"""The proof that the trail is whole: when it was checked, what stands behind it, how anybody can check it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts.permissions import Permission
from audit import events, queries
from core import clock, ids
from edge import recording
from edge.access import access
from edge.request import Request
from web.kit import formats
from web.kit.parts import Crumb

_KINDS = {
    "event_deleted": "Events are missing",
    "event_changed": "Events were changed",
    "event_inserted": "Events were added behind a seal",
    "event_backdated": "Events were added later with an older time in them",
    "seal_missing": "Seals are missing",
    "seal_changed": "Seals were changed",
    "seal_forged": "Seals are not signed by the sealer",
    "seal_overlaps": "Seals overlap",
    "chain_broken": "Seals do not follow from each other",
    "checkpoint_forged": "A checkpoint is not signed by the sealer",
    "rolled_back": "The trail is older than its own checkpoints",
}


@dataclass(frozen=True, slots=True)
class Badge:
    """The state of the proof as the badge shows it."""

    state: str
    text: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SealRow:
    """One seal in the table."""

    n: int
    count: int
    sealed_at: datetime
    hash: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What a check found wrong, and the first event it touches."""

    sentence: str
    count: int
    first: str
    url: str


def badge(request: Request, slug: str) -> Badge:
    """Return the badge of the organization's trail."""
    at = clock.now()
    found = queries.badge(at=at)
    ago = formats.relative(found.checked_at, at) if found.checked_at else ""
    text = {
        "unchecked": "the first check runs soon",
        "checking": f"{found.percent}\u202f%",
        "verified": f"all {formats.count(found.events, 'event')}, {ago}",
        "stale": f"last full check {ago}" if ago else "the last check did not finish",
    }.get(found.state, f"found {ago}")
    return Badge(found.state, text, reverse("console:integrity", args=[slug]))


@access(get=Permission.AUDIT_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """Show the last check, the newest seals, and how to check without us."""
    last, at = queries.last_verification(), clock.now()
    recording.read(request, events.AUDIT_READ, facts={"page": "integrity"})
    finished_at = None if last is None else last.finished_at
    context = {
        "badge": badge(request, slug),
        "last": last,
        "took": (finished_at - last.started_at).total_seconds()
        if last is not None and finished_at is not None
        else None,
        "faults": [_fault(each, slug) for each in (last.errors if last is not None else [])],
        "seals": [
            SealRow(
                n=seal.n,
                count=seal.count,
                sealed_at=seal.sealed_at,
                hash=bytes(seal.hash).hex(),
                key=bytes(seal.key_id).hex(),
            )
            for seal in queries.latest_seals()
        ],
        "sealed_ago": max(queries.seconds_since_sealing(at=at), 0),
        "slug": slug,
        "crumbs": [Crumb("Audit trail", reverse("console:audit", args=[slug]))],
    }
    return render(request, "console/integrity.html", context)


def _fault(found: dict[str, object], slug: str) -> Fault:
    first = str(found.get("first_event") or "")
    count = found.get("count")
    url = reverse("console:audit_event", args=[slug, ids.encode("audit_event", UUID(first))]) if first else ""
    return Fault(
        sentence=_KINDS.get(str(found.get("kind")), str(found.get("kind")).replace("_", " ").capitalize()),
        count=count if isinstance(count, int) else 1,
        first=first,
        url=url,
    )
