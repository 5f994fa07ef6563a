"""Events: what happened in the last 30 days, who was told of it, and telling it again."""

import json
from dataclasses import dataclass
from datetime import datetime

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode

from accounts.permissions import Permission
from core import clock, ids
from edge import recording
from edge.access import access
from edge.request import Request
from outbound import events as audited
from outbound.models import WebhookDelivery, WebhookEndpoint, WebhookEvent
from outbound.webhooks import queries, rules
from web.console import trail
from web.developers import deliveries
from web.kit.forms import Form
from web.kit.parts import Chip, Crumb, CursorPage

_PAGE = 50
_P = Permission


class FilterForm(Form):
    """What the events can be narrowed by."""

    type = forms.ChoiceField(
        label="Type", required=False, choices=[("", "Any"), *((code, code) for code in sorted(rules.TYPES))]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An event as people see it."""

    pk: str
    link: str
    type: str
    sentence: str
    record: str
    record_url: str
    at: datetime
    told: str
    state: str


@access(get=_P.EVENT_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """List the events of the last 30 days, newest first."""
    form = FilterForm(request.GET, auto_id="filter_%s")
    wanted = form.cleaned_data["type"] if form.is_valid() else ""
    cursor = request.GET.get("cursor", "")
    found = queries.events(
        limit=_PAGE, after=ids.from_base32(cursor) if cursor else None, type=wanted or None, at=clock.now()
    )
    recording.read(request, audited.EVENT_READ, subjects=[row.pk for row in found.rows])
    states = queries.deliveries_by_event([row.pk for row in found.rows])
    kept = {"type": wanted} if wanted else {}
    context = {
        "form": form,
        "rows": [_row(row, slug, request.permissions, states[row.pk]) for row in found.rows],
        "chips": [Chip(f"Type: {wanted}", "?")] if wanted else [],
        "clear_url": "?",
        "filtered": bool(wanted),
        "days": rules.EVENTS_STAY.days,
        "page": CursorPage(
            shown=len(found.rows),
            next_url=f"?{urlencode({**kept, 'cursor': ids.base32(found.next_after)})}"
            if found.next_after
            else "",
            previous_url=f"?{urlencode(kept)}" if cursor else "",
        ),
    }
    part = request.headers.get("HX-Request") and not request.headers.get("HX-History-Restore-Request")
    return render(request, "developers/_events.html" if part else "developers/events.html", context)


@access(get=_P.EVENT_READ)
def detail(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show what an event says and who was told of it."""
    event = queries.event(ids.decode("webhook_event", pk), at=clock.now())
    recording.read(request, audited.EVENT_READ, subject=("webhook_event", event.pk))
    found = queries.deliveries_of(event.pk)
    body = json.loads(queries.body_of(event, livemode=queries.livemode()))
    context = {
        "row": _row(event, slug, request.permissions, [row.state for row in found]),
        "body": json.dumps(body, indent=2, ensure_ascii=False),
        "told": [
            (
                deliveries.row_of(row, slug),
                deliveries.short(row.endpoint.url),
                row.endpoint.state == WebhookEndpoint.State.ENABLED,
            )
            for row in found
        ],
        "may_send": _P.WEBHOOK_MANAGE in request.permissions,
        "crumbs": [Crumb("Events", reverse("developers:events", args=[slug]))],
    }
    return render(request, "developers/event.html", context)


def _row(event: WebhookEvent, slug: str, held: frozenset[Permission], states: list[str]) -> Row:
    pk = ids.encode("webhook_event", event.pk)
    record = ids.encode(event.object_kind, event.object_id)
    return Row(
        pk=pk,
        link=reverse("developers:event", args=[slug, pk]),
        type=event.type,
        sentence=rules.TYPES.get(event.type, ""),
        record=record,
        record_url=trail.page_of(event.object_kind, event.object_id, slug=slug, permissions=held),
        at=event.created_at,
        told=_told(states),
        state=_worst(states),
    )


def _told(states: list[str]) -> str:
    if not states:
        return "Nobody asked for it"
    taken = sum(state == WebhookDelivery.State.SUCCEEDED for state in states)
    return f"{taken} of {len(states)} took it"


def _worst(states: list[str]) -> str:
    order = (
        WebhookDelivery.State.FAILED,
        WebhookDelivery.State.PENDING,
        WebhookDelivery.State.DROPPED,
        WebhookDelivery.State.SUCCEEDED,
    )
    return next((state.value for state in order if state in states), "")
