"""What somebody sees who is asked whether it was them: behind the link of a mail, and when they next sign in."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import tokens
from alerts import asking, events
from core import clock
from core.errors import Refusal
from edge import language, links, recording
from edge.access import Own, Public, access
from edge.request import Request
from tenancy.context import attempt
from web.signin import arrival
from web.signin.factor import session_of

_LINK = Public(reason="Whoever was asked by mail may be signed out; the link answers one question, once.")
_THEMSELVES = Own(reason="A question about what was done in somebody's name is theirs to answer.")
_ANSWERS = {"yes": True, "no": False}


@access(get=_LINK, post=_LINK)
def show(request: Request, token: str) -> HttpResponse:
    """Show what it is about, and take the answer; being opened, as by a program that reads mail, answers nothing."""
    at, given = clock.now(), _given(request)
    try:
        links.enter(request, tokens.tenant_of_link(token))
        with attempt():
            if given in _ANSWERS:
                was_me = _ANSWERS[given]
                return _thank(
                    request, asking.answer(raw=token, was_me=was_me, actor=request.actor, at=at), was_me
                )
            found = asking.read(token, at=at)
    except (asking.QuestionUnknown, asking.QuestionClosed) as refusal:
        return _closed(request, refusal)
    return _ask(request, found)


@access(get=_THEMSELVES, post=_THEMSELVES)
def mine(request: Request) -> HttpResponse:
    """Ask somebody who is signed in, in the organization they are in; they may go on and answer later."""
    at, given, session = clock.now(), _given(request), session_of(request)
    onward = arrival.wanted_next(request) or reverse("signin:select")
    if session.tenant_id is None:
        return redirect(onward)
    links.enter(request, session.tenant_id)
    try:
        if given in _ANSWERS:
            was_me = _ANSWERS[given]
            with attempt():
                found = asking.answer_oneself(
                    person_id=session.user_id, was_me=was_me, actor=request.actor, at=at
                )
            return _thank(request, found, was_me, onward=onward)
    except asking.QuestionClosed as refusal:
        return _closed(request, refusal)
    waits = asking.waiting_for(session.user_id, at=at)
    return _ask(request, waits, onward=onward) if waits else redirect(onward)


def _given(request: Request) -> str:
    return request.POST.get("answer", "") if request.method == "POST" else ""


def _ask(request: Request, found: asking.Asked, *, onward: str = "") -> HttpResponse:
    recording.read(request, events.QUESTION_READ, subject=("alert", found.alert.pk))
    language.speak_as(request, found.person.language)
    context = {
        "title": asking.title_of(found.alert),
        "alert": found.alert,
        "until": found.question.expires_at,
        "onward": onward,
    }
    return render(request, "alerts/asked.html", context)


def _thank(request: Request, found: asking.Asked, was_me: bool, *, onward: str = "") -> HttpResponse:
    language.speak_as(request, found.person.language)
    return render(request, "alerts/answered.html", {"was_me": was_me, "onward": onward})


def _closed(request: Request, refusal: Refusal) -> HttpResponse:
    request.refusal = refusal
    context = {"message": _(refusal.message)}
    return render(request, "alerts/asked_closed.html", context, status=refusal.status)
