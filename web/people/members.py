"""Who works here, as what, and how strongly they sign in; changing that, and shutting somebody out."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts import events, queries, rules
from accounts.models import Invitation, Membership
from accounts.permissions import Permission
from accounts.queries import SignInFacts
from accounts.services import members
from core import clock, ids
from edge import recording
from edge.access import access
from edge.request import Request
from web.forms import answer, attempting
from web.kit import words
from web.kit.forms import Form
from web.kit.parts import Crumb
from web.people import organization, person
from web.people.forms import RoleChoiceForm

_MOST_SUBJECTS = 1_000


@dataclass(frozen=True, slots=True)
class Row:
    """A member as the list shows them."""

    pk: str
    name: str
    email: str
    role: str
    factor: str
    strong: bool
    last_seen_at: datetime | None
    state: str
    me: bool


@dataclass(frozen=True, slots=True)
class Invited:
    """An invitation that is still open."""

    pk: str
    email: str
    role: str
    expires_at: datetime


@access(get=Permission.MEMBER_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """List the members and the open invitations."""
    found = list(queries.members())
    facts = queries.signin_facts([member.user_id for member in found])
    rows = [_row(member, facts[member.user_id], request) for member in found]
    invited = [_invited(row) for row in queries.open_invitations(at=clock.now()) if row.role is not None]
    for start in range(0, max(len(found), 1), _MOST_SUBJECTS):
        recording.read(
            request,
            events.MEMBERS_READ,
            subjects=[member.pk for member in found[start : start + _MOST_SUBJECTS]],
            fields=["user.name", "user.email", *(["invitation.email"] if invited else [])],
        )
    context = {
        "rows": _in_order(rows, request.GET.get("sort", "")),
        "invited": invited,
        "may_manage": Permission.MEMBER_MANAGE in request.permissions,
        "without_factor": sum(not row.strong and row.state == Membership.State.ACTIVE for row in rows),
    }
    return render(request, "people/members.html", context)


def _in_order(rows: list[Row], sort: str) -> list[Row]:
    """Put all there are into the order of a column; names are decrypted by now."""
    long_ago = datetime.min.replace(tzinfo=UTC)
    keys: dict[str, Callable[[Row], Any]] = {
        "name": lambda row: row.name.casefold(),
        "role": lambda row: row.role.casefold(),
        "seen": lambda row: row.last_seen_at or long_ago,
        "state": lambda row: row.state,
    }
    by_name = sorted(rows, key=keys["name"])
    return sorted(by_name, key=keys.get(sort.removeprefix("-"), keys["name"]), reverse=sort.startswith("-"))


@access(get=Permission.MEMBER_READ)
def detail(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show one member: what they may do, how far, and how they sign in."""
    member = _member(request, pk)
    facts = queries.signin_facts([member.user_id])[member.user_id]
    context = {
        "row": _row(member, facts, request),
        "member": member,
        "rights": words.grouped(member.permissions(of_operator=organization.of_operator(request))),
        "withheld": words.summary(
            member.withheld_rights & member.role.permissions(of_operator=organization.of_operator(request))
        ),
        "limits": [
            (words.LIMITS[name], words.limit(name, value)) for name, value in member.role.ceilings.items()
        ],
        "endings": queries.endings_of(member, at=clock.now()),
        "may_manage": Permission.MEMBER_MANAGE in request.permissions,
        **person.beside(request, slug, member),
        "crumbs": _crumbs(slug),
    }
    return render(request, "people/member.html", context)


@access(get=Permission.MEMBER_MANAGE, post=Permission.MEMBER_MANAGE)
def change_role(request: Request, slug: str, pk: str) -> HttpResponse:
    """Give a member another role."""
    member = _member(request, pk)
    roles = organization.grantable_roles(request)
    posted = request.POST if request.method == "POST" else None
    form = RoleChoiceForm(posted, roles=roles, initial={"role": member.role.code})
    if request.method == "POST" and form.is_valid():
        before = member.role.permissions(of_operator=organization.of_operator(request))
        if not demand_reason(request, form, before=before):
            with attempting(request, form):
                changed = members.change_role(
                    member_id=member.pk,
                    role=form.chosen,
                    actor=request.actor,
                    at=clock.now(),
                    reason=form.cleaned_data["reason"],
                )
            if not form.errors:
                tell(
                    request,
                    waiting=changed.waiting is not None,
                    done=f"The new role is {words.role_name(form.chosen)}.",
                )
                return redirect("people:member", slug, pk)
    context = {
        "name": queries.name_of(member.user),
        "role": words.role_name(member.role),
        "crumbs": _crumbs(slug, member),
    }
    return answer(request, "people/change_role.html", context, form=form)


