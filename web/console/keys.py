"""The keys of the organization: their versions, states and use, and asking for new ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.permissions import Permission
from audit import events as audit_events
from audit import queries as trail_queries
from billing.tallies import queries as tallies
from core import clock, ids
from core.errors import NotFound
from crypto import inspection, tasks
from crypto.envelope import Purpose
from crypto.models import DataKey, KeyState, TenantKey
from edge import recording
from edge.access import access
from edge.request import Request
from tenancy import jobs
from web.console import trail
from web.forms import answer, attempting
from web.kit import formats
from web.kit.forms import Form
from web.kit.parts import Crumb, Entry

PURPOSES: Mapping[Purpose, tuple[str, str]] = MappingProxyType(
    {
        Purpose.FIELDS: ("Fields", "Names, addresses, notes and every other personal value"),
        Purpose.DOCUMENTS: ("Documents", "What stands on invoices: parties, lines, notes"),
        Purpose.BLIND_INDEX: ("Blind index", "Finding an encrypted value by exactly what it is"),
        Purpose.FILES: ("Files", "Stored files"),
        Purpose.WEBHOOKS: ("Webhooks", "Secrets shared with other systems"),
    }
)
# Counting what stands under each key reads every encrypted row; a page does so by itself only while they are few.
_FEW = 50_000
# AES-GCM with random nonces: a key is replaced long before 2^32 encryptions (NIST SP 800-38D).
_MOST_ENCRYPTIONS = 2**32


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a key."""

    version: int
    state: str
    created_at: datetime
    age: str
    retired_at: datetime | None
    encryptions: int
    used: str
    values: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One purpose with its versions, newest first."""

    purpose: str
    name: str
    what: str
    versions: list[Version]
    rotate_url: str
    why_not: str


@access(get=Permission.SECURITY_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """Show every key."""
    at = clock.now()
    counted = "count" in request.GET or sum(each.count for each in tallies.totals("invoice")) <= _FEW
    values = inspection.values_per_key() if counted else None
    running = jobs.lasting(kind=tasks.KIND)
    may_rotate = Permission.KEYS_ROTATE in request.permissions
    rows = inspection.data_keys()
    context = {
        "keys": [
            _key(purpose, [row for row in rows if row.purpose == purpose], slug, at, values, may_rotate)
            for purpose in PURPOSES
        ],
        "above": above(),
        "tree": _tree(rows, at),
        "history": _history(request, slug),
        "counted": counted,
        "running_url": reverse("console:job", args=[slug, ids.encode("job", running.pk)]) if running else "",
        "may_rotate": may_rotate,
        "crumbs": [Crumb("Security", reverse("console:security", args=[slug]))],
    }
    return render(request, "console/keys.html", context)


@access(get=Permission.KEYS_ROTATE, post=Permission.KEYS_ROTATE)
def rotate(request: Request, slug: str, purpose: str) -> HttpResponse:
    """Ask for a new key of a purpose."""
    if purpose not in tuple(Purpose) or purpose == Purpose.BLIND_INDEX:
        raise NotFound
    form = Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            job = tasks.ask(purpose=Purpose(purpose), actor=request.actor, at=clock.now())
        if not form.errors:
            messages.success(request, "The rotation is queued.")
            return redirect("console:job", slug, ids.encode("job", job.pk))
    primary = next(row for row in inspection.data_keys() if row.purpose == purpose and row.state == "primary")
    name, what = PURPOSES[Purpose(purpose)]
    context = {
        "name": name,
        "what": what,
        "version": primary.version,
        "encryptions": primary.encryptions,
        "age": formats.duration((clock.now() - primary.created_at).total_seconds()),
        "crumbs": [
            Crumb("Security", reverse("console:security", args=[slug])),
            Crumb("Keys", reverse("console:keys", args=[slug])),
        ],
    }
    return answer(request, "console/rotate.html", context, form=form)


def above() -> list[TenantKey]:
    """Return the organization's own keys, which wrap the data keys, newest first."""
    return list(TenantKey.objects.order_by("-version"))


@dataclass(frozen=True, slots=True)
class Node:
    """One key of the hierarchy that is in use."""

    name: str
    what: str
    age: str


def _tree(rows: list[DataKey], at: datetime) -> tuple[str, Node | None, list[Node]]:
    """Return the keys in use as they wrap each other: the root's custody, the organization's key, the data keys."""
    top = next((key for key in above() if key.state == KeyState.PRIMARY), None)
    below = [
        Node(
            f"{PURPOSES[Purpose(row.purpose)][0]}, version {row.version}",
            PURPOSES[Purpose(row.purpose)][1],
            _age(row, at),
        )
        for row in rows
        if row.state == KeyState.PRIMARY
    ]
    tenant = (
        Node(f"Key of the organization, version {top.version}", "Wraps the keys below", _age(top, at))
        if top
        else None
    )
    return top.provider if top else "", tenant, below


def _age(row: DataKey | TenantKey, at: datetime) -> str:
    return formats.duration((at - row.created_at).total_seconds())


def _history(request: Request, slug: str) -> list[Entry]:
    """Return what was done with keys, the newest first, for whoever may read the trail."""
    if Permission.AUDIT_READ not in request.permissions:
        return []
    page = trail_queries.events(trail_queries.Filters(operation="cryptography"), limit=12)
    recording.read(request, audit_events.AUDIT_READ, facts={"shown": len(page.events), "filtered": True})
    return trail.entries(trail.rows(page.events, slug=slug, permissions=request.permissions), linked=True)


def _key(
    purpose: Purpose,
    rows: list[DataKey],
    slug: str,
    at: datetime,
    values: Mapping[UUID, int] | None,
    may_rotate: bool,
) -> Key:
    name, what = PURPOSES[purpose]
    fixed = purpose is Purpose.BLIND_INDEX
    return Key(
        purpose=purpose.value,
        name=name,
        what=what,
        versions=[_version(row, at, values) for row in reversed(rows)],
        rotate_url="" if fixed or not may_rotate else reverse("console:rotate", args=[slug, purpose.value]),
        why_not="Not rotated: an index names no key" if fixed else "",
    )


def _version(row: DataKey, at: datetime, values: Mapping[UUID, int] | None) -> Version:
    return Version(
        version=row.version,
        state=row.state,
        created_at=row.created_at,
        age=formats.duration((at - row.created_at).total_seconds()),
        retired_at=row.retired_at,
        encryptions=row.encryptions,
        used=f"{row.encryptions * 100 / _MOST_ENCRYPTIONS:.2f}\u202f%",
        values=None if values is None else values.get(row.pk, 0),
    )
