"""Auditors: invited for some frameworks until a day, and out by themselves."""

from datetime import UTC, datetime, time

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts import queries as people
from accounts.permissions import Permission
from compliance import events, frameworks
from compliance.auditors import queries, services
from core import clock, ids
from edge import recording
from edge.access import access
from edge.request import Request
from tenancy import context as scopes
from web.forms import answer, attempting
from web.kit.forms import DayField, Form
from web.kit.parts import Crumb
from web.people.members import tell


class AuditorForm(Form):
    """Whom, for what, and until when."""

    email = forms.EmailField(
        label="E-mail address", widget=forms.EmailInput(attrs={"autocomplete": "off", "spellcheck": "false"})
    )
    frameworks = forms.MultipleChoiceField(
        label="They come for",
        choices=[(each.code, f"{each.name.removesuffix(' 164.')} {each.edition}") for each in frameworks.ALL],
        widget=forms.CheckboxSelectMultiple,
    )
    ends_on = DayField(
        label="Last day",
        help_text="Within 90 days. From the end of that day on their next request is refused.",
    )


@access(get=Permission.MEMBER_MANAGE, post=Permission.MEMBER_MANAGE)
def index(request: Request, slug: str) -> HttpResponse:
    """List visits of auditors, and invite one."""
    at = clock.now()
    form = AuditorForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            _, invited = services.invite(
                email=form.cleaned_data["email"],
                wanted=form.cleaned_data["frameworks"],
                ends_at=datetime.combine(form.cleaned_data["ends_on"], time.max, tzinfo=UTC),
                actor=request.actor,
                at=at,
            )
        if not form.errors:
            tell(request, waiting=invited.waiting is not None, done="The invitation is on its way.")
            return redirect("compliance:auditors", slug)
    rows = queries.visits(at=at)
    recording.read(request, events.CONTROLS_READ, subjects=[row.id for row in rows], fields=["auditor.email"])
    names = people.names_of({row.invited_by for row in rows})
    context = {
        "rows": [(row, ids.encode("auditor_visit", row.id), names.get(row.invited_by, "")) for row in rows],
        "crumbs": [Crumb("Compliance", reverse("compliance:overview", args=[slug]))],
    }
    return answer(request, "compliance/auditors.html", context, form=form)


@access(post=Permission.MEMBER_MANAGE)
def end(request: Request, slug: str, pk: str) -> HttpResponse:
    """End a visit now."""
    try:
        with scopes.attempt():
            services.end(visit_id=ids.decode("auditor_visit", pk), actor=request.actor, at=clock.now())
        messages.success(request, "The visit is over. Their next request is refused.")
    except services.VisitOver as refusal:
        messages.info(request, refusal.message)
    return redirect("compliance:auditors", slug)
