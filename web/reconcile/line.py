"""One line of a statement: what it says, who may have paid what, and the ways to be done with it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from accounts.permissions import Permission
from billing import events as billing_events
from billing.customers import queries as customers
from core import clock, ids
from core.errors import NotFound
from edge import gate, recording
from edge.access import access
from edge.request import Request
from payments import events, proposals
from payments.proposals import OpenInvoice
from payments.statements import booking, queries
from payments.statements.queries import LineRow, Proposal
from web.forms import answer, attempting
from web.kit import formats
from web.kit.forms import Form
from web.kit.parts import Crumb
from web.payments import allocation
from web.payments.allocation import AllocationForm
from web.reconcile.index import line_url

_MOST_FOUND = 8


class BookForm(AllocationForm):
    """How much of the line goes onto which invoice."""

    def __init__(self, *args: Any, line: LineRow, **kwargs: Any) -> None:
        super().__init__(*args, currency=line.currency, **kwargs)
        self.line = line

    def clean(self) -> dict[str, Any]:
        """Refuse to put more onto invoices than came."""
        cleaned = super().clean()
        if not self.errors:
            over = sum(amount for _, amount in self.put()) - self.line.amount_minor
            if over > 0:
                more = formats.money(over, self.unit)
                self.add_error(None, f"The invoices get {more} more than came. Put less onto them.")
        return cleaned


class ReasonForm(Form):
    """Why the line is set aside, or taken back."""

    reason = forms.CharField(
        label="Why?",
        max_length=500,
        help_text="Kept with the line, encrypted.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class SearchForm(Form):
    """Whose it is, when no candidate is right."""

    q = forms.CharField(
        label="Somebody else? Name, e-mail address or number",
        required=False,
        max_length=200,
        widget=forms.SearchInput(attrs={"autocomplete": "off"}),
    )


@access(get=Permission.PAYMENT_READ, post=Permission.PAYMENT_WRITE)
def detail(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show a line, and decide about it."""
    line = queries.line(ids.decode("statement_line", pk))
    action = request.POST.get("action", "")
    if request.method == "POST" and action == "link":
        return _link(request, slug, line)
    found = queries.candidates(line.id) if line.state == "open" else []
    whose = _whose(request, found)
    invoices = _open_invoices(whose, line)
    typed = request.POST if request.method == "POST" else None
    form: Form = BookForm(
        typed if action == "book" else None,
        line=line,
        invoices=invoices,
        initial=_initial(line, whose, found, invoices),
    )
    why: Form = ReasonForm(typed if action != "book" else None)
    if request.method == "POST":
        acting = form if action == "book" else why
        if acting.is_valid():
            with attempting(request, acting):
                done = _act(request, line, whose, acting, action)
            if not acting.errors:
                messages.success(request, done)
                return redirect("reconcile:lines", slug)
    else:
        recording.read(
            request,
            events.STATEMENT_READ,
            subject=("statement_line", line.id),
            fields=["name", "iban", "text"],
        )
    context = _context(request, slug, line, found, whose, form, why)
    return answer(request, "reconcile/line.html", context, form=why if why.errors else form)


def _link(request: Request, slug: str, line: LineRow) -> HttpResponse:
    payment_id = ids.decode("payment", request.POST.get("payment", ""))
    booking.link(line_id=line.id, payment_id=payment_id, actor=request.actor, at=clock.now())
    messages.success(request, "The line is the payment that was recorded. Nothing was booked a second time.")
    return redirect("reconcile:lines", slug)


def _act(request: Request, line: LineRow, whose: UUID | None, form: Form, action: str) -> str:
    """Do what was asked for and return the sentence that says so."""
    at, actor = clock.now(), request.actor
    if isinstance(form, BookForm):
        if whose is None:
            raise NotFound
        booking.book(line_id=line.id, customer_id=whose, wanted=form.put(), actor=actor, at=at)
        return f"{formats.money(line.amount_minor, line.currency)} booked."
    reason = form.cleaned_data["reason"]
    if action == "undo":
        booking.undo(line_id=line.id, reason=reason, actor=actor, at=at)
        return "The line is open again."
    booking.ignore(line_id=line.id, reason=reason, actor=actor, at=at)
    return "The line is set aside."


