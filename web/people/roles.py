"""Roles: what each may do and how far, who has it, and roles of the organization's own."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts import events, queries
from accounts.models import Role
from accounts.permissions import OPERATOR_ONLY, PORTAL, POWERFUL, Limit, Permission, RoleCode
from accounts.services import roles
from core import clock, ids
from core.errors import NotFound
from edge import recording
from edge.access import access
from edge.request import Request
from training import catalog as training
from training import rules as training_rules
from web.forms import answer, attempting
from web.kit import words
from web.kit.forms import Form
from web.kit.parts import Crumb
from web.people import matrix, organization
from web.people.forms import CompareForm, LimitsForm, NewRoleForm, RightsForm, limits_as_typed, limits_of
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
    may_change: bool


@access(get=Permission.MEMBER_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """List the roles."""
    people = queries.people_per_role()
    mine = organization.me(request).role_id
    rows = []
    for role in queries.roles():
        held = role.permissions(of_operator=organization.of_operator(request))
        count = people.get(role.pk, 0)
        pk = ids.encode("role", role.pk)
        may_change = role.pk != mine and role.code != RoleCode.OWNER
        rows.append(
            Row(pk, words.role_name(role), role.builtin, count, len(held), len(held & POWERFUL), may_change)
        )
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
        "conflicts": matrix.conflicts(held),
        "limits": [(words.LIMITS[name], words.limit(name, value)) for name, value in role.ceilings.items()],
        "people": _people(request, role),
        "may_manage": Permission.ROLE_MANAGE in request.permissions,
        "crumbs": _crumbs(slug),
    }
    return render(request, "people/role.html", context)


@access(get=Permission.MEMBER_READ)
def compare(request: Request, slug: str) -> HttpResponse:
    """Lay two roles beside each other."""
    named = {ids.encode("role", role.pk): role for role in queries.roles()}
    form = CompareForm(request.GET or None, roles=named)
    context: dict[str, object] = {"form": form, "crumbs": _crumbs(slug)}
    if request.GET and form.is_valid():
        first, second = (named[form.cleaned_data[side]] for side in ("a", "b"))
        operator = organization.of_operator(request)
        context |= {
            "first": words.role_name(first),
            "second": words.role_name(second),
            "areas": matrix.compare(
                first.permissions(of_operator=operator), second.permissions(of_operator=operator)
            ),
            "limits": _limits(first.ceilings, second.ceilings),
        }
    return render(request, "people/compare_roles.html", context)


@access(get=Permission.ROLE_MANAGE, post=Permission.ROLE_MANAGE)
def create(request: Request, slug: str) -> HttpResponse:
    """Make a role of the organization's own, from nothing or as a copy."""
    allowed = _allowed(request)
    form = NewRoleForm(_posted(request, allowed), allowed=allowed, initial=_copied(request))
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
    context = {
        "lines": matrix.lines(allowed, held=form.ticked),
        "preview_url": reverse("people:preview_new_role", args=[slug]),
        "outlook": _outlook(request, form, role=None, people=[]),
        "crumbs": _crumbs(slug),
    }
    return answer(request, "people/new_role.html", context, form=form)


@access(post=Permission.ROLE_MANAGE)
def preview_new(request: Request, slug: str) -> HttpResponse:
    """Say what a role that is being made could do; nothing is kept."""
    allowed = _allowed(request)
    form = NewRoleForm(_posted(request, allowed), allowed=allowed)
    return render(request, "people/_outlook.html", {"outlook": _outlook(request, form, role=None, people=[])})


@access(post=Permission.ROLE_MANAGE)
def preview(request: Request, slug: str, pk: str) -> HttpResponse:
    """Say what a change would do; nothing is kept."""
    role = _role(pk)
    form = _form(request, role, _allowed(request))
    found = _outlook(request, form, role=role, people=_people(request, role))
    return render(request, "people/_outlook.html", {"outlook": found})


@access(get=Permission.ROLE_MANAGE, post=Permission.ROLE_MANAGE)
def change(request: Request, slug: str, pk: str) -> HttpResponse:
    """Change a role: of a built-in one the limits alone. What it would do is shown before it is saved."""
    role, allowed = _role(pk), _allowed(request)
    form, step = _form(request, role, allowed), request.POST.get("step", "save")
    reviewing = False
    if request.method == "POST" and step != "edit" and form.is_valid():
        reviewing = step == "review"
        if not reviewing:
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
        "reviewing": reviewing,
        "kept": [
            *(("rights", each.value) for each in sorted(ticked)),
            *((limit.value, form[limit.value].value() or "") for limit in words.LIMITS),
        ],
        "lines": matrix.lines(allowed, held=ticked),
        "preview_url": reverse("people:preview_role", args=[slug, pk]),
        "outlook": _outlook(request, form, role=role, people=_people(request, role)),
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


def _posted(request: Request, allowed: Collection[Permission]) -> QueryDict | None:
    return matrix.chosen(request.POST, allowed) if request.method == "POST" else None


def _form(request: Request, role: Role, allowed: Collection[Permission]) -> LimitsForm:
    initial = {**limits_as_typed(role.limits), "rights": role.rights}
    if role.builtin:
        return LimitsForm(request.POST if request.method == "POST" else None, initial=initial)
    return RightsForm(_posted(request, allowed), allowed=allowed, initial=initial)


def _outlook(
    request: Request, form: LimitsForm, *, role: Role | None, people: Sequence[str]
) -> matrix.Outlook:
    """Say what the role would be after what stands in the form, whether it could be saved or not."""
    operator = organization.of_operator(request)
    before = role.permissions(of_operator=operator) if role is not None else frozenset[Permission]()
    after = form.ticked if isinstance(form, RightsForm) else before
    if form.is_bound:
        form.is_valid()
    now = role.ceilings if role is not None else {}
    asked = (
        {Limit(name): value for name, value in limits_of(form.cleaned_data).items()} if form.is_bound else now
    )
    limits = _limits(now, asked)
    code, builtin = (role.code, role.builtin) if role is not None else ("", False)
    duties = [
        each.course.title
        for each in training.listing()
        if training_rules.concerns(each.roles, role=code, builtin=builtin)
    ]
    return matrix.outlook(before=before, after=after, limits=limits, people=people, duties=duties)


def _limits(first: Mapping[Limit, int], second: Mapping[Limit, int]) -> list[tuple[str, str, str]]:
    return [
        (label, words.limit(limit, first.get(limit, 0)), words.limit(limit, second.get(limit, 0)))
        for limit, label in words.LIMITS.items()
    ]


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
