"""A new link for whoever holds an old one: to the address on file, with one answer for everybody."""

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render

from accounts.throttle import TryAgainLater
from core import clock
from edge import links as doors
from edge.access import access
from edge.request import Request
from payments.services import links
from web.forms import answer, attempting
from web.pay.door import LINK
from web.pay.forms import NewLinkForm


@access(post=LINK)
def ask(request: Request, token: str) -> HttpResponseBase:
    """Ask for a new link."""
    doors.enter(request, links.tenant_of(token))
    form = NewLinkForm(request.POST)
    if form.is_valid():
        with attempting(request, form):
            links.resend(
                raw=token,
                email=form.cleaned_data["email"],
                number=form.cleaned_data["number"],
                network=request.network,
                actor=request.actor,
                at=clock.now(),
            )
        if not form.errors:
            return redirect("pay:renewed")
    known = not isinstance(request.refusal, TryAgainLater) and not form.errors
    return answer(request, "pay/closed.html", {"token": token, "known": known, "revoked": False}, form=form)


@access(get=LINK)
def renewed(request: Request) -> HttpResponse:
    """Say that a link is on its way, if the invoice was found."""
    return render(request, "pay/renewed.html")
