"""What every organization may see of the installation's backups: that they are made, and that they were restored."""

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts.permissions import Permission
from backups import events, queries
from core import clock
from edge import recording
from edge.access import access
from edge.request import Request
from web.backups.words import CHECKS, Tile
from web.kit import formats
from web.kit.parts import Crumb


@access(get=Permission.SECURITY_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """Show states, times and counts; no place, no key, nobody else."""
    at = clock.now()
    found = queries.evidence()
    recording.read(request, events.BACKUPS_READ)
    context = {
        "found": found,
        "tiles": tiles(found),
        "checks": [
            (CHECKS.get(name, (name, ""))[0], CHECKS.get(name, ("", ""))[1], "ok" if ok else "bad")
            for name, ok in found.checks
        ],
        "late": [
            ("Backups", "yes" if found.is_backup_late else "no"),
            ("Restore drills", "yes" if found.is_drill_late else "no"),
            ("Stream of changes", "yes" if found.is_stream_late else "no"),
        ],
        "at": at,
        "crumbs": [Crumb("Security", reverse("console:security", args=[slug]))],
    }
    return render(request, "backups/evidence.html", context)


def tiles(found: queries.Evidence) -> list[Tile]:
    """Return the figures of the evidence."""
    at = clock.now()
    return [
        Tile(
            label="Last backup",
            figure=formats.relative(found.last_backup_at, at) if found.last_backup_at else "None yet",
            hint=f"{formats.number(found.backups_kept)} kept, for {found.keep_days} days",
            tint="bad" if found.is_backup_late else "",
        ),
        Tile(
            label="Last restore drill",
            figure={True: "Passed", False: "Failed", None: "None yet"}[found.last_drill_passed],
            hint=formats.relative(found.last_drill_at, at) if found.last_drill_at else "The first runs soon",
            tint="bad" if found.last_drill_passed is False else "warn" if found.is_drill_late else "",
        ),
        Tile(
            label="Back in operation after",
            figure=formats.duration(found.rto_milliseconds / 1000)
            if found.rto_milliseconds is not None
            else "–",
            hint="RTO, measured in a drill",
        ),
        Tile(
            label="Loses at most",
            figure=formats.duration(found.rpo_milliseconds / 1000)
            if found.rpo_milliseconds is not None
            else "–",
            hint="RPO, measured in a drill",
        ),
    ]
