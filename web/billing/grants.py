"""To whom one customer is opened whose role opens none: giving that, until a day, and ending it."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from accounts import queries as people
from accounts.models import Membership
from accounts.permissions import Permission
from billing.customers import queries, services
from billing.customers.queries import CustomerDetail
from core import clock, ids
from edge import gate
from edge.access import access
from edge.request import Request
from web.billing import customer, customers, rows
from web.forms import answer, attempting
from web.kit import words
from web.kit.forms import DayField, Form

_USUALLY = timedelta(days=30)
_SEES_ALL = frozenset({Permission.CUSTOMER_READ, Permission.INVOICE_READ})


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A grant as the page shows it."""

    member: str
    name: str
    given_by: str
    given_at: datetime
    ends_at: datetime | None


class MemberForm(Form):
    """Which member."""

    member = forms.ChoiceField(label="Member")

    def __init__(self, *args: Any, members: dict[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["member"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  declared above
        field.choices = [("", "Choose a member"), *members.items()]

    @property
    def member_id(self) -> UUID:
        """Return whom; call it on a valid form."""
        return ids.decode("member", self.cleaned_data["member"])


class GrantForm(MemberForm):
    """To whom, and until when."""

    until = DayField(
        label="Until the end of",
        help_text="At most a year from now.",
    )


@access(get=Permission.CUSTOMER_GRANT, post=Permission.CUSTOMER_GRANT)
def index(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show to whom the customer is open by a grant, and open them to one more."""
    found = _opened(request, pk)
    posted = request.POST if request.method == "POST" else None
    initial = {"until": rows.today() + _USUALLY}
    form = GrantForm(posted, members=_who_sees_less(request), initial=initial)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.open_to(
                customer_id=found.id,
                member_id=form.member_id,
                until=_end_of(form.cleaned_data["until"]),
                actor=request.actor,
                at=clock.now(),
            )
        if not form.errors:
            # No name: a message travels as a cookie.
            messages.success(request, "The customer is open to them, from their next request on.")
            return redirect("billing:grants", slug, pk)
    return _answer(request, slug, pk, found, form)


@access(post=Permission.CUSTOMER_GRANT)
def end(request: Request, slug: str, pk: str) -> HttpResponse:
    """End a grant before its day."""
    found = _opened(request, pk)
    given = {row.member: row.name for row in _rows(found.id)}
    form = MemberForm(request.POST, members=given)
    if form.is_valid():
        services.close_to(customer_id=found.id, member_id=form.member_id, actor=request.actor)
        messages.success(request, "The customer is closed to them, from their next request on.")
        return redirect("billing:grants", slug, pk)
    return _answer(request, slug, pk, found, form)


def _opened(request: Request, pk: str) -> CustomerDetail:
    # Whoever opens a customer to others sees them already: the page shows who it is about.
    gate.require(request, Permission.CUSTOMER_READ)
    return customers.opened(request, pk)


def _answer(request: Request, slug: str, pk: str, found: CustomerDetail, form: MemberForm) -> HttpResponse:
    giving = form if isinstance(form, GrantForm) else GrantForm(members=_who_sees_less(request))
    context = {
        **customer.context_of(request, slug, pk, found, "grants"),
        "rows": _rows(found.id),
        "giving": giving,
        "anybody": len(giving.fields["member"].choices) > 1,  # type: ignore[attr-defined]  # a ChoiceField
    }
    return answer(request, "billing/grants.html", context, form=form)


def _rows(customer_id: UUID) -> list[Row]:
    return [
        Row(
            member=ids.encode("member", each.member_id),
            name=each.name,
            given_by=each.given_by,
            given_at=each.given_at,
            ends_at=each.ends_at,
        )
        for each in queries.openings(customer_id, at=clock.now())
    ]


def _who_sees_less(request: Request) -> dict[str, str]:
    """Name the members to whom a grant would open something, but for whoever asks."""
    of_operator = people.in_operator_organization()
    found = [
        member
        for member in people.members().filter(state=Membership.State.ACTIVE)
        if member.user_id != request.actor.id
        and not member.role.permissions(of_operator=of_operator) >= _SEES_ALL
    ]
    named = [
        (f"{people.name_of(member.user)}, {words.role_name(member.role)}", ids.encode("member", member.pk))
        for member in found
    ]
    return {pk: label for label, pk in sorted(named, key=lambda each: each[0].casefold())}


def _end_of(day: date) -> datetime:
    return rows.midnight(day + timedelta(days=1))
