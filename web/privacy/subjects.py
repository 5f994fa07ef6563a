"""One customer's data: where it is held and why, whether it is restricted, held or erased, and what they asked."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode

from accounts.permissions import Permission
from billing.customers import restriction
from billing.customers.models import Customer
from compliance import events
from compliance.personaldata import collecting, erasing
from compliance.requests import queries
from compliance.retention import queries as holds
from core import clock
from edge import recording
from edge.access import access
from edge.request import Request
from web.billing.customer import above, context_of
from web.billing.customers import opened
from web.forms import answer, attempting
from web.kit.forms import Form
from web.kit.parts import Crumb
from web.privacy import shown


@access(get=Permission.PRIVACY_READ)
def detail(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show where a customer is held."""
    found = opened(request, pk)
    person = collecting.customer(found.id)
    row = Customer.objects.only("id", "restricted_at", "erased_at").get(pk=found.id)
    recording.read(request, events.SUBJECT_READ, subject=("customer", found.id))
    asked, _ = queries.page(customer_id=found.id)
    may = Permission.PRIVACY_MANAGE in request.permissions
    query = urlencode({"customer": pk})
    context = {
        **context_of(request, slug, pk, found, "privacy"),
        "holdings": [
            {"what": shown.table(label), "count": count, "purpose": erasing.policy_words(label)}
            for label, count in sorted(collecting.counts(person).items())
        ],
        "restricted_at": row.restricted_at,
        "erased_at": row.erased_at,
        "held": holds.standing(person.keys),
        "requests": [shown.row(each, slug=slug, today=clock.now().date()) for each in asked],
        "request_url": f"{reverse('privacy:new_request', args=[slug])}?{query}" if may else "",
        "restrict_url": reverse("privacy:restrict", args=[slug, pk]) if may and not found.is_erased else "",
        "hold_url": f"{reverse('privacy:place_hold', args=[slug])}?{query}"
        if Permission.RETENTION_MANAGE in request.permissions
        else "",
    }
    return render(request, "privacy/subject.html", context)


@access(get=Permission.PRIVACY_MANAGE, post=Permission.PRIVACY_MANAGE)
def restrict(request: Request, slug: str, pk: str) -> HttpResponse:
    """Restrict a customer's data, or lift that."""
    found = opened(request, pk)
    row = Customer.objects.only("id", "restricted_at").get(pk=found.id)
    form = Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        act = restriction.lift if request.POST.get("turn") == "lift" else restriction.restrict
        with attempting(request, form):
            act(customer_id=found.id, actor=request.actor, at=clock.now())
        if not form.errors:
            done = "used again" if act is restriction.lift else "kept and not used"
            messages.success(request, f"Their data is {done}.")
            return redirect("privacy:subject", slug, pk)
    url = reverse("privacy:subject", args=[slug, pk])
    context = {
        "customer": found,
        "is_restricted": row.restricted_at is not None,
        "back_url": url,
        "crumbs": [*above(request, slug), Crumb(str(found.name), url)],
    }
    return answer(request, "privacy/restrict.html", context, form=form)
