"""Disputes: payments that their payer contests at their bank. They are answered, or accepted as lost."""

from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from api import fields, schema
from api.endpoint import Endpoint
from core import clock, ids
from core.errors import NotFound
from edge import idempotency, recording
from edge.access import access
from payments import events, lists
from payments.lists import DisputeRow, Place
from payments.models import Dispute
from payments.services import disputes

EVIDENCE_LENGTH = 20_000


class Answer(fields.Body):
    """What speaks for the payment. The provider passes it on to the payer's bank."""

    evidence = fields.Text(limit=EVIDENCE_LENGTH, lines=True)


class ShownDisputeRow(schema.Shown):
    """A dispute in a list, without its evidence."""

    id = fields.Id(kind="dispute")
    object = serializers.ChoiceField(choices=["dispute"])
    status = serializers.ChoiceField(choices=Dispute.State.values)
    payment = fields.Id(kind="payment")
    customer = fields.Id(kind="customer")
    currency = serializers.CharField()
    amount_minor = serializers.IntegerField()
    reason_code = serializers.CharField(help_text="As the provider says it.")
    provider_reference = serializers.CharField()
    answer_by = serializers.DateTimeField(allow_null=True)
    answered_at = serializers.DateTimeField(allow_null=True)
    opened_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField(allow_null=True)
    updated_at = serializers.DateTimeField()


class ShownDispute(ShownDisputeRow):
    """A dispute."""

    evidence = serializers.CharField(allow_null=True)


def write_row(row: DisputeRow) -> dict[str, Any]:
    """Write a dispute as lists show it."""
    return {
        "id": ids.encode("dispute", row.id),
        "object": "dispute",
        "status": row.state,
        "payment": ids.encode("payment", row.payment_id),
        "customer": ids.encode("customer", row.customer_id),
        "currency": row.currency,
        "amount_minor": row.amount_minor,
        "reason_code": row.reason_code,
        "provider_reference": row.reference,
        "answer_by": row.answer_by,
        "answered_at": row.answered_at,
        "opened_at": row.opened_at,
        "closed_at": row.closed_at,
        "updated_at": row.updated_at,
    }


def write(dispute: Dispute) -> dict[str, Any]:
    """Write a dispute as it is shown alone."""
    return {**write_row(lists.dispute_row(dispute, {})), "evidence": dispute.evidence or None}


def load(dispute_id: UUID) -> Dispute:
    """Return one dispute.

    Raises:
        NotFound: there is none.
    """
    dispute: Dispute | None = Dispute.objects.filter(pk=dispute_id).first()
    if dispute is None:
        raise NotFound
    return dispute


@access(get=Permission.PAYMENT_READ)
class Disputes(Endpoint):
    """All disputes."""

    listed = "disputes"
    filters = frozenset({"customer", "payment", "status"})

    @schema.describe(
        "disputes_list",
        "List disputes",
        gives=ShownDisputeRow,
        listed=True,
        filters=[
            ("customer", "Only this customer's."),
            ("payment", "Only those of this payment."),
            ("status", "Only those that stand so."),
        ],
    )
    def get(self, request: Request) -> Response:
        """Answer with a page of disputes, newest first."""
        page, filters = self.page()
        status = self.choice(filters, "status", Dispute.State.values)
        of: dict[str, Any] = {
            f"{name}_id": self.value(name, fields.Id(kind=name), filters)
            for name in ("customer", "payment")
            if name in filters
        }
        found = lists.disputes(
            place=Place(page.after, limit=page.limit),
            states=[status] if status else (),
            with_names=False,
            **of,
        )
        recording.read(
            self.edge, events.DISPUTE_LISTED, subjects=[row.id for row in found.rows], fields=sorted(filters)
        )
        return Response(page.answer([write_row(row) for row in found.rows], found.next_after))


@access(get=Permission.PAYMENT_READ)
class OneDispute(Endpoint):
    """One dispute."""

    @schema.describe("disputes_get", "Read a dispute", gives=ShownDispute)
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer with the dispute as it is now."""
        dispute = load(ids.decode("dispute", pk))
        recording.read(self.edge, events.DISPUTE_READ, subject=("dispute", dispute.pk), fields=["evidence"])
        return self.one(write(dispute))


@idempotency.demanded
@access(post=Permission.DISPUTE_WRITE)
class Answered(Endpoint):
    """Answering a dispute."""

    @schema.describe(
        "disputes_answer",
        "Answer a dispute",
        takes=Answer,
        gives=ShownDispute,
        examples={
            "A delivery that was signed for": {"evidence": "Delivered on 3 November, signed by A. Gruber."}
        },
    )
    def post(self, request: Request, pk: str) -> Response:
        """Send the evidence; it can be sent once."""
        dispute = load(ids.decode("dispute", pk))
        evidence = self.body(Answer)["evidence"]
        disputes.answer(dispute_id=dispute.pk, evidence=evidence, actor=self.actor, at=clock.now())
        return self.changed(write(load(dispute.pk)))


@idempotency.demanded
@access(post=Permission.DISPUTE_WRITE)
class Accepted(Endpoint):
    """Accepting a dispute as lost."""

    @schema.describe("disputes_accept", "Accept a dispute as lost", takes=fields.Nothing, gives=ShownDispute)
    def post(self, request: Request, pk: str) -> Response:
        """Give the dispute up; the money stays with the payer."""
        dispute = load(ids.decode("dispute", pk))
        self.body(fields.Nothing)
        disputes.accept(dispute_id=dispute.pk, actor=self.actor, at=clock.now())
        return self.changed(write(load(dispute.pk)))
