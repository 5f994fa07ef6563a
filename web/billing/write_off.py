"""Giving up an invoice as lost: reviewed in numbers, with a reason, and agreed to by a second person."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts import queries as people
from accounts.models import ApprovalRequest
from accounts.permissions import Permission
from billing.invoices import queries
from billing.settlement import services as settlement
from billing.settlement.services import losses
from core import clock, ids
from core.errors import NotFound
from edge.access import access
from edge.request import Request
from web.billing import invoice
from web.forms import answer, attempting
from web.kit import formats
from web.kit.forms import Form
from web.people import effects
from web.people.effects import Change, Effect


class WriteOffForm(Form):
    """Why: it stands in the record for good."""

    reason = forms.CharField(
        label="Why will it not be paid?",
        max_length=1_000,
        help_text="For whoever agrees to it. Kept encrypted; the customer does not see it.",
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}),
    )


@access(get=Permission.INVOICE_WRITE_OFF, post=Permission.INVOICE_WRITE_OFF)
def write_off(request: Request, slug: str, pk: str) -> HttpResponse:
    """Ask for an invoice to be written off, or do it where nobody else could agree."""
    found = invoice.opened(request, pk)
    at = clock.now()
    others = people.deciders_beside(request.actor.id, at=at)
    form = WriteOffForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        done = None
        with attempting(request, form):
            done = settlement.write_off(
                invoice_id=found.id,
                reason=form.cleaned_data["reason"],
                seen_minor=_seen(request),
                actor=request.actor,
                at=at,
            )
        if done is not None and not form.errors:
            if done.waiting is not None:
                messages.success(request, "It waits for a second person. Until then nothing changes.")
                if Permission.APPROVAL_READ in request.permissions:
                    return redirect("people:approval", slug, ids.encode("approval", done.waiting.pk))
            else:
                messages.success(request, f"Invoice {found.number} is written off.")
            return redirect("billing:invoice", slug, pk)
    context: dict[str, Any] = {
        **invoice.context_of(request, slug, pk, found, ""),
        "crumbs": invoice.crumbs(slug, found),
        "possible": found.status == "finalized" and found.amount_due_minor > 0,
        "others": others,
        "lost_minor": found.written_off_minor,
        "lost_after_minor": found.written_off_minor + found.amount_due_minor,
        "label": f"Write off {formats.money(found.amount_due_minor, found.currency)}",
        "credit_url": reverse("billing:new_credit_note", args=[slug, pk]),
    }
    return answer(request, "billing/write_off.html", context, form=form)


def register() -> None:
    """Describe a write-off to whoever decides it."""
    effects.register(losses.KIND, _describe)


def _describe(asked: ApprovalRequest) -> Effect:
    try:
        found = queries.get(UUID(asked.payload["invoice"]))
    except NotFound:
        return Effect(noun="write-off", sentence="Write off an invoice that is gone")
    currency = found.currency
    amount = min(found.amount_due_minor, int(asked.payload["amount_minor"]))
    waits = asked.state == ApprovalRequest.State.PENDING
    due = formats.money(found.amount_due_minor, currency)
    return Effect(
        noun="write-off",
        sentence=f"Write off {formats.money(amount if waits else int(asked.payload['amount_minor']), currency)} "
        f"of invoice {found.number}, {found.customer_name}",
        changes=[
            Change("Due on the invoice", due, formats.money(found.amount_due_minor - amount, currency)),
            Change(
                "Written off as lost",
                formats.money(found.written_off_minor, currency),
                formats.money(found.written_off_minor + amount, currency),
            ),
            Change("Revenue and tax booked for it", *[formats.money(found.total_minor, currency)] * 2),
        ]
        if waits
        else (),
        facts=[
            ("Invoice total", formats.money(found.total_minor, currency)),
            ("Paid", formats.money(found.amount_paid_minor, currency)),
            ("Due on", formats.day(found.due_on) if found.due_on else "–"),
        ],
        approve=f"Approve {formats.money(amount, currency)}",
    )


def _seen(request: Request) -> int | None:
    seen = request.POST.get("seen", "")
    return int(seen) if seen.isdecimal() and len(seen) <= 18 else None
