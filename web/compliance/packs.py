"""Evidence packs: asked for, made by a worker, fetched by whoever may read them."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts import queries as people
from accounts.permissions import Permission
from compliance import events, frameworks
from compliance.frameworks.rules import Framework
from compliance.packs import making, queries
from core import clock, ids
from edge import recording
from edge.access import access
from edge.request import Request
from web.billing.attachments import disposition
from web.compliance import scope
from web.forms import answer, attempting
from web.kit.forms import DayField, Form
from web.kit.parts import Crumb, CursorPage

USUAL = timedelta(days=90)


class PackForm(Form):
    """Which framework, and over which days."""

    framework = forms.ChoiceField(label="Framework")
    since = DayField(label="From")
    until = DayField(label="Up to")

    def __init__(self, *args: Any, offered: list[Framework], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["framework"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  declared above
        field.choices = [(each.code, f"{each.name.removesuffix(' 164.')} {each.edition}") for each in offered]


@access(get=Permission.COMPLIANCE_READ, post=Permission.COMPLIANCE_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """List packs, and ask for one."""
    at, offered = clock.now(), scope.visible(request)
    initial = {"until": at.date(), "since": at.date() - USUAL}
    posted = request.method == "POST"
    form = PackForm(request.POST if posted else None, offered=offered, initial=initial)
    if posted and form.is_valid():
        with attempting(request, form):
            making.ask(**form.cleaned_data, actor=request.actor, at=at)
        if not form.errors:
            messages.success(request, "The pack is being made. It will stand here in a moment.")
            return redirect("compliance:packs", slug)
    cursor = request.GET.get("cursor", "")
    found, after = queries.page(
        frameworks=[each.code for each in offered], after=ids.from_base32(cursor) if cursor else None
    )
    recording.read(request, events.EVIDENCE_READ, facts={"packs": len(found)})
    names = people.names_of({row.asked_by for row in found if row.asked_by})
    context = {
        "rows": [
            (
                row,
                ids.encode("evidence_pack", row.id),
                _name(row.framework),
                names.get(row.asked_by, "") if row.asked_by else "A command",
            )
            for row in found
        ],
        "public_key": making.public_key(),
        "page": CursorPage(
            shown=len(found),
            next_url=f"?cursor={ids.base32(after)}" if after else "",
            previous_url="?" if cursor else "",
        ),
        "crumbs": [Crumb("Compliance", reverse("compliance:overview", args=[slug]))],
    }
    return answer(request, "compliance/packs.html", context, form=form)


@access(get=Permission.COMPLIANCE_READ)
def fetch(request: Request, slug: str, pk: str) -> HttpResponseBase:
    """Answer with a pack."""
    row, pieces = making.download(pack_id=ids.decode("evidence_pack", pk), actor=request.actor)
    scope.framework(request, row.framework)
    request.recorded = True
    name = row.file.name if row.file is not None and row.file.name else "evidence.zip"

    def stream() -> HttpResponseBase:
        headers = {"Content-Disposition": disposition(name), "Cache-Control": "no-store"}
        return StreamingHttpResponse(pieces, content_type="application/zip", headers=headers)

    request.afterwards = stream
    return HttpResponse(content_type="application/zip")


def _name(code: str) -> str:
    found = frameworks.of(code)
    return f"{found.name.removesuffix(' 164.')} {found.edition}" if found else code
