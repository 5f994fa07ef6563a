"""Disputes: what payers contest at their banks, by when it has to be answered, and the answer."""

from collections.abc import Mapping
from types import MappingProxyType

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.permissions import Permission
from core import clock, ids
from core.errors import NotFound
from edge import recording
from edge.access import access
from edge.request import Request
from payments import events, lists, shown, waiting
from payments.models import Dispute
from payments.services import disputes
from web.forms import answer as answered
from web.forms import attempting
from web.kit import formats
from web.kit.forms import Form
from web.kit.parts import Crumb, Tab
from web.payments import paging, rows

State = Dispute.State
VIEWS: Mapping[str, tuple[str, tuple[str, ...]]] = MappingProxyType(
    {
        "answer": ("To answer", (State.NEEDS_RESPONSE,)),
        "open": ("Open", (State.NEEDS_RESPONSE, State.UNDER_REVIEW)),
        "closed": ("Closed", (State.WON, State.LOST)),
    }
)
_EMPTY = {
    "answer": (
        "No dispute waits for an answer",
        "A dispute stands here until it is answered or given up.",
    ),
    "open": (
        "Nothing is disputed",
        "A payment that its payer contests at their bank appears here by itself.",
    ),
    "closed": ("No dispute has ended yet", "Disputes that were won or lost are listed here."),
}


class EvidenceForm(Form):
    """What speaks for the payment."""

    evidence = forms.CharField(
        label="What speaks for this payment?",
        max_length=disputes.EVIDENCE_LENGTH,
        help_text="What was delivered, when, and how they agreed. It goes to the payer’s bank, once.",
        widget=forms.Textarea(attrs={"rows": 10, "autocomplete": "off"}),
    )


@access(get=Permission.PAYMENT_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """List disputes."""
    view = request.GET.get("view") or "open"
    if view not in VIEWS:
        raise NotFound
    found = lists.disputes(
        place=paging.place(request.GET),
        states=VIEWS[view][1],
        among=waiting.to_answer() if view == "answer" else None,
    )
    recording.read(
        request, events.DISPUTE_LISTED, subjects=[row.id for row in found.rows], fields=["customer.name"]
    )
    base, at = reverse("payments:disputes", args=[slug]), clock.now()
    context = {
        "disputes": [rows.dispute(row, slug=slug, at=at) for row in found.rows],
        "tabs": [Tab(label, f"{base}?view={name}", name == view) for name, (label, _) in VIEWS.items()],
        "page": paging.page(request.GET, found),
        "empty": _EMPTY[view],
    }
    return render(request, "payments/disputes.html", context)


@access(get=Permission.PAYMENT_READ)
def detail(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show a dispute."""
    row, evidence = _opened(request, pk)
    context = {
        "pk": pk,
        "dispute": rows.dispute(row, slug=slug, at=clock.now()),
        "facts": row,
        "evidence": evidence,
        "given_up": row.answered_at is not None and not evidence,
        "may_answer": Permission.DISPUTE_WRITE in request.permissions and _is_open(row),
        "crumbs": _crumbs(slug),
    }
    return render(request, "payments/dispute.html", context)


@access(get=Permission.DISPUTE_WRITE, post=Permission.DISPUTE_WRITE)
def answer(request: Request, slug: str, pk: str) -> HttpResponse:
    """Answer a dispute."""
    row, _ = _opened(request, pk)
    form = EvidenceForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            disputes.answer(
                dispute_id=row.id,
                evidence=form.cleaned_data["evidence"],
                actor=request.actor,
                at=clock.now(),
            )
        if not form.errors:
            messages.success(request, "The answer is on its way to the payer’s bank.")
            return redirect("payments:dispute", slug, pk)
    context = {
        "pk": pk,
        "dispute": rows.dispute(row, slug=slug, at=clock.now()),
        "possible": _is_open(row),
        "crumbs": _crumbs(slug),
    }
    return answered(request, "payments/answer_dispute.html", context, form=form)


@access(get=Permission.DISPUTE_WRITE, post=Permission.DISPUTE_WRITE)
def accept(request: Request, slug: str, pk: str) -> HttpResponse:
    """Give a dispute up as lost."""
    row, _ = _opened(request, pk)
    form = Form(request.POST if request.method == "POST" else None)
    amount = formats.money(row.amount_minor, row.currency)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            disputes.accept(dispute_id=row.id, actor=request.actor, at=clock.now())
        if not form.errors:
            messages.success(request, f"The dispute is given up. {amount} stays with the payer.")
            return redirect("payments:dispute", slug, pk)
    context = {
        "pk": pk,
        "dispute": rows.dispute(row, slug=slug, at=clock.now()),
        "possible": _is_open(row),
        "label": f"Give up {amount}",
        "crumbs": _crumbs(slug),
    }
    return answered(request, "payments/accept_dispute.html", context, form=form)


def _is_open(row: lists.DisputeRow) -> bool:
    return row.state == State.NEEDS_RESPONSE and row.answered_at is None


def _opened(request: Request, pk: str) -> tuple[lists.DisputeRow, str]:
    """Return a dispute with its evidence and record that it was opened."""
    row, evidence = shown.dispute(ids.decode("dispute", pk))
    recording.read(
        request, events.DISPUTE_READ, subject=("dispute", row.id), fields=["customer.name", "evidence"]
    )
    return row, evidence


def _crumbs(slug: str) -> list[Crumb]:
    return [Crumb("Disputes", reverse("payments:disputes", args=[slug]))]
