"""How current the software is kept, for every organization: states, times and counts, and no names."""

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts.permissions import Permission
from core import clock
from edge import recording
from edge.access import access
from edge.request import Request
from patching import events, queries
from patching.rules import DUE_DAYS, EXPLOITED_DAYS, State
from web.kit import formats
from web.kit.parts import Crumb
from web.patching import words
from web.patching.words import Tile

_FIGURES = {State.CLEAN: "Clean", State.VULNERABLE: "To mend", State.UNKNOWN: "Not known"}


@access(get=Permission.SECURITY_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """Show the evidence."""
    at = clock.now()
    found = queries.evidence(at)
    recording.read(request, events.EVIDENCE_READ)
    context = {
        "banner": words.banner(found.state, found.reasons, open_findings=found.open, unknown=found.unknown),
        "found": found,
        "tiles": [
            Tile(
                label="To mend",
                figure=formats.number(found.open),
                hint=f"{found.accepted} more accepted until a day" if found.accepted else "known weaknesses",
                tint="bad" if found.open else "",
            ),
            Tile(
                label="Past due",
                figure=formats.number(found.overdue),
                hint="by the days that are allowed",
                tint="bad" if found.overdue else "",
            ),
            Tile(
                label="Components",
                figure=formats.number(found.components),
                hint=f"{formats.number(found.unknown)} of them not known"
                if found.unknown
                else "all of them looked at",
                tint="warn" if found.unknown or not found.components else "",
            ),
            Tile(
                label="Last look",
                figure=words.age(found.checked_at, at).capitalize(),
                hint=f"advisories fetched {words.age(found.source_at, at)}",
                tint="" if found.checked_at and found.source_at else "warn",
            ),
        ],
        "severities": words.severities(found.by_severity),
        "series": words.series(found.series),
        "due_days": [("Used in attacks", EXPLOITED_DAYS)]
        + [(severity.value.capitalize(), days) for severity, days in DUE_DAYS.items()],
        "crumbs": [Crumb("Security", reverse("console:security", args=[slug]))],
    }
    return render(request, "patching/evidence.html", context)


def tile(slug: str) -> Tile:
    """Return the tile of the security overview."""
    at = clock.now()
    found = queries.evidence(at)
    hint = f"last look {words.age(found.checked_at, at)}"
    if found.overdue:
        hint = f"{formats.number(found.overdue)} past due, {hint}"
    return Tile(
        label="Patches",
        figure=f"{formats.number(found.open)} open" if found.open else _FIGURES[found.state],
        hint=hint,
        url=reverse("patching:evidence", args=[slug]),
        tint={State.CLEAN: "", State.VULNERABLE: "bad", State.UNKNOWN: "warn"}[found.state],
    )
