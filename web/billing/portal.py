"""Who may open a customer's portal: invited by mail, with a second factor of their own, and closed again."""

from dataclasses import dataclass
from datetime import datetime

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from accounts import queries as people
from accounts.permissions import Permission
from accounts.services import members
from billing.customers.queries import CustomerDetail
from billing.documents import papers
from core import clock, ids
from edge import gate
from edge.access import access
from edge.request import Request
from web.billing import customer, customers
from web.forms import answer, attempting
from web.kit.forms import Form
from web.people import organization


class InviteForm(Form):
    """Whom the portal is opened to."""

    email = forms.EmailField(
        label="E-mail address",
        help_text="They choose a password and add a second factor before they see anything.",
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A person who may open the portal, or is invited to."""

    pk: str
    name: str
    since: datetime
    invited: bool


@access(get=Permission.CUSTOMER_WRITE, post=Permission.CUSTOMER_INVITE)
def index(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show who may open the portal, and invite one more."""
    found = _opened(request, pk)
    form = InviteForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            members.invite_customer(
                email=form.cleaned_data["email"],
                customer_id=found.id,
                actor=request.actor,
                at=clock.now(),
                language=papers.language_of(found.id),
            )
        if not form.errors:
            # No name: a message travels as a cookie.
            messages.success(request, "The invitation is on its way.")
            return redirect("billing:portal", slug, pk)
    return _answer(request, slug, pk, found, form)


@access(post=Permission.CUSTOMER_WRITE)
def end(request: Request, slug: str, pk: str) -> HttpResponse:
    """Close the portal to one person, or withdraw their invitation."""
    found = _opened(request, pk)
    given = request.POST.get("row", "")
    row = next((row for row in _rows(found) if row.pk == given), None)
    if row is None:
        # Closed meanwhile, by somebody else or in another tab.
        form = InviteForm({})
        form.is_valid()
        form.errors.clear()
        form.add_error(None, "They are on this portal no more.")
        return _answer(request, slug, pk, found, form)
    if row.invited:
        invitation_id = ids.decode("invitation", row.pk)
        members.withdraw_invitation(invitation_id=invitation_id, actor=request.actor, at=clock.now())
    else:
        members.close_portal(access_id=ids.decode("account", row.pk), actor=request.actor, at=clock.now())
    messages.success(request, "The portal is closed to them, from their next request on.")
    return redirect("billing:portal", slug, pk)


def _opened(request: Request, pk: str) -> CustomerDetail:
    gate.require(request, Permission.CUSTOMER_READ)
    return customers.opened(request, pk)


def _answer(request: Request, slug: str, pk: str, found: CustomerDetail, form: InviteForm) -> HttpResponse:
    context = {
        **customer.context_of(request, slug, pk, found, "portal"),
        "rows": _rows(found),
        "possible": found.state == "active" and Permission.CUSTOMER_INVITE in request.permissions,
        "fresh": organization.is_fresh(request, Permission.CUSTOMER_INVITE),
    }
    return answer(request, "billing/portal.html", context, form=form)


def _rows(found: CustomerDetail) -> list[Row]:
    inside = [
        Row(
            pk=ids.encode("account", each.pk),
            name=people.name_of(each.user),
            since=each.created_at,
            invited=False,
        )
        for each in people.portal_people(found.id)
    ]
    invited = [
        Row(pk=ids.encode("invitation", each.pk), name=each.email, since=each.created_at, invited=True)
        for each in people.open_invitations(at=clock.now()).filter(customer_id=found.id)
    ]
    return inside + invited
