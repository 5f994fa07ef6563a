"""Saved payment methods: a token of the provider, and what a person knows the card or account by. No number is here."""

from typing import Any

from django.http import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from api import fields, schema
from api.endpoint import Endpoint
from core import clock, ids
from core.errors import NotFound
from edge import recording
from edge.access import access
from payments import events, lists
from payments.lists import MethodRow, Place
from payments.models import PaymentMethod
from payments.services import methods


class ShownPaymentMethod(schema.Shown):
    """A saved card or bank account."""

    id = fields.Id(kind="payment_method")
    object = serializers.ChoiceField(choices=["payment_method"])
    status = serializers.ChoiceField(choices=PaymentMethod.State.values)
    customer = fields.Id(kind="customer")
    type = serializers.ChoiceField(choices=PaymentMethod.Kind.values)
    reference = serializers.CharField(help_text="The provider's token.")
    brand = serializers.CharField()
    last4 = serializers.CharField()
    expires_month = serializers.IntegerField(allow_null=True)
    expires_year = serializers.IntegerField(allow_null=True)
    is_default = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    removed_at = serializers.DateTimeField(allow_null=True)


def write(row: MethodRow) -> dict[str, Any]:
    """Write a saved method as it is shown."""
    return {
        "id": ids.encode("payment_method", row.id),
        "object": "payment_method",
        "status": row.state,
        "customer": ids.encode("customer", row.customer_id),
        "type": row.kind,
        "reference": row.reference,
        "brand": row.brand,
        "last4": row.last4,
        "expires_month": row.expires_month,
        "expires_year": row.expires_year,
        "is_default": row.is_default,
        "created_at": row.agreed_at,
        "removed_at": row.removed_at,
    }


def _load(pk: str) -> PaymentMethod:
    row: PaymentMethod | None = PaymentMethod.objects.filter(pk=ids.decode("payment_method", pk)).first()
    if row is None:
        raise NotFound
    return row


@access(get=Permission.PAYMENT_READ)
class PaymentMethods(Endpoint):
    """All saved methods."""

    listed = "payment_methods"
    filters = frozenset({"customer", "status"})

    @schema.describe(
        "payment_methods_list",
        "List saved payment methods",
        gives=ShownPaymentMethod,
        listed=True,
        filters=[("customer", "Only this customer's."), ("status", "active or removed.")],
    )
    def get(self, request: Request) -> Response:
        """Answer with a page of saved methods, newest first."""
        page, filters = self.page()
        customer = None
        if "customer" in filters:
            customer = self.value("customer", fields.Id(kind="customer"), filters)
        found = lists.methods(
            place=Place(page.after, limit=page.limit),
            customer_id=customer,
            state=self.choice(filters, "status", PaymentMethod.State.values) or "",
        )
        recording.read(
            self.edge,
            events.PAYMENT_METHOD_LISTED,
            subjects=[row.id for row in found.rows],
            fields=sorted(filters),
        )
        return Response(page.answer([write(row) for row in found.rows], found.next_after))


@access(get=Permission.PAYMENT_READ)
class OnePaymentMethod(Endpoint):
    """One saved method."""

    @schema.describe("payment_methods_get", "Read a saved payment method", gives=ShownPaymentMethod)
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer with the saved method."""
        row = _load(pk)
        recording.read(self.edge, events.PAYMENT_METHOD_READ, subject=("payment_method", row.pk))
        return self.one(write(lists.method_row(row)))


@access(post=Permission.PAYMENT_WRITE)
class Removed(Endpoint):
    """Removing a saved method."""

    @schema.describe(
        "payment_methods_remove",
        "Remove a saved payment method",
        takes=fields.Nothing,
        gives=ShownPaymentMethod,
    )
    def post(self, request: Request, pk: str) -> Response:
        """Charge the method never again; it stays named on what it paid, and the provider forgets it."""
        row = _load(pk)
        self.body(fields.Nothing)
        methods.remove(method_id=row.pk, actor=self.actor, at=clock.now())
        return self.changed(write(lists.method_row(_load(pk))))
