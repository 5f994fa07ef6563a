"""Controls: where each stands, what it looked at, and running it now."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts import queries as people
from accounts.permissions import Permission
from compliance import events
from compliance.controls import queries, registry, running
from compliance.controls.queries import ControlRow
from compliance.controls.rules import FAMILIES, Standing, State
from compliance.evidence import queries as evidence
from compliance.frameworks import queries as standing
from core import clock, ids
from core.errors import NotFound
from edge import recording
from edge.access import access
from edge.request import Request
from tenancy import context as scopes
from tenancy import jobs
from web.charts.strip import Day, DayState, DayStrip
from web.compliance import scope
from web.compliance.frameworks import coverage
from web.kit.parts import Crumb, CursorPage, Tab

_DAYS = 90
_STRIP: dict[State, DayState] = {
    State.PASSING: "ok",
    State.NOT_APPLICABLE: "ok",
    State.FAILING: "bad",
    State.UNKNOWN: "warn",
}
_BAD = (Standing.FAILING, Standing.UNKNOWN, Standing.STALE, Standing.MANUAL_DUE)
_VIEWS = {
    "": "All",
    "attention": "Need attention",
    "live": "Live",
    "manual": "Brought by people",
    "exception": "Excepted",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """The controls of one family."""

    name: str
    rows: Sequence[ControlRow]


@access(get=Permission.COMPLIANCE_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """Show every control by family, what regressed first."""
    at = clock.now()
    rows = queries.rows(at=at, codes=scope.codes(request))
    recording.read(request, events.CONTROLS_READ, facts={"controls": len(rows)})
    shown_frameworks = {each.code for each in scope.visible(request)}
    view = request.GET.get("view", "")
    shown = [row for row in rows if _is_in(view, row)]
    counts = queries.counts(rows)
    live = [row for row in rows if row.control.is_live]
    fallen = dict(queries.regressions(since=at - timedelta(days=7)))
    running_job = jobs.lasting(kind=running.KIND)
    context = {
        "families": _families(shown),
        "frameworks": [
            (each, coverage(each))
            for each in standing.all_rows(at=at)
            if each.framework.code in shown_frameworks
        ],
        "links": _links(request, slug),
        "tabs": [
            Tab(
                label,
                f"?view={code}" if code else "?",
                current=view == code,
                count=sum(_is_in(code, row) for row in rows),
            )
            for code, label in _VIEWS.items()
        ],
        "counts": counts,
        "attention": sum(row.standing in _BAD for row in live),
        "passing": sum(row.standing in (Standing.PASSING, Standing.NOT_APPLICABLE) for row in live),
        "live": len(live),
        "manual": len(rows) - len(live),
        "fallen": [(row, fallen[row.control.code]) for row in rows if row.control.code in fallen],
        "last_run": queries.last_run(),
        "now": at,
        "may_write": Permission.COMPLIANCE_WRITE in request.permissions,
        "running_url": _job_url(slug, running_job.pk) if running_job else "",
    }
    return render(request, "compliance/index.html", context)


@access(get=Permission.COMPLIANCE_READ)
def detail(request: Request, slug: str, code: str) -> HttpResponse:
    """Show one control: what it looks at, its last answer with the evidence, and its history."""
    at = clock.now()
    scope.check_control(request, code)
    row = queries.row(code, at=at)
    brought, _ = evidence.page(at=at, code=code, limit=10)
    cursor = request.GET.get("cursor", "")
    found, after = queries.history(code, after=ids.from_base32(cursor) if cursor else None, limit=20)
    latest = queries.latest(code)
    recording.read(request, events.CONTROLS_READ, facts={"control": code})
    names = people.names_of({each.asked_by for each in found if each.asked_by})
    context = {
        "row": row,
        "control": row.control,
        "family": FAMILIES[row.control.family],
        "latest": latest,
        "evidence": json.dumps(latest.evidence, indent=2, sort_keys=True) if latest else "",
        "findings": latest.evidence.get("findings", []) if latest else [],
        "strip": _strip(code, at.date()) if row.control.is_live else None,
        "history": [(each, names.get(each.asked_by, "") if each.asked_by else "") for each in found],
        "page": CursorPage(
            shown=len(found),
            next_url=f"?cursor={ids.base32(after)}" if after else "",
            previous_url="?" if cursor else "",
        ),
        "brought": [(each, ids.encode("evidence", each.id)) for each in brought],
        "maps": [
            (each.label(requirement), reverse("compliance:framework", args=[slug, each.code]))
            for each in scope.visible(request)
            for framework, requirement in row.control.maps
            if framework == each.code
        ],
        "may_write": Permission.COMPLIANCE_WRITE in request.permissions,
        "crumbs": [Crumb("Compliance", reverse("compliance:overview", args=[slug]))],
    }
    return render(request, "compliance/control.html", context)


@access(post=Permission.COMPLIANCE_WRITE)
def run_all(request: Request, slug: str) -> HttpResponse:
    """Have every live control run now."""
    return _ask(request, slug, "", reverse("compliance:overview", args=[slug]))


@access(post=Permission.COMPLIANCE_WRITE)
def run(request: Request, slug: str, code: str) -> HttpResponse:
    """Have one control run now."""
    control = registry.of(code)
    if control is None or not control.is_live:
        raise NotFound
    return _ask(request, slug, code, reverse("compliance:control", args=[slug, code]))


def _ask(request: Request, slug: str, code: str, back: str) -> HttpResponse:
    try:
        with scopes.attempt():
            job = running.ask(actor=request.actor, at=clock.now(), code=code)
    except running.RunLasts as refusal:
        messages.info(request, refusal.message)
        return redirect(back)
    return redirect(_job_url(slug, job.pk))


def _job_url(slug: str, job_id: UUID) -> str:
    return reverse("console:job", args=[slug, ids.encode("job", job_id)])


def _links(request: Request, slug: str) -> list[tuple[str, str]]:
    wanted = [
        ("Evidence", "compliance:evidence", Permission.COMPLIANCE_READ),
        ("Exceptions", "compliance:exceptions", Permission.COMPLIANCE_READ),
        ("Evidence packs", "compliance:packs", Permission.COMPLIANCE_READ),
        ("Access reviews", "compliance:access_reviews", Permission.COMPLIANCE_READ),
        ("Auditors", "compliance:auditors", Permission.MEMBER_MANAGE),
    ]
    return [
        (label, reverse(name, args=[slug])) for label, name, right in wanted if right in request.permissions
    ]


def _is_in(view: str, row: ControlRow) -> bool:
    if view == "attention":
        return row.standing in _BAD
    if view == "live":
        return row.control.is_live
    if view == "manual":
        return not row.control.is_live
    if view == "exception":
        return row.standing is Standing.EXCEPTION
    return True


def _families(rows: Sequence[ControlRow]) -> list[Family]:
    found = []
    for code, name in FAMILIES.items():
        held = [row for row in rows if row.control.family == code]
        if held:
            found.append(Family(name=name, rows=held))
    return found


def _strip(code: str, until: date) -> DayStrip:
    days = queries.days_of([code], until=until, days=_DAYS)[code]
    marks = [
        Day(on, _STRIP[days[on]] if on in days else "none")
        for on in (until - timedelta(days=back) for back in range(_DAYS - 1, -1, -1))
    ]
    return DayStrip(title="The last 90 days", days=marks)
