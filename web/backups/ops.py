"""The operator's page of backups: what there is, where it lies, how fast it comes back, and making one now."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.permissions import Permission
from backups import events, queries, services, tasks, work
from backups.models import Backup, Copy, Drill, Plan
from core import clock, ids
from core.errors import NotFound
from edge import recording
from edge.access import access
from edge.request import Request
from tenancy import jobs
from web.backups import calendar
from web.backups.words import CODES, Tile
from web.forms import answer, attempting
from web.kit import formats
from web.kit.forms import Form
from web.kit.parts import Crumb, CursorPage

_PAGE = 14
_CRUMBS = "ops_backups:index"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One backup in the table."""

    url: str
    generation: int
    kind: str
    state: str
    at: datetime
    size: str
    took: str
    keep_until: datetime
    is_held: bool
    fault: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One target and what lies there."""

    name: str
    objects: int
    size: str
    last_at: datetime | None
    missing: int
    # Stored changes that it is short of.
    changes: int


@access(get=Permission.OPS_BACKUPS)
def index(request: Request) -> HttpResponse:
    """Show the state of backups."""
    at = clock.now()
    cursor = request.GET.get("cursor", "")
    found = queries.backups(limit=_PAGE + 1, after=ids.from_base32(cursor) if cursor else None)
    shown = found[:_PAGE]
    since = at - timedelta(days=calendar.DAYS)
    recording.read(request, events.BACKUPS_READ)
    drills, plan = queries.drills(limit=8), queries.plan()
    context = {
        "tiles": _tiles(at),
        "wrong": _wrong(),
        "late": _late(plan),
        "unsafe": _unsafe(plan),
        "strips": [
            calendar.of_backups(Backup.objects.filter(started_at__gte=since), at=at),
            calendar.of_drills(Drill.objects.filter(started_at__gte=since), at=at),
        ],
        "rows": [row_of(one) for one in shown],
        "page": CursorPage(
            shown=len(shown),
            next_url=f"?cursor={ids.base32(shown[-1].pk)}" if len(found) > _PAGE else "",
            previous_url="?" if cursor else "",
        ),
        "places": _places(plan),
        "drills": [
            {
                "url": reverse("ops_backups:drill", args=[ids.encode("restore_drill", one.pk)]),
                "at": one.started_at,
                "state": one.state,
                "rto": formats.duration(one.rto_milliseconds / 1000) if one.finished_at else "",
                "rpo": formats.duration(one.rpo_milliseconds / 1000) if one.finished_at else "",
                "generation": one.backup.generation if one.backup is not None else None,
                "fault": CODES.get(one.code, one.code.replace("_", " ")),
            }
            for one in drills
        ],
        "restores": [
            {
                "pk": ids.encode("restore", one.pk),
                "kind": one.get_kind_display(),
                "state": one.state,
                "wanted_at": one.wanted_at,
                "asked_at": one.asked_at,
                "finished_at": one.finished_at,
            }
            for one in queries.restores(limit=8)
        ],
        "plan": plan,
        "running": _running(),
        "may_restore": Permission.OPS_RESTORE in request.permissions,
    }
    return render(request, "backups/ops.html", context)


def _running() -> list[tuple[str, str]]:
    names = ((work.BACKUP, "A backup is being made"), (work.DRILL, "A restore drill is running"))
    found = [(jobs.lasting(kind=kind), sentence) for kind, sentence in names]
    return [
        (sentence, reverse("console:job", args=["operator", ids.encode("job", job.pk)]))
        for job, sentence in found
        if job is not None
    ]


def _wrong() -> list[tuple[str, str, str]]:
    """Say what the newest backup and the newest drill came to, where it is not well."""
    found = []
    tried = Backup.objects.exclude(state=Backup.State.RUNNING).order_by("-generation").first()
    if tried is not None and tried.state == Backup.State.FAILED:
        url = reverse("ops_backups:backup", args=[ids.encode("backup", tried.pk)])
        fault = CODES.get(tried.code, tried.code.replace("_", " "))
        found.append(
            ("The last backup failed", f"{fault[:1].upper()}{fault[1:]}. It is tried again by itself.", url)
        )
    newest = queries.latest_done()
    if newest is not None and newest.is_sound is False:
        url = reverse("ops_backups:backup", args=[ids.encode("backup", newest.pk)])
        found.append(("The newest backup is not sound", "See which copy it is, and back up now.", url))
    ended = Drill.objects.exclude(state=Drill.State.RUNNING).order_by("-started_at").first()
    if ended is not None and ended.state == Drill.State.FAILED:
        url = reverse("ops_backups:drill", args=[ids.encode("restore_drill", ended.pk)])
        found.append(("The last restore drill failed", "See which check it was.", url))
    return found


def _unsafe(plan: Plan | None) -> list[str]:
    """Say what a thief or a fire would take with it, once the worker has said where backups go."""
    if plan is None or plan.places_seen_at is None:
        return []
    sentences = (
        (
            plan.targets_immutable,
            "No target refuses to delete early: whoever steals its key deletes every backup.",
        ),
        (plan.targets_offsite, "No target is elsewhere: what destroys this machine destroys every backup."),
    )
    return [sentence for count, sentence in sentences if not count]


def _late(plan: Plan | None) -> list[str]:
    if plan is None:
        return []
    sentences = (
        (plan.overdue_since, "No backup has succeeded for more than a day."),
        (
            plan.drill_overdue_since,
            "No restore drill has passed in time: what is stored is not known to be restorable.",
        ),
        (
            plan.stream_behind_since,
            "The stream of changes is behind: more than minutes of work would be lost now.",
        ),
    )
    return [sentence for since, sentence in sentences if since is not None]


def _tiles(at: datetime) -> list[Tile]:
    plan, last, passed = queries.plan(), queries.latest_done(), queries.last_passed()
    covers = plan.stream_covers_at if plan else None
    newest = max((one for one in (covers, last.consistent_at if last else None) if one), default=None)
    exposed = (at - newest).total_seconds() if newest else None
    return [
        Tile(
            label="Would be lost now",
            figure=formats.duration(max(exposed, 0)) if exposed is not None else "Everything",
            hint="of changes, if this machine went up in smoke",
            tint="" if exposed is not None and exposed < 300 else "bad",
        ),
        Tile(
            label="Last backup",
            figure=formats.relative(last.finished_at, at) if last and last.finished_at else "None yet",
            hint=f"{last.get_kind_display()}, {formats.size(last.bytes_stored)}"
            if last
            else "The first is made at once",
            tint="" if last else "bad",
        ),
        Tile(
            label="Back in operation after",
            figure=formats.duration(passed.rto_milliseconds / 1000) if passed else "Not measured",
            hint="RTO, measured in the last drill that passed" if passed else "Run a drill to know",
            tint="" if passed else "warn",
        ),
        Tile(
            label="Loses at most",
            figure=formats.duration(passed.rpo_milliseconds / 1000) if passed else "Not measured",
            hint="RPO, measured in the last drill that passed" if passed else "Run a drill to know",
            tint="" if passed else "warn",
        ),
    ]


def _places(plan: Plan | None) -> list[Place]:
    by_name: dict[str, list[Copy]] = {}
    for copy in Copy.objects.exclude(state=Copy.State.PRUNED).order_by("-stored_at")[:2_000]:
        by_name.setdefault(copy.target, []).append(copy)
    short = plan.changes_missing if plan else {}
    return [
        Place(
            name=name,
            objects=len(copies),
            size=formats.size(sum(copy.bytes_stored for copy in copies)),
            last_at=copies[0].stored_at if copies else None,
            missing=sum(copy.state == Copy.State.MISSING for copy in copies),
            changes=short.get(name, 0),
        )
        for name, copies in sorted({**{key: [] for key in short}, **by_name}.items())
    ]


def row_of(one: Backup) -> Row:
    """Return a backup as the table shows it."""
    unsound = one.state == Backup.State.DONE and one.is_sound is False
    return Row(
        url=reverse("ops_backups:backup", args=[ids.encode("backup", one.pk)]),
        generation=one.generation,
        kind=one.get_kind_display(),
        state="unsound" if unsound else one.state,
        at=one.started_at,
        size=formats.size(one.bytes_stored) if one.bytes_stored else "",
        took=formats.duration(one.milliseconds / 1000) if one.milliseconds else "",
        keep_until=one.keep_until,
        is_held=one.is_held,
        fault=CODES.get(one.code, one.code.replace("_", " ")),
    )


def crumbs() -> list[Crumb]:
    """Return the way back."""
    return [Crumb("Backups", reverse(_CRUMBS))]


@access(get=Permission.OPS_BACKUPS)
def detail(request: Request, pk: str) -> HttpResponse:
    """Show one backup and its copies."""
    found = _find(pk)
    recording.read(request, events.BACKUPS_READ, subject=("backup", found.pk))
    parent = queries.backup(found.parent_id) if found.parent_id else None
    context = {
        "backup": found,
        "pk": pk,
        "row": row_of(found),
        "parent": row_of(parent) if parent else None,
        "copies": [
            {
                "part": copy.get_part_display(),
                "target": copy.target,
                "name": copy.name,
                "state": copy.state,
                "size": formats.size(copy.bytes_stored),
                "sha256": copy.sha256,
                "checked_at": copy.checked_at,
                "keep_until": copy.keep_until,
            }
            for copy in queries.copies(found.pk)
        ],
        "read": formats.size(found.bytes_in),
        "is_done": found.state == Backup.State.DONE,
        "crumbs": crumbs(),
    }
    return render(request, "backups/backup.html", context)


def _find(pk: str) -> Backup:
    return queries.backup(ids.decode("backup", pk))


class RunForm(Form):
    """Which kind."""

    kind = forms.ChoiceField(
        label="What to copy",
        choices=[
            (Backup.Kind.INCREMENTAL, "What has changed since the last backup"),
            (Backup.Kind.FULL, "Everything"),
        ],
        initial=Backup.Kind.INCREMENTAL,
        widget=forms.RadioSelect,
    )


@access(get=Permission.OPS_BACKUPS, post=Permission.OPS_BACKUPS)
def run(request: Request) -> HttpResponse:
    """Make a backup now."""
    form = RunForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            job = work.ask(
                kind=work.BACKUP,
                backup_kind=form.cleaned_data["kind"],
                actor=request.actor,
                at=clock.now(),
                send=tasks.send,
            )
        if not form.errors:
            messages.success(request, "The backup is queued.")
            return redirect("console:job", "operator", ids.encode("job", job.pk))
    return answer(request, "backups/run.html", {"crumbs": crumbs()}, form=form)


class PlanForm(Form):
    """How long and how often."""

    keep_days = forms.IntegerField(label="Keep backups for, in days", min_value=14, max_value=3650)
    drill_days = forms.IntegerField(label="Run a restore drill every, in days", min_value=1, max_value=31)


@access(get=Permission.OPS_BACKUPS, post=Permission.OPS_BACKUPS)
def plan(request: Request) -> HttpResponse:
    """Change how long backups are kept and how often drills run."""
    kept = queries.plan()
    initial = {"keep_days": kept.keep_days if kept else 35, "drill_days": kept.drill_days if kept else 7}
    form = PlanForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.change_plan(**form.cleaned_data, actor=request.actor, at=clock.now())
        if not form.errors:
            messages.success(request, "The plan is changed.")
            return redirect("ops_backups:index")
    return answer(request, "backups/plan.html", {"crumbs": crumbs()}, form=form)


@access(get=Permission.OPS_BACKUPS, post=Permission.OPS_BACKUPS)
def verify(request: Request, pk: str) -> HttpResponse:
    """Read every stored byte of a backup again."""
    found = _find(pk)
    form = Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            job = work.ask(
                kind=work.VERIFY, backup_id=found.pk, actor=request.actor, at=clock.now(), send=tasks.send
            )
        if not form.errors:
            return redirect("console:job", "operator", ids.encode("job", job.pk))
    context = {"row": row_of(found), "crumbs": [*crumbs(), _crumb_of(found)]}
    return answer(request, "backups/verify.html", context, form=form)


@access(get=Permission.OPS_BACKUPS, post=Permission.OPS_BACKUPS)
def hold(request: Request, pk: str) -> HttpResponse:
    """Keep a backup past its day, or let its day count again."""
    found = _find(pk)
    if found.state != Backup.State.DONE:
        raise NotFound
    form = Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            held, at = not found.is_held, clock.now()
            services.hold(backup_id=found.pk, held=held, actor=request.actor, at=at)
            if held:
                work.ask(kind=work.KEEP, backup_id=found.pk, actor=request.actor, at=at, send=tasks.send)
        if not form.errors:
            messages.success(request, "The hold is lifted." if found.is_held else "The backup is held.")
            return redirect("ops_backups:backup", pk)
    context = {"row": row_of(found), "is_held": found.is_held, "crumbs": [*crumbs(), _crumb_of(found)]}
    return answer(request, "backups/hold.html", context, form=form)


def _crumb_of(found: Backup) -> Crumb:
    return Crumb(
        f"Backup {found.generation}", reverse("ops_backups:backup", args=[ids.encode("backup", found.pk)])
    )
