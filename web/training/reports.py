"""Messages that people found suspicious, for whoever decides about them."""

from django.contrib import messages as toasts
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts import queries as people
from accounts.permissions import Permission
from core import clock, ids
from edge import recording
from edge.access import access
from edge.request import Request
from training import events, queries
from training.models import SuspiciousMessage
from training.practice import noting
from training.services import suspicious
from web.forms import answer, attempting
from web.kit.parts import CursorPage
from web.training import shared
from web.training.forms import PracticeVerdictForm, ReportForm, VerdictForm

_KINDS = dict(ReportForm.base_fields["kind"].choices)  # type: ignore[attr-defined]  # a field of choices
_DONE = dict(ReportForm.base_fields["done"].choices)  # type: ignore[attr-defined]  # as above


@access(get=Permission.TRAINING_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """List reported messages, newest first: how they came and what was done, not what they say."""
    cursor = request.GET.get("cursor", "")
    rows, following = queries.messages(after=ids.from_base32(cursor) if cursor else None)
    names = people.names_of({row.reported_by for row in rows})
    recording.read(request, events.READ, subjects=[row.pk for row in rows], fields=["user.name"])
    context = {
        "rows": [
            {
                "url": reverse("training:message", args=[slug, ids.encode("message_report", row.pk)]),
                "at": row.reported_at,
                "who": names.get(row.reported_by, "Somebody who has left"),
                "kind": _KINDS[row.kind],
                "done": _DONE[row.done],
                "urgent": row.done in suspicious.URGENT and row.state == SuspiciousMessage.State.NEW,
                "state": row.state,
            }
            for row in rows
        ],
        "page": CursorPage(
            shown=len(rows),
            next_url=f"?cursor={ids.base32(following)}" if following else "",
            previous_url="?" if cursor else "",
        ),
        "tabs": shared.tabs(request, slug, "messages"),
    }
    return render(request, "training/messages.html", context)


@access(get=Permission.TRAINING_READ, post=Permission.TRAINING_MANAGE)
def detail(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show a reported message; decide what it is."""
    found = queries.message(ids.decode("message_report", pk))
    asks = noting.waiting_for(found.reported_by, at=clock.now()) is not None
    form = (PracticeVerdictForm if asks else VerdictForm)(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            suspicious.decide(message_id=found.pk, **form.cleaned_data, actor=request.actor, at=clock.now())
        if not form.errors:
            toasts.success(request, "Decided. Thank the person who reported it.")
            return redirect("training:message", slug, pk)
    recording.read(
        request, events.MESSAGE_READ, subject=("message_report", found.pk), fields=["sender", "text", "note"]
    )
    names = people.names_of({found.reported_by, *([found.handled_by] if found.handled_by else [])})
    context = {
        "message": found,
        "kind": _KINDS[found.kind],
        "done": _DONE[found.done],
        "urgent": found.done in suspicious.URGENT,
        "who": names.get(found.reported_by, "Somebody who has left"),
        "handled_by": names.get(found.handled_by, "") if found.handled_by else "",
        "may_decide": Permission.TRAINING_MANAGE in request.permissions
        and found.state == SuspiciousMessage.State.NEW,
        "crumbs": shared.crumbs(slug),
    }
    return answer(request, "training/message.html", context, form=form)
