"""Subscriptions: started, changed from a day on, paused, resumed, canceled, kept. Each day is billed once."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from api import fields, schema
from api.endpoint import Endpoint
from api.v1.upcoming import MOST_ITEMS, SubscriptionChange, changes_of
from billing import events
from billing.catalog.models import Price
from billing.subscriptions import queries, services
from billing.subscriptions.models import Subscription
from core import clock, ids
from edge import idempotency, recording
from edge.access import access

_STATUSES, _TIMINGS = tuple(Subscription.Status.values), tuple(Subscription.Timing.values)
_INTERVALS = tuple(Price.Interval.values)


class NewItem(fields.Body):
    """So many of a price."""

    price = fields.Id(kind="price")
    quantity = fields.DecimalText(required=False, help_text="1 if absent.")


class NewSubscription(fields.Body):
    """What a subscription is started with."""

    customer = fields.Id(kind="customer")
    items = fields.Bodies(of=NewItem, limit=MOST_ITEMS)
    start_on = fields.Day(required=False, help_text="Today if absent.")
    trial_until = fields.Day(required=False, help_text="The first day that costs something.")
    anchor_on = fields.Day(
        required=False,
        help_text="A day that a period begins on; the first day that costs something if absent.",
    )
    timing = fields.Choice(words=_TIMINGS, required=False, help_text="advance if absent.")


class FromDay(fields.Body):
    """From which day on."""

    on = fields.Day(required=False, help_text="Today if absent.")


class Cancellation(fields.Body):
    """When it ends."""

    at_period_end = fields.Flag(required=False, help_text="true if absent and no day is named.")
    on = fields.Day(required=False, help_text="The first day it is not there any more.")


class ShownItem(schema.Shown):
    """So many of something from a day on; `to_on` is the first day it is not there any more."""

    id = fields.Id(kind="subscription_item")
    object = serializers.ChoiceField(choices=["subscription_item"])
    price = fields.Id(kind="price")
    quantity = fields.DecimalText()
    from_on = serializers.DateField()
    to_on = serializers.DateField(allow_null=True)
    replaces = fields.Id(kind="subscription_item", allow_null=True)


class ShownSubscription(schema.Shown):
    """A subscription with the items that are open. All days are those of the organization's time zone."""

    id = fields.Id(kind="subscription")
    object = serializers.ChoiceField(choices=["subscription"])
    customer = fields.Id(kind="customer")
    currency = serializers.CharField()
    status = serializers.ChoiceField(choices=_STATUSES)
    timing = serializers.ChoiceField(choices=_TIMINGS)
    interval = serializers.ChoiceField(choices=_INTERVALS)
    interval_count = serializers.IntegerField()
    start_on = serializers.DateField()
    trial_until = serializers.DateField(allow_null=True)
    anchor_on = serializers.DateField()
    paused_from = serializers.DateField(allow_null=True)
    ends_on = serializers.DateField(allow_null=True)
    cancel_at_period_end = serializers.BooleanField()
    next_invoice_on = serializers.DateField(allow_null=True)
    items = ShownItem(many=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


def write(row: queries.SubscriptionRow) -> dict[str, Any]:
    """Write a subscription as it is shown."""
    return {
        "id": ids.encode("subscription", row.id),
        "object": "subscription",
        "customer": ids.encode("customer", row.customer_id),
        "currency": row.currency,
        "status": row.status,
        "timing": row.timing,
        "interval": row.interval,
        "interval_count": row.interval_count,
        "start_on": row.start_on,
        "trial_until": row.trial_until,
        "anchor_on": row.anchor_on,
        "paused_from": row.paused_from,
        "ends_on": row.ends_on,
        "cancel_at_period_end": row.cancel_at_period_end,
        "next_invoice_on": row.next_on,
        "items": [_item(item) for item in row.items],
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def _item(item: queries.ItemRow) -> dict[str, Any]:
    return {
        "id": ids.encode("subscription_item", item.id),
        "object": "subscription_item",
        "price": ids.encode("price", item.price.id),
        "quantity": fields.decimal_text(item.quantity),
        "from_on": item.from_on,
        "to_on": item.to_on,
        "replaces": None if item.replaces_id is None else ids.encode("subscription_item", item.replaces_id),
    }


@access(get=Permission.SUBSCRIPTION_READ, post=Permission.SUBSCRIPTION_WRITE)
class Subscriptions(Endpoint):
    """All subscriptions."""

    listed = "subscriptions"
    filters = frozenset({"customer", "status"})

    @schema.describe(
        "subscriptions_list",
        "List subscriptions",
        gives=ShownSubscription,
        listed=True,
        filters=[
            ("customer", "Only this customer's."),
            ("status", "trialing, active, paused, canceled or ended."),
        ],
    )
    def get(self, request: Request) -> Response:
        """Answer with a page of subscriptions, newest first."""
        page, filters = self.page()
        wanted: dict[str, Any] = {"status": self.choice(filters, "status", _STATUSES)}
        if "customer" in filters:
            wanted["customer_id"] = self.value("customer", fields.Id(kind="customer"), filters)
        rows, next_after = queries.page(limit=page.limit, after=page.after, with_names=False, **wanted)
        shown = [row.id for row in rows]
        recording.read(self.edge, events.SUBSCRIPTION_LISTED, subjects=shown, fields=sorted(filters))
        return Response(page.answer([write(row) for row in rows], next_after))

    @schema.describe(
        "subscriptions_create",
        "Start a subscription",
        takes=NewSubscription,
        gives=ShownSubscription,
        created=True,
        examples={
            "Five seats from a day on": {
                "customer": "cus_01j9z3k4m5n6p7q8r9s0t1v2w3",
                "items": [{"price": "prc_01j9z3k4m5n6p7q8r9s0t1v2w3", "quantity": "5"}],
                "start_on": "2026-03-01",
            }
        },
    )
    def post(self, request: Request) -> Response:
        """Start a subscription."""
        given = self.body(NewSubscription)
        items = [
            services.ItemInput(price_id=one["price"], quantity=one.get("quantity", Decimal(1)))
            for one in given["items"]
        ]
        row = services.start(
            customer_id=given["customer"],
            items=items,
            start_on=given.get("start_on"),
            trial_until=given.get("trial_until"),
            anchor_on=given.get("anchor_on"),
            timing=given.get("timing", Subscription.Timing.ADVANCE),
            actor=self.actor,
            at=clock.now(),
        )
        return self.created(write(queries.get(row.pk)), "subscriptions")


@access(get=Permission.SUBSCRIPTION_READ)
class OneSubscription(Endpoint):
    """One subscription."""

    @schema.describe("subscriptions_get", "Read a subscription", gives=ShownSubscription)
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer with the subscription."""
        row = queries.get(ids.decode("subscription", pk))
        recording.read(self.edge, events.SUBSCRIPTION_READ, subject=("subscription", row.id))
        return self.one(write(row))


class _Moved(Endpoint):
    """What the addresses that change a subscription share."""

    def _found(self, pk: str) -> UUID:
        """Say first that there is no such subscription, whatever the body is."""
        return queries.get(ids.decode("subscription", pk)).id

    def _answer(self, subscription_id: UUID) -> Response:
        return self.changed(write(queries.get(subscription_id)))


@access(post=Permission.SUBSCRIPTION_WRITE)
class Changed(_Moved):
    """Changing a subscription."""

    @schema.describe(
        "subscriptions_change", "Change a subscription", takes=SubscriptionChange, gives=ShownSubscription
    )
    def post(self, request: Request, pk: str) -> Response:
        """Change what it is for from a day on; the days before cost what they cost."""
        found, given = self._found(pk), self.body(SubscriptionChange)
        row = services.change(
            subscription_id=found,
            changes=changes_of(given["changes"]),
            on=given.get("on"),
            bill_now=given.get("bill_now", False),
            actor=self.actor,
            at=clock.now(),
        )
        return self._answer(row.pk)


@access(post=Permission.SUBSCRIPTION_WRITE)
class Paused(_Moved):
    """Pausing a subscription."""

    @schema.describe("subscriptions_pause", "Pause a subscription", takes=FromDay, gives=ShownSubscription)
    def post(self, request: Request, pk: str) -> Response:
        """Let its days cost nothing from a day on."""
        row = services.pause(
            subscription_id=self._found(pk),
            on=self.body(FromDay).get("on"),
            actor=self.actor,
            at=clock.now(),
        )
        return self._answer(row.pk)


@access(post=Permission.SUBSCRIPTION_WRITE)
class Resumed(_Moved):
    """Resuming a subscription."""

    @schema.describe("subscriptions_resume", "Resume a subscription", takes=FromDay, gives=ShownSubscription)
    def post(self, request: Request, pk: str) -> Response:
        """Let it go on from a day on."""
        row = services.resume(
            subscription_id=self._found(pk),
            on=self.body(FromDay).get("on"),
            actor=self.actor,
            at=clock.now(),
        )
        return self._answer(row.pk)


@access(post=Permission.SUBSCRIPTION_WRITE)
class Canceled(_Moved):
    """Canceling a subscription."""

    @schema.describe(
        "subscriptions_cancel", "Cancel a subscription", takes=Cancellation, gives=ShownSubscription
    )
    def post(self, request: Request, pk: str) -> Response:
        """End it when its period is over, or on a day."""
        found, given = self._found(pk), self.body(Cancellation)
        row = services.cancel(
            subscription_id=found,
            at_period_end=given.get("at_period_end", True),
            on=given.get("on"),
            actor=self.actor,
            at=clock.now(),
        )
        return self._answer(row.pk)


@access(post=Permission.SUBSCRIPTION_WRITE)
class Kept(_Moved):
    """Taking a cancellation back."""

    @schema.describe(
        "subscriptions_keep", "Take back a cancellation", takes=fields.Nothing, gives=ShownSubscription
    )
    def post(self, request: Request, pk: str) -> Response:
        """Let it go on as if it had not been canceled."""
        found = self._found(pk)
        self.body(fields.Nothing)
        row = services.keep(subscription_id=found, actor=self.actor, at=clock.now())
        return self._answer(row.pk)


@idempotency.demanded
@access(post=Permission.CREDIT_NOTE_WRITE)
class GivenBack(_Moved):
    """Giving back what was paid ahead."""

    @schema.describe(
        "subscriptions_give_back",
        "Credit days that were paid ahead and are not used",
        takes=fields.Nothing,
        gives=ShownSubscription,
    )
    def post(self, request: Request, pk: str) -> Response:
        """Make a credit note of each invoice the days stand on, when no invoice to come would give them back."""
        found = self._found(pk)
        self.body(fields.Nothing)
        services.give_back(subscription_id=found, actor=self.actor, at=clock.now())
        return self._answer(found)
