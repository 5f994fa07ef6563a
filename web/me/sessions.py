"""Where a person is signed in, and how they end it there."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from accounts import queries
from accounts.models import Session
from accounts.services import sessions
from core import clock, ids
from edge.access import Own, access
from edge.request import Request
from web.kit import formats
from web.signin.factor import session_of
from web.signin.origins import device_words, network_words

_THEIRS = Own(reason="Where somebody is signed in is their own record.")


@dataclass(frozen=True, slots=True)
class Place:
    """One place where a person is signed in."""

    pk: str
    device: str
    network: str
    same_network: bool
    first_seen_at: datetime
    last_seen_at: datetime
    here: bool
    waiting: bool


@access(get=_THEIRS)
def index(request: Request) -> HttpResponse:
    """List where a person is signed in, last seen first."""
    here = session_of(request)
    places = [_place(row, here) for row in queries.sessions_of(here.user_id, at=clock.now())]
    others = sum(not place.here for place in places)
    return render(request, "me/sessions.html", {"places": places, "others": others})


@access(post=_THEIRS)
def end(request: Request, pk: str) -> HttpResponse:
    """End one session."""
    here = session_of(request)
    sessions.end_one(
        user=here.user, session_id=ids.decode("session", pk), actor=request.actor, at=clock.now()
    )
    messages.success(request, "That device is signed out.")
    return redirect("me:sessions")


@access(post=_THEIRS)
def end_others(request: Request) -> HttpResponse:
    """End every session but this one."""
    here = session_of(request)
    ended = sessions.end_all(user=here.user, actor=request.actor, at=clock.now(), but=here)
    messages.success(request, f"{formats.count(ended, 'other session')} ended.")
    return redirect("me:sessions")


def _place(row: Session, here: Session) -> Place:
    return Place(
        pk=ids.encode("session", row.pk),
        device=device_words(row.device),
        network=network_words(row.network),
        same_network=row.network == here.network,
        first_seen_at=row.created_at,
        last_seen_at=row.last_seen_at,
        here=row.pk == here.pk,
        waiting=not row.verified,
    )
