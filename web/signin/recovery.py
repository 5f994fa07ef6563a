"""The way back in for somebody who forgot their password. It never says whether an account exists."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from accounts.services import recovery
from core import clock
from edge.access import Public, access
from edge.request import Request
from tenancy.context import attempt
from web.forms import answer, attempting
from web.signin.forms import EmailForm, NewPasswordForm

_WAY_BACK = Public(reason="Somebody who cannot sign in is not signed in.")


@access(get=_WAY_BACK, post=_WAY_BACK)
def ask(request: Request) -> HttpResponse:
    """Take an address and answer the same for every one."""
    form = EmailForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            recovery.request(email=form.cleaned_data["email"], network=request.network, at=clock.now())
        if not form.errors:
            return redirect("signin:recover_sent")
    return answer(request, "signin/recover.html", {}, form=form)


@access(get=_WAY_BACK)
def sent(request: Request) -> HttpResponse:
    """Say that a link is on its way, if there is an account."""
    return render(request, "signin/recover_sent.html")


@access(get=_WAY_BACK, post=_WAY_BACK)
def renew(request: Request, token: str) -> HttpResponse:
    """Set a new password by a link; it signs nobody in."""
    try:
        with attempt():
            opened = recovery.read(raw=token, at=clock.now())
    except recovery.RecoveryRefused as refusal:
        request.refusal = refusal
        return render(
            request, "signin/recover_closed.html", {"message": _(refusal.message)}, status=refusal.status
        )
    form = NewPasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form, fields={"password": "new_password"}):
            recovery.complete(
                raw=token, new_password=form.cleaned_data["new_password"], actor=request.actor, at=clock.now()
            )
        if not form.errors:
            return redirect("/login?renewed=1")
    return answer(request, "signin/renew.html", {"email": opened.user.email}, form=form)
