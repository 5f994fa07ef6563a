"""Long work: how far it has come. The page asks again by itself while the work lasts, and stops when it is done."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts import queries as people
from accounts.lists import queries as selections
from accounts.permissions import Permission
from backups import queries as backups
from billing import events
from billing.exports import queries as exports
from billing.imports import batches
from core import clock, ids
from core.errors import NotFound
from edge import recording
from edge.access import access
from edge.request import Request
from payments.bulk import acts, running
from tenancy import context as scopes
from tenancy import jobs
from tenancy.models import Job
from web.console import trail
from web.kit import formats
from web.kit.parts import Crumb, CursorPage
from web.lists import bulk, listings

_PAGE = 50
_KINDS: Mapping[str, str] = MappingProxyType(
    {
        "keys.rotate": "Rotation of an encryption key",
        "backup.run": "Backup",
        "backup.verify": "Verification of a backup",
        "backup.drill": "Restore drill",
        "backup.keep": "Locking a held backup",
        "cards.scan": "Search for card numbers",
        "billing.run": "Billing run",
        "export.make": "Making an export",
        "import.read": "Reading a workbook",
        "import.check": "Checking an import",
        "import.run": "Import",
        "import.undo": "Taking an import back",
        "compliance.run": "Running controls",
        "compliance.pack": "Making an evidence pack",
        "bulk.send": "Sending invoices",
        "bulk.remind": "Reminding of invoices",
        "bulk.remind_customers": "Reminding customers",
        "bulk.finalize": "Finalizing drafts",
        "bulk.discard": "Discarding drafts",
    }
)
_FAULTS: Mapping[str, str] = MappingProxyType(
    {
        "refused": "It was refused. What it had done stays done; start it again to go on.",
        "no_longer_allowed": "Whoever asked for it may do it no longer. What was done by then stays done.",
        jobs.NOT_HANDED_OVER: "No worker could be asked: the queue was away. Nothing was done; start it again.",
        jobs.NEVER_BEGUN: "No worker took it for a day. Nothing was done; start it again.",
        "organization_sealed": "The organization was sealed meanwhile. Unseal it and start again.",
    }
)
_LASTS = (Job.State.QUEUED, Job.State.RUNNING)
_NO_CONTENT = 204
_JUST = timedelta(minutes=2)
_LEAVES = frozenset(act.job for act in acts.ACTS.values() if act.leaves)


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
    result_url: str
    stop: str


@access(get=Permission.JOB_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """List jobs, newest first."""
    cursor = request.GET.get("cursor", "")
    found = jobs.page(limit=_PAGE + 1, after=ids.from_base32(cursor) if cursor else None)
    shown = found[:_PAGE]
    next_url = f"?cursor={ids.base32(shown[-1].pk)}" if len(found) > _PAGE else ""
    context = {
        "rows": _rows(request, shown, slug),
        "page": CursorPage(shown=len(shown), next_url=next_url, previous_url="?" if cursor else ""),
    }
    return render(request, "console/jobs.html", context)


@access(get=Permission.JOB_READ)
def detail(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show a job; to its own page asking again, only what has changed."""
    found = jobs.find(ids.decode("job", pk))
    if found is None:
        raise NotFound
    (row,) = _rows(request, [found], slug)
    context: dict[str, Any] = {
        "row": row,
        "crumbs": [Crumb("Jobs", reverse("console:jobs", args=[slug]))],
    }
    if not row.lasts:
        context |= _report(request, found, slug)
    if request.headers.get("HX-Request") != "true":
        return render(request, "console/job.html", context)
    # The page was recorded when it was opened; that it stays open is not worth an event every two seconds.
    request.recorded = True
    if request.GET.get("seen") == row.seen:
        return HttpResponse(status=_NO_CONTENT)
    return render(request, "console/_job.html", context)


