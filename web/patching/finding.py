"""One known weakness: where it is, how bad it is, by when it must be gone, what to do, and what was decided."""

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts import queries as people
from accounts.permissions import Permission
from core import clock, ids
from edge import recording
from edge.access import access
from edge.request import Request
from patching import events, queries
from patching.models import Finding
from web.kit.parts import Crumb
from web.patching import words

_UNKNOWN = "Somebody who has left"


@access(get=Permission.OPS_PATCHES)
def detail(request: Request, pk: str) -> HttpResponse:
    """Show a finding."""
    at = clock.now()
    finding = queries.finding(ids.decode("finding", pk))
    decided = queries.acceptances(finding.pk)
    waiting = queries.waiting(finding.pk, at=at)
    names = people.names_of({who for one in decided for who in (one.requested_by, one.approved_by)})
    recording.read(request, events.PATCH_READ, subject=("finding", finding.pk), fields=["reason"])
    assert request.tenant is not None  # noqa: S101  the doorway named it before the gate opened
    context = {
        "finding": finding,
        "kind": words.KINDS[finding.component.kind],
        "days": (finding.due_on - at.date()).days,
        "is_open": finding.status == Finding.Status.OPEN,
        "decided": [
            (one, names.get(one.requested_by, _UNKNOWN), names.get(one.approved_by, _UNKNOWN))
            for one in decided
        ],
        "waiting_url": reverse(
            "people:approval", args=[request.tenant.slug, ids.encode("approval", waiting.pk)]
        )
        if waiting is not None
        else "",
        "accept_url": reverse("ops_patching:accept", args=[pk]),
        "identifier": ids.encode("finding", finding.pk),
        "crumbs": [Crumb("Patches", reverse("ops_patching:patches"))],
    }
    return render(request, "patching/finding.html", context)
