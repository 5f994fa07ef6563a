"""Letting somebody in by a link to their address, and taking the link back."""

from datetime import UTC, datetime, time

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.permissions import Permission
from accounts.services import members
from core import clock, ids
from edge.access import access
from edge.request import Request
from web.forms import answer, attempting
from web.kit.parts import Crumb
from web.people import organization
from web.people.forms import InviteForm
from web.people.members import demand_reason, tell


@access(get=Permission.MEMBER_MANAGE, post=Permission.MEMBER_MANAGE)
def invite(request: Request, slug: str) -> HttpResponse:
    """Invite people in a role."""
    posted = request.POST if request.method == "POST" else None
    form = InviteForm(posted, roles=organization.grantable_roles(request))
    if request.method == "POST" and form.is_valid():
        _check_day(form)
        if not form.errors and not demand_reason(request, form, before=frozenset()):
            addresses, waiting = form.cleaned_data["email"], False
            # All or nobody: whoever is named in the error is the only one to take out.
            with attempting(request, form):
                for address in addresses:
                    try:
                        invited = members.invite(
                            email=address,
                            role=form.chosen,
                            actor=request.actor,
                            at=clock.now(),
                            membership_expires_at=_end_of(form),
                            reason=form.cleaned_data["reason"],
                        )
                    except members.MemberAlready as refusal:
                        raise members.MemberAlready(
                            f"{address}: {refusal.message}", field="email"
                        ) from refusal
                    waiting |= invited.waiting is not None
            if not form.errors:
                one = len(addresses) == 1
                done = (
                    "The invitation is on its way."
                    if one
                    else f"{len(addresses)} invitations are on their way."
                )
                tell(request, waiting=waiting, done=done)
                return redirect("people:members", slug)
    context = {"crumbs": [Crumb("Members", reverse("people:members", args=[slug]))]}
    return answer(request, "people/invite.html", context, form=form)


@access(post=Permission.MEMBER_MANAGE)
def withdraw(request: Request, slug: str, pk: str) -> HttpResponse:
    """Make an open invitation worthless."""
    members.withdraw_invitation(
        invitation_id=ids.decode("invitation", pk), actor=request.actor, at=clock.now()
    )
    messages.success(request, "The invitation is withdrawn. Its link opens nothing any more.")
    return redirect("people:members", slug)


def _end_of(form: InviteForm) -> datetime | None:
    """Return the end of the day on which access ends."""
    day = form.cleaned_data["ends_on"]
    return datetime.combine(day, time.max, tzinfo=UTC) if day else None


def _check_day(form: InviteForm) -> None:
    ends_at = _end_of(form)
    if ends_at is not None and ends_at <= clock.now():
        form.add_error("ends_on", "Choose a day that is still to come, or leave it empty.")
