"""Events: what happened in the last 30 days, as webhooks tell it, for whoever comes late or missed one."""

from typing import Any

from django.http import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from api import fields, schema
from api.endpoint import Endpoint
from core import clock, ids
from edge import recording
from edge.access import access
from outbound import events as audited
from outbound.models import WebhookEvent
from outbound.webhooks import queries, rules

_TYPES = tuple(sorted(rules.TYPES))


class ShownEvent(schema.Shown):
    """One thing that happened: ids, states, amounts and times, never what names a person."""

    id = fields.Id(kind="webhook_event")
    object = serializers.ChoiceField(choices=["event"])
    type = serializers.ChoiceField(choices=_TYPES)
    created_at = serializers.DateTimeField()
    livemode = serializers.BooleanField()
    api_version = serializers.CharField()
    data = serializers.DictField(help_text="`object` and `id` of the record, and its state as it then was.")  # type: ignore[assignment]  # the event's own word


def write(event: WebhookEvent, *, livemode: bool) -> dict[str, Any]:
    """Write an event as it is shown; a webhook's body says the same."""
    return {
        "id": ids.encode("webhook_event", event.pk),
        "object": "event",
        "type": event.type,
        "created_at": event.created_at,
        "livemode": livemode,
        "api_version": rules.API_VERSION,
        "data": queries.data_of(event),
    }


@access(get=Permission.EVENT_READ)
class Events(Endpoint):
    """What happened."""

    listed = "events"
    filters = frozenset({"type"})

    @schema.describe(
        "events_list",
        "List events of the last 30 days",
        gives=ShownEvent,
        listed=True,
        filters=[("type", "Only of this type, such as invoice.paid.")],
    )
    def get(self, request: Request) -> Response:
        """Answer with a page of events, newest first."""
        page, filters = self.page()
        found = queries.events(
            limit=page.limit,
            after=page.after,
            type=self.choice(filters, "type", _TYPES),
            at=clock.now(),
        )
        live = queries.livemode()
        recording.read(
            self.edge, audited.EVENT_READ, subjects=[event.pk for event in found.rows], fields=sorted(filters)
        )
        return Response(page.answer([write(event, livemode=live) for event in found.rows], found.next_after))


@access(get=Permission.EVENT_READ)
class OneEvent(Endpoint):
    """One event."""

    @schema.describe("events_get", "Read an event", gives=ShownEvent)
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer with the event."""
        event = queries.event(ids.decode("webhook_event", pk), at=clock.now())
        recording.read(self.edge, audited.EVENT_READ, subject=("webhook_event", event.pk))
        return self.one(write(event, livemode=queries.livemode()))
