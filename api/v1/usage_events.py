"""Meters, and usage: up to a thousand events at once, each answered by itself and recorded once."""

from typing import Any

from django.http import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from api import fields, schema
from api.endpoint import Endpoint
from billing import events
from billing.catalog.rules import NAME_LENGTH
from billing.subscriptions import queries as subscriptions
from billing.usage import queries, rules, services
from billing.usage.models import Meter
from core import clock, ids
from core.errors import FieldError, Invalid
from edge import recording
from edge.access import access


class NewMeter(fields.Body):
    """What a meter is added with."""

    code = fields.Text(limit=40, help_text="Lower-case letters, digits and _ . -")
    name = fields.Text(limit=NAME_LENGTH)
    aggregation = fields.Choice(words=rules.AGGREGATIONS)


class ShownMeter(schema.Shown):
    """What is counted, and how the events of a period become one number."""

    id = fields.Id(kind="meter")
    object = serializers.ChoiceField(choices=["meter"])
    code = serializers.CharField()
    name = serializers.CharField()
    aggregation = serializers.ChoiceField(choices=rules.AGGREGATIONS)
    created_at = serializers.DateTimeField()


class NewUsageEvent(fields.Body):
    """Something used at a moment."""

    key = fields.Text(limit=rules.KEY_LENGTH, help_text="Yours; the same one again is recorded once.")
    subscription = fields.Id(kind="subscription")
    meter = fields.Text(limit=40, help_text="The meter's code.")
    at = fields.Moment(required=False, help_text="Now if absent.")
    quantity = fields.DecimalText(required=False, help_text="1 if absent; below zero takes back from a sum.")
    value = fields.Text(
        limit=rules.VALUE_LENGTH, required=False, help_text="What a unique meter tells apart."
    )


class NewUsageEvents(fields.Body):
    """Up to a thousand events."""

    events = fields.Bodies(of=NewUsageEvent, limit=rules.MOST_EVENTS)


class ShownOutcome(schema.Shown):
    """What became of one event."""

    id = fields.Id(kind="usage_event", allow_null=True)
    object = serializers.ChoiceField(choices=["usage_event"])
    status = serializers.ChoiceField(choices=["recorded", "known", "refused"])
    code = serializers.CharField(allow_null=True)
    detail = serializers.CharField(allow_null=True)


class ShownOutcomes(schema.Shown):
    """What became of each event, in their order."""

    object = serializers.ChoiceField(choices=["usage_events"])
    recorded = serializers.IntegerField()
    known = serializers.IntegerField()
    refused = serializers.IntegerField()
    outcomes = ShownOutcome(many=True)


class ShownUsageEvent(schema.Shown):
    """Something used at a moment. Its key and value are kept as digests only."""

    id = fields.Id(kind="usage_event")
    object = serializers.ChoiceField(choices=["usage_event"])
    subscription = fields.Id(kind="subscription")
    meter = fields.Id(kind="meter")
    at = serializers.DateTimeField()
    quantity = fields.DecimalText()
    recorded_at = serializers.DateTimeField()


def write_meter(row: queries.MeterRow | Meter) -> dict[str, Any]:
    """Write a meter as it is shown."""
    return {
        "id": ids.encode("meter", row.id),
        "object": "meter",
        "code": row.code,
        "name": row.name,
        "aggregation": row.aggregation,
        "created_at": row.created_at,
    }


def _outcome(outcome: rules.Outcome) -> dict[str, Any]:
    return {
        "id": None if outcome.id is None else ids.encode("usage_event", outcome.id),
        "object": "usage_event",
        "status": outcome.status,
        "code": outcome.code or None,
        "detail": outcome.detail or None,
    }


@access(get=Permission.PRODUCT_READ, post=Permission.PRODUCT_WRITE)
class Meters(Endpoint):
    """All meters."""

    listed = "meters"

    @schema.describe("meters_list", "List meters", gives=ShownMeter, listed=True)
    def get(self, request: Request) -> Response:
        """Answer with a page of meters, newest first."""
        page, _ = self.page()
        rows, next_after = queries.meters_page(limit=page.limit, after=page.after)
        recording.read(self.edge, events.METER_READ, subjects=[row.id for row in rows])
        return Response(page.answer([write_meter(row) for row in rows], next_after))

    @schema.describe("meters_create", "Add a meter", takes=NewMeter, gives=ShownMeter, created=True)
    def post(self, request: Request) -> Response:
        """Add a meter."""
        row = services.create_meter(actor=self.actor, at=clock.now(), **self.body(NewMeter))
        return self.created(write_meter(row), "meters")


@access(get=Permission.PRODUCT_READ)
class OneMeter(Endpoint):
    """One meter."""

    @schema.describe("meters_get", "Read a meter", gives=ShownMeter)
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer with the meter."""
        row = queries.meter(ids.decode("meter", pk))
        recording.read(self.edge, events.METER_READ, subject=("meter", row.id))
        return self.one(write_meter(row))


@access(get=Permission.SUBSCRIPTION_READ, post=Permission.USAGE_WRITE)
class UsageEvents(Endpoint):
    """Usage."""

    listed = "usage_events"
    filters = frozenset({"subscription"})

    @schema.describe(
        "usage_events_list",
        "List the usage of a subscription",
        gives=ShownUsageEvent,
        listed=True,
        filters=[("subscription", "Whose usage; it must be named.")],
    )
    def get(self, request: Request) -> Response:
        """Answer with a page of events, last recorded first."""
        page, filters = self.page()
        if "subscription" not in filters:
            raise Invalid([FieldError("/subscription", "required", "Name a subscription.")])
        subscription_id = self.value("subscription", fields.Id(kind="subscription"), filters)
        subscriptions.get(subscription_id)
        rows, next_after = queries.events(subscription_id=subscription_id, limit=page.limit, after=page.after)
        recording.read(self.edge, events.USAGE_READ, subject=("subscription", subscription_id))
        return Response(
            page.answer(
                [
                    {
                        "id": ids.encode("usage_event", row.id),
                        "object": "usage_event",
                        "subscription": ids.encode("subscription", row.subscription_id),
                        "meter": ids.encode("meter", row.meter_id),
                        "at": row.at,
                        "quantity": fields.decimal_text(row.quantity),
                        "recorded_at": row.recorded_at,
                    }
                    for row in rows
                ],
                next_after,
            )
        )

    @schema.describe(
        "usage_events_record",
        "Record usage",
        takes=NewUsageEvents,
        gives=ShownOutcomes,
        examples={
            "Two requests": {
                "events": [
                    {
                        "key": "2026-03-01/worker-7/41",
                        "subscription": "sub_01j9z3k4m5n6p7q8r9s0t1v2w3",
                        "meter": "requests",
                        "at": "2026-03-01T12:00:00Z",
                        "quantity": "2",
                    }
                ]
            }
        },
    )
    def post(self, request: Request) -> Response:
        """Record events. One that came before is known; one that cannot be taken says why; the others stand."""
        given, at = self.body(NewUsageEvents)["events"], clock.now()
        outcomes = services.record(
            events=[
                rules.EventInput(
                    key=one["key"],
                    subscription_id=one["subscription"],
                    meter=one["meter"],
                    at=one.get("at") or at,
                    **{name: one[name] for name in ("quantity", "value") if name in one},
                )
                for one in given
            ],
            actor=self.actor,
            at=at,
        )
        counts = {word: sum(o.status == word for o in outcomes) for word in ("recorded", "known", "refused")}
        told = [_outcome(outcome) for outcome in outcomes]
        return Response({"object": "usage_events", **counts, "outcomes": told})
