"""A sign-in for whoever has paid: an invitation to the address on file, with one answer for everybody."""

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render

from core import clock
from edge.access import access
from edge.request import Request
from payments.services import links
from tenancy.context import Scope, scope
from web.pay import door
from web.pay.door import LINK
from web.pay.page import Dead


@access(post=LINK)
def ask(request: Request, token: str) -> HttpResponseBase:
    """Ask for an invitation to the portal.

    Raises:
        TryAgainLater: too many from this network.
    """
    try:
        opened = door.enter(request, token)
    except Dead as refusal:
        return door.closed(request, token, refusal)
    door.note(request, opened, fields=())

    def invite() -> HttpResponseBase:
        # In the organization's scope: no customer's opens doors to people.
        with scope(Scope(opened.tenant.pk)):
            links.invite(
                customer_id=opened.link.customer_id,
                network=request.network,
                actor=request.actor,
                at=clock.now(),
            )
        return redirect("pay:invited")

    request.afterwards = invite
    return HttpResponse(status=200)


@access(get=LINK)
def invited(request: Request) -> HttpResponse:
    """Say that an invitation is on its way, if there is an address to send it to."""
    return render(request, "pay/invited.html")
