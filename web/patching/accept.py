"""Asking a second person to agree to live with a weakness until a day."""

from datetime import date

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts import queries as people
from accounts.models import ApprovalRequest
from accounts.permissions import Permission
from core import clock, ids
from edge import recording
from edge.access import access
from edge.request import Request
from patching import accepting, events, queries, rules
from web.forms import answer, attempting
from web.kit import formats
from web.kit.forms import DayField, Form
from web.kit.parts import Crumb
from web.people.effects import Change, Effect


class AcceptForm(Form):
    """Until when, and why."""

    until = DayField(
        label="Until",
        help_text=f"At most {rules.LONGEST_ACCEPTANCE.days} days from today. Then it is open again.",
    )
    reason = forms.CharField(
        label="Why this can be lived with",
        max_length=accepting.REASON_LENGTH,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Say why it cannot be used here, or what stands in its way.",
    )


@access(get=Permission.OPS_PATCHES, post=Permission.OPS_PATCHES)
def ask(request: Request, pk: str) -> HttpResponse:
    """Ask."""
    at = clock.now()
    finding = queries.finding(ids.decode("finding", pk))
    form = AcceptForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            accepting.ask(
                finding_id=finding.pk,
                until=form.cleaned_data["until"],
                reason=form.cleaned_data["reason"],
                actor=request.actor,
                at=at,
            )
        if not form.errors:
            messages.success(request, "Somebody else has to agree now. Until then it stays open.")
            return redirect("ops_patching:finding", pk)
    recording.read(request, events.PATCH_READ, subject=("finding", finding.pk))
    url = reverse("ops_patching:finding", args=[pk])
    context = {
        "finding": finding,
        "others": people.deciders_beside(request.actor.id, at=at) if request.actor.id else 0,
        "crumbs": [Crumb("Patches", reverse("ops_patching:patches")), Crumb(finding.advisory, url)],
        "back_url": url,
    }
    return answer(request, "patching/accept.html", context, form=form)


def effect(asked: ApprovalRequest) -> Effect:
    """Describe what somebody asks for, for whoever decides."""
    noun = "acceptance of a weakness"
    finding = queries.find(asked.subject_id)
    if finding is None:
        return Effect(noun=noun, sentence="Live with a weakness that is gone")
    until = formats.day(date.fromisoformat(asked.payload["until"]))
    facts = [
        ("Severity", finding.severity.capitalize()),
        ("Used in attacks", "Yes" if finding.known_exploited else "Not known"),
        ("To be gone by", formats.day(finding.due_on)),
        ("Mended in", finding.safe_version or "No version yet"),
    ]
    if finding.summary:
        facts.insert(0, ("Weakness", finding.summary))
    return Effect(
        noun=noun,
        sentence=f"Live with {finding.advisory} in {finding.component.name} {finding.version}",
        changes=[
            Change("State", "To mend", f"Accepted until {until}"),
            Change("Counted as past due", "When it is", f"Not before {until}"),
        ],
        facts=facts,
    )
