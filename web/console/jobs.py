"""Long work: how far it has come. The page asks again by itself while the work lasts, and stops when it is done."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts import queries as people
from accounts.permissions import Permission
from core import clock, ids
from core.errors import NotFound
from edge.access import access
from edge.request import Request
from tenancy import jobs
from tenancy.models import Job
from web.console import trail
from web.kit import formats
from web.kit.parts import Crumb, CursorPage

_PAGE = 50
_KINDS: Mapping[str, str] = MappingProxyType(
    {
        "keys.rotate": "Rotation of an encryption key",
        "backup.run": "Backup",
        "backup.verify": "Verification of a backup",
        "backup.drill": "Restore drill",
        "cards.scan": "Search for card numbers",
        "billing.run": "Billing run",
        "export.make": "Making an export",
        "import.check": "Checking an import",
        "import.run": "Import",
        "import.undo": "Taking an import back",
        "compliance.run": "Running controls",
        "compliance.pack": "Making an evidence pack",
    }
)
_FAULTS: Mapping[str, str] = MappingProxyType(
    {
        "refused": "It was refused. What it had done stays done; start it again to go on.",
        "organization_sealed": "The organization was sealed meanwhile. Unseal it and start again.",
    }
)
_LASTS = (Job.State.QUEUED, Job.State.RUNNING)
_NO_CONTENT = 204


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One job."""

    pk: str
    url: str
    kind: str
    state: str
    who: str
    asked_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    done: int
    total: int
    note: str
    counts: list[tuple[str, str]]
    fault: str
    lasts: bool
    seen: str


@access(get=Permission.JOB_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """List jobs, newest first."""
    cursor = request.GET.get("cursor", "")
    found = jobs.page(limit=_PAGE + 1, after=ids.from_base32(cursor) if cursor else None)
    shown = found[:_PAGE]
    next_url = f"?cursor={ids.base32(shown[-1].pk)}" if len(found) > _PAGE else ""
    context = {
        "rows": _rows(shown, slug),
        "page": CursorPage(shown=len(shown), next_url=next_url, previous_url="?" if cursor else ""),
    }
    return render(request, "console/jobs.html", context)


@access(get=Permission.JOB_READ)
def detail(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show a job; to its own page asking again, only what has changed."""
    found = jobs.find(ids.decode("job", pk))
    if found is None:
        raise NotFound
    (row,) = _rows([found], slug)
    context = {"row": row, "crumbs": [Crumb("Jobs", reverse("console:jobs", args=[slug]))]}
    if request.headers.get("HX-Request") != "true":
        return render(request, "console/job.html", context)
    # The page was recorded when it was opened; that it stays open is not worth an event every two seconds.
    request.recorded = True
    if request.GET.get("seen") == row.seen:
        return HttpResponse(status=_NO_CONTENT)
    return render(request, "console/_job.html", context)


def _rows(found: list[Job], slug: str) -> list[Row]:
    names = people.names_of({job.created_by for job in found if job.created_by is not None})
    return [_row(job, names.get(job.created_by) if job.created_by else None, slug) for job in found]


def _row(job: Job, name: str | None, slug: str) -> Row:
    pk = ids.encode("job", job.pk)
    return Row(
        pk=pk,
        url=reverse("console:job", args=[slug, pk]),
        kind=_KINDS.get(job.kind, job.kind.replace(".", ": ").replace("_", " ").capitalize()),
        state=job.state,
        who=name or (f"Person {trail.short(job.created_by)}" if job.created_by else "Strongbox"),
        asked_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        done=job.done,
        total=max(job.total, job.done),
        note=note_of(job),
        counts=[
            (name.replace("_", " ").capitalize(), formats.number(value))
            for name, value in sorted(job.counts.items())
        ],
        fault=_FAULTS.get(job.code, job.code.replace("_", " ")) if job.state == Job.State.FAILED else "",
        lasts=job.state in _LASTS,
        seen=f"{job.state}-{job.done}-{job.total}",
    )


def note_of(job: Job) -> str:
    """Say how fast it goes and how long it may still take."""
    if job.state == Job.State.QUEUED:
        return "It waits for the worker. It is safe to close this page."
    if job.state != Job.State.RUNNING or job.started_at is None:
        return ""
    spent = (clock.now() - job.started_at).total_seconds()
    if not job.done or spent < 1:
        return "It is safe to close this page."
    rate = job.done / spent
    left = max(job.total - job.done, 0) / rate
    speed = f"{formats.number(round(rate * 60))} a minute, about {formats.duration(left)} left."
    return f"{speed} It is safe to close this page."
