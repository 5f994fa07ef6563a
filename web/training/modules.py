"""An organization's own modules: written, looked at, published, retired."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.permissions import Permission
from core import clock, ids
from edge import recording
from edge.access import access
from edge.request import Request
from training import courses, events
from training.courses import Course, CourseFault
from training.models import Module
from training.services import modules
from web.forms import answer, attempting
from web.kit.forms import Form
from web.training import shared
from web.training.forms import ModuleForm, PublishForm

_MANAGE = Permission.TRAINING_MANAGE


@access(get=_MANAGE, post=_MANAGE)
def create(request: Request, slug: str) -> HttpResponse:
    """Write a new module, beginning from an example that can be published as it is."""
    form = ModuleForm(request.POST if request.method == "POST" else None, initial={"body": modules.EXAMPLE})
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            made = modules.write(
                module_id=None, body=form.cleaned_data["body"], actor=request.actor, at=clock.now()
            )
            messages.success(request, "The draft is kept. Nobody takes it yet.")
            return redirect("training:module", slug, ids.encode("training_module", made.pk))
    context = {"module": None, "course": None, "crumbs": shared.crumbs(slug)}
    return answer(request, "training/module.html", context, form=form)


@access(get=_MANAGE, post=_MANAGE)
def change(request: Request, slug: str, pk: str) -> HttpResponse:
    """Go on writing a module; what was published before stays as it is."""
    found = modules.get(ids.decode("training_module", pk))
    form = ModuleForm(request.POST if request.method == "POST" else None, initial={"body": found.body})
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            modules.write(
                module_id=found.pk, body=form.cleaned_data["body"], actor=request.actor, at=clock.now()
            )
            messages.success(request, "The text is kept. People take it once it is published.")
            return redirect("training:module", slug, pk)
    recording.read(request, events.READ, fields=["module.body"])
    context = {
        "module": found,
        "pk": pk,
        "course": _read(found),
        "publishing": PublishForm(),
        "changed": modules.has_changed(found),
        "crumbs": shared.crumbs(slug),
    }
    return answer(request, "training/module.html", context, form=form)


@access(post=_MANAGE)
def publish(request: Request, slug: str, pk: str) -> HttpResponse:
    """Publish the text as it stands."""
    found, form = modules.get(ids.decode("training_module", pk)), PublishForm(request.POST)
    if form.is_valid():
        with attempting(request, form):
            modules.publish(
                module_id=found.pk,
                again=form.cleaned_data["again"],
                actor=request.actor,
                at=clock.now(),
                today=shared.today(),
            )
            messages.success(request, "Published, and assigned to whose duty it is.")
            return redirect("training:course_detail", slug, found.code)
    return _refused(request, slug, pk, found, form)


@access(post=_MANAGE)
def retire(request: Request, slug: str, pk: str) -> HttpResponse:
    """Take a module out of use; what was passed stays passed."""
    found, form = modules.get(ids.decode("training_module", pk)), Form(request.POST)
    with attempting(request, form):
        modules.retire(module_id=found.pk, actor=request.actor, at=clock.now(), today=shared.today())
        messages.success(request, "Nobody takes it any more.")
        return redirect(reverse("training:courses", args=[slug]))
    return _refused(request, slug, pk, found, form)


def _refused(request: Request, slug: str, pk: str, found: Module, refused: Form) -> HttpResponse:
    form = ModuleForm({"body": found.body})
    for fault in refused.non_field_errors() + [each for field in refused for each in field.errors]:
        form.add_error(None, fault)
    context = {
        "module": found,
        "pk": pk,
        "course": _read(found),
        "publishing": PublishForm(),
        "changed": modules.has_changed(found),
        "crumbs": shared.crumbs(slug),
    }
    return answer(request, "training/module.html", context, form=form)


def _read(found: Module) -> Course | None:
    try:
        return courses.read(found.body)
    except CourseFault:
        return None
