"""Everything that runs here, with its version, licence, age and state."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts.permissions import Permission
from core import clock
from edge import recording
from edge.access import access
from edge.request import Request
from patching import events, queries
from patching.models import Component
from web.kit.forms import Form
from web.kit.parts import Crumb, CursorPage
from web.patching import words

_PAGE = 100
_STATES = {"clean": "Clean", "vulnerable": "Vulnerable", "unknown": "Not known"}


class FilterForm(Form):
    """What the list can be narrowed by."""

    name = forms.CharField(label="Name", required=False, max_length=100)
    kind = forms.ChoiceField(label="Kind", required=False, choices=[("", "Any"), *words.KINDS.items()])
    state = forms.ChoiceField(label="State", required=False, choices=[("", "Any"), *_STATES.items()])


@access(get=Permission.OPS_PATCHES)
def index(request: Request) -> HttpResponse:
    """List components."""
    form = FilterForm(request.GET, auto_id="filter_%s")
    narrowed: dict[str, Any] = (
        {name: form.cleaned_data[name] for name in ("name", "kind", "state")} if form.is_valid() else {}
    )
    rows = queries.components(**narrowed)
    total = rows.count()
    kind, _, name = request.GET.get("cursor", "").partition(":")
    if name:
        rows = queries.components_behind(rows, kind, name)
    found: list[Component] = list(rows[: _PAGE + 1])
    kept = {name: value for name, value in narrowed.items() if value}
    next_url = ""
    if len(found) > _PAGE:
        found = found[:_PAGE]
        next_url = "?" + urlencode({**kept, "cursor": f"{found[-1].kind}:{found[-1].name}"})
    recording.read(request, events.PATCH_READ, facts={"shown": len(found)})
    context = {
        "form": form,
        "rows": [(row, words.KINDS[row.kind], words.WHY.get(row.why, "")) for row in found],
        "total": total,
        "filtered": bool(kept),
        "page": CursorPage(
            shown=len(found),
            total=total if not name else None,
            next_url=next_url,
            previous_url=("?" + urlencode(kept)) if name else "",
        ),
        "now": clock.now(),
        "crumbs": [Crumb("Patches", reverse("ops_patching:patches"))],
    }
    return render(request, "patching/components.html", context)
