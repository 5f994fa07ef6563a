"""In by a pay link: the secret opens one invoice and narrows everything behind it to that invoice's customer."""

from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import render

from billing.invoices import queries as invoices
from billing.invoices.queries import InvoiceDetail
from billing.issuer import queries as issuers
from core import clock
from edge import language, recording
from edge import links as doors
from edge.access import Public
from edge.request import Request
from payments import events, payer
from payments.models import PayLink
from payments.payer import Standing
from payments.services import links
from tenancy import context
from tenancy.context import Scope
from tenancy.models import Tenant
from web.kit.forms import Form
from web.kit.parts import Shell
from web.pay.forms import NewLinkForm

LINK = Public(reason="Whoever holds the link of an invoice may see and pay it; the link is the proof.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What a link has opened."""

    token: str
    link: PayLink
    tenant: Tenant
    invoice: InvoiceDetail
    standing: Standing
    issuer: str

    @property
    def scope(self) -> Scope:
        """Return the scope of everything about this link, for what is done after the request's transaction."""
        return Scope(tenant=self.tenant.pk, customer=self.link.customer_id)


def enter(request: Request, token: str) -> Opened:
    """Open an invoice by its link, in the request's own transaction.

    Raises:
        links.LinkUnknown, LinkExpired, LinkRevoked.
        Sealed: the organization's keys are not in memory.
    """
    # Whoever holds the link is nobody in particular here, also with a session of their own.
    request.shell = Shell()  # type: ignore[attr-defined]  # read by web.kit.context
    tenant = doors.enter(request, links.tenant_of(token))
    with context.attempt():
        link = links.open(token, at=clock.now())
    around = context.current() or Scope()
    context.narrow(Scope(tenant=tenant.pk, user=around.user, customer=link.customer_id))
    language.speak_to(request, link.customer_id)
    return read(token, link, tenant)


def read(token: str, link: PayLink, tenant: Tenant) -> Opened:
    """Read the invoice of a link, and where it stands now."""
    invoice = invoices.get(link.invoice_id)
    found = issuers.get()
    return Opened(
        token=token,
        link=link,
        tenant=tenant,
        invoice=invoice,
        standing=payer.standing(invoice),
        issuer=str(invoice.seller.get("name") or (found.name if found else "")),
    )


def note(request: Request, opened: Opened, *, fields: tuple[str, ...] = ("lines", "buyer", "seller")) -> None:
    """Record that the invoice was opened by its link."""
    recording.read(request, events.PAY_LINK_OPENED, subject=("invoice", opened.invoice.id), fields=fields)


def closed(request: Request, token: str, refusal: links.LinkUnknown | links.LinkExpired) -> HttpResponse:
    """Say that a link does not work, and offer a new one to the address on file."""
    request.refusal = refusal
    known = not isinstance(refusal, links.LinkUnknown)
    form: Form = Form() if known else NewLinkForm()
    context_of_page = {
        "token": token,
        "form": form,
        "known": known,
        "revoked": isinstance(refusal, links.LinkRevoked),
    }
    return render(request, "pay/closed.html", context_of_page, status=refusal.status)
