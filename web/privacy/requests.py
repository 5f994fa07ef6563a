"""Privacy requests: taken in, the person found and established, their data collected or erased, the answer."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode

from accounts.permissions import Permission
from billing.customers import queries as customers
from billing.exports import services as exports
from compliance import events
from compliance.requests import queries, rules, services
from compliance.requests.models import PrivacyRequest
from compliance.requests.words import Asked
from core import clock, ids
from core.errors import NotFound
from edge import recording
from edge.access import access
from edge.request import Request
from tenancy import jobs
from web.forms import answer as answered
from web.forms import attempting
from web.kit.forms import DayField, Form
from web.kit.parts import CursorPage, Tab
from web.privacy import shown, typed

_PLAIN = {"autocomplete": "off"}
_AREA = {"rows": 6, "autocomplete": "off"}
_VIEWS = {
    "open": "Open",
    "soon": "Due within a week",
    "answered": "Answered",
    "refused": "Refused",
    "withdrawn": "Withdrawn",
}
_EMPTY = {
    "open": ("Nobody is waiting for an answer", "Requests from the portal appear here by themselves."),
    "soon": ("Nothing is due within a week", "Requests that are late or due soon are listed here."),
    "answered": ("Nothing was answered yet", "Requests that were answered are listed here."),
    "refused": ("Nothing was refused", "Requests that were refused are listed here, with the reason."),
    "withdrawn": ("Nothing was withdrawn", "Requests that were taken back are listed here."),
}
_NO_CONTENT = 204
_MOST_FOUND = 20


class RequestForm(Form):
    """What somebody asks, and who they say they are."""

    kind = forms.ChoiceField(label="What do they ask for?", choices=PrivacyRequest.Kind.choices)
    received_on = DayField(
        label="When did it reach you?",
        help_text="The month to answer begins on this day.",
    )
    name = forms.CharField(
        label="Name", max_length=rules.NAME_LENGTH, required=False, widget=forms.TextInput(attrs=_PLAIN)
    )
    email = forms.EmailField(
        label="E-mail address for the answer", required=False, widget=forms.EmailInput(attrs=_PLAIN)
    )
    words = forms.CharField(
        label="Their words",
        max_length=rules.WORDS_LENGTH,
        required=False,
        help_text="Kept encrypted under the person’s own key.",
        widget=forms.Textarea(attrs=_AREA),
    )


class KindForm(Form):
    """Which requests are listed."""

    kind = forms.ChoiceField(
        label="Asked for", required=False, choices=[("", "Every kind"), *PrivacyRequest.Kind.choices]
    )


class SearchForm(Form):
    """Whom somebody looks for."""

    q = forms.CharField(
        label="Name, address, number",
        required=False,
        widget=forms.TextInput(attrs={"type": "search", **_PLAIN}),
    )


@access(get=Permission.PRIVACY_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """List requests, those that wait first."""
    view = request.GET.get("view") or "open"
    if view not in _VIEWS:
        raise NotFound
    kind = request.GET.get("kind", "")
    if kind and kind not in shown.KINDS:
        raise NotFound
    cursor, today = request.GET.get("cursor", ""), clock.now().date()
    found, after = queries.page(
        kind=kind,
        state="open" if view == "soon" else view,
        due_by=today + rules.SOON if view == "soon" else None,
        after=ids.from_base32(cursor) if cursor else None,
    )
    recording.read(
        request, events.REQUEST_READ, subjects=[each.pk for each in found], fields=["customer.name"]
    )
    base = reverse("privacy:requests", args=[slug])
    query = {"view": view, **({"kind": kind} if kind else {})}
    context = {
        "rows": [shown.row(each, slug=slug, today=today) for each in found],
        "figures": queries.figures(today),
        "tabs": [Tab(label, f"{base}?view={name}", name == view) for name, label in _VIEWS.items()],
        "form": KindForm({"kind": kind}, auto_id="filter_%s"),
        "kind": kind,
        "view": view,
        "empty": _EMPTY[view],
        "may_manage": Permission.PRIVACY_MANAGE in request.permissions,
        "page": CursorPage(
            shown=len(found),
            next_url=f"?{urlencode({**query, 'cursor': ids.base32(after)})}" if after else "",
            previous_url=f"?{urlencode(query)}" if cursor else "",
        ),
    }
    return render(request, "privacy/requests.html", context)


@access(get=Permission.PRIVACY_MANAGE, post=Permission.PRIVACY_MANAGE)
def create(request: Request, slug: str) -> HttpResponse:
    """Take a request in: first about whom, then what."""
    about = request.POST.get("customer") or request.GET.get("customer") or ""
    contact = request.POST.get("contact") or request.GET.get("contact") or ""
    if not about and request.method != "POST" and "unknown" not in request.GET:
        return _choose(request, slug)
    customer = customers.get(ids.decode("customer", about)) if about else None
    form = RequestForm(
        request.POST if request.method == "POST" else None,
        initial={"received_on": clock.now().date(), "kind": request.GET.get("kind", "access")},
    )
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            made = services.open_request(
                asked=Asked(
                    customer_id=customer.id if customer else None,
                    contact_id=ids.decode("contact", contact) if contact else None,
                    **form.cleaned_data,
                ),
                actor=request.actor,
                at=clock.now(),
            )
        if not form.errors:
            messages.success(request, f"It must be answered by {made.due_on:%-d %B %Y}.")
            return redirect("privacy:request", slug, ids.encode("privacy_request", made.pk))
    context = {
        "customer": customer,
        "about": about,
        "contact": contact,
        "crumbs": shown.crumbs(slug),
        "back_url": reverse("privacy:requests", args=[slug]),
    }
    return answered(request, "privacy/request_form.html", context, form=form)


@access(get=Permission.PRIVACY_READ)
def detail(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show a request: the clock, who asks, where their data is, and the next step."""
    found = queries.get(ids.decode("privacy_request", pk))
    job = jobs.find(found.job_id) if found.job_id else None
    lasts = job is not None and job.state in ("queued", "running")
    if request.headers.get("HX-Request") == "true":
        request.recorded = True
        return HttpResponse(status=_NO_CONTENT, headers={} if lasts else {"HX-Refresh": "true"})
    recording.read(
        request,
        events.REQUEST_READ,
        subject=("privacy_request", found.pk),
        fields=["name", "email", "words", "answer"],
    )
    at = clock.now()
    is_open = found.state in rules.OPEN
    ready = bool(found.file and found.file.content_key and (found.file.expires_at or at) > at)
    words, tint = shown.clock_of(found, at.date())
    names = queries.names_of([found])
    context = {
        "pk": pk,
        "found": found,
        "kind": shown.KINDS[found.kind],
        "who": shown.who(found),
        "clock": words,
        "tint": tint,
        "identity": shown.IDENTITIES.get(found.identity, ""),
        "identity_by": names.get(found.identity_by, "") if found.identity_by else "",
        "refusal": shown.REFUSALS.get(found.refusal, ""),
        "words": {
            "name": _text(found.name), "email": _text(found.email), "words": _text(found.words),
            "extension": _text(found.extension_reason), "answer": _text(found.answer),
        },
        "customer_url": _customer_url(request, slug, found.customer_id),
        "holdings": shown.holdings(found) if is_open and found.customer_id else [],
        "kept": _kept(found),
        "with_file": found.kind in rules.WITH_FILE,
        "file_ready": ready,
        "frozen": ready and found.kind in rules.WITH_FILE and exports.is_frozen(),
        "typed": typed.standing(found, at) if found.kind == PrivacyRequest.Kind.ERASURE else None,
        "job": job,
        "lasts": lasts,
        "failed": job is not None and job.state == "failed",
        "is_open": is_open,
        "may": is_open and Permission.PRIVACY_MANAGE in request.permissions,
        "may_file": Permission.PRIVACY_MANAGE in request.permissions,
        "may_extend": is_open
        and found.extended_at is None
        and rules.may_extend(found.received_on, at.date()),
        "ended_by": names.get(found.ended_by, "") if found.ended_by else "",
        "crumbs": shown.crumbs(slug),
        "url": reverse("privacy:request", args=[slug, pk]),
    }  # fmt: skip
    return render(request, "privacy/request.html", context)


