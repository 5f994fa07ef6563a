"""The patches of the installation: how it stands, what is to mend and by when, and looking again now."""

from dataclasses import dataclass
from datetime import date, datetime

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.permissions import Permission
from core import clock, ids
from core.errors import NotFound
from edge import recording
from edge.access import access
from edge.request import Request
from outbound import files
from patching import events, queries, tasks
from patching import sbom as bills
from patching.models import Bundle, Check, Finding
from tenancy import context as scopes
from tenancy import jobs
from web.kit import formats
from web.kit.parts import CursorPage, Tab
from web.patching import words
from web.patching.words import Tile

_PAGE = 50
_CHECKS = 14
_VIEWS = {"open": "Open", "accepted": "Accepted", "fixed": "Mended"}
_EMPTY = {
    "open": "Nothing to mend",
    "accepted": "No weakness is lived with",
    "fixed": "Nothing has been mended yet",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A finding in the list."""

    url: str
    finding: Finding
    kind: str
    is_late: bool


@access(get=Permission.OPS_PATCHES)
def index(request: Request) -> HttpResponse:
    """Show how it stands."""
    at = clock.now()
    view = request.GET.get("view", "open")
    view = view if view in _VIEWS else "open"
    found, next_url = _page(view, request.GET.get("cursor", ""))
    recording.read(request, events.PATCH_READ, subjects=[row.pk for row in found])
    check, bundle = queries.newest_check(), queries.newest_bundle()
    state, reasons = queries.state_now(check, at)
    counts = {name: queries.findings(status=name).count() for name in _VIEWS}
    url = reverse("ops_patching:patches")
    job = jobs.lasting(kind=tasks.KIND)
    context = {
        "banner": words.banner(
            state, reasons, open_findings=counts["open"], unknown=check.unknown if check else 0
        ),
        "check": check,
        "tiles": _tiles(check, bundle, counts["open"], at),
        "tabs": [
            Tab(label, f"{url}?view={name}", name == view, counts[name]) for name, label in _VIEWS.items()
        ],
        "view": view,
        "empty": _EMPTY[view],
        "rows": [_row(finding, at.date()) for finding in found],
        "page": CursorPage(
            shown=len(found),
            next_url=next_url,
            previous_url=f"?view={view}" if request.GET.get("cursor") else "",
        ),
        "series": words.series(check.series) if check else [],
        "checks": [(one, words.source(one.source)) for one in queries.checks(_CHECKS)],
        "source": words.source(check.source) if check else "",
        "bundle": bundle,
        "now": at,
        "running_url": _job_url(request, job.pk) if job else "",
    }
    return render(request, "patching/index.html", context)


@access(post=Permission.OPS_PATCHES)
def check(request: Request) -> HttpResponse:
    """Look now."""
    try:
        with scopes.attempt():
            job = tasks.ask(actor=request.actor)
    except tasks.CheckRuns:
        messages.info(request, "A look is under way already.")
        return redirect("ops_patching:patches")
    messages.success(request, "The look is queued.")
    return redirect(_job_url(request, job.pk))


@access(get=Permission.OPS_PATCHES)
def sbom(request: Request) -> HttpResponse:
    """Hand out the bill of materials of the last look."""
    check = queries.newest_check()
    if check is None or check.sbom_id is None:
        raise NotFound
    pieces = files.plaintext(files.find(check.sbom_id, at=clock.now()))
    recording.read(request, events.SBOM_MADE, facts={"components": check.components})

    def stream() -> HttpResponseBase:
        name = f"strongbox-{check.at:%Y-%m-%d}.cdx.json"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        return StreamingHttpResponse(pieces, content_type=bills.MEDIA_TYPE, headers=headers)

    request.afterwards = stream
    return HttpResponse(content_type=bills.MEDIA_TYPE)


def _job_url(request: Request, job_id: object) -> str:
    assert request.tenant is not None  # noqa: S101  the doorway named it before the gate opened
    return reverse("console:job", args=[request.tenant.slug, ids.encode("job", job_id)])  # type: ignore[arg-type]


def _page(view: str, cursor: str) -> tuple[list[Finding], str]:
    rows = queries.findings(status=view)
    if cursor:
        day, _, rest = cursor.partition("_")
        try:
            behind = date.fromisoformat(day)
        except ValueError:
            raise NotFound from None
        rows = queries.behind(rows, behind, ids.from_base32(rest))
    found = list(rows[: _PAGE + 1])
    if len(found) <= _PAGE:
        return found, ""
    last = found[_PAGE - 1]
    return found[:_PAGE], f"?view={view}&cursor={last.due_on.isoformat()}_{ids.base32(last.pk)}"


def _row(finding: Finding, today: date) -> Row:
    return Row(
        url=reverse("ops_patching:finding", args=[ids.encode("finding", finding.pk)]),
        finding=finding,
        kind=words.KINDS[finding.component.kind],
        is_late=finding.status == Finding.Status.OPEN and finding.due_on < today,
    )


def _tiles(check: Check | None, bundle: Bundle | None, open_findings: int, at: datetime) -> list[Tile]:
    late = queries.findings(status=Finding.Status.OPEN, late_on=at.date()).count()
    exploited = queries.findings(status=Finding.Status.OPEN).filter(known_exploited=True).count()
    components = check.components if check else 0
    unknown = check.unknown if check else 0
    return [
        Tile(
            label="To mend",
            figure=formats.number(open_findings),
            hint=f"{exploited} used in attacks" if exploited else "known weaknesses that are open",
            tint="bad" if open_findings else "",
        ),
        Tile(
            label="Past due",
            figure=formats.number(late),
            hint="critical 7 days, high 30, medium 90; used in attacks 2",
            tint="bad" if late else "",
        ),
        Tile(
            label="Components",
            figure=formats.number(components),
            hint=f"{formats.number(unknown)} of them not known" if unknown else "all of them looked at",
            url=reverse("ops_patching:components"),
            tint="warn" if unknown or not components else "",
        ),
        Tile(
            label="Advisories",
            figure=formats.number(bundle.advisories) if bundle else "None",
            hint=f"fetched {words.age(bundle.fetched_at, at)}" if bundle else "no bundle was taken in",
            tint="" if check is not None and check.source_at is not None and not check.reasons else "warn",
        ),
    ]
