"""Webhook deliveries: how telling each endpoint each event went, with what came back."""

from collections.abc import Sequence
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
from outbound.models import WebhookAttempt, WebhookDelivery
from outbound.webhooks import queries, services

_P = Permission.WEBHOOK_MANAGE


class ShownWebhookAttempt(schema.Shown):
    """One try."""

    at = serializers.DateTimeField()
    status = serializers.IntegerField(allow_null=True)
    error = serializers.CharField(allow_null=True)
    duration_ms = serializers.IntegerField()
    response = serializers.CharField(allow_null=True, help_text="The first 2 KB of the answer.")


class ShownWebhookDelivery(schema.Shown):
    """One event for one endpoint."""

    id = fields.Id(kind="webhook_delivery")
    object = serializers.ChoiceField(choices=["webhook_delivery"])
    endpoint = fields.Id(kind="webhook_endpoint")
    event = fields.Id(kind="webhook_event")
    type = serializers.CharField()
    state = serializers.ChoiceField(choices=WebhookDelivery.State.values)
    attempts = serializers.IntegerField(help_text="Since it was last sent from the beginning.")
    next_attempt_at = serializers.DateTimeField(allow_null=True)
    last_status = serializers.IntegerField(allow_null=True)
    last_error = serializers.CharField(allow_null=True)
    last_duration_ms = serializers.IntegerField(allow_null=True)
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class ShownWebhookDeliveryWithLog(ShownWebhookDelivery):
    """The same with every attempt."""

    log = ShownWebhookAttempt(many=True)


def write(row: WebhookDelivery) -> dict[str, Any]:
    """Write a delivery as it is shown in a list."""
    return {
        "id": ids.encode("webhook_delivery", row.pk),
        "object": "webhook_delivery",
        "endpoint": ids.encode("webhook_endpoint", row.endpoint_id),
        "event": ids.encode("webhook_event", row.event_id),
        "type": row.event.type,
        "state": row.state,
        "attempts": row.attempts,
        "next_attempt_at": row.next_attempt_at,
        "last_status": row.last_status,
        "last_error": row.last_code or None,
        "last_duration_ms": row.last_duration_ms,
        "created_at": row.created_at,
        "finished_at": row.finished_at,
    }


def _with_log(row: WebhookDelivery, attempts: Sequence[WebhookAttempt]) -> dict[str, Any]:
    log = [
        {
            "at": attempt.at,
            "status": attempt.status,
            "error": attempt.code or None,
            "duration_ms": attempt.duration_ms,
            "response": attempt.response,
        }
        for attempt in attempts
    ]
    return write(row) | {"log": log}


@access(get=_P)
class Deliveries(Endpoint):
    """How telling one endpoint went."""

    listed = "deliveries"
    filters = frozenset({"state"})

    @schema.describe(
        "webhook_endpoints_deliveries",
        "List a webhook endpoint's deliveries",
        gives=ShownWebhookDelivery,
        listed=True,
        filters=[("state", "pending, succeeded, failed or dropped.")],
    )
    def get(self, request: Request, pk: str) -> Response:
        """Answer with a page of deliveries, newest first."""
        page, filters = self.page(of=pk)
        endpoint = queries.endpoint(ids.decode("webhook_endpoint", pk))
        state = self.choice(filters, "state", WebhookDelivery.State.values)
        found = queries.deliveries(endpoint.pk, limit=page.limit, after=page.after, state=state)
        recording.read(
            self.edge, audited.WEBHOOK_READ, subject=("webhook_endpoint", endpoint.pk), fields=["deliveries"]
        )
        return Response(page.answer([write(row) for row in found.rows], found.next_after))


@access(get=_P)
class OneDelivery(Endpoint):
    """One delivery."""

    @schema.describe("webhook_deliveries_get", "Read a webhook delivery", gives=ShownWebhookDeliveryWithLog)
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer with the delivery and every attempt."""
        row = queries.delivery(ids.decode("webhook_delivery", pk))
        recording.read(
            self.edge, audited.WEBHOOK_READ, subject=("webhook_delivery", row.pk), fields=["response"]
        )
        return self.one(_with_log(row, queries.attempts([row.pk])[row.pk]))


@access(post=_P)
class Resent(Endpoint):
    """Sending one event again."""

    @schema.describe(
        "webhook_deliveries_resend",
        "Send a webhook delivery again",
        takes=fields.Nothing,
        gives=ShownWebhookDeliveryWithLog,
    )
    def post(self, request: Request, pk: str) -> Response:
        """Send the event again now, under the id it had."""
        self.body(fields.Nothing)
        row = services.resend(
            delivery_id=ids.decode("webhook_delivery", pk), actor=self.actor, at=clock.now()
        )
        return self.changed(_with_log(queries.delivery(row.pk), queries.attempts([row.pk])[row.pk]))
