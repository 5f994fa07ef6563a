"""What is better done at once than by the sweep: asked of a worker once the transaction has committed."""

import logging
from collections.abc import Collection
from uuid import UUID

from kombu.exceptions import OperationalError

from billing.invoices.models import Invoice
from tenancy import context

_log = logging.getLogger("strongbox.payments")


def close_superseded() -> None:
    """Have pages closed that nobody should pay on any more."""
    _send("close_pages")


def close_pages_of(invoice_ids: Collection[UUID]) -> None:
    """Have pages closed that ask for more than is due, now that these invoices got money another way.

    Call it after settling, which locks the invoices: whoever starts a payment later is told what is left.
    """
    # Of the thousand invoices that a statement pays, hardly any has a payment under way.
    if Invoice.objects.filter(pk__in=invoice_ids, attempts_open__gt=0).exists():
        close_superseded()


def ask_unsure() -> None:
    """Have the provider asked about what is not known."""
    _send("ask_unsure")


def send_refunds() -> None:
    """Have refunds sent that wait."""
    _send("send_refunds")


def answer_disputes() -> None:
    """Have disputes answered of which somebody has said how."""
    _send("answer_disputes")


def forget_methods() -> None:
    """Have the provider forget the methods that were removed."""
    _send("forget_methods")


def apply_hooks() -> None:
    """Have what the provider told us applied."""
    _send("apply_hooks")


def _send(name: str) -> None:
    from payments import tasks  # noqa: PLC0415  a task module imports this one

    tenant_id = context.current_tenant()

    def send_task() -> None:
        try:
            getattr(tasks, name).delay(str(tenant_id))
        except OperationalError:
            _log.warning("the broker is away; the sweep will do it")

    context.after_commit(send_task)
