"""Where somebody goes once they are in: never to another site, never past the second factor."""

from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

from django.http import HttpResponse, HttpResponseRedirect
from django.middleware.csrf import rotate_token
from django.urls import Resolver404, resolve, reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode

from accounts import queries
from accounts.models import Session
from accounts.queries import Place
from accounts.services import sessions, signin
from alerts import asking
from core import clock
from edge.access import rules_of
from edge.doors import door_of
from edge.request import Request
from tenancy.context import Scope, scope
from web.signin import cookies

_LONGEST_NEXT = 2_000


def wanted_next(request: Request) -> str:
    """Return where the visitor wanted to go, if it is a page of ours; otherwise nothing (ASVS 3.7.2)."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    if len(wanted) > _LONGEST_NEXT or not wanted.startswith("/"):
        return ""
    return (
        wanted
        if url_has_allowed_host_and_scheme(wanted, allowed_hosts=None) and _can_be_opened(wanted)
        else ""
    )


def _can_be_opened(url: str) -> bool:
    """Say whether an address is a page: what only takes a form's answer cannot be gone to."""
    try:
        view = resolve(urlsplit(url).path).func
    except Resolver404:
        return False
    return "GET" in (rules_of(view) or {})


def with_next(name: str, wanted: str, **query: str) -> str:
    """Return the address of a page of the entrance that remembers where the visitor wanted to go."""
    asked = {**query, **({"next": wanted} if wanted else {})}
    return reverse(name) + (f"?{urlencode(asked)}" if asked else "")


@dataclass(frozen=True, slots=True)
class Destination:
    """Where to go, and which organization that opens."""

    url: str
    tenant_id: UUID | None = None


def home_of(place: Place) -> str:
    """Return the first page of an organization: its own side or the customer's."""
    if place.membership is not None:
        return reverse("signin:home", kwargs={"slug": place.tenant.slug})
    return f"/p/{place.tenant.slug}/"


def destination(places: list[Place], wanted: str) -> Destination:
    """Decide where to go: where the visitor wanted, or their only organization, or the choice of several."""
    if wanted:
        slug = door_of(wanted).slug
        opened = next((place.tenant.pk for place in places if slug and place.tenant.slug == slug), None)
        return Destination(wanted, opened)
    if len(places) == 1:
        return Destination(home_of(places[0]), places[0].tenant.pk)
    return Destination(reverse("signin:select"))


def arrive(request: Request, session: Session, raw_key: str, wanted: str) -> HttpResponse:
    """Send somebody who has just proved who they are to where they go, with their session's key."""
    at = clock.now()
    with scope(Scope(user=session.user_id)):
        goal = destination(queries.places(session.user_id, at=at), wanted)
        if goal.tenant_id is not None and goal.tenant_id != session.tenant_id:
            person = signin.as_person(request.actor, session)
            raw_key = sessions.switch(session=session, tenant_id=goal.tenant_id, actor=person, at=at)
    response = HttpResponseRedirect(past_questions(goal.tenant_id, session.user_id, goal.url))
    hand_over(request, response, raw_key)
    return response


def past_questions(tenant_id: UUID | None, user_id: UUID, url: str) -> str:
    """Return where somebody goes who wants to go to `url`: past what they are asked there about their own name."""
    if tenant_id is None:
        return url
    with scope(Scope(tenant=tenant_id, user=user_id)):
        asked = asking.waiting_for(user_id, at=clock.now())
    return with_next("asked:mine", url) if asked else url


def hand_over(request: Request, response: HttpResponse, raw_key: str) -> None:
    """Put a session's new key into the answer; forms of the time before are worth nothing any more."""
    rotate_token(request)
    cookies.put_session(response, raw_key)
