"""What is done with a privacy request: who asks is established, more time taken, data collected, the answer given."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.permissions import Permission
from compliance import events
from compliance.personaldata import erasing
from compliance.requests import queries, rules, services
from compliance.requests.models import PrivacyRequest
from core import clock, ids
from edge import recording
from edge.access import access
from edge.request import Request
from web.forms import answer as answered
from web.forms import attempting
from web.kit.forms import Form
from web.kit.parts import Crumb
from web.privacy import shown

_AREA = {"rows": 6, "autocomplete": "off"}
_DONE = {
    "access": "Their copy is ready for them.",
    "portability": "Their data is ready for them.",
    "rectification": "The correction is noted.",
    "erasure": "They are erased.",
    "restriction": "Their data is restricted.",
    "objection": "Their data is restricted.",
}


class IdentityForm(Form):
    """How it was established who asks."""

    identity = forms.ChoiceField(
        label="How do you know that it is them?",
        choices=[
            each
            for each in PrivacyRequest.Identity.choices
            if each[0] not in ("", PrivacyRequest.Identity.PORTAL)
        ],
        widget=forms.RadioSelect,
    )


class ExtendForm(Form):
    """Why more time is needed."""

    reason = forms.CharField(
        label="Why is more time needed?",
        max_length=rules.WORDS_LENGTH,
        help_text="How complex it is, or how many requests there are. The person is told this.",
        widget=forms.Textarea(attrs=_AREA),
    )


class AnswerForm(Form):
    """What the person is told."""

    answer = forms.CharField(
        label="What are they told?", max_length=rules.WORDS_LENGTH, widget=forms.Textarea(attrs=_AREA)
    )


class RefuseForm(AnswerForm):
    """Why it is refused, and what the person is told."""

    refusal = forms.ChoiceField(
        label="Why is it refused?",
        choices=[each for each in PrivacyRequest.Refusal.choices if each[0]],
        widget=forms.RadioSelect,
    )
    field_order = ("refusal", "answer")


@access(get=Permission.PRIVACY_MANAGE, post=Permission.PRIVACY_MANAGE)
def verify(request: Request, slug: str, pk: str) -> HttpResponse:
    """Note how it was established who asks."""
    found = _opened(request, pk)
    form = IdentityForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.verify(
                request_id=found.pk,
                identity=form.cleaned_data["identity"],
                actor=request.actor,
                at=clock.now(),
            )
        if not form.errors:
            messages.success(request, "Noted. Nothing else has to be proved for this request.")
            return redirect("privacy:request", slug, pk)
    return answered(request, "privacy/verify.html", _around(slug, pk, found), form=form)


@access(get=Permission.PRIVACY_MANAGE, post=Permission.PRIVACY_MANAGE)
def extend(request: Request, slug: str, pk: str) -> HttpResponse:
    """Take two months more."""
    found = _opened(request, pk)
    form = ExtendForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.extend(
                request_id=found.pk, reason=form.cleaned_data["reason"], actor=request.actor, at=clock.now()
            )
        if not form.errors:
            messages.success(request, "The time is longer. Tell the person why, within the first month.")
            return redirect("privacy:request", slug, pk)
    context = {**_around(slug, pk, found), "until": rules.due_on(found.received_on, extended=True)}
    return answered(request, "privacy/extend.html", context, form=form)


@access(post=Permission.PRIVACY_MANAGE)
def collect(request: Request, slug: str, pk: str) -> HttpResponse:
    """Have everything collected."""
    services.collect(request_id=ids.decode("privacy_request", pk), actor=request.actor, at=clock.now())
    return redirect("privacy:request", slug, pk)


@access(get=Permission.PRIVACY_MANAGE)
def fetch(request: Request, slug: str, pk: str) -> HttpResponse:
    """Hand the file out; it flows once the transaction is over."""
    return handed_out(
        request,
        *services.file_of(request_id=ids.decode("privacy_request", pk), actor=request.actor, at=clock.now()),
    )


def handed_out(request: Request, file: Any, pieces: Any) -> HttpResponse:
    """Answer with a collected file."""
    request.recorded = True

    def stream() -> HttpResponseBase:
        headers = {"Content-Disposition": f'attachment; filename="{file.name}"', "Cache-Control": "no-store"}
        return StreamingHttpResponse(pieces, content_type="application/zip", headers=headers)

    request.afterwards = stream
    return HttpResponse(content_type="application/zip")


@access(get=Permission.PRIVACY_MANAGE, post=Permission.PRIVACY_MANAGE)
def answer(request: Request, slug: str, pk: str) -> HttpResponse:
    """Do what was asked: reviewed first, with what goes and what the law keeps."""
    found = _opened(request, pk)
    form = AnswerForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.answer(
                request_id=found.pk, text=form.cleaned_data["answer"], actor=request.actor, at=clock.now()
            )
        if not form.errors:
            messages.success(request, f"Answered. {_DONE[found.kind]}")
            return redirect("privacy:request", slug, pk)
    person = services.person_of(found) if found.customer_id else None
    erases = found.kind == PrivacyRequest.Kind.ERASURE and person is not None
    refusal = erasing.why_not(person) if erases and person is not None and found.contact_id is None else None
    context = {
        **_around(slug, pk, found),
        "erases": erases,
        "restricts": found.kind in (PrivacyRequest.Kind.RESTRICTION, PrivacyRequest.Kind.OBJECTION),
        "why_not": refusal.message if refusal else "",
        "holdings": shown.holdings(found) if erases else [],
        "kept": [
            {"what": shown.table(each.what), "count": each.count, "why": each.why, "until": each.until}
            for each in erasing.kept_by(person)
        ]
        if erases and person is not None
        else [],
    }
    return answered(request, "privacy/answer.html", context, form=form)


@access(get=Permission.PRIVACY_MANAGE, post=Permission.PRIVACY_MANAGE)
def refuse(request: Request, slug: str, pk: str) -> HttpResponse:
    """Refuse, with a reason the law knows."""
    found = _opened(request, pk)
    form = RefuseForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.refuse(
                request_id=found.pk,
                refusal=form.cleaned_data["refusal"],
                text=form.cleaned_data["answer"],
                actor=request.actor,
                at=clock.now(),
            )
        if not form.errors:
            messages.success(request, "Refused. Tell the person why, and that they may complain.")
            return redirect("privacy:request", slug, pk)
    return answered(request, "privacy/refuse.html", _around(slug, pk, found), form=form)


@access(post=Permission.PRIVACY_MANAGE)
def withdraw(request: Request, slug: str, pk: str) -> HttpResponse:
    """Note that the person takes it back."""
    services.withdraw(request_id=ids.decode("privacy_request", pk), actor=request.actor, at=clock.now())
    messages.success(request, "Taken back.")
    return redirect("privacy:request", slug, pk)


def _opened(request: Request, pk: str) -> PrivacyRequest:
    found = queries.get(ids.decode("privacy_request", pk))
    recording.read(request, events.REQUEST_READ, subject=("privacy_request", found.pk))
    return found


def _around(slug: str, pk: str, found: PrivacyRequest) -> dict[str, Any]:
    url = reverse("privacy:request", args=[slug, pk])
    return {
        "pk": pk,
        "found": found,
        "kind": shown.KINDS[found.kind],
        "who": shown.who(found),
        "is_open": found.state in rules.OPEN,
        "back_url": url,
        "crumbs": [*shown.crumbs(slug), Crumb(shown.KINDS[found.kind], url)],
    }
