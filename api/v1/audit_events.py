"""Audit events: who did or saw what, when, and with what result. Read only; reading is recorded as well."""

from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from api import fields, schema
from api.endpoint import Endpoint
from audit import events, queries
from audit.models import Event
from core import ids
from core.errors import NotFound
from edge import recording
from edge.access import access

_IDS: dict[str, Any] = {"actor": fields.AnyId(), "request": fields.AnyId(), "subject": fields.AnyId()}
_MOMENTS: dict[str, Any] = {"since": fields.Moment(), "until": fields.Moment()}


class ShownActor(schema.Shown):
    """Who acted."""

    kind = serializers.ChoiceField(choices=["user", "customer", "api_key", "system", "stranger"])
    id = serializers.CharField(allow_null=True)
    process = serializers.CharField(help_text="The name of a process of ours; empty for anybody else.")


class ShownAuditEvent(schema.Shown):
    """One thing that happened: ids, codes and field names, never a value."""

    id = fields.Id(kind="audit_event")
    object = serializers.ChoiceField(choices=["audit_event"])
    event = serializers.CharField()
    result = serializers.ChoiceField(choices=Event.Result.values)
    actor = ShownActor()
    on_behalf_of = serializers.CharField(allow_null=True)
    via = serializers.ChoiceField(choices=["web", "api", "task", "command"])
    session = fields.Id(kind="session", allow_null=True)
    api_key = fields.Id(kind="api_key", allow_null=True)
    request = fields.Id(kind="request")
    network = serializers.CharField(help_text="A keyed pseudonym of the network address.")
    subject = serializers.CharField(allow_null=True)
    subjects = serializers.ListField(child=serializers.CharField())
    fields = serializers.ListField(child=serializers.CharField())  # type: ignore[assignment]  # the event's own word
    facts = serializers.DictField()
    reason = serializers.CharField()
    at = serializers.DateTimeField()


def _named(kind: str, value: UUID | None) -> str | None:
    """Write the outside name of a record; of a kind that has none, its plain id."""
    if value is None:
        return None
    return ids.encode(kind, value) if kind in ids.PREFIXES else str(value)


def write(event: Event) -> dict[str, Any]:
    """Write an event as it is shown."""
    noun = event.subject_kind or event.event.partition(".")[0]
    return {
        "id": ids.encode("audit_event", event.id),
        "object": "audit_event",
        "event": event.event,
        "result": event.result,
        "actor": {
            "kind": event.actor_kind,
            "id": _named(event.actor_kind, event.actor_id),
            "process": event.actor_label,
        },
        "on_behalf_of": _named("user", event.on_behalf_of),
        "via": event.via,
        "session": _named("session", event.session_id),
        "api_key": _named("api_key", event.key_id),
        "request": ids.encode("request", event.request_id),
        "network": event.network,
        "subject": _named(noun, event.subject_id),
        "subjects": [_named(noun, subject) for subject in event.subject_ids],
        "fields": event.fields,
        "facts": event.facts,
        "reason": event.reason,
        "at": event.at,
    }


@access(get=Permission.AUDIT_READ)
class AuditEvents(Endpoint):
    """The trail."""

    listed = "audit_events"
    filters = frozenset({"actor", "event", "request", "result", "since", "subject", "until"})

    @schema.describe(
        "audit_events_list",
        "List or find audit events",
        gives=ShownAuditEvent,
        listed=True,
        filters=[
            ("event", "Exactly this kind, or a family that ends with a dot: invoice."),
            ("result", "success, refused or failed."),
            ("actor", "Only what this user, key or customer did."),
            ("subject", "Only what was done to this record."),
            ("request", "Only what happened in this request."),
            ("since", "At this moment or later (RFC 3339)."),
            ("until", "Before this moment (RFC 3339)."),
        ],
    )
    def get(self, request: Request) -> Response:
        """Answer with a page of the trail, newest first."""
        page, filters = self.page()
        wanted: dict[str, Any] = {
            name: self.value(name, kind, filters)
            for name, kind in (_IDS | _MOMENTS).items()
            if name in filters
        }
        wanted["event"] = filters.get("event", "")
        wanted["result"] = self.choice(filters, "result", Event.Result.values) or ""
        found = queries.events(queries.Filters(**wanted), cursor=page.place, limit=page.limit)
        data = [write(event) for event in found.events]
        recording.read(self.edge, events.AUDIT_READ, fields=sorted(filters), facts={"events": len(data)})
        return Response(page.answer(data, found.next_cursor))


@access(get=Permission.AUDIT_READ)
class OneAuditEvent(Endpoint):
    """One event."""

    @schema.describe("audit_events_get", "Read an audit event", gives=ShownAuditEvent)
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer with the event."""
        event = queries.event(ids.decode("audit_event", pk))
        if event is None:
            raise NotFound
        recording.read(self.edge, events.AUDIT_READ, subject=("audit_event", event.id))
        return self.one(write(event))
