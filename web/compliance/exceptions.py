"""Exceptions: asked for with a reason and a risk, agreed to by somebody else, ended by themselves."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts import queries as people
from accounts.models import ApprovalRequest
from accounts.permissions import Permission
from compliance import events
from compliance.controls import exceptions, queries, registry
from core import clock, ids
from core.errors import NotFound
from edge import recording
from edge.access import access
from edge.request import Request
from tenancy import context as scopes
from web.compliance import scope
from web.forms import answer, attempting
from web.kit import formats
from web.kit.forms import DayField, Form
from web.kit.parts import Crumb, CursorPage
from web.people import effects
from web.people.effects import Effect

_PLAIN = {"autocomplete": "off"}


class ExceptionForm(Form):
    """Why, what could happen meanwhile, and until when."""

    reason = forms.CharField(
        label="Why does it not pass?",
        max_length=exceptions.MOST_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 3, **_PLAIN}),
    )
    risk = forms.CharField(
        label="What could happen, and what is done about it?",
        max_length=exceptions.MOST_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 3, **_PLAIN}),
    )
    ends_on = DayField(
        label="Until",
        help_text="It ends by itself, within a year.",
    )


@access(get=Permission.COMPLIANCE_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """List exceptions, newest first."""
    cursor = request.GET.get("cursor", "")
    found, after = queries.exceptions(after=ids.from_base32(cursor) if cursor else None)
    allowed = scope.codes(request)
    shown = [row for row in found if allowed is None or row.code in allowed]
    recording.read(request, events.CONTROLS_READ, facts={"exceptions": len(shown)})
    names = people.names_of({who for row in shown for who in (row.asked_by, row.approved_by) if who})
    context = {
        "rows": [
            (
                row,
                ids.encode("control_exception", row.id),
                names.get(row.asked_by, ""),
                names.get(row.approved_by, "") if row.approved_by else "",
            )
            for row in shown
        ],
        "may_write": scope.may_write(request),
        "page": CursorPage(
            shown=len(shown),
            next_url=f"?cursor={ids.base32(after)}" if after else "",
            previous_url="?" if cursor else "",
        ),
        "crumbs": [Crumb("Compliance", reverse("compliance:overview", args=[slug]))],
    }
    return render(request, "compliance/exceptions.html", context)


@access(get=Permission.COMPLIANCE_WRITE, post=Permission.COMPLIANCE_WRITE)
def ask(request: Request, slug: str, code: str) -> HttpResponse:
    """Ask to let a control pass for a while."""
    control = registry.of(code)
    if control is None:
        raise NotFound
    form = ExceptionForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            exceptions.ask(code=code, **form.cleaned_data, actor=request.actor, at=clock.now())
        if not form.errors:
            messages.success(request, "Somebody else has to agree. They are asked.")
            return redirect("compliance:control", slug, code)
    context = {
        "control": control,
        "row": queries.row(code, at=clock.now()),
        "crumbs": [
            Crumb("Compliance", reverse("compliance:overview", args=[slug])),
            Crumb(control.title, reverse("compliance:control", args=[slug, code])),
        ],
    }
    return answer(request, "compliance/exception_form.html", context, form=form)


@access(post=Permission.COMPLIANCE_WRITE)
def end(request: Request, slug: str, pk: str) -> HttpResponse:
    """End an exception before its day."""
    try:
        with scopes.attempt():
            exceptions.end(
                exception_id=ids.decode("control_exception", pk), actor=request.actor, at=clock.now()
            )
        messages.success(request, "The exception is over. The control counts again.")
    except exceptions.ExceptionOver as refusal:
        messages.info(request, refusal.message)
    return redirect("compliance:exceptions", slug)


def effect(asked: ApprovalRequest) -> Effect:
    """Say what a decider should know of an exception."""
    row = queries.exception(UUID(asked.payload["exception"]))
    if row is None:
        return Effect(noun="exception", sentence="Except a control that is gone")
    control = registry.of(row.code)
    title = control.title if control else row.code
    return Effect(
        noun="exception",
        sentence=f"Let “{title}” not pass until {formats.day(row.ends_on)}",
        facts=[("Why", row.reason), ("Risk", row.risk)],
        approve="Accept the risk",
    )


def register() -> None:
    """Say how an exception that waits for a second person is described."""
    effects.register(exceptions.KIND, effect)
