"""Something charged once, on the customer's next invoice; withdrawn until it stands on one."""

from typing import Any

from django.http import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from api import fields, schema
from api.endpoint import Endpoint
from billing import events
from billing.catalog.models import Price
from billing.invoices.rules import DESCRIPTION_LENGTH
from billing.subscriptions import queries, services
from core import clock, ids
from edge import recording
from edge.access import access

_BEHAVIORS = tuple(Price.TaxBehavior.values)
_STATES = ("pending", "billed", "withdrawn")


class NewCharge(fields.Body):
    """What a charge is added with: a price of the catalogue, or an amount of its own."""

    customer = fields.Id(kind="customer")
    description = fields.Text(
        limit=DESCRIPTION_LENGTH, lines=True, required=False, help_text="The product's name if absent."
    )
    price = fields.Id(kind="price", required=False, help_text="One that is charged once.")
    quantity = fields.DecimalText(required=False, help_text="1 if absent.")
    unit_amount = fields.DecimalText(required=False, help_text="Major units; without a price.")
    currency = fields.Currency(required=False, help_text="The price's, or the customer's.")
    tax_code = fields.Text(limit=40, blank=True, required=False, help_text="Code of a tax rate.")
    tax_behavior = fields.Choice(words=_BEHAVIORS, required=False)
    unit_code = fields.Text(limit=8, required=False)
    due_on = fields.Day(required=False, help_text="On an invoice of this day or later; today if absent.")
    subscription = fields.Id(kind="subscription", required=False)


class ShownCharge(schema.Shown):
    """Something charged once."""

    id = fields.Id(kind="charge")
    object = serializers.ChoiceField(choices=["charge"])
    customer = fields.Id(kind="customer")
    subscription = fields.Id(kind="subscription", allow_null=True)
    price = fields.Id(kind="price", allow_null=True)
    currency = serializers.CharField()
    description = serializers.CharField()
    quantity = fields.DecimalText()
    unit_amount = fields.DecimalText()
    tax_code = serializers.CharField()
    tax_behavior = serializers.ChoiceField(choices=_BEHAVIORS)
    state = serializers.ChoiceField(choices=_STATES)
    due_on = serializers.DateField()
    created_at = serializers.DateTimeField()


def write(row: queries.ChargeRow) -> dict[str, Any]:
    """Write a charge as it is shown."""
    return {
        "id": ids.encode("charge", row.id),
        "object": "charge",
        "customer": ids.encode("customer", row.customer_id),
        "subscription": (
            None if row.subscription_id is None else ids.encode("subscription", row.subscription_id)
        ),
        "price": None if row.price_id is None else ids.encode("price", row.price_id),
        "currency": row.currency,
        "description": row.description,
        "quantity": fields.decimal_text(row.quantity),
        "unit_amount": fields.decimal_text(row.unit_amount),
        "tax_code": row.tax_code,
        "tax_behavior": row.tax_behavior,
        "state": row.state,
        "due_on": row.due_on,
        "created_at": row.created_at,
    }


@access(get=Permission.SUBSCRIPTION_READ, post=Permission.SUBSCRIPTION_WRITE)
class Charges(Endpoint):
    """All single charges."""

    listed = "charges"
    filters = frozenset({"customer", "state"})

    @schema.describe(
        "charges_list",
        "List charges",
        gives=ShownCharge,
        listed=True,
        filters=[("customer", "Only this customer's."), ("state", "pending, billed or withdrawn.")],
    )
    def get(self, request: Request) -> Response:
        """Answer with a page of charges, newest first."""
        page, filters = self.page()
        wanted: dict[str, Any] = {"state": self.choice(filters, "state", _STATES)}
        if "customer" in filters:
            wanted["customer_id"] = self.value("customer", fields.Id(kind="customer"), filters)
        rows, next_after = queries.charges(limit=page.limit, after=page.after, **wanted)
        recording.read(self.edge, events.CHARGE_READ, subjects=[row.id for row in rows])
        return Response(page.answer([write(row) for row in rows], next_after))

    @schema.describe(
        "charges_create",
        "Charge something once",
        takes=NewCharge,
        gives=ShownCharge,
        created=True,
        examples={
            "Setting up": {
                "customer": "cus_01j9z3k4m5n6p7q8r9s0t1v2w3",
                "description": "Setting up",
                "unit_amount": "250.00",
            }
        },
    )
    def post(self, request: Request) -> Response:
        """Put something onto the customer's next invoice."""
        given = self.body(NewCharge)
        renamed = {"customer": "customer_id", "price": "price_id", "subscription": "subscription_id"}
        values = {renamed.get(name, name): value for name, value in given.items()}
        row = services.add_charge(actor=self.actor, at=clock.now(), **values)
        return self.created(write(queries.charge_row(row)), "charges")


@access(get=Permission.SUBSCRIPTION_READ)
class OneCharge(Endpoint):
    """One charge."""

    @schema.describe("charges_get", "Read a charge", gives=ShownCharge)
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer with the charge."""
        row = queries.charge(ids.decode("charge", pk))
        recording.read(self.edge, events.CHARGE_READ, subject=("charge", row.id))
        return self.one(write(row))


@access(post=Permission.SUBSCRIPTION_WRITE)
class Withdrawn(Endpoint):
    """Withdrawing a charge."""

    @schema.describe("charges_withdraw", "Withdraw a charge", takes=fields.Nothing, gives=ShownCharge)
    def post(self, request: Request, pk: str) -> Response:
        """Take it back before it stands on an invoice."""
        self.body(fields.Nothing)
        row = services.withdraw_charge(charge_id=ids.decode("charge", pk), actor=self.actor, at=clock.now())
        return self.changed(write(queries.charge_row(row)))
