"""The first step of signing in, by password or by passkey alone, and the way out."""

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse

from accounts.services import passkeys, sessions, signin
from core import clock
from edge import throttle
from edge.access import Own, Public, access
from edge.request import Request
from web.forms import answer, attempting
from web.signin import arrival, cookies
from web.signin.forms import PasskeyForm, PasswordForm
from web.signin.origins import origin

# Every look at the sign-in page asks for one, and an office shares a network.
_CHALLENGES = throttle.Limit(size=120, per_second=2)
_ENTRANCE = Public(reason="Somebody who signs in is not signed in yet.")


@access(get=_ENTRANCE, post=_ENTRANCE)
def login(request: Request) -> HttpResponse:
    """Ask for e-mail address and password, or a passkey."""
    if request.session_row is not None and request.session_row.verified:
        return redirect(arrival.wanted_next(request) or "signin:select")
    if request.method == "POST" and "credential" in request.POST:
        return _by_passkey(request)
    form = PasswordForm(request.POST or None)
    wanted = arrival.wanted_next(request)
    if request.method == "POST" and form.is_valid():
        mark = cookies.device_key(request)
        with attempting(request, form):
            opened = signin.with_password(
                email=form.cleaned_data["email"],
                password=form.cleaned_data["password"],
                origin=origin(request, device_key=mark),
                at=clock.now(),
            )
        if not form.errors:
            response = HttpResponseRedirect(arrival.with_next("signin:mfa", wanted))
            arrival.hand_over(request, response, opened.raw_key)
            cookies.put_device(response, mark)
            return response
    return _page(request, form)


def _page(request: Request, form: PasswordForm | PasskeyForm) -> HttpResponse:
    shown = form if isinstance(form, PasswordForm) else PasswordForm()
    context = {
        "next": arrival.wanted_next(request),
        "left": "left" in request.GET,
        "renewed": "renewed" in request.GET,
    }
    return answer(request, "signin/login.html", {**context, "password_form": shown}, form=form)


def _by_passkey(request: Request) -> HttpResponse:
    form = PasskeyForm(request.POST)
    if form.is_valid():
        mark = cookies.device_key(request)
        with attempting(request, form):
            opened = signin.with_passkey_alone(
                response=form.cleaned_data["credential"],
                origin=origin(request, device_key=mark),
                actor=request.actor,
                at=clock.now(),
            )
        if not form.errors:
            response = arrival.arrive(request, opened.session, opened.raw_key, arrival.wanted_next(request))
            cookies.put_device(response, mark)
            return response
    return _page(request, form)


@access(post=_ENTRANCE)
def begin_passkey(request: Request) -> HttpResponse:
    """Hand the browser a challenge for whichever passkey its owner chooses.

    Raises:
        LimitReached: too many from this network; each challenge is remembered for five minutes.
    """
    throttle.take(name=f"passkey:{request.network}", limit=_CHALLENGES)
    return HttpResponse(passkeys.begin_authentication(user=None), content_type="application/json")


@access(post=Own(reason="Everybody may leave, at any step.", second_factor=False))
def logout(request: Request) -> HttpResponse:
    """Sign out here, and have the browser forget what it kept (ASVS 14.3.1)."""
    assert request.session_row is not None  # noqa: S101  the gate lets nobody else in
    sessions.end(session=request.session_row, actor=request.actor, at=clock.now())
    response = HttpResponseRedirect(f"{reverse('signin:login')}?left=1")
    cookies.drop_session(response)
    response.headers["Clear-Site-Data"] = '"cache", "cookies", "storage"'
    return response