@access(get=Permission.MEMBER_MANAGE, post=Permission.MEMBER_MANAGE)
def suspend(request: Request, slug: str, pk: str) -> HttpResponse:
    """Shut a member out until they are let back in."""
    return _end(request, slug, pk, how="suspend")


@access(get=Permission.MEMBER_MANAGE, post=Permission.MEMBER_MANAGE)
def remove(request: Request, slug: str, pk: str) -> HttpResponse:
    """End a membership for good."""
    return _end(request, slug, pk, how="remove")


@access(post=Permission.MEMBER_MANAGE)
def reinstate(request: Request, slug: str, pk: str) -> HttpResponse:
    """Let a suspended member back in."""
    members.reinstate(member_id=ids.decode("member", pk), actor=request.actor, at=clock.now())
    messages.success(request, "They are let back in, in the role they had.")
    return redirect("people:member", slug, pk)


def _end(request: Request, slug: str, pk: str, *, how: str) -> HttpResponse:
    member = _member(request, pk)
    form = Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        act = members.remove if how == "remove" else members.suspend
        with attempting(request, form):
            act(member_id=member.pk, actor=request.actor, at=clock.now())
        if not form.errors:
            # No name: a message travels as a cookie.
            messages.success(request, f"The member is {'removed' if how == 'remove' else 'suspended'}.")
            if how == "suspend":
                return redirect("people:member", slug, pk)
            # Whoever has left sees nothing of it any more.
            left = member.pk == organization.me(request).pk
            return redirect("signin:select") if left else redirect("people:members", slug)
    context = {
        "how": how,
        "pk": pk,
        "name": queries.name_of(member.user),
        "me": member.pk == organization.me(request).pk,
        "endings": queries.endings_of(member, at=clock.now()),
        "ending": person.ending(request, member),
        "crumbs": _crumbs(slug, member),
    }
    return answer(request, "people/end_member.html", context, form=form)


def demand_reason(request: Request, form: RoleChoiceForm, *, before: frozenset[Permission]) -> bool:
    """Say whether a reason is missing: a second person who must agree has to know why."""
    after = form.chosen.permissions(of_operator=organization.of_operator(request))
    asks = rules.needs_second_person(
        escalation=rules.is_escalation(before=before, after=after),
        other_deciders=queries.deciders_beside(request.actor.id, at=clock.now()),
    )
    if asks and not form.cleaned_data["reason"]:
        form.add_error("reason", "Say why, so that the second person can decide.")
    return bool(form.errors)


def tell(request: Request, *, waiting: bool, done: str) -> None:
    """Say what happened: done, or waiting for a second person."""
    if waiting:
        messages.warning(
            request, "This needs a second person. It waits under Approvals, and nothing has changed yet."
        )
    else:
        messages.success(request, done)


def _member(request: Request, pk: str) -> Membership:
    """Return a member and record that they were looked at."""
    member = queries.member(ids.decode("member", pk))
    recording.read(
        request, events.MEMBERS_READ, subject=("member", member.pk), fields=["user.name", "user.email"]
    )
    return member


def _row(member: Membership, facts: SignInFacts, request: Request) -> Row:
    return Row(
        pk=ids.encode("member", member.pk),
        name=queries.name_of(member.user),
        email=member.user.email or "",
        role=words.role_name(member.role),
        factor=factor_words(facts),
        strong=bool(facts.passkeys) or facts.totp,
        last_seen_at=facts.last_seen_at,
        state=member.state,
        me=member.pk == organization.me(request).pk,
    )


def factor_words(facts: SignInFacts) -> str:
    """Name how somebody proves that it is them."""
    kinds = [*(["Passkey"] if facts.passkeys else []), *(["Authenticator"] if facts.totp else [])]
    return " and ".join(kinds).capitalize() or "None yet"


def _invited(row: Invitation) -> Invited:
    assert row.role is not None  # noqa: S101  the caller left customers out
    return Invited(ids.encode("invitation", row.pk), row.email, words.role_name(row.role), row.expires_at)


def _crumbs(slug: str, member: Membership | None = None) -> list[Crumb]:
    crumbs = [Crumb("Members", reverse("people:members", args=[slug]))]
    if member is not None:
        url = reverse("people:member", args=[slug, ids.encode("member", member.pk)])
        crumbs.append(Crumb(queries.name_of(member.user), url))
    return crumbs
