"""Writing an invoice off. Over the key's limit it waits for a person."""

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from api import fields, schema
from api.endpoint import Endpoint
from api.v1 import invoice_shapes, invoices
from billing.invoices import rules
from billing.settlement import services as settlement
from core import clock, ids
from edge.access import access

DEFAULT_REASON = "Written off by API"
_ACCEPTED = 202


class WritingOff(fields.Body):
    """Why an invoice is given up."""

    reason = fields.Text(
        limit=rules.REASON_LENGTH,
        lines=True,
        required=False,
        allow_null=True,
        help_text="Written off by API if absent.",
    )


@access(post=Permission.INVOICE_WRITE_OFF)
class WrittenOff(Endpoint):
    """Giving up as lost what is due on an invoice."""

    @schema.describe(
        "invoices_write_off",
        "Write an invoice off",
        takes=WritingOff,
        gives=invoice_shapes.ShownInvoice,
        waiting="It is over the key's limit and waits for a person's approval; nothing has changed.",
    )
    def post(self, request: Request, pk: str) -> Response:
        """Give up all that is due on the invoice; what comes for it later is taken up again."""
        reason = self.body(WritingOff).get("reason") or DEFAULT_REASON
        done = settlement.write_off(
            invoice_id=ids.decode("invoice", pk), reason=reason, actor=self.actor, at=clock.now()
        )
        answer = self.changed(invoices.whole(done.invoice))
        if done.waiting is not None:
            answer.status_code = _ACCEPTED
        return answer
