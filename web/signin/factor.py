"""The second step: proving a factor, or adding the first one; and the same again before what matters."""

from django import forms
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import queries
from accounts.models import Session
from accounts.queries import Factors
from accounts.services import factors, passkeys, signin
from accounts.services.factors import Enrolled, TotpEnrolment
from core import clock, qr
from edge.access import Own, access
from edge.request import Request
from web.forms import answer, attempting
from web.kit.forms import Form
from web.signin import arrival
from web.signin.forms import CodeForm, NewPasskeyForm, PasskeyForm, RecoveryCodeForm

_HALF_WAY = Own(reason="The person of this session proves that it is them.", second_factor=False)
WAYS = {
    "code": gettext_lazy("Authenticator code"),
    "passkey": gettext_lazy("Passkey"),
    "recovery": gettext_lazy("Recovery code"),
}
_FORMS: dict[str, type[Form]] = {"code": CodeForm, "passkey": PasskeyForm, "recovery": RecoveryCodeForm}


def session_of(request: Request) -> Session:
    """Return the session of a request that the gate let in as its person's own."""
    assert request.session_row is not None  # noqa: S101  the gate lets nobody else in
    return request.session_row


@access(get=_HALF_WAY, post=_HALF_WAY)
def mfa(request: Request) -> HttpResponse:
    """Ask for the second factor; somebody who has none yet adds one now."""
    session, wanted = session_of(request), arrival.wanted_next(request)
    if session.verified:
        return redirect(wanted or "signin:select")
    if session.stage == Session.Stage.ENROLLING:
        return _enrol(request, session)
    return _ask(request, session, "signin/mfa.html")


@access(
    get=Own(reason="The person confirms that it is them."),
    post=Own(reason="The person confirms that it is them."),
)
def step_up(request: Request) -> HttpResponse:
    """Ask for a factor again: what matters stays open for five minutes."""
    return _ask(request, session_of(request), "signin/step_up.html")


@access(post=_HALF_WAY)
def begin_passkey(request: Request) -> HttpResponse:
    """Hand the browser a challenge for a passkey of this person."""
    options = passkeys.begin_authentication(user=session_of(request).user)
    return HttpResponse(options, content_type="application/json")


@access(post=_HALF_WAY)
def begin_new_passkey(request: Request) -> HttpResponse:
    """Hand the browser what it needs to make a passkey; refused unless the person may add a factor now."""
    options = factors.begin_passkey(session=session_of(request), at=clock.now())
    return HttpResponse(options, content_type="application/json")


# --- Asking -------------------------------------------------------------------------------------------------


def ways_of(held: Factors) -> list[str]:
    """List the ways a person has, the strongest first."""
    has = {
        "passkey": bool(held.passkeys),
        "code": held.totp is not None,
        "recovery": held.recovery_codes_left > 0,
    }
    return [way for way, there in has.items() if there]


def _ask(request: Request, session: Session, template: str) -> HttpResponse:
    wanted = arrival.wanted_next(request)
    ways = ways_of(queries.factors_of(session.user_id)) or ["recovery"]
    way = request.GET.get("way", "")
    way = way if way in ways else ways[0]
    form = _FORMS[way](request.POST or None)
    if request.method == "POST" and form.is_valid():
        raw_key = ""
        with attempting(request, form):
            raw_key = _prove(request, session, way, form)
        if not form.errors:
            return arrival.arrive(request, session, raw_key, wanted)
    others = [
        (WAYS[other], arrival.with_next(_name(template), wanted, way=other)) for other in ways if other != way
    ]
    return answer(request, template, {"way": way, "others": others, "next": wanted}, form=form)


def _name(template: str) -> str:
    return "signin:step_up" if template.endswith("step_up.html") else "signin:mfa"


def _prove(request: Request, session: Session, way: str, form: Form) -> str:
    actor, at = request.actor, clock.now()
    if way == "passkey":
        return signin.with_passkey(
            session=session, response=form.cleaned_data["credential"], actor=actor, at=at
        )
    prove = signin.with_totp if way == "code" else signin.with_recovery_code
    return prove(session=session, code=form.cleaned_data["code"], actor=actor, at=at)


# --- Adding the first factor --------------------------------------------------------------------------------


def _enrol(request: Request, session: Session) -> HttpResponse:
    wanted, by_passkey = arrival.wanted_next(request), "credential" in request.POST
    code_form = CodeForm(request.POST if request.method == "POST" and not by_passkey else None)
    passkey_form = NewPasskeyForm(request.POST if by_passkey else None)
    form: forms.BaseForm = passkey_form if by_passkey else code_form
    if request.method == "POST" and form.is_valid():
        enrolled = add_factor(request, session, passkey_form if by_passkey else code_form)
        if enrolled is not None:
            return after_adding(request, session, enrolled, wanted)
    context = {
        "setup": totp_setup(session),
        "code_form": code_form,
        "passkey_form": passkey_form,
        "next": wanted,
    }
    return answer(request, "signin/enrol.html", context, form=form)


def add_factor(request: Request, session: Session, form: Form) -> Enrolled | None:
    """Add the passkey or the authenticator that a form brings; None when it was refused."""
    enrolled = None
    with attempting(request, form):
        if isinstance(form, NewPasskeyForm):
            enrolled = factors.confirm_passkey(
                session=session,
                response=form.cleaned_data["credential"],
                name=form.cleaned_data["name"],
                actor=request.actor,
                at=clock.now(),
            )
        else:
            enrolled = factors.confirm_totp(
                session=session, code=form.cleaned_data["code"], actor=request.actor, at=clock.now()
            )
    return enrolled


def totp_setup(session: Session) -> dict[str, object]:
    """Return what an authenticator needs: the same secret until its first code has come."""
    at = clock.now()
    enrolment: TotpEnrolment = factors.pending_totp(session=session, at=at) or factors.begin_totp(
        session=session, at=at
    )
    secret = enrolment.secret
    groups = [secret[start : start + 4] for start in range(0, len(secret), 4)]
    return {"qr": qr.draw(enrolment.uri), "secret": secret, "groups": " ".join(groups), "uri": enrolment.uri}


def after_adding(request: Request, session: Session, enrolled: Enrolled, wanted: str) -> HttpResponse:
    """Go on with the session's new key; first recovery codes are shown once, on the way."""
    onward = arrival.arrive(request, session, enrolled.raw_key, wanted)
    if not enrolled.recovery_codes or not isinstance(onward, HttpResponseRedirect):
        return onward
    response = show_codes(request, enrolled.recovery_codes, onward.url)
    response.cookies.update(onward.cookies)
    return response


def show_codes(request: Request, codes: tuple[str, ...], onward: str) -> HttpResponse:
    """Show recovery codes, this once."""
    text = _("Strongbox recovery codes. Each works once.") + "\n\n" + "\n".join(codes) + "\n"
    return render(request, "signin/recovery_codes.html", {"codes": codes, "text": text, "onward": onward})
