"""Allocations: which money lies on which invoice. A row never changes; taking money off writes its counter-row."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from api import fields, schema
from api.endpoint import Endpoint
from billing.invoices.models import Invoice
from billing.settlement import services as settlement
from billing.settlement.models import Allocation
from core import clock, ids
from core.errors import Conflict, NotFound
from edge import idempotency, recording
from edge.access import access
from payments import events
from payments.services import soon


class NothingToRelease(Conflict):
    """This row holds no money of a payment on its invoice."""

    code = "nothing_to_release"


class NewAllocation(fields.Body):
    """How much of its customer's credit goes onto an invoice."""

    invoice = fields.Id(kind="invoice")
    amount_minor = fields.Minor()


class Release(fields.Body):
    """How much comes off the invoice again."""

    amount_minor = fields.Minor(required=False, allow_null=True, help_text="All of this row if absent.")


class ShownAllocation(schema.Shown):
    """Money on an invoice, or taken off it (below zero)."""

    id = fields.Id(kind="allocation")
    object = serializers.ChoiceField(choices=["allocation"])
    invoice = fields.Id(kind="invoice")
    payment = fields.Id(kind="payment", allow_null=True)
    customer = fields.Id(kind="customer")
    currency = serializers.CharField()
    amount_minor = serializers.IntegerField()
    from_credit = serializers.BooleanField(help_text="It came through the customer's credit.")
    booked_on = serializers.DateField()
    created_at = serializers.DateTimeField()


def write(row: Allocation) -> dict[str, Any]:
    """Write an allocation as it is shown."""
    return {
        "id": ids.encode("allocation", row.pk),
        "object": "allocation",
        "invoice": ids.encode("invoice", row.invoice_id),
        "payment": None if row.payment_id is None else ids.encode("payment", row.payment_id),
        "customer": ids.encode("customer", row.customer_id),
        "currency": row.currency,
        "amount_minor": row.amount_minor,
        "from_credit": row.from_credit,
        "booked_on": row.booked_on,
        "created_at": row.at,
    }


def of_payment(payment_id: UUID) -> list[Allocation]:
    """Return what a payment has put on invoices and taken off again, the oldest first."""
    return list(Allocation.objects.filter(payment_id=payment_id).order_by("id"))


def _load(pk: str) -> Allocation:
    row: Allocation | None = Allocation.objects.filter(pk=ids.decode("allocation", pk)).first()
    if row is None:
        raise NotFound
    return row


@idempotency.demanded
@access(get=Permission.PAYMENT_READ, post=Permission.PAYMENT_WRITE)
class Allocations(Endpoint):
    """All allocations."""

    listed = "allocations"
    filters = frozenset({"customer", "invoice", "payment"})

    @schema.describe(
        "allocations_list",
        "List allocations",
        gives=ShownAllocation,
        listed=True,
        filters=[
            ("customer", "Only this customer's."),
            ("invoice", "Only those on this invoice."),
            ("payment", "Only this payment's money."),
        ],
    )
    def get(self, request: Request) -> Response:
        """Answer with a page of allocations, newest first."""
        page, filters = self.page()
        rows = Allocation.objects.filter(**self._wanted(filters)).order_by("-id")
        if page.after is not None:
            rows = rows.filter(pk__lt=page.after)
        found = list(rows[: page.limit + 1])
        shown = found[: page.limit]
        next_after = shown[-1].pk if len(found) > page.limit else None
        recording.read(
            self.edge,
            events.ALLOCATION_LISTED,
            subjects=[row.pk for row in shown],
            fields=sorted(filters),
        )
        return Response(page.answer([write(row) for row in shown], next_after))

    def _wanted(self, filters: Mapping[str, str]) -> dict[str, UUID]:
        return {
            f"{name}_id": self.value(name, fields.Id(kind=name), filters)
            for name in ("customer", "invoice", "payment")
            if name in filters
        }

    @schema.describe(
        "allocations_create",
        "Put credit onto an invoice",
        takes=NewAllocation,
        gives=schema.list_of(ShownAllocation),
        created=True,
        examples={
            "Part of a customer's credit": {
                "invoice": "inv_01h455vb4pex5vsknk084sn02q",
                "amount_minor": 2_500,
            }
        },
    )
    def post(self, request: Request) -> Response:
        """Put credit onto an invoice, the oldest money first, and answer with a row for each payment it came from."""
        given, at = self.body(NewAllocation), clock.now()
        if not Invoice.objects.filter(pk=given["invoice"]).exists():
            raise NotFound("There is no such invoice.", field="invoice")
        settlement.apply_credit(
            invoice_id=given["invoice"], amount_minor=given["amount_minor"], actor=self.actor, at=at
        )
        soon.close_pages_of([given["invoice"]])
        made = Allocation.objects.filter(invoice_id=given["invoice"], at=at).order_by("id")
        rows = [write(row) for row in made]
        return Response({"object": "list", "data": rows, "has_more": False, "next_cursor": None}, status=201)


@access(get=Permission.PAYMENT_READ)
class OneAllocation(Endpoint):
    """One allocation."""

    @schema.describe("allocations_get", "Read an allocation", gives=ShownAllocation)
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer with the allocation."""
        row = _load(pk)
        recording.read(self.edge, events.ALLOCATION_LISTED, subjects=[row.pk])
        return self.one(write(row))


@idempotency.demanded
@access(post=Permission.PAYMENT_WRITE)
class Released(Endpoint):
    """Taking money off an invoice again."""

    @schema.describe(
        "allocations_release",
        "Take money off an invoice, into the customer's credit",
        takes=Release,
        gives=ShownAllocation,
    )
    def post(self, request: Request, pk: str) -> Response:
        """Take the row's money off its invoice and answer with the counter-row."""
        row, at = _load(pk), clock.now()
        amount = self.body(Release).get("amount_minor") or row.amount_minor
        if row.payment_id is None or row.amount_minor < 1:
            raise NothingToRelease
        if amount > row.amount_minor:
            raise settlement.AllocationExceeded(field="amount_minor")
        settlement.release(
            invoice_id=row.invoice_id, payment_id=row.payment_id, amount_minor=amount, actor=self.actor, at=at
        )
        counter = Allocation.objects.filter(
            invoice_id=row.invoice_id, payment_id=row.payment_id, amount_minor=-amount, at=at
        ).get()
        return self.changed(write(counter))