def _whose(request: Request, found: Sequence[Proposal]) -> UUID | None:
    """Return whose the line is taken to be: the customer that was chosen, else the likeliest."""
    named = (request.POST if request.method == "POST" else request.GET).get("customer", "")
    if named:
        gate.require(request, Permission.CUSTOMER_READ)
        return customers.get(ids.decode("customer", str(named))).id
    return found[0].customer_id if found else None


def _open_invoices(whose: UUID | None, line: LineRow) -> list[OpenInvoice]:
    if whose is None or line.state != "open":
        return []
    return proposals.open_invoices(customer_id=whose, currency=line.currency)


def _initial(
    line: LineRow, whose: UUID | None, found: Sequence[Proposal], invoices: Sequence[OpenInvoice]
) -> dict[str, str]:
    """Return the amounts to begin with: those of the candidate, else the oldest debt first."""
    candidate = next((each for each in found if each.customer_id == whose and each.parts), None)
    if candidate is None:
        return allocation.proposal(line.amount_minor, invoices, line.currency)
    put = {part.invoice_id: part.amount_minor for part in candidate.parts}
    return allocation.shown(put, invoices, line.currency)


def _context(
    request: Request,
    slug: str,
    line: LineRow,
    found: Sequence[Proposal],
    whose: UUID | None,
    form: Form,
    why: Form,
) -> dict[str, Any]:
    assert isinstance(form, BookForm)  # noqa: S101  made above
    search = SearchForm(request.GET, auto_id="search_%s")
    search.is_valid()
    words = str(search.cleaned_data.get("q") or "").strip()
    others = customers.search(words, limit=_MOST_FOUND) if words else []
    if others:
        recording.read(
            request, billing_events.CUSTOMER_LISTED, subjects=[row.id for row in others], fields=["name"]
        )
    here = line_url(slug, line.id)
    name = customers.names([whose]).get(whose, "") if whose else ""
    put = sum(amount for _, amount in form.put()) if form.is_bound and form.is_valid() else _begun(form)
    return {
        "line": line,
        "here": here,
        "crumbs": [Crumb("Reconcile", reverse("reconcile:lines", args=[slug]))],
        "candidates": [(_choose(here, each.customer_id), each.customer_id == whose, each) for each in found],
        "recorded": [
            (ids.encode("payment", each.payment_id), each) for each in found if each.payment_id is not None
        ],
        "others": [(_choose(here, row.id), row) for row in others],
        "words": words,
        "search": search,
        "whose": ids.encode("customer", whose) if whose else "",
        "whose_name": name,
        "lines": form.lines(slug),
        "left_minor": line.amount_minor - put,
        "why": why,
        "payment_url": _payment_url(slug, line),
        "customer_url": _customer_url(slug, line),
        "may_write": Permission.PAYMENT_WRITE in request.permissions,
        "label": f"Book {formats.money(line.amount_minor, line.currency)}",
        "currency": line.currency,
    }


def _begun(form: AllocationForm) -> int:
    return sum(allocation.read_minor(str(text), form.unit) for text in form.initial.values())


def _choose(here: str, customer_id: UUID) -> str:
    return f"{here}?{urlencode({'customer': ids.encode('customer', customer_id)})}"


def _payment_url(slug: str, line: LineRow) -> str:
    if line.payment_id is None:
        return ""
    return reverse("payments:payment", args=[slug, ids.encode("payment", line.payment_id)])


def _customer_url(slug: str, line: LineRow) -> str:
    if line.customer_id is None:
        return ""
    return reverse("billing:customer", args=[slug, ids.encode("customer", line.customer_id)])