@access(get=Permission.JOB_READ)
def bell(request: Request, slug: str) -> HttpResponse:
    """Tell the frame of a page what runs, and what of one's own has just finished; nothing where nothing has."""
    at = clock.now()
    newest = jobs.page(limit=_PAGE)
    running = [job for job in newest if job.state in _LASTS]
    finished = [
        job
        for job in newest
        if job.created_by == request.actor.id and job.finished_at is not None and at - job.finished_at < _JUST
    ]
    # Nothing was shown yet, or the page stays open: neither is worth an event every five seconds.
    request.recorded = not (running or finished) or "seen" in request.GET
    seen = f"{len(running)}-{len(finished)}"
    if seen == request.GET.get("seen", "0-0"):
        return HttpResponse(status=_NO_CONTENT)
    if not running and not finished:
        return HttpResponse()
    before = request.GET.get("seen", "0-0").partition("-")[2]
    more = before.isdecimal() and len(before) <= 3 and len(finished) > int(before)
    context = {
        "running": len(running),
        "finished": len(finished),
        "seen": seen,
        "announce": f"{_word(finished[0])}: {finished[0].state}" if more and "seen" in request.GET else "",
    }
    return render(request, "console/_bell.html", context)


@access(post=Permission.JOB_READ)
def stop(request: Request, slug: str, pk: str) -> HttpResponse:
    """Stop work that one has begun: what is done stays done."""
    try:
        with scopes.attempt():
            running.stop(job_id=ids.decode("job", pk), actor=request.actor, at=clock.now())
        messages.success(request, "It is stopped. What was done by then stays done.")
    except running.NotToBeStopped as refusal:
        messages.info(request, refusal.message)
    return redirect("console:job", slug, pk)


def _report(request: Request, job: Job, slug: str) -> dict[str, Any]:
    """Say which rows of a selection were left out and why, to whoever may see the list they stand in."""
    chosen = selections.of_job(job.pk) if job.kind.startswith("bulk.") else None
    if chosen is None:
        return {}
    listing = listings.ALL[chosen.listing]
    if listing.permission not in request.permissions:
        return {}
    shown = chosen.report[:_PAGE]
    event = events.INVOICE_LISTED if listing is listings.INVOICES else events.CUSTOMER_LISTED
    recording.read(request, event, subjects=[UUID(key) for key, _, _ in shown])
    return {
        "left": bulk.left_out(slug, listing, shown),
        "more_left": max(len(chosen.report) - _PAGE, 0),
        "list_url": reverse(listing.route, args=[slug]),
    }


def _rows(request: Request, found: list[Job], slug: str) -> list[Row]:
    names = people.names_of({job.created_by for job in found if job.created_by is not None})
    results = _results(request, [job.pk for job in found], slug)
    return [_row(job, names, results, slug, request.actor.id) for job in found]


def _results(request: Request, keys: list[UUID], slug: str) -> dict[UUID, str]:
    """Say where the file of a job is fetched, or its rows are seen, by whoever may."""
    urls: dict[UUID, str] = {}
    if Permission.EXPORT_RUN in request.permissions:
        for job_id, key in exports.of_jobs(keys).items():
            urls[job_id] = reverse("files:export", args=[slug, ids.encode("export", key)])
    if Permission.IMPORT_RUN in request.permissions:
        for job_id, key in batches.of_jobs(keys).items():
            urls[job_id] = reverse("files:import", args=[slug, ids.encode("import", key)])
    if Permission.OPS_BACKUPS in request.permissions:
        for job_id, key in backups.drills_of_jobs(keys).items():
            urls[job_id] = reverse("ops_backups:drill", args=[ids.encode("restore_drill", key)])
    return urls


def _row(job: Job, names: Mapping[UUID, str], results: Mapping[UUID, str], slug: str, me: UUID | None) -> Row:
    name = names.get(job.created_by, "") if job.created_by else ""
    stoppable = job.kind.startswith("bulk.") and job.state in _LASTS and job.created_by == me
    waits = job.state == Job.State.QUEUED and job.kind in _LEAVES
    pk = ids.encode("job", job.pk)
    return Row(
        pk=pk,
        url=reverse("console:job", args=[slug, pk]),
        kind=_word(job),
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
        result_url=results.get(job.pk, ""),
        stop=("Undo" if waits else "Stop") if stoppable else "",
    )


def _word(job: Job) -> str:
    return _KINDS.get(job.kind, job.kind.replace(".", ": ").replace("_", " ").capitalize())


def note_of(job: Job) -> str:
    """Say how fast it goes and how long it may still take."""
    if job.state == Job.State.QUEUED and job.kind in _LEAVES:
        waited = (clock.now() - job.created_at).total_seconds()
        wait = max(round(running.HOLD_SECONDS - waited), 0)
        return f"It begins in {wait} s and can be undone until then. It is safe to close this page."
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