def _choose(request: Request, slug: str) -> HttpResponse:
    form = SearchForm(request.GET, auto_id="filter_%s")
    form.is_valid()
    words = str(form.cleaned_data.get("q") or "").strip()
    found = customers.search(words, limit=_MOST_FOUND) if words else []
    recording.read(request, events.REQUEST_READ, subjects=[row.id for row in found], fields=["customer.name"])
    base = reverse("privacy:new_request", args=[slug])
    context = {
        "words": words,
        "rows": [
            {"row": row, "url": f"{base}?{urlencode({'customer': ids.encode('customer', row.id)})}"}
            for row in found
        ],
        "unknown_url": f"{base}?unknown=1",
        "crumbs": shown.crumbs(slug),
    }
    return answered(request, "privacy/choose.html", context, form=form)


def _kept(found: PrivacyRequest) -> list[tuple[str, int]]:
    return [(shown.table(label), count) for label, count in dict(found.outcome.get("kept", {})).items()]


def _customer_url(request: Request, slug: str, customer_id: UUID | None) -> str:
    if customer_id is None or Permission.CUSTOMER_READ not in request.permissions:
        return ""
    return reverse("billing:customer", args=[slug, ids.encode("customer", customer_id)])


def _text(value: Any) -> str:
    return "" if value is None else str(value)
