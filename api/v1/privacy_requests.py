"""Requests of people about their data: taken in, listed and read. Who asks is established by a person, on the page."""

from typing import Any

from django.http import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from api import fields, schema
from api.endpoint import Endpoint
from compliance import events
from compliance.requests import queries, rules, services
from compliance.requests.models import PrivacyRequest
from compliance.requests.words import Asked
from core import clock, ids
from edge import recording
from edge.access import access

_OPTIONAL: dict[str, Any] = {"required": False, "allow_null": True}


class NewPrivacyRequest(fields.Body):
    """What somebody asks about their data, as it reached you. Nothing is done before a person knows who asks."""

    kind = fields.Choice(words=tuple(PrivacyRequest.Kind.values))
    customer = fields.Id(kind="customer", **_OPTIONAL)
    contact = fields.Id(kind="contact", **_OPTIONAL)
    name = fields.Text(limit=rules.NAME_LENGTH, help_text="Who asks, where nobody is named.", **_OPTIONAL)
    email = fields.Text(limit=rules.EMAIL_LENGTH, **_OPTIONAL)
    words = fields.Text(limit=rules.WORDS_LENGTH, lines=True, **_OPTIONAL)
    received_on = fields.Day(help_text="The clock runs from this day; without it from today.", **_OPTIONAL)


class ShownPrivacyRequest(schema.Shown):
    """One request. What was said and collected stands on its page alone."""

    id = fields.Id(kind="privacy_request")
    object = serializers.ChoiceField(choices=["privacy_request"])
    kind = serializers.ChoiceField(choices=PrivacyRequest.Kind.values)
    state = serializers.ChoiceField(choices=PrivacyRequest.State.values)
    customer = fields.Id(kind="customer", allow_null=True)
    contact = fields.Id(kind="contact", allow_null=True)
    identity = serializers.ChoiceField(choices=PrivacyRequest.Identity.values)
    by_portal = serializers.BooleanField()
    received_on = serializers.DateField()
    due_on = serializers.DateField(help_text="Until when the law wants an answer.")
    extended_at = serializers.DateTimeField(allow_null=True)
    refusal = serializers.CharField(help_text="A code; empty unless it was refused.")
    ended_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


def write(row: PrivacyRequest) -> dict[str, Any]:
    """Write a request as it is shown."""
    return {
        "id": ids.encode("privacy_request", row.pk),
        "object": "privacy_request",
        "kind": row.kind,
        "state": row.state,
        "customer": ids.encode("customer", row.customer_id) if row.customer_id else None,
        "contact": ids.encode("contact", row.contact_id) if row.contact_id else None,
        "identity": row.identity,
        "by_portal": row.by_portal,
        "received_on": row.received_on,
        "due_on": row.due_on,
        "extended_at": row.extended_at,
        "refusal": row.refusal,
        "ended_at": row.ended_at,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


@access(get=Permission.PRIVACY_READ, post=Permission.CUSTOMER_WRITE)
class PrivacyRequests(Endpoint):
    """All requests."""

    listed = "privacy_requests"
    filters = frozenset({"state", "kind", "customer"})

    @schema.describe(
        "privacy_requests_list",
        "List requests about personal data",
        gives=ShownPrivacyRequest,
        listed=True,
        filters=[
            ("state", "Only those that stand so."),
            ("kind", "Only those that ask for this."),
            ("customer", "Only this customer's."),
        ],
    )
    def get(self, request: Request) -> Response:
        """Answer with a page of requests, newest first."""
        page, filters = self.page()
        customer_id = None
        if "customer" in filters:
            customer_id = self.value("customer", fields.Id(kind="customer"), filters)
        rows, next_after = queries.page(
            kind=self.choice(filters, "kind", PrivacyRequest.Kind.values) or "",
            state=self.choice(filters, "state", PrivacyRequest.State.values) or "",
            customer_id=customer_id,
            after=page.after,
            limit=page.limit,
        )
        recording.read(self.edge, events.REQUEST_READ, subjects=[row.pk for row in rows])
        return Response(page.answer([write(row) for row in rows], next_after))

    @schema.describe(
        "privacy_requests_create",
        "Take in a request about personal data",
        takes=NewPrivacyRequest,
        gives=ShownPrivacyRequest,
        created=True,
        examples={"A copy of everything": {"kind": "access", "customer": "cus_" + "0" * 26}},
    )
    def post(self, request: Request) -> Response:
        """Take a request in; its clock runs."""
        given = {name: value for name, value in self.body(NewPrivacyRequest).items() if value is not None}
        asked = Asked(
            kind=given.pop("kind"),
            customer_id=given.pop("customer", None),
            contact_id=given.pop("contact", None),
            **given,
        )
        row = services.open_request(asked=asked, actor=self.actor, at=clock.now())
        return self.created(write(row), "privacy_requests")


@access(get=Permission.PRIVACY_READ)
class OnePrivacyRequest(Endpoint):
    """One request."""

    @schema.describe("privacy_requests_get", "Read a request about personal data", gives=ShownPrivacyRequest)
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer with the request."""
        row = queries.get(ids.decode("privacy_request", pk))
        recording.read(self.edge, events.REQUEST_READ, subject=("privacy_request", row.pk))
        return self.one(write(row))
