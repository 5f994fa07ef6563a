"""Webhook endpoints: where events are told. A secret is in the answer that made it and in no other, not even in
the same one repeated."""

from datetime import datetime, timedelta
from typing import Any

from django.http import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from api import fields, schema
from api.endpoint import Endpoint
from core import clock, ids
from edge import idempotency, recording
from edge.access import access
from edge.request import Request as EdgeRequest
from outbound import events as audited
from outbound.models import WebhookEndpoint
from outbound.webhooks import queries, rules, services

_TYPES = tuple(sorted(rules.TYPES.keys() - {rules.PING}))
_OVERLAPS = {
    "now": timedelta(),
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "48h": timedelta(hours=48),
}
_P = Permission.WEBHOOK_MANAGE


def _types(**more: Any) -> Any:
    return serializers.ListField(
        child=fields.Choice(words=_TYPES),
        max_length=len(_TYPES),
        help_text="What it wants to hear; an empty list means everything.",
        **more,
    )


class NewWebhookEndpoint(fields.Body):
    """An endpoint to be added."""

    url = fields.Text(limit=rules.URL_LENGTH, help_text="https, and a public host.")
    description = fields.Text(limit=rules.DESCRIPTION_LENGTH, required=False)
    types = _types(required=False)


class WebhookEndpointChange(fields.Body):
    """What is to change."""

    url = fields.Text(limit=rules.URL_LENGTH, required=False)
    description = fields.Text(limit=rules.DESCRIPTION_LENGTH, required=False, blank=True)
    types = _types(required=False)


class SecretRotation(fields.Body):
    """When the old secret stops signing."""

    overlap = fields.Choice(words=tuple(_OVERLAPS), help_text="Until then both sign.")


class Replay(fields.Body):
    """From when on."""

    since = fields.Moment(help_text="At most 30 days ago.")


class ShownWebhookEndpoint(schema.Shown):
    """An address that is told what happens."""

    id = fields.Id(kind="webhook_endpoint")
    object = serializers.ChoiceField(choices=["webhook_endpoint"])
    url = serializers.CharField()
    description = serializers.CharField(allow_null=True)
    types = serializers.ListField(child=serializers.CharField(), help_text="Empty: everything.")
    state = serializers.ChoiceField(choices=WebhookEndpoint.State.values)
    disabled_reason = serializers.ChoiceField(
        choices=["by_member", "gone", "failing"],
        allow_null=True,
        help_text="gone: it answered 410. failing: nothing but failures for days.",
    )
    disabled_at = serializers.DateTimeField(allow_null=True)
    failing_since = serializers.DateTimeField(allow_null=True)
    secret_made_at = serializers.DateTimeField()
    previous_secret_until = serializers.DateTimeField(
        allow_null=True, help_text="Until then the previous secret signs as well."
    )
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class ShownWebhookEndpointWithSecret(ShownWebhookEndpoint):
    """The same with its new secret, this once."""

    secret = serializers.CharField(
        allow_null=True,
        help_text="whsec_ and base64, as Standard Webhooks 1.0 says. Null in an answer that is repeated for its "
        "Idempotency-Key: replace the secret where the first answer was lost.",
    )


class ShownDeletedWebhookEndpoint(schema.Shown):
    """An endpoint that is gone with its secrets and its log."""

    id = fields.Id(kind="webhook_endpoint")
    object = serializers.ChoiceField(choices=["webhook_endpoint"])
    deleted = serializers.ChoiceField(choices=[True])


class ShownSent(schema.Shown):
    """How many events are sent again."""

    object = serializers.ChoiceField(choices=["webhook_replay"])
    events = serializers.IntegerField()


