"""What the next invoice of a subscription would say, as things are and with a change."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from api import fields, schema
from api.endpoint import Endpoint
from billing import events
from billing.subscriptions import queries, services
from core import clock, ids
from edge import recording
from edge.access import access

MOST_ITEMS = 50


class NewItemChange(fields.Body):
    """Something else in the place of an item, more or less of it, none (quantity 0), or something new."""

    item = fields.Id(kind="subscription_item", required=False)
    price = fields.Id(kind="price", required=False)
    quantity = fields.DecimalText(required=False)


class SubscriptionChange(fields.Body):
    """What is to be different from a day on."""

    changes = fields.Bodies(of=NewItemChange, limit=MOST_ITEMS)
    on = fields.Day(required=False, help_text="Today if absent.")
    bill_now = fields.Flag(
        required=False, help_text="Bill the difference with the next billing run, not with the next period."
    )


class ShownPlannedLine(schema.Shown):
    """A line that an invoice would have."""

    description = serializers.CharField()
    quantity = fields.DecimalText()
    unit_amount = fields.DecimalText()
    amount_minor = serializers.IntegerField()
    period_from = serializers.DateField(allow_null=True)
    period_to = serializers.DateField(allow_null=True)


class ShownUpcoming(schema.Shown):
    """What the next invoice would say about a subscription, before tax that comes on top."""

    object = serializers.ChoiceField(choices=["upcoming_invoice"])
    on = serializers.DateField(allow_null=True)
    currency = serializers.CharField()
    total_minor = serializers.IntegerField()
    lines = ShownPlannedLine(many=True)


class ShownPreview(schema.Shown):
    """The next invoice without a change and with it."""

    object = serializers.ChoiceField(choices=["subscription_preview"])
    before = ShownUpcoming()
    after = ShownUpcoming()


def write_upcoming(found: queries.Upcoming | None, currency: str) -> dict[str, Any]:
    """Write what the next invoice would say; nothing has no day and no lines."""
    lines = () if found is None else found.lines
    return {
        "object": "upcoming_invoice",
        "on": None if found is None else found.on,
        "currency": currency,
        "total_minor": 0 if found is None else found.total_minor,
        "lines": [
            {
                "description": line.description,
                "quantity": fields.decimal_text(line.quantity),
                "unit_amount": fields.decimal_text(line.unit_amount),
                "amount_minor": line.amount_minor,
                "period_from": line.period_from,
                "period_to": line.period_to,
            }
            for line in lines
        ],
    }


def changes_of(given: Sequence[Mapping[str, Any]]) -> list[services.ItemChange]:
    """Return the changes that a body asks for."""
    return [
        services.ItemChange(item_id=one.get("item"), price_id=one.get("price"), quantity=one.get("quantity"))
        for one in given
    ]


@access(get=Permission.SUBSCRIPTION_READ)
class NextInvoice(Endpoint):
    """What the next invoice would say."""

    @schema.describe("subscriptions_upcoming", "See the next invoice", gives=ShownUpcoming)
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer with its lines as they are planned now."""
        row = queries.get(ids.decode("subscription", pk))
        recording.read(self.edge, events.SUBSCRIPTION_READ, subject=("subscription", row.id))
        return Response(write_upcoming(queries.upcoming(row.id), row.currency))


@access(post=Permission.SUBSCRIPTION_READ)
class Previewed(Endpoint):
    """What a change would come to."""

    @schema.describe(
        "subscriptions_preview", "Preview a change", takes=SubscriptionChange, gives=ShownPreview
    )
    def post(self, request: Request, pk: str) -> Response:
        """Answer with the next invoice without and with the change; nothing is written."""
        row = queries.get(ids.decode("subscription", pk))
        given = self.body(SubscriptionChange)
        before, after = queries.preview_change(
            subscription_id=row.id,
            changes=changes_of(given["changes"]),
            on=given.get("on"),
            bill_now=given.get("bill_now", False),
            at=clock.now(),
        )
        recording.read(self.edge, events.SUBSCRIPTION_READ, subject=("subscription", row.id))
        return Response(
            {
                "object": "subscription_preview",
                "before": write_upcoming(before, row.currency),
                "after": write_upcoming(after, row.currency),
            }
        )
