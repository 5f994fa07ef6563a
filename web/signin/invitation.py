"""A link that makes somebody a member, or opens a customer's portal to them.

The link names its organization; its row is then read under that organization's own scope. Whoever has no
account chooses a password here and goes straight on to the second factor; whoever has one signs in first.
"""

from dataclasses import dataclass

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from accounts.models import Invitation
from accounts.refusals import Recorded
from accounts.services import members, signin
from core import clock
from core.errors import NotFound, Refusal
from edge import doorway
from edge.access import Public, access
from edge.request import Request
from tenancy.context import Scope, attempt, current, scope
from tenancy.models import Tenant
from web.forms import answer, attempting
from web.kit import words
from web.kit.forms import Form
from web.signin import arrival, cookies
from web.signin.forms import JoinForm
from web.signin.origins import origin

_LINK = Public(reason="Whoever was invited may have no account yet; the link is the proof.")


@dataclass(frozen=True, slots=True)
class Shown:
    """What an invitation says, in words."""

    organization: str
    role: str
    duties: list[str]
    email: str
    customer: bool


@access(get=_LINK, post=_LINK)
def accept(request: Request, token: str) -> HttpResponse:
    """Show an invitation, and accept it."""
    tenant = Tenant.objects.filter(pk=members.tenant_of(token)).first()
    if tenant is None:
        raise NotFound
    person = request.person if request.session_row is not None and request.session_row.verified else None
    around = current()
    # Who is half signed in has a scope that names them already, and one inside it cannot name nobody.
    with scope(Scope(tenant=tenant.pk, user=around.user if around else None)):
        doorway.observe(tenant)
        try:
            with attempt():
                invitation = members.read_invitation(raw=token, at=clock.now())
        except members.InvitationRefused as refusal:
            return _closed(request, refusal)
        shown = _shown(tenant, invitation)
        if person is not None:
            return _as_known(request, token, shown)
        form = JoinForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                if _join(request, token, form):
                    return _sign_in(request, tenant, shown, form)
            except members.SignInToAccept:
                return redirect(arrival.with_next("signin:login", request.path))
        return answer(request, "signin/invitation.html", {"shown": shown, "token": token}, form=form)


def _shown(tenant: Tenant, invitation: Invitation) -> Shown:
    role = invitation.role
    rights = role.permissions(of_operator=tenant.kind == Tenant.Kind.OPERATOR) if role else frozenset()
    return Shown(
        organization=tenant.slug,
        role=words.role_name(role) if role else "",
        duties=words.summary(rights),
        email=invitation.email,
        customer=role is None,
    )


def _closed(request: Request, refusal: Refusal) -> HttpResponse:
    request.refusal = refusal
    status = refusal.status if isinstance(refusal, Recorded) else 404
    return render(request, "signin/invitation_closed.html", {"message": _(refusal.message)}, status=status)


def _join(request: Request, token: str, form: JoinForm) -> bool:
    with attempting(request, form):
        members.accept(
            raw=token,
            name=form.cleaned_data["name"],
            password=form.cleaned_data["password"],
            actor=request.actor,
            at=clock.now(),
        )
    return not form.errors


def _sign_in(request: Request, tenant: Tenant, shown: Shown, form: JoinForm) -> HttpResponse:
    """Go on with the password that was just chosen; nobody is asked twice (WCAG 3.3.7)."""
    mark = cookies.device_key(request)
    opened = signin.with_password(
        email=shown.email,
        password=form.cleaned_data["password"],
        origin=origin(request, device_key=mark),
        at=clock.now(),
    )
    response = HttpResponseRedirect(arrival.with_next("signin:mfa", _first_page(tenant, shown)))
    arrival.hand_over(request, response, opened.raw_key)
    cookies.put_device(response, mark)
    return response


def _first_page(tenant: Tenant, shown: Shown) -> str:
    return f"/{'p' if shown.customer else 'o'}/{tenant.slug}/"


def _as_known(request: Request, token: str, shown: Shown) -> HttpResponse:
    form = Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        assert request.person is not None  # noqa: S101  the caller asked
        with attempting(request, form):
            members.accept_as(raw=token, user=request.person, actor=request.actor, at=clock.now())
        if not form.errors:
            return redirect("signin:select")
    context = {"shown": shown, "token": token, "person": request.person}
    return answer(request, "signin/invitation_known.html", context, form=form)
