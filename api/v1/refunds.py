"""Refunds: money given back the way it came. Over the key's limit they wait for a person."""

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
from billing.issuer import queries as issuers
from core import clock, ids
from core.errors import NotFound
from edge import idempotency, recording
from edge.access import access
from payments import events, lists
from payments.lists import Place, RefundRow
from payments.models import Payment, Refund
from payments.services import refunds

REASON_LENGTH = 500


class NewRefund(fields.Body):
    """How much of which payment goes back, and why."""

    payment = fields.Id(kind="payment")
    amount_minor = fields.Minor()
    reason = fields.Text(limit=REASON_LENGTH, lines=True)
    reason_code = fields.Choice(
        words=tuple(Refund.ReasonCode.values), required=False, help_text="other if absent."
    )


class Payout(fields.Body):
    """When the money left by bank."""

    paid_on = fields.Day(required=False, allow_null=True, help_text="Today if absent.")


class ShownRefundRow(schema.Shown):
    """A refund in a list, without the words of its reason."""

    id = fields.Id(kind="refund")
    object = serializers.ChoiceField(choices=["refund"])
    status = serializers.ChoiceField(choices=Refund.State.values)
    payment = fields.Id(kind="payment")
    customer = fields.Id(kind="customer")
    method = serializers.CharField(help_text="The way the payment came, and the refund goes.")
    currency = serializers.CharField()
    amount_minor = serializers.IntegerField()
    reason_code = serializers.ChoiceField(choices=Refund.ReasonCode.values)
    approval = fields.Id(kind="approval", allow_null=True)
    provider_reference = serializers.CharField(allow_null=True)
    failure_code = serializers.CharField(allow_null=True)
    succeeded_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class ShownRefund(ShownRefundRow):
    """A refund."""

    reason = serializers.CharField(allow_null=True)


def write_row(row: RefundRow) -> dict[str, Any]:
    """Write a refund as lists show it."""
    return {
        "id": ids.encode("refund", row.id),
        "object": "refund",
        "status": row.state,
        "payment": ids.encode("payment", row.payment_id),
        "customer": ids.encode("customer", row.customer_id),
        "method": row.method,
        "currency": row.currency,
        "amount_minor": row.amount_minor,
        "reason_code": row.reason_code,
        "approval": None if row.approval_id is None else ids.encode("approval", row.approval_id),
        "provider_reference": row.reference or None,
        "failure_code": row.failure_code or None,
        "succeeded_at": row.succeeded_at,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def write(refund: Refund) -> dict[str, Any]:
    """Write a refund as it is shown alone."""
    return {**write_row(lists.refund_row(refund, {})), "reason": refund.reason or None}


def load(refund_id: UUID) -> Refund:
    """Return one refund.

    Raises:
        NotFound: there is none.
    """
    refund: Refund | None = Refund.objects.select_related("payment").filter(pk=refund_id).first()
    if refund is None:
        raise NotFound
    return refund


@idempotency.demanded
@access(get=Permission.PAYMENT_READ, post=Permission.REFUND_WRITE)
class Refunds(Endpoint):
    """All refunds."""

    listed = "refunds"
    filters = frozenset({"customer", "payment", "status"})

    @schema.describe(
        "refunds_list",
        "List refunds",
        gives=ShownRefundRow,
        listed=True,
        filters=[
            ("customer", "Only this customer's."),
            ("payment", "Only those of this payment."),
            ("status", "Only those that stand so."),
        ],
    )
    def get(self, request: Request) -> Response:
        """Answer with a page of refunds, newest first."""
        page, filters = self.page()
        found = lists.refunds(
            place=Place(page.after, limit=page.limit), with_names=False, **self._wanted(filters)
        )
        recording.read(
            self.edge, events.REFUND_LISTED, subjects=[row.id for row in found.rows], fields=sorted(filters)
        )
        return Response(page.answer([write_row(row) for row in found.rows], found.next_after))

    def _wanted(self, filters: Mapping[str, str]) -> dict[str, Any]:
        status = self.choice(filters, "status", Refund.State.values)
        wanted: dict[str, Any] = {"states": [status] if status else ()}
        for name in ("customer", "payment"):
            if name in filters:
                wanted[f"{name}_id"] = self.value(name, fields.Id(kind=name), filters)
        return wanted

    @schema.describe(
        "refunds_create",
        "Give money back",
        takes=NewRefund,
        gives=ShownRefund,
        created=True,
        waiting="It is over the key's limit and waits for a person's approval; nothing has moved.",
        examples={
            "Part of a payment": {
                "payment": "pay_01h455vb4pex5vsknk084sn02q",
                "amount_minor": 4_000,
                "reason": "One of the two was not delivered",
                "reason_code": "not_delivered",
            }
        },
    )
    def post(self, request: Request) -> Response:
        """Promise the money back; it counts against the payment at once, and leaves after this answer."""
        given = self.body(NewRefund)
        if not Payment.objects.filter(pk=given["payment"]).exists():
            raise NotFound("There is no such payment.", field="payment")
        refund = refunds.ask(
            payment_id=given["payment"],
            amount_minor=given["amount_minor"],
            reason=given["reason"],
            reason_code=given.get("reason_code", Refund.ReasonCode.OTHER),
            actor=self.actor,
            at=clock.now(),
        )
        waits = refund.state == Refund.State.PENDING_APPROVAL
        return self.created(write(load(refund.pk)), "refunds", waits=waits)


@access(get=Permission.PAYMENT_READ)
class OneRefund(Endpoint):
    """One refund."""

    @schema.describe("refunds_get", "Read a refund", gives=ShownRefund)
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer with the refund as it is now."""
        refund = load(ids.decode("refund", pk))
        recording.read(self.edge, events.REFUND_READ, subject=("refund", refund.pk), fields=["reason"])
        return self.one(write(refund))


@idempotency.demanded
@access(post=Permission.REFUND_WRITE)
class PaidOut(Endpoint):
    """Saying that a refund has left by bank."""

    @schema.describe(
        "refunds_record_payout", "Record that a refund left by bank", takes=Payout, gives=ShownRefund
    )
    def post(self, request: Request, pk: str) -> Response:
        """Book the refund as paid out."""
        refund = load(ids.decode("refund", pk))
        given = self.body(Payout)
        refunds.record_payout(
            refund_id=refund.pk,
            paid_on=given.get("paid_on") or clock.today(issuers.time_zone()),
            actor=self.actor,
            at=clock.now(),
        )
        return self.changed(write(load(refund.pk)))


@access(post=Permission.REFUND_WRITE)
class Canceled(Endpoint):
    """Giving up the refund of a bank payment that has not left."""

    @schema.describe(
        "refunds_cancel", "Cancel a refund that has not left", takes=fields.Nothing, gives=ShownRefund
    )
    def post(self, request: Request, pk: str) -> Response:
        """Set the amount free again."""
        refund = load(ids.decode("refund", pk))
        self.body(fields.Nothing)
        refunds.cancel(refund_id=refund.pk, actor=self.actor, at=clock.now())
        return self.changed(write(load(refund.pk)))