def write(row: WebhookEndpoint) -> dict[str, Any]:
    """Write an endpoint as it is shown: never its secrets."""
    return {
        "id": ids.encode("webhook_endpoint", row.pk),
        "object": "webhook_endpoint",
        "url": row.url,
        "description": row.description,
        "types": row.types,
        "state": row.state,
        "disabled_reason": row.disabled_reason or None,
        "disabled_at": row.disabled_at,
        "failing_since": row.failing_since,
        "secret_made_at": row.secret_made_at,
        "previous_secret_until": row.previous_until,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def _written(request: EdgeRequest, row: WebhookEndpoint, at: datetime) -> dict[str, Any]:
    """Write an endpoint after a change; where nothing changed, it was read."""
    if row.updated_at != at:
        recording.read(request, audited.WEBHOOK_READ, subject=("webhook_endpoint", row.pk))
    return write(row)


def _id(pk: str) -> Any:
    return ids.decode("webhook_endpoint", pk)


@access(get=_P, post=_P)
class WebhookEndpoints(Endpoint):
    """All endpoints."""

    listed = "webhook_endpoints"

    @schema.describe(
        "webhook_endpoints_list", "List webhook endpoints", gives=ShownWebhookEndpoint, listed=True
    )
    def get(self, request: Request) -> Response:
        """Answer with a page of endpoints, newest first."""
        page, _ = self.page()
        found = queries.endpoint_page(limit=page.limit, after=page.after)
        shown = [row.pk for row in found.rows]
        recording.read(self.edge, audited.WEBHOOK_READ, subjects=shown, fields=["url", "description"])
        return Response(page.answer([write(row) for row in found.rows], found.next_after))

    @schema.describe(
        "webhook_endpoints_create",
        "Add a webhook endpoint",
        takes=NewWebhookEndpoint,
        gives=ShownWebhookEndpointWithSecret,
        created=True,
    )
    def post(self, request: Request) -> Response:
        """Add an endpoint and answer with its secret."""
        made = services.create(**self.body(NewWebhookEndpoint), actor=self.actor, at=clock.now())
        idempotency.shown_once(self.edge, "secret")
        return self.created(write(made.endpoint) | {"secret": made.secret}, "webhook_endpoints")


@access(get=_P, patch=_P, delete=_P)
class OneWebhookEndpoint(Endpoint):
    """One endpoint."""

    @schema.describe("webhook_endpoints_get", "Read a webhook endpoint", gives=ShownWebhookEndpoint)
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer with the endpoint."""
        row = queries.endpoint(_id(pk))
        recording.read(self.edge, audited.WEBHOOK_READ, subject=("webhook_endpoint", row.pk))
        return self.one(write(row))

    @schema.describe(
        "webhook_endpoints_update",
        "Change a webhook endpoint",
        takes=WebhookEndpointChange,
        gives=ShownWebhookEndpoint,
    )
    def patch(self, request: Request, pk: str) -> Response:
        """Change the named fields."""
        endpoint_id, changes = _id(pk), self.body(WebhookEndpointChange)
        if self.expects_version():
            self.hold(WebhookEndpoint, endpoint_id)
            self.match(write(queries.endpoint(endpoint_id)))
        at = clock.now()
        row = services.update(endpoint_id=endpoint_id, changes=changes, actor=self.actor, at=at)
        return self.changed(_written(self.edge, row, at))

    @schema.describe(
        "webhook_endpoints_delete", "Delete a webhook endpoint", gives=ShownDeletedWebhookEndpoint
    )
    def delete(self, request: Request, pk: str) -> Response:
        """Delete the endpoint with its secrets and its log."""
        services.delete(endpoint_id=_id(pk), actor=self.actor)
        return Response({"id": pk, "object": "webhook_endpoint", "deleted": True})


@access(post=_P)
class RotatedSecret(Endpoint):
    """Replacing the secret."""

    @schema.describe(
        "webhook_endpoints_rotate",
        "Replace the secret of a webhook endpoint",
        takes=SecretRotation,
        gives=ShownWebhookEndpointWithSecret,
    )
    def post(self, request: Request, pk: str) -> Response:
        """Make a new secret; the old one signs as well until the overlap is over."""
        row = queries.endpoint(_id(pk))
        overlap = _OVERLAPS[self.body(SecretRotation)["overlap"]]
        made = services.rotate(endpoint_id=row.pk, overlap=overlap, actor=self.actor, at=clock.now())
        idempotency.shown_once(self.edge, "secret")
        return self.changed(write(made.endpoint) | {"secret": made.secret})


@access(post=_P)
class Enabled(Endpoint):
    """Enabling."""

    @schema.describe(
        "webhook_endpoints_enable",
        "Enable a webhook endpoint",
        takes=fields.Nothing,
        gives=ShownWebhookEndpoint,
    )
    def post(self, request: Request, pk: str) -> Response:
        """Tell the endpoint again what happens from now on."""
        self.body(fields.Nothing)
        at = clock.now()
        row = services.enable(endpoint_id=_id(pk), actor=self.actor, at=at)
        return self.changed(_written(self.edge, row, at))


@access(post=_P)
class Disabled(Endpoint):
    """Disabling."""

    @schema.describe(
        "webhook_endpoints_disable",
        "Disable a webhook endpoint",
        takes=fields.Nothing,
        gives=ShownWebhookEndpoint,
    )
    def post(self, request: Request, pk: str) -> Response:
        """Tell the endpoint nothing more and drop what waits for it."""
        self.body(fields.Nothing)
        at = clock.now()
        row = services.disable(endpoint_id=_id(pk), actor=self.actor, at=at)
        return self.changed(_written(self.edge, row, at))


@access(post=_P)
class Pinged(Endpoint):
    """A test."""

    @schema.describe(
        "webhook_endpoints_ping",
        "Send a webhook endpoint a ping",
        takes=fields.Nothing,
        gives=ShownSent,
    )
    def post(self, request: Request, pk: str) -> Response:
        """Send an event of type ping, whatever the endpoint wants to hear."""
        self.body(fields.Nothing)
        services.ping(endpoint_id=_id(pk), actor=self.actor)
        return Response({"object": "webhook_replay", "events": 1})


@access(post=_P)
class Replayed(Endpoint):
    """Everything that was missed, once more."""

    @schema.describe(
        "webhook_endpoints_replay",
        "Send again what a webhook endpoint missed",
        takes=Replay,
        gives=ShownSent,
    )
    def post(self, request: Request, pk: str) -> Response:
        """Send again what failed or was dropped since then, and what happened while it was disabled."""
        row = queries.endpoint(_id(pk))
        since = self.body(Replay)["since"]
        sent = services.replay(endpoint_id=row.pk, since=since, actor=self.actor, at=clock.now())
        return Response({"object": "webhook_replay", "events": sent})
