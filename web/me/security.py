"""How a person signs in: passkeys, authenticator, recovery codes, password.

Every page that changes one of them asks for a factor first, unless one was used in the last five minutes.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts import queries
from accounts.models import PasskeyCredential
from accounts.queries import Factors
from accounts.services import factors
from core import clock, ids
from core.errors import NotFound
from edge.access import Own, access
from edge.request import Request
from web.forms import answer, attempting
from web.kit.forms import Form
from web.kit.parts import Crumb
from web.me.forms import NameForm, PasswordChangeForm
from web.signin import arrival
from web.signin.factor import add_factor, session_of, show_codes, totp_setup
from web.signin.forms import CodeForm, NewPasskeyForm

_THEIRS = Own(reason="How somebody signs in is their own record.")
_FRESH = Own(reason="Whoever changes how somebody signs in has just proved to be them.", step_up=True)
_FEW_CODES = 3


@dataclass(frozen=True, slots=True)
class Factor:
    """A factor as its owner sees it."""

    pk: str
    name: str
    made_at: datetime
    last_used_at: datetime | None
    synced: bool = False


@access(get=_THEIRS)
def overview(request: Request) -> HttpResponse:
    """Show a person's ways to sign in."""
    session = session_of(request)
    held = queries.factors_of(session.user_id)
    totp = held.totp
    context = {
        "passkeys": [_passkey(credential) for credential in held.passkeys],
        "authenticator": Factor(
            ids.encode("factor", totp.pk),
            totp.name or "Authenticator app",
            totp.created_at,
            totp.last_used_at,
        )
        if totp is not None
        else None,
        "only_one": _count(held) == 1,
        "codes_left": held.recovery_codes_left,
        "few_codes": held.recovery_codes_left <= _FEW_CODES,
        "password_changed_at": session.user.password_changed_at,
        "email": session.user.email,
    }
    return render(request, "me/security.html", context)


@access(get=_FRESH, post=_FRESH)
def new_passkey(request: Request) -> HttpResponse:
    """Add a passkey."""
    session = session_of(request)
    form = NewPasskeyForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        enrolled = add_factor(request, session, form)
        if enrolled is not None:
            return _added(request, enrolled.raw_key, enrolled.recovery_codes, "The passkey is added.")
    return answer(request, "me/new_passkey.html", {"passkey_form": form, "crumbs": _crumbs()}, form=form)


@access(get=_FRESH, post=_FRESH)
def authenticator(request: Request) -> HttpResponse:
    """Add an authenticator, in place of an earlier one."""
    session = session_of(request)
    form = CodeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        enrolled = add_factor(request, session, form)
        if enrolled is not None:
            return _added(request, enrolled.raw_key, enrolled.recovery_codes, "The authenticator is added.")
    replaces = queries.factors_of(session.user_id).totp is not None
    context = {"setup": totp_setup(session), "code_form": form, "replaces": replaces, "crumbs": _crumbs()}
    return answer(request, "me/authenticator.html", context, form=form)


@access(get=_FRESH, post=_FRESH)
def rename_passkey(request: Request, pk: str) -> HttpResponse:
    """Give a passkey another name."""
    session, passkey_id = session_of(request), ids.decode("factor", pk)
    credential = next(
        (own for own in queries.factors_of(session.user_id).passkeys if own.pk == passkey_id), None
    )
    if credential is None:
        raise NotFound
    form = NameForm(
        request.POST if request.method == "POST" else None, initial={"name": credential.name or ""}
    )
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            factors.rename_passkey(session=session, passkey_id=passkey_id, name=form.cleaned_data["name"])
        if not form.errors:
            return redirect("me:security")
    return answer(request, "me/rename_passkey.html", {"crumbs": _crumbs()}, form=form)


@access(get=_FRESH, post=_FRESH)
def remove_factor(request: Request, pk: str) -> HttpResponse:
    """Remove a passkey or the authenticator, after saying what that ends."""
    session, factor_id = session_of(request), ids.decode("factor", pk)
    held = queries.factors_of(session.user_id)
    name = _name_of(held, factor_id)
    form = Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            factors.remove(session=session, factor_id=factor_id, actor=request.actor, at=clock.now())
        if not form.errors:
            messages.success(request, "It is removed.")
            return redirect("me:security")
    context = {"name": name, "only_one": _count(held) == 1, "crumbs": _crumbs()}
    return answer(request, "me/remove_factor.html", context, form=form)


@access(get=_FRESH, post=_FRESH)
def recovery_codes(request: Request) -> HttpResponse:
    """Make new recovery codes in place of all earlier ones."""
    form = Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        codes = factors.new_recovery_codes(session=session_of(request), actor=request.actor, at=clock.now())
        return show_codes(request, codes, reverse("me:security"))
    left = queries.factors_of(session_of(request).user_id).recovery_codes_left
    return answer(request, "me/recovery_codes.html", {"left": left, "crumbs": _crumbs()}, form=form)


@access(get=_FRESH, post=_FRESH)
def password(request: Request) -> HttpResponse:
    """Change the password; every other session ends."""
    session = session_of(request)
    form = PasswordChangeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form, fields={"password": "new_password"}):
            raw_key = factors.change_password(
                session=session,
                current_password=form.cleaned_data["current_password"],
                new_password=form.cleaned_data["new_password"],
                actor=request.actor,
                at=clock.now(),
            )
        if not form.errors:
            messages.success(request, "The new password is set. You are signed out everywhere else.")
            response = HttpResponseRedirect(reverse("me:security"))
            arrival.hand_over(request, response, raw_key)
            return response
    return answer(request, "me/password.html", {"email": session.user.email, "crumbs": _crumbs()}, form=form)


def _added(request: Request, raw_key: str, codes: tuple[str, ...], sentence: str) -> HttpResponse:
    messages.success(request, sentence)
    response: HttpResponse = HttpResponseRedirect(reverse("me:security"))
    if codes:
        response = show_codes(request, codes, reverse("me:security"))
    arrival.hand_over(request, response, raw_key)
    return response


def _passkey(credential: PasskeyCredential) -> Factor:
    return Factor(
        ids.encode("factor", credential.pk),
        credential.name or "Passkey",
        credential.created_at,
        credential.last_used_at,
        bool(credential.backup_eligible),
    )


def _name_of(held: Factors, factor_id: UUID) -> str:
    if held.totp is not None and held.totp.pk == factor_id:
        return held.totp.name or "The authenticator app"
    credential = next((own for own in held.passkeys if own.pk == factor_id), None)
    if credential is None:
        raise NotFound
    return credential.name or "The passkey"


def _count(held: Factors) -> int:
    return len(held.passkeys) + (held.totp is not None)


def _crumbs() -> list[Crumb]:
    return [Crumb("Your sign-in", reverse("me:security"))]
