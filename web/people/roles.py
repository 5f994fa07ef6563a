"""Roles: what each may do and how far, who has it, and roles of the organization's own."""

from collections.abc import Collection
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts import events, queries
from accounts.models import Role
from accounts.permissions import OPERATOR_ONLY, PORTAL, POWERFUL, Permission
from accounts.services import roles
from core import clock, ids
from core.errors import NotFound
from edge import recording
from edge.access import access
from edge.request import Request
from web.forms import answer, attempting
from web.kit import words
from web.kit.forms import Form
from web.kit.parts import Crumb
from web.people import organization
from web.people.forms import LimitsForm, NewRoleForm, RightsForm, limits_as_typed
from web.people.members import tell


@dataclass(frozen=True, slots=True)
class Row:
    """A role as the list shows it."""

    pk: str
    name: str
    builtin: bool
    people: int
    rights: int
    powerful: int


@access(get=Permission.MEMBER_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """List the roles."""
    people = queries.people_per_role()
    rows = []
    for role in queries.roles():
        held = role.permissions(of_operator=organization.of_operator(request))
        count = people.get(role.pk, 0)
        pk = ids.encode("role", role.pk)
        rows.append(Row(pk, words.role_name(role), role.builtin, count, len(held), len(held & POWERFUL)))
    context = {"rows": rows, "may_manage": Permission.ROLE_MANAGE in request.permissions}
    return render(request, "people/roles.html", context)


@access(get=Permission.MEMBER_READ)
def detail(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show a role: its rights, its limits and the people who have it."""
    role = _role(pk)
    held = role.permissions(of_operator=organization.of_operator(request))
    context = {
        "pk": pk,
        "role": role,
        "name": words.role_name(role),
        "mine": role.pk == organization.me(request).role_id,
        "rights": words.grouped(held),
        "limits": [(words.LIMITS[name], words.limit(name, value)) for name, value in role.ceilings.items()],
        "people": _people(request, role),
        "may_manage": Permission.ROLE_MANAGE in request.permissions,
        "crumbs": _crumbs(slug),
    }
    return render(request, "people/role.html", context)


@access(get=Permission.ROLE_MANAGE, post=Permission.ROLE_MANAGE)
def create(request: Request, slug: str) -> HttpResponse:
    """Make a role of the organization's own, from nothing or as a copy."""
    allowed = _allowed(request)
    form = NewRoleForm(
        request.POST if request.method == "POST" else None, allowed=allowed, initial=_copied(request)
    )
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            role = roles.create(
                label=form.cleaned_data["label"],
                rights=form.cleaned_data["rights"],
                limits=form.limits,
                actor=request.actor,
                at=clock.now(),
            )
        if not form.errors:
            messages.success(request, "The role is made. Nobody has it yet.")
            return redirect("people:role", slug, ids.encode("role", role.pk))
    context = {"groups": words.grouped(allowed, held=form.ticked), "crumbs": _crumbs(slug)}
    return answer(request, "people/new_role.html", context, form=form)


@access(get=Permission.ROLE_MANAGE, post=Permission.ROLE_MANAGE)
def change(request: Request, slug: str, pk: str) -> HttpResponse:
    """Change a role: of a built-in one the limits alone."""
    role, allowed = _role(pk), _allowed(request)
    initial = {**limits_as_typed(role.limits), "rights": role.rights}
    posted = request.POST if request.method == "POST" else None
    form: LimitsForm = (
        LimitsForm(posted, initial=initial)
        if role.builtin
        else RightsForm(posted, allowed=allowed, initial=initial)
    )
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            changed = roles.change(
                role_id=role.pk,
                rights=form.cleaned_data.get("rights", []),
                limits=form.limits,
                actor=request.actor,
                at=clock.now(),
                reason=form.cleaned_data["reason"],
            )
        if not form.errors:
            tell(
                request,
                waiting=changed.waiting is not None,
                done="The role is changed. It counts from the next request on.",
            )
            return redirect("people:role", slug, pk)
    ticked = form.ticked if isinstance(form, RightsForm) else frozenset[Permission]()
    context = {
        "pk": pk,
        "name": words.role_name(role),
        "builtin": role.builtin,
        "groups": words.grouped(allowed, held=ticked) if not role.builtin else [],
        "people": _people(request, role),
        "crumbs": _crumbs(slug, role),
    }
    return answer(request, "people/change_role_rights.html", context, form=form)


@access(get=Permission.ROLE_MANAGE, post=Permission.ROLE_MANAGE)
def remove(request: Request, slug: str, pk: str) -> HttpResponse:
    """Remove a role nobody has."""
    role = _role(pk)
    form = Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            roles.remove(role_id=role.pk, actor=request.actor, at=clock.now())
        if not form.errors:
            messages.success(request, "The role is removed.")
            return redirect("people:roles", slug)
    context = {
        "name": words.role_name(role),
        "pk": pk,
        "people": _people(request, role),
        "crumbs": _crumbs(slug, role),
    }
    return answer(request, "people/remove_role.html", context, form=form)


def _role(pk: str) -> Role:
    role_id = ids.decode("role", pk)
    found = queries.roles().filter(pk=role_id).first()
    if found is None:
        raise NotFound
    return found


def _allowed(request: Request) -> Collection[Permission]:
    """Return the rights that whoever asks could put into a role."""
    allowed = request.permissions - PORTAL
    return allowed if organization.of_operator(request) else allowed - OPERATOR_ONLY


def _copied(request: Request) -> dict[str, object]:
    """Return what a new role starts with: nothing, or what the named one holds."""
    if not request.GET.get("from"):
        return {}
    role = _role(request.GET["from"])
    held = role.permissions(of_operator=organization.of_operator(request))
    return {**limits_as_typed(role.limits), "rights": [right.value for right in held]}


def _people(request: Request, role: Role) -> list[str]:
    """Name the people who have a role, and record that they were named."""
    found = list(queries.members().filter(role=role))
    if found:
        subjects = [member.pk for member in found[:1_000]]
        recording.read(request, events.MEMBERS_READ, subjects=subjects, fields=["user.name"])
    return sorted((queries.name_of(member.user) for member in found), key=str.casefold)


def _crumbs(slug: str, role: Role | None = None) -> list[Crumb]:
    crumbs = [Crumb("Roles", reverse("people:roles", args=[slug]))]
    if role is not None:
        crumbs.append(
            Crumb(words.role_name(role), reverse("people:role", args=[slug, ids.encode("role", role.pk)]))
        )
    return crumbs
