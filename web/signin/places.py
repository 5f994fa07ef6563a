"""Choosing an organization, and its first page."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from accounts import queries
from accounts.permissions import Permission
from accounts.queries import Place
from accounts.services import sessions
from core import clock
from core.errors import NotFound
from edge import doorway
from edge.access import Own, Public, access
from edge.request import Request
from tenancy.context import Scope, scope
from tenancy.models import Tenant
from tenancy.suspension import REASONS
from web.kit import navigation, words
from web.overview import page as overview
from web.signin import arrival
from web.signin.factor import session_of
from web.signin.forms import ChoiceForm

_THEIRS = Own(reason="The organizations a person belongs to are their own record.")


@dataclass(frozen=True, slots=True)
class Choice:
    """One organization to open."""

    slug: str
    role: str
    last_used_at: datetime | None
    sandbox: bool
    sealed: bool
    suspended: str


@access(get=Public(reason="The front door leads on: to the sign-in or to one's organizations."))
def root(request: Request) -> HttpResponse:
    """Lead on from the bare address."""
    session = request.session_row
    return redirect("signin:select" if session is not None and session.verified else "signin:login")


@access(get=_THEIRS, post=_THEIRS)
def select(request: Request) -> HttpResponse:
    """List the organizations a person can open, and open the chosen one; a single one is opened at once."""
    session = session_of(request)
    places = queries.places(session.user_id, at=clock.now())
    if request.method == "POST":
        slug = ChoiceForm(request.POST).chosen()
        place = next((place for place in places if place.tenant.slug == slug), None)
        if place is None:
            raise NotFound
        return _open(request, place)
    if len(places) == 1:
        return redirect(arrival.home_of(places[0]))
    last = queries.last_opened(session.user_id)
    choices = [_choice(place, last.get(place.tenant.pk), user_id=session.user_id) for place in places]
    return render(request, "signin/select.html", {"choices": choices, "person": request.person})


@access(get=Own(reason="Every member has a first page: the overview, or the first one their role opens."))
def home(request: Request, slug: str) -> HttpResponse:
    """Show the overview to whoever bills, the state of security to whoever watches, else the first page there is."""
    if Permission.INVOICE_READ in request.permissions:
        return overview.show(request, slug)
    if Permission.SECURITY_READ in request.permissions:
        return redirect("console:security", slug)
    first = navigation.first_page(slug, request.permissions, granted=bool(request.opened_customers))
    if first:
        return redirect(first)
    return render(request, "signin/nothing_open.html")


def _open(request: Request, place: Place) -> HttpResponse:
    session = session_of(request)
    raw_key = sessions.switch(session=session, tenant_id=place.tenant.pk, actor=request.actor, at=clock.now())
    home = arrival.home_of(place)
    response = HttpResponseRedirect(arrival.past_questions(place.tenant.pk, session.user_id, home))
    arrival.hand_over(request, response, raw_key)
    return response


def _choice(place: Place, last_used_at: datetime | None, *, user_id: UUID) -> Choice:
    tenant = place.tenant
    sealed = tenant.state == Tenant.State.SEALED
    return Choice(
        slug=tenant.slug,
        role=_("Customer") if place.membership is None else "" if sealed else _role(tenant, user_id),
        last_used_at=last_used_at,
        sandbox=tenant.mode == Tenant.Mode.TEST,
        sealed=sealed,
        # Its customers go on reading and paying, and why it is suspended is not their business.
        suspended=_(REASONS[tenant.suspended_why])
        if tenant.suspended_at is not None and place.membership is not None
        else "",
    )


def _role(tenant: Tenant, user_id: UUID) -> str:
    """Name the person's role: it is the organization's, so it is read in its own scope."""
    with scope(Scope(tenant=tenant.pk, user=user_id)):
        doorway.observe(tenant)
        member = queries.membership(user_id=user_id, tenant_id=tenant.pk, at=clock.now())
        return words.role_name(member.role) if member is not None else ""
