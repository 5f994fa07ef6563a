"""What a person did, and what was done to their account: their own part of the audit trail, newest first.

Signing in belongs to no organization and stands in the operator's log; the rest stands with each
organization. Each log is read in its own scope, and only for rows that name this person.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render

from accounts import events, queries
from audit import queries as trail
from audit.events import of
from audit.models import Event
from audit.queries import Filters
from core import clock, ids
from edge import recording
from edge.access import Own, access
from edge.request import Request
from tenancy.context import Scope, scope
from tenancy.models import Tenant
from web.kit import formats
from web.signin.factor import session_of
from web.signin.origins import network_words

MOST = 100
# Codes of roles, kinds and routes, as words.
_SPACED = str.maketrans("_:.", "   ")


@dataclass(frozen=True, slots=True)
class Act:
    """One entry as the person it names reads it."""

    at: datetime
    sentence: str
    organization: str
    by_me: bool
    result: str
    network: str


@access(get=Own(reason="What somebody did is their own record."))
def index(request: Request) -> HttpResponse:
    """Show a person their own part of the trail."""
    session = session_of(request)
    acts = sorted(_acts(session.user_id), key=lambda act: act.at, reverse=True)[:MOST]
    recording.read(
        request, events.OWN_ACTIVITY_READ, subject=("user", session.user_id), facts={"shown": len(acts)}
    )
    return render(request, "me/activity.html", {"acts": acts, "most": MOST})


def _acts(user_id: UUID) -> Iterator[Act]:
    places = queries.places(user_id, at=clock.now())
    members = {place.tenant: place.membership.pk for place in places if place.membership is not None}
    operator = Tenant.objects.filter(kind=Tenant.Kind.OPERATOR).first()
    logs: dict[Tenant, UUID | None] = {**members}
    if operator is not None:
        logs.setdefault(operator, None)
    for tenant, member_id in logs.items():
        with scope(Scope(tenant=tenant.pk, user=user_id)):
            rows = {
                row.pk: row
                for asked in _naming(user_id, member_id)
                for row in trail.events(asked, limit=MOST).events
            }
            yield from (_act(row, tenant, user_id, at_home=member_id is not None) for row in rows.values())


def _naming(user_id: UUID, member_id: UUID | None) -> list[Filters]:
    named = [Filters(actor=user_id), Filters(subject=user_id)]
    return named if member_id is None else [*named, Filters(subject=member_id)]


def _act(row: Event, tenant: Tenant, user_id: UUID, *, at_home: bool) -> Act:
    mine = row.actor_id == user_id
    by = (
        "You"
        if mine
        else {"user": "A colleague", "system": "Strongbox", "stranger": "Somebody"}.get(
            row.actor_kind, "Somebody"
        )
    )
    return Act(
        at=row.at,
        sentence=sentence(row, by=by, about_me=row.subject_id == user_id),
        organization=tenant.slug if at_home else "",
        by_me=mine,
        result=row.result,
        network=network_words(row.network) if row.network else "",
    )


def sentence(row: Event, *, by: str, about_me: bool) -> str:
    """Write an event as its person reads it: "You suspended mem_01m…v8z62"."""
    kind = of(row.event)
    named = {name: str(row.facts.get(name, "")).translate(_SPACED) for name in kind.placeholders}
    return kind.sentence.format(**{**named, "actor": by, "subject": "you" if about_me else _subject(row)})


def _subject(row: Event) -> str:
    if row.subject_id is None or row.subject_kind not in ids.PREFIXES:
        return row.subject_kind.translate(_SPACED) or "it"
    return formats.middle(ids.encode(row.subject_kind, row.subject_id))
