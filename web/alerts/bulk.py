"""Several alerts at once: taken, given to somebody, closed. What somebody else changed first is left alone and told."""

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts import queries as people
from accounts.permissions import Permission
from alerts import services
from core import clock, ids
from core.errors import NotFound
from edge.access import access
from edge.request import Request
from tenancy import context
from web.alerts.inbox import AssignForm, CloseForm
from web.forms import answer, attempting
from web.kit import formats
from web.kit.forms import Form
from web.kit.parts import Crumb

# What one page of the inbox shows.
MOST = 50
HEADINGS: Mapping[str, str] = MappingProxyType(
    {"acknowledge": "Look into", "assign": "Give away", "close": "Close"}
)


@access(post=Permission.ALERT_WRITE)
def many(request: Request, slug: str) -> HttpResponse:
    """Do one thing to all alerts that were ticked; giving away and closing are asked about on a page first."""
    act = request.POST.get("act", "")
    keys = list(dict.fromkeys(request.POST.getlist("selected")))[:MOST]
    chosen = [ids.decode("alert", key) for key in keys]
    back = reverse("alerts:alerts", args=[slug])
    request.recorded = True
    if not chosen:
        messages.info(request, "Tick at least one alert.")
        return redirect(back)
    if act not in HEADINGS:
        raise NotFound
    form = _form(act, request)
    sure = act == "acknowledge" or "sure" in request.POST
    if sure and form.is_valid():
        at = clock.now()
        with attempting(request, form, fields={"assigned_to": "to"}):
            done = _each(chosen, _deed(act, form.cleaned_data, request, at))
        if not form.errors:
            _say(request, act, done, len(chosen) - done)
            return redirect(back)
    context_ = {
        "act": act,
        "heading": f"{HEADINGS[act]}: {formats.count(len(chosen), 'alert')}",
        "selected": keys,
        "back_url": back,
        "crumbs": [Crumb("Alerts", back)],
    }
    return answer(request, "alerts/many.html", context_, form=form)


def _form(act: str, request: Request) -> Form:
    data = request.POST if "sure" in request.POST else None
    if act == "assign":
        return AssignForm(
            data, people_={one.user_id: people.name_of(one.user) for one in services.assignable()}
        )
    return CloseForm(data) if act == "close" else Form(request.POST)


def _deed(act: str, given: Mapping[str, Any], request: Request, at: datetime) -> Callable[[UUID], object]:
    if act == "acknowledge":
        return lambda key: services.acknowledge(alert_id=key, actor=request.actor, at=at)
    if act == "assign":
        to = UUID(given["to"]) if given["to"] else None
        return lambda key: services.assign(alert_id=key, to=to, actor=request.actor, at=at)
    return lambda key: services.close(alert_id=key, **given, actor=request.actor, at=at)


def _each(chosen: list[UUID], deed: Callable[[UUID], object]) -> int:
    done = 0
    # In one order, so that two people who tick the same ones do not wait for each other.
    for key in sorted(chosen):
        try:
            with context.attempt():
                deed(key)
        except (services.AlertMovedOn, services.AboutYourself):
            continue
        done += 1
    return done


def _say(request: Request, act: str, done: int, left: int) -> None:
    what = {"acknowledge": "taken", "assign": "given away", "close": "closed"}[act]
    if done:
        messages.success(request, f"{formats.count(done, 'alert')} {what}.")
    if left:
        messages.warning(
            request,
            f"{formats.count(left, 'alert')} left alone: somebody else was first, or it is about you.",
        )
