"""What somebody sees who was asked by mail whether it was them."""

from django.http import HttpResponse
from django.shortcuts import render

from accounts import tokens
from alerts import asking, events
from alerts.rules import BY_CODE
from core import clock
from core.errors import Refusal
from edge import links, recording
from edge.access import Public, access
from edge.request import Request
from tenancy.context import attempt

_LINK = Public(reason="Whoever was asked by mail may be signed out; the link answers one question, once.")
_ANSWERS = {"yes": True, "no": False}


@access(get=_LINK, post=_LINK)
def show(request: Request, token: str) -> HttpResponse:
    """Show what it is about, and take the answer; being opened, as by a program that reads mail, answers nothing."""
    at = clock.now()
    given = request.POST.get("answer", "") if request.method == "POST" else ""
    try:
        links.enter(request, tokens.tenant_of_link(token))
        with attempt():
            if given in _ANSWERS:
                was_me = _ANSWERS[given]
                found = asking.answer(raw=token, was_me=was_me, actor=request.actor, at=at)
                return render(request, "alerts/answered.html", {"was_me": was_me})
            found = asking.read(token, at=at)
    except (asking.QuestionUnknown, asking.QuestionClosed) as refusal:
        return _closed(request, refusal)
    recording.read(request, events.QUESTION_READ, subject=("alert", found.alert.pk))
    rule = BY_CODE.get(found.alert.rule)
    context = {
        "title": rule.title if rule else found.alert.rule,
        "alert": found.alert,
        "until": found.question.expires_at,
    }
    return render(request, "alerts/asked.html", context)


def _closed(request: Request, refusal: Refusal) -> HttpResponse:
    request.refusal = refusal
    context = {"message": refusal.message}
    return render(request, "alerts/asked_closed.html", context, status=refusal.status)
