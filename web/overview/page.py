"""The overview itself."""

from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts import queries as people
from accounts.permissions import Permission
from billing import events
from billing.invoices import lists
from billing.invoices.lists import View, Wanted
from billing.issuer import queries as issuers
from billing.tallies import queries as tallies
from core import clock
from edge import recording
from edge.request import Request
from payments.services import accounts as gateways
from web.billing import invoices, rows
from web.overview import figures, queue

_MOST = 8


@dataclass(frozen=True, slots=True)
class Step:
    """One first step; one that is done has no address."""

    sentence: str
    done: bool
    url: str
    label: str


def show(request: Request, slug: str) -> HttpResponse:
    """Show the overview to somebody who may read invoices; the view that calls this has asked."""
    at, on = clock.now(), rows.today()
    late = lists.page(Wanted(today=on, view=View.OVERDUE), limit=_MOST)
    recording.read(
        request, events.INVOICE_LISTED, subjects=[row.id for row in late.rows], fields=["customer.name"]
    )
    # The open invoices are added up once, for the queue and the figures alike.
    ages, whole = lists.aging(today=on), lists.sums(Wanted(today=on))
    is_new = not whole
    may = request.permissions
    context = {
        "tasks": queue.tasks(request, slug, on, ages),
        "figures": figures.figures(request, slug, on, ages, [each.currency for each in whole]),
        "late": rows.rows(late.rows, slug=slug, on=on),
        "first_steps": _first_steps(request, slug) if is_new else [],
        "cut_off": not is_new and gateways.is_cut_off(),
        "provider_url": reverse("console:provider", args=[slug]) if Permission.GATEWAY_MANAGE in may else "",
        "today": on,
        "checked_at": at,
        "may_write": Permission.INVOICE_WRITE in may,
        "late_url": invoices.list_url(slug, view=View.OVERDUE),
    }
    return render(request, "overview/overview.html", context)


def _first_steps(request: Request, slug: str) -> list[Step]:
    """Return what a new organization does first, as far as whoever asks may do it."""
    may = request.permissions
    steps = [
        (
            Permission.ORGANIZATION_WRITE,
            "Enter the name and address that stand on your invoices.",
            issuers.get() is not None,
            "billing:organization",
            "Your company",
        ),
        (
            Permission.GATEWAY_MANAGE,
            "Connect your payment provider, so that customers pay by card. Bank transfers work without it.",
            gateways.connected() is not None,
            "console:provider",
            "Connect",
        ),
        (
            Permission.CUSTOMER_WRITE,
            "Add the first customer, or bring a list along.",
            any(total.count for total in tallies.totals("customer")),
            "billing:new_customer",
            "New customer",
        ),
        (
            Permission.MEMBER_MANAGE,
            "Invite a colleague: what moves money takes two people.",
            people.members().count() > 1 or people.open_invitations(at=clock.now()).exists(),
            "people:invite",
            "Invite",
        ),
        (
            Permission.INVOICE_WRITE,
            "Draft the first invoice. It gets its number when you finalize it.",
            False,
            "billing:new_invoice",
            "New invoice",
        ),
    ]
    return [
        Step(sentence, done, "" if done else reverse(route, args=[slug]), label)
        for needed, sentence, done, route, label in steps
        if needed in may
    ]
