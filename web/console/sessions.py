"""Who is signed in to the organization at this moment, from what device and network, and ending it there."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts import events, oversight
from accounts import queries as people
from accounts.models import Session
from accounts.permissions import Permission
from accounts.services import watching
from core import clock, ids
from edge import recording
from edge.access import access
from edge.request import Request
from web.forms import answer
from web.kit import formats
from web.kit.forms import Form
from web.kit.parts import Crumb
from web.people import organization
from web.signin.factor import session_of
from web.signin.origins import device_words, network_words

FACTORS = {
    "": "Not given yet",
    "totp": "Authenticator",
    "passkey": "Passkey",
    "recovery_code": "Recovery code",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One open session."""

    pk: str
    person: str
    url: str
    sign_out_url: str
    device: str
    network: str
    factor: str
    began_at: datetime
    last_seen_at: datetime
    here: bool


@access(get=Permission.SECURITY_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """List the open sessions, the latest sign-in first."""
    at, cursor = clock.now(), request.GET.get("cursor", "")
    found, after = oversight.sessions(at=at, after=ids.from_base32(cursor) if cursor else None)
    recording.read(
        request, events.SESSIONS_READ, subjects=[row.pk for row in found], fields=["user.name", "device"]
    )
    members = {member.user_id: ids.encode("member", member.pk) for member in people.members()}
    here = session_of(request).pk
    context = {
        "rows": [_row(row, slug, members.get(row.user_id, ""), here=row.pk == here) for row in found],
        "total": people.open_sessions(at=at),
        "next_url": f"?cursor={ids.base32(after)}" if after else "",
        "may_end": Permission.ALERT_CONTAIN in request.permissions,
        "now": at,
        "crumbs": _crumbs(slug)[:1],
    }
    return render(request, "console/sessions.html", context)


@access(get=Permission.ALERT_CONTAIN, post=Permission.ALERT_CONTAIN)
def end(request: Request, slug: str, pk: str) -> HttpResponse:
    """End one session."""
    found = oversight.session(ids.decode("session", pk), at=clock.now())
    form = Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        watching.end_session(session_id=found.pk, actor=request.actor, at=clock.now())
        messages.success(request, "That device is signed out.")
        return redirect("console:sessions", slug)
    context = {
        "device": device_words(found.device),
        "network": network_words(found.network),
        "person": people.names_of({found.user_id}).get(found.user_id, ""),
        "crumbs": _crumbs(slug),
    }
    return answer(request, "console/end_session.html", context, form=form)


@access(get=Permission.ALERT_CONTAIN, post=Permission.ALERT_CONTAIN)
def sign_out(request: Request, slug: str, pk: str) -> HttpResponse:
    """End every session of a member."""
    member = people.member(ids.decode("member", pk))
    form = Form(request.POST if request.method == "POST" else None)
    me = member.pk == organization.me(request).pk
    if request.method == "POST" and form.is_valid():
        ended = watching.sign_out(
            member_id=member.pk,
            actor=request.actor,
            at=clock.now(),
            but=session_of(request) if me else None,
        )
        messages.success(request, f"{formats.count(ended, 'session')} ended.")
        return redirect("console:sessions", slug)
    context = {
        "person": people.name_of(member.user),
        "me": me,
        "count": people.endings_of(member, at=clock.now()).sessions,
        "crumbs": _crumbs(slug),
    }
    return answer(request, "console/sign_out.html", context, form=form)


def _row(row: Session, slug: str, member: str, *, here: bool) -> Row:
    return Row(
        pk=ids.encode("session", row.pk),
        person=people.name_of(row.user) if member else "A customer, in the portal",
        url=reverse("people:member", args=[slug, member]) if member else "",
        sign_out_url=reverse("console:sign_out", args=[slug, member]) if member else "",
        device=device_words(row.device),
        network=network_words(row.network),
        factor=FACTORS[row.factor],
        began_at=row.created_at,
        last_seen_at=row.last_seen_at,
        here=here,
    )


def _crumbs(slug: str) -> list[Crumb]:
    return [
        Crumb("Security", reverse("console:security", args=[slug])),
        Crumb("Sessions", reverse("console:sessions", args=[slug])),
    ]
