"""The modules there are: what each teaches, whose duty it is, and what it fails to teach."""

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts import queries as people
from accounts.permissions import Permission
from core import clock, ids
from edge import recording
from edge.access import access
from edge.request import Request
from training import catalog, events, queries
from training.catalog import Listed
from training.courses.reading import EVERYONE
from training.models import Module
from training.services import policies
from web.forms import answer, attempting
from web.kit import words
from web.training import shared
from web.training.forms import DutyForm


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A module in the list."""

    title: str
    url: str
    minutes: int
    questions: int
    pass_percent: int
    version: int
    roles: str
    state: str


@access(get=Permission.TRAINING_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """List the modules: those of the product, the organization's own, and its drafts."""
    names = _role_names()
    rows = [
        Row(
            title=each.course.title,
            url=_url(slug, each),
            minutes=each.course.minutes,
            questions=len(each.course.questions),
            pass_percent=each.course.pass_percent,
            version=each.course.version,
            roles=_said(each.roles, names),
            state="builtin" if each.module is None else "published",
        )
        for each in catalog.listing()
    ]
    drafts = [
        (reverse("training:module", args=[slug, ids.encode("training_module", row.pk)]), row)
        for row in Module.objects.exclude(state=Module.State.PUBLISHED).order_by("code")
    ]
    recording.read(request, events.READ, fields=["module.body"])
    context = {
        "rows": rows,
        "drafts": drafts,
        "may_manage": Permission.TRAINING_MANAGE in request.permissions,
        "tabs": shared.tabs(request, slug, "courses"),
    }
    return render(request, "training/courses.html", context)


@access(get=Permission.TRAINING_READ)
def detail(request: Request, slug: str, lesson: str) -> HttpResponse:
    """Show a module as it is taught, and how it stands."""
    return _detail(request, slug, lesson)


def _detail(request: Request, slug: str, lesson: str, form: DutyForm | None = None) -> HttpResponse:
    listed = catalog.find(lesson)
    row = next(each for each in queries.by_course(today=shared.today()) if each.listed.course.code == lesson)
    may_manage = Permission.TRAINING_MANAGE in request.permissions
    recording.read(request, events.READ, fields=["module.body"])
    module = ids.encode("training_module", listed.module) if listed.module else ""
    context = {
        "course": listed.course,
        "roles": _said(listed.roles, _role_names()),
        "decided": listed.decided,
        "row": row,
        "hardest": queries.hardest(listed.course),
        "duty": form or _duty_form(listed),
        "may_manage": may_manage,
        "module_url": reverse("training:module", args=[slug, module]) if module and may_manage else "",
        "crumbs": shared.crumbs(slug),
    }
    return answer(request, "training/course.html", context, form=form or DutyForm(roles=[]))


@access(post=Permission.TRAINING_MANAGE)
def duty(request: Request, slug: str, lesson: str) -> HttpResponse:
    """Decide whose duty a module is."""
    listed = catalog.find(lesson)
    form = _duty_form(listed, request)
    if form.is_valid():
        with attempting(request, form):
            policies.set_duty(
                course=lesson,
                roles=form.cleaned_data["roles"],
                actor=request.actor,
                at=clock.now(),
                today=shared.today(),
            )
        if not form.errors:
            messages.success(request, "It is decided, and assigned.")
            return redirect("training:course_detail", slug, lesson)
    return _detail(request, slug, lesson, form)


def _duty_form(listed: Listed, request: Request | None = None) -> DutyForm:
    choices = [(EVERYONE, "Everybody"), *_role_names().items()]
    return DutyForm(
        request.POST if request is not None else None, roles=choices, initial={"roles": list(listed.roles)}
    )


def _role_names() -> dict[str, str]:
    return {role.code: words.role_name(role) for role in people.roles()}


def _said(roles: tuple[str, ...], names: dict[str, str]) -> str:
    if not roles:
        return "Nobody’s duty"
    if EVERYONE in roles:
        return "Everybody"
    return ", ".join(names[code] for code in roles if code in names)


def _url(slug: str, each: Listed) -> str:
    return reverse("training:course_detail", args=[slug, each.course.code])
