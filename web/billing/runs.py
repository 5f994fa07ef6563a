"""Billing runs: what one would bring, started, watched while it works, and what came of it."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts import queries as people
from accounts.permissions import Permission
from billing import events
from billing.customers import queries as customers
from billing.issuer import queries as issuer
from billing.issuer import services as issuers
from billing.issuer.services import IssuerMissing
from billing.runs import queries, services, tasks
from billing.runs.models import BillingRun
from core import clock, ids
from edge import recording
from edge.access import access
from edge.request import Request
from tenancy import context as scopes
from tenancy import jobs
from tenancy.models import Tenant
from web.billing import rows
from web.console import trail
from web.console.jobs import note_of
from web.forms import answer, attempting
from web.kit import formats
from web.kit.forms import DayField, Form
from web.kit.parts import Crumb, CursorPage

_PAGE = 50
_MOST_SKIPS = 100
_NO_CONTENT = 204


class RunForm(Form):
    """Which day is billed."""

    on = DayField(label="Bill everything due on or before")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One run in the list and on its page."""

    pk: str
    url: str
    run: queries.RunRow
    who: str


class NightForm(Form):
    """Whether runs begin by themselves."""

    nightly = forms.BooleanField(
        label="Bill what is due each night",
        required=False,
        help_text="A run then begins when the day does where you are. Its invoices are final at once.",
    )


@access(get=Permission.BILLING_RUN, post=Permission.ORGANIZATION_WRITE)
def index(request: Request, slug: str) -> HttpResponse:
    """List runs, newest first; switch those of each night on or off."""
    if request.method == "POST":
        return _switch(request, slug)
    cursor = request.GET.get("cursor", "")
    found, next_after = queries.page(limit=_PAGE, after=ids.from_base32(cursor) if cursor else None)
    recording.read(request, events.BILLING_RUN_READ, subjects=[row.id for row in found])
    is_nightly = issuer.bills_nightly()
    next_url = "" if next_after is None else f"?cursor={ids.base32(next_after)}"
    context = {
        "night": NightForm(initial={"nightly": is_nightly}),
        "is_nightly": is_nightly,
        "may_switch": Permission.ORGANIZATION_WRITE in request.permissions,
        "rows": _rows(found, slug),
        "page": CursorPage(shown=len(found), next_url=next_url, previous_url="?" if cursor else ""),
    }
    return render(request, "billing/runs.html", context)


@access(get=Permission.BILLING_RUN, post=Permission.BILLING_RUN)
def start(request: Request, slug: str) -> HttpResponse:
    """Show what a run of a day would bring; start it by the button that repeats it."""
    at, today = clock.now(), rows.today()
    given = (
        request.POST if request.method == "POST" else (request.GET if "on" in request.GET else {"on": today})
    )
    form = RunForm(given)
    preview = None
    if form.is_valid():
        on: date = form.cleaned_data["on"]
        if on > today and not _is_test():
            form.add_error("on", services.RunInFuture().message)
        elif request.method == "POST":
            with attempting(request, form):
                row = tasks.ask(on=on, actor=request.actor, at=at)
            if not form.errors:
                messages.success(request, f"The run of {formats.day(on)} has been handed to the worker.")
                return redirect("billing:run", slug, ids.encode("billing_run", row.pk))
        else:
            try:
                preview = queries.preview(on=on, actor=request.actor, at=at)
            except IssuerMissing as refusal:
                form.add_error(None, refusal.message)
            recording.read(request, events.BILLING_RUN_READ)
    context = {
        "preview": preview,
        "on": form.cleaned_data.get("on") if form.is_valid() else None,
        "label": _label(preview),
        "crumbs": _crumbs(slug),
    }
    return answer(request, "billing/run_start.html", context, form=form)


@access(get=Permission.BILLING_RUN)
def detail(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show a run; to its own page asking again, only what has changed."""
    found = queries.get(ids.decode("billing_run", pk))
    (row,) = _rows([found], slug)
    job = None if found.job_id is None else jobs.find(found.job_id)
    lasts = found.state == BillingRun.State.RUNNING
    done = found.invoices + found.customers_skipped
    seen = f"{found.state}-{done}"
    again = request.headers.get("HX-Request") == "true"
    if again and request.GET.get("seen") == seen:
        request.recorded = True
        return HttpResponse(status=_NO_CONTENT)
    skips = queries.skips(found.id, limit=_MOST_SKIPS)
    names = customers.names({skip.customer_id for skip in skips})
    context = {
        "row": row,
        "run": found,
        "lasts": lasts,
        "seen": seen,
        "done": done,
        "total": max(done, 0 if job is None else job.total),
        "note": "" if job is None else note_of(job),
        "skips": [_skip(skip, names.get(skip.customer_id, ""), slug) for skip in skips],
        "skips_hidden": max(found.customers_skipped - len(skips), 0),
        "crumbs": _crumbs(slug),
    }
    recording.read(request, events.BILLING_RUN_READ, subject=("billing_run", found.id))
    return render(request, "billing/_run.html" if again else "billing/run.html", context)


def _skip(row: queries.SkipRow, name: str, slug: str) -> dict[str, Any]:
    customer = ids.encode("customer", row.customer_id)
    url = reverse("billing:customer", args=[slug, customer])
    what, what_url = "All that is due", ""
    if row.subject_kind == "subscription" and row.subject_id is not None:
        what = "One subscription"
        what_url = reverse("recurring:subscription", args=[slug, ids.encode("subscription", row.subject_id)])
    elif row.subject_kind:
        what, what_url = "One charge", url
    return {
        "name": name or customer,
        "url": url,
        "what": what,
        "what_url": what_url,
        "reason": row.reason,
        "way_out": row.way_out,
    }


def _switch(request: Request, slug: str) -> HttpResponse:
    is_on = request.POST.get("nightly") == "on"
    try:
        issuers.bill_nightly(is_on=is_on, actor=request.actor, at=clock.now())
    except IssuerMissing as refusal:
        messages.error(request, refusal.message)
    else:
        said = "What is due is billed each night." if is_on else "Nothing is billed at night any more."
        messages.success(request, said)
    return redirect("billing:runs", slug)


def _is_test() -> bool:
    return Tenant.objects.filter(pk=scopes.current_tenant(), mode=Tenant.Mode.TEST).exists()


def _label(preview: queries.Preview | None) -> str:
    if preview is None or not preview.invoices:
        return "Start the run"
    more = "" if preview.is_whole else "more than "
    noun = "invoice" if preview.invoices == 1 else "invoices"
    return f"Issue {more}{formats.number(preview.invoices)} {noun}"


def _rows(found: list[queries.RunRow], slug: str) -> list[Row]:
    asked: set[UUID] = {row.created_by for row in found if row.created_by is not None}
    names = people.names_of(asked)
    return [
        Row(
            pk=ids.encode("billing_run", row.id),
            url=reverse("billing:run", args=[slug, ids.encode("billing_run", row.id)]),
            run=row,
            who=_who(row.created_by, names.get(row.created_by) if row.created_by else None),
        )
        for row in found
    ]


def _who(person: UUID | None, name: str | None) -> str:
    return name or (f"Person {trail.short(person)}" if person else "Strongbox")


def _crumbs(slug: str) -> list[Crumb]:
    return [Crumb("Billing runs", reverse("billing:runs", args=[slug]))]
