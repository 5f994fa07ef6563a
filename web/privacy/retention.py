"""Retention: what is too old now, what went, what a legal hold keeps; and the record of processing."""

from dataclasses import asdict
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts import queries as people
from accounts.permissions import Permission
from billing.customers import queries as customers
from compliance import events
from compliance.personaldata import processing
from compliance.requests import rules
from compliance.retention import queries, services, tasks
from compliance.retention.rules import OF
from core import clock, ids
from core.errors import NotFound
from edge import recording
from edge.access import access
from edge.request import Request
from web.forms import answer, attempting
from web.kit.forms import Form
from web.kit.parts import Crumb, CursorPage
from web.privacy import shown

_UNKNOWN = "Somebody who has left"


class ReasonForm(Form):
    """Why."""

    reason = forms.CharField(
        label="Why?",
        max_length=rules.WORDS_LENGTH,
        help_text="Kept encrypted, and read by whoever lifts it.",
        widget=forms.Textarea(attrs={"rows": 4, "autocomplete": "off"}),
    )


@access(get=Permission.PRIVACY_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """Show what is due, the holds and the log."""
    cursor = request.GET.get("cursor", "")
    found, after = queries.runs(after=ids.from_base32(cursor) if cursor else None)
    held = queries.holds()
    recording.read(request, events.RETENTION_READ, subjects=[row.pk for row in held], fields=["hold.reason"])
    names = people.names_of(
        {key for row in held for key in (row.placed_by, row.lifted_by) if key}
        | {row.started_by for row in found if row.started_by}
    )
    may = Permission.RETENTION_MANAGE in request.permissions
    context = {
        "rules": [{"rule": each, "what": shown.table(each.what)} for each in queries.due_now(clock.now())],
        "holds": [
            {
                "row": row,
                "whose": _whose(row),
                "by": names.get(row.placed_by, _UNKNOWN) if row.placed_by else "Strongbox",
                "lift_url": reverse("privacy:lift_hold", args=[slug, ids.encode("legal_hold", row.pk)])
                if may and row.lifted_at is None
                else "",
            }
            for row in held
        ],
        "everybody_held": any(row.customer_id is None and row.lifted_at is None for row in held),
        "runs": [
            {
                "row": row,
                "by": names.get(row.started_by, _UNKNOWN) if row.started_by else "Strongbox",
                "parts": [
                    (OF[each.rule].label, each.removed, each.held, each.code)
                    for each in row.shreddings.all()
                    if each.rule in OF and (each.removed or each.held or each.code)
                ],
            }
            for row in found
        ],
        "may": may,
        "page": CursorPage(
            shown=len(found),
            next_url=f"?cursor={ids.base32(after)}" if after else "",
            previous_url="?" if cursor else "",
        ),
    }
    return render(request, "privacy/retention.html", context)


@access(post=Permission.RETENTION_MANAGE)
def run(request: Request, slug: str) -> HttpResponse:
    """Have a worker remove what is due."""
    request.recorded = True
    tasks.run_soon(request.actor)
    messages.success(request, "A worker removes what is due. It stands in the log when it is done.")
    return redirect("privacy:retention", slug)


@access(get=Permission.RETENTION_MANAGE, post=Permission.RETENTION_MANAGE)
def place(request: Request, slug: str) -> HttpResponse:
    """Place a hold, on one customer or on everybody."""
    about = request.POST.get("customer") or request.GET.get("customer") or ""
    customer = customers.get(ids.decode("customer", about)) if about else None
    form = ReasonForm(request.POST if request.method == "POST" else None)
    recording.read(request, events.RETENTION_READ, subjects=[customer.id] if customer else [])
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.place_hold(
                customer_id=customer.id if customer else None,
                reason=form.cleaned_data["reason"],
                actor=request.actor,
                at=clock.now(),
            )
        if not form.errors:
            messages.success(request, "The hold stands. Nothing of theirs is removed or erased.")
            return redirect("privacy:retention", slug)
    context = {**_around(slug), "customer": customer, "about": about}
    return answer(request, "privacy/place_hold.html", context, form=form)


@access(get=Permission.RETENTION_MANAGE, post=Permission.RETENTION_MANAGE)
def lift(request: Request, slug: str, pk: str) -> HttpResponse:
    """Lift a hold."""
    found = queries.hold(ids.decode("legal_hold", pk))
    if found is None:
        raise NotFound
    form = ReasonForm(request.POST if request.method == "POST" else None)
    recording.read(request, events.RETENTION_READ, subjects=[found.pk], fields=["hold.reason"])
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.lift_hold(
                hold_id=found.pk, reason=form.cleaned_data["reason"], actor=request.actor, at=clock.now()
            )
        if not form.errors:
            messages.success(request, "The hold is lifted.")
            return redirect("privacy:retention", slug)
    context = {**_around(slug), "found": found, "whose": _whose(found)}
    return answer(request, "privacy/lift_hold.html", context, form=form)


@access(get=Permission.PRIVACY_READ)
def record(request: Request, slug: str) -> HttpResponse:
    """Show the record of processing, made at this moment."""
    recording.read(request, events.PROCESSING_READ)
    found = processing.record()
    if request.GET.get("format") == "json":
        answered = JsonResponse(
            {"made_at": clock.now().isoformat(), "activities": [asdict(each) for each in found]}
        )
        answered.headers["Content-Disposition"] = 'attachment; filename="record-of-processing.json"'
        return answered
    context = {
        "activities": [
            {
                "activity": each,
                "tables": [
                    {"held": held, "name": shown.table(held.label), "data": ", ".join(_plain(held.data))}
                    for held in each.tables
                ],
            }
            for each in found
        ],
        "count": sum(len(each.tables) for each in found),
    }
    return render(request, "privacy/processing.html", context)


def _plain(names: tuple[str, ...]) -> list[str]:
    return [name.replace("_", " ") for name in names]


def _whose(row: Any) -> str:
    if row.customer is None:
        return "Everybody"
    return "Erased" if row.customer.subject_key is None else str(row.customer.name)


def _around(slug: str) -> dict[str, Any]:
    url = reverse("privacy:retention", args=[slug])
    return {"back_url": url, "crumbs": [Crumb("Retention", url)]}
