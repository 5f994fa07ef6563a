"""Types a marker into every text that corrections keep: credit notes, write-offs, credit that expires."""

from accounts.services import approvals
from billing.creditnotes import services as creditnotes
from billing.invoices.models import Invoice
from billing.settlement import services as settlement
from core import clock
from core.actor import Actor
from tests.make import accounts, billing, payments


def over_the_services(marker: str, actor: Actor) -> None:
    """Credit an exempt line with its reasons, give an invoice up, let credit expire."""
    at = clock.now()
    excused = billing.customer(f"{marker} excused", tax_exemption=f"{marker} exemption")
    exempt = billing.tax_rate("0", code="exempt", category="E")
    invoice = billing.finalized(of=excused, lines=[billing.line("80", text=f"{marker} work", rate=exempt)])
    creditnotes.issue(
        invoice_id=invoice.pk,
        wanted=creditnotes.Wanted(amount_minor=1_000),
        reason=f"{marker} reason",
        note=f"{marker} note",
        actor=actor,
        at=at,
    )
    asked = settlement.write_off(invoice_id=invoice.pk, reason=f"{marker} reason", actor=actor, at=at)
    if asked.waiting is not None:
        second = accounts.actor(accounts.member("owner").user)
        approvals.approve(request_id=asked.waiting.pk, actor=second, at=at)
    payments.bank(invoice.customer_id, 500)
    settlement.expire(
        customer_id=invoice.customer_id,
        currency="EUR",
        amount_minor=100,
        reason=f"{marker} reason",
        actor=actor,
        at=at,
    )


def over_imports(actor: Actor) -> None:
    """Credit what was imported, with its allowances and the words of its taxes."""
    for draft in Invoice.objects.filter(imported_number__isnull=False, status="draft"):
        billing.finalize(draft.pk)
        if draft.total_minor > 0:
            creditnotes.issue(invoice_id=draft.pk, actor=actor, at=clock.now())
