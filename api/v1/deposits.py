"""Deposits on the total of a draft: billed ahead, and taken off by the draft when it becomes the final invoice."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from api import fields, schema
from api.endpoint import Endpoint
from api.v1.invoice_shapes import ShownInvoice
from api.v1.invoices import whole
from billing.deposits import services
from billing.invoices import queries
from core import clock, ids
from edge.access import access

_OPTIONAL: dict[str, Any] = {"required": False, "allow_null": True}


class NewDeposit(fields.Body):
    """How much of a draft is billed ahead: a percentage of its total, or an amount with its tax."""

    percentage = fields.DecimalText(**_OPTIONAL)
    amount_minor = fields.Minor(help_text="Tax included.", **_OPTIONAL)
    due_on = fields.Day(**_OPTIONAL)


@access(post=Permission.INVOICE_WRITE)
class Deposits(Endpoint):
    """Billing a deposit on a draft."""

    @schema.describe(
        "invoices_deposit",
        "Bill a deposit on a draft",
        takes=NewDeposit,
        gives=ShownInvoice,
        created=True,
        examples={"A third": {"percentage": "30"}},
    )
    def post(self, request: Request, pk: str) -> Response:
        """Draft a deposit invoice; from then on the lines of the draft stay as they are."""
        # What is not theirs is not there, whatever they send.
        found = queries.get(ids.decode("invoice", pk))
        given = self.body(NewDeposit)
        made = services.bill(invoice_id=found.id, actor=self.actor, at=clock.now(), **given)
        return self.created(whole(made), "invoices")


@access(post=Permission.INVOICE_WRITE)
class TakenOff(Endpoint):
    """Taking deposits off."""

    @schema.describe(
        "invoices_take_off", "Take deposits off a draft", takes=fields.Nothing, gives=ShownInvoice
    )
    def post(self, request: Request, pk: str) -> Response:
        """Have a draft take off what stands of its deposits, as it has to before it is finalized."""
        self.body(fields.Nothing)
        changed = services.take_off(invoice_id=ids.decode("invoice", pk), actor=self.actor, at=clock.now())
        return self.changed(whole(changed))
