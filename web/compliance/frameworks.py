"""A framework, requirement by requirement."""

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts.permissions import Permission
from compliance import events
from compliance.frameworks import queries
from compliance.frameworks.queries import FrameworkRow
from compliance.frameworks.rules import Duty
from core import clock
from edge import recording
from edge.access import access
from edge.request import Request
from web.compliance import packs, scope
from web.kit.parts import Crumb, Tab

DUTIES = {
    Duty.PRODUCT: "This product",
    Duty.ORGANIZATION: "Your organization",
    Duty.SHARED: "Both",
    Duty.PROVIDER: "The provider",
}
_VIEWS = {
    "": "All",
    "attention": "Need attention",
    "live": "Decided by live checks",
    "uncovered": "No control",
}
_BAD = ("failing", "unknown", "stale", "manual_due")


@access(get=Permission.COMPLIANCE_READ)
def detail(request: Request, slug: str, framework: str) -> HttpResponse:
    """Show each requirement with the controls behind it."""
    found = queries.get(scope.framework(request, framework).code, at=clock.now())
    recording.read(request, events.CONTROLS_READ, facts={"framework": framework})
    view = request.GET.get("view", "")
    today = clock.now().date()
    rows = [row for row in found.requirements if _is_in(view, row)]
    context = {
        "row": found,
        "framework": found.framework,
        "counts": found.counts,
        "coverage": coverage(found),
        "rows": [(row, DUTIES[row.requirement.duty]) for row in rows],
        "tabs": [
            Tab(
                label,
                f"?view={code}" if code else "?",
                current=view == code,
                count=sum(_is_in(code, row) for row in found.requirements),
            )
            for code, label in _VIEWS.items()
        ],
        "since": today - packs.USUAL,
        "until": today,
        "crumbs": [Crumb("Compliance", reverse("compliance:overview", args=[slug]))],
    }
    return render(request, "compliance/framework.html", context)


def coverage(row: FrameworkRow) -> str:
    """Say how much of a framework live checks decide."""
    return f"{row.live} of {len(row.requirements)} decided by live checks"


def _is_in(view: str, row: queries.RequirementRow) -> bool:
    if view == "attention":
        return row.standing is not None and row.standing.value in _BAD
    if view == "live":
        return row.is_live
    if view == "uncovered":
        return row.standing is None
    return True
