"""Quotes: listed, written like a draft, and taken from step to step on pages of their own."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.permissions import Permission
from billing import events
from billing.customers import queries as customers
from billing.invoices import lists
from billing.quotes import queries, services
from billing.quotes.queries import QuoteDetail, QuoteRow
from core import clock, ids
from edge import recording
from edge.access import access
from edge.request import Request
from web.billing import billed, choosing, documents, drafts, pasting, rows
from web.billing.draft_forms import DraftForm, Lines, discount_words
from web.billing.forms import chosen_customer
from web.forms import answer, attempting
from web.kit import formats
from web.kit.forms import DayField, Form
from web.kit.parts import Crumb


class QuoteForm(DraftForm):
    """A quote without its lines."""

    valid_until = DayField(
        label="Valid through",
        required=False,
        help_text="Empty: until you withdraw it.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("issued_on", "due_on", "series"):
            self.fields.pop(name, None)
        self.fields["note"].label = "Note on the quote"


@access(get=Permission.INVOICE_READ)
def detail(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show a quote and what became of it."""
    found = opened(request, pk)
    held, state = request.permissions, found.status
    writes = Permission.QUOTE_WRITE in held
    numbers = lists.numbers([found.invoice_id]) if found.invoice_id else {}
    shown = billed.shown(found, slug=slug)
    context = {
        **context_of(slug, pk, found),
        "document": billed.document(found),
        "facts": found,
        "invoice": found,
        "paper_title": "Quote",
        "billed_url": reverse("billing:invoice", args=[slug, ids.encode("invoice", found.invoice_id)])
        if found.invoice_id
        else "",
        "invoice_number": numbers.get(found.invoice_id, "Draft") if found.invoice_id else "",
        "may_edit": writes and state == "draft",
        "billed": shown,
        "may_send": state == "open" and Permission.INVOICE_SEND in held,
        "part_url": reverse("billing:quote_part", args=[slug, pk])
        if Permission.INVOICE_WRITE in held and state == "accepted" and found.invoice_id is None
        else "",
        "steps": [
            (
                "Final invoice…" if step == "convert" and shown["parts"] else words.button,
                reverse(f"billing:quote_{step}", args=[slug, pk]),
                words.kind,
            )
            for step, words in _STEPS.items()
            if words.needs in held and state in words.states and found.invoice_id is None
        ],
    }
    return render(request, "billing/quote.html", context)


@access(get=Permission.QUOTE_WRITE, post=Permission.QUOTE_WRITE)
def create(request: Request, slug: str) -> HttpResponse:
    """Draft a quote: first whom, then what."""
    return _write(request, slug, None)


@access(get=Permission.QUOTE_WRITE, post=Permission.QUOTE_WRITE)
def change(request: Request, slug: str, pk: str) -> HttpResponse:
    """Change the draft of a quote."""
    found = opened(request, pk)
    if found.status != "draft" or drafts.is_beyond(found.lines):
        messages.warning(request, "This quote cannot be edited here.")
        return redirect("billing:quote", slug, pk)
    return _write(request, slug, found)


@access(post=Permission.QUOTE_WRITE)
def totals(request: Request, slug: str) -> HttpResponse:
    """Answer with what the lines come to as they are written; nothing is kept."""
    computed = drafts.computed_totals(request.POST, drafts.usable_rates(request.POST), slug)
    return render(request, "billing/_totals.html", {**computed, "twins": []})


def _write(request: Request, slug: str, found: QuoteDetail | None) -> HttpResponse:
    named = request.POST.get("customer") or request.GET.get("customer", "")
    customer_id = chosen_customer(named) or (found.customer_id if found is not None else None)
    base = (
        reverse("billing:new_quote", args=[slug])
        if found is None
        else reverse("billing:edit_quote", args=[slug, ids.encode("quote", found.id)])
    )
    crumbs = [Crumb("Quotes", reverse("billing:quotes", args=[slug]))]
    if customer_id is None or (request.method == "GET" and "choose" in request.GET):
        return choosing.choose(
            request, base=base, noun="quote", choosing_again=found is not None, crumbs=crumbs
        )
    customer = customers.get(customer_id)
    recording.read(
        request, events.CUSTOMER_READ, subject=("customer", customer.id), fields=["name", "address", "email"]
    )
    rates = drafts.usable_rates(request.POST, found.lines if found else ())
    action = pasting.action_of(request.POST.get("action", ""), request.POST)
    mixed = found is not None and len({line.gross_minor is None for line in found.lines}) > 1
    if request.method != "POST":
        initial = {"currency": customer.currency or "EUR"} if found is None else _initial(found)
        form, lines = QuoteForm(initial=initial), Lines.kept(found.lines if found else (), rates=rates)
    elif action in ("add", "compute", "paste") or action.startswith("remove-"):
        lines = Lines.changed(
            request.POST,
            rates=rates,
            add=action == "add",
            remove=action.removeprefix("remove-"),
            paste=action == "paste",
        )
        form = QuoteForm(initial=request.POST.dict())
    else:
        form, lines = QuoteForm(request.POST), Lines.sent(request.POST, rates=rates)
        for fault in lines.faults():
            form.add_error(None, fault)
        if form.is_valid():
            inclusive = None if mixed else form.cleaned_data["tax_inclusive"]
            values = {
                "customer_id": customer_id,
                "currency": form.cleaned_data["currency"],
                "valid_until": form.cleaned_data["valid_until"],
                "note": form.cleaned_data["note"],
                "lines": lines.inputs(tax_inclusive=inclusive),
                "discounts": drafts.discounts_of(form),
            }
            at = clock.now()
            with attempting(request, form):
                made = (
                    services.create(actor=request.actor, at=at, **values)
                    if found is None
                    else services.update(quote_id=found.id, changes=values, actor=request.actor, at=at)
                )
            if not form.errors:
                messages.success(request, "The quote is saved.")
                return redirect("billing:quote", slug, ids.encode("quote", made.pk))
        if not lines.forms:
            lines = Lines.kept((), rates=rates)
    context = {
        "customer": documents.customer_party(customer.id),
        "customer_pk": ids.encode("customer", customer.id),
        "lines": lines,
        "mixed": mixed,
        "is_new": found is None,
        "form_url": base,
        "choose_url": f"{base}?choose=1",
        "totals_url": reverse("billing:quote_totals", args=[slug]),
        "back_url": crumbs[0].url,
        "crumbs": crumbs,
    }
    if request.method == "POST" and action != "save" and request.headers.get("HX-Request") == "true":
        if action in ("add", "paste") and not lines.unpasted:
            lines.take_focus()
        return render(request, "billing/_lines.html", {**context, "form": form, "swapped": True})
    if request.method == "POST":
        context |= {**drafts.computed_totals(request.POST, rates, slug), "twins": []}
    elif found is not None:
        context |= billed.totals(found)
    return answer(request, "billing/quote_form.html", context, form=form)


class Step:
    """One step of a quote as its page words it."""

    def __init__(
        self, button: str, title: str, words: str, said: str, *, states: tuple[str, ...], kind: str = ""
    ) -> None:
        self.button, self.title, self.words, self.said = button, title, words, said
        self.states, self.kind = states, kind
        self.needs = Permission.INVOICE_WRITE if title.startswith("Bill") else Permission.QUOTE_WRITE


_STEPS: dict[str, Step] = {
    "cancel": Step(
        "Withdraw…",
        "Withdraw this quote",
        "It cannot be accepted or billed any more. Its number stays its own.",
        "The quote is withdrawn.",
        states=("draft", "open", "accepted"),
        kind="quiet",
    ),
    "decline": Step(
        "Declined…",
        "The customer declined",
        "The quote ends here. A new one can be written at any time.",
        "The quote is declined.",
        states=("open",),
    ),
    "accept": Step(
        "Accepted…",
        "The customer accepted",
        "Note it when you have their word. Nothing is billed yet.",
        "The quote is accepted. It can be billed now.",
        states=("open",),
        kind="primary",
    ),
    "open": Step(
        "Review and open",
        "Open this quote",
        "It gets its number and cannot be edited any more.",
        "The quote is open.",
        states=("draft",),
        kind="primary",
    ),
    "convert": Step(
        "Bill it…",
        "Bill this quote",
        "One invoice is drafted with the same lines, less what was billed before. Look at it before it is final.",
        "The invoice is drafted.",
        states=("accepted",),
        kind="primary",
    ),
}


def _step(request: Request, slug: str, pk: str, step: str, act: Callable[..., Any]) -> HttpResponse:
    found, words = opened(request, pk), _STEPS[step]
    form = Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            done = act(quote_id=found.id, actor=request.actor, at=clock.now())
        if not form.errors:
            messages.success(request, words.said)
            if step == "convert":
                return redirect("billing:invoice", slug, ids.encode("invoice", done.pk))
            return redirect("billing:quote", slug, pk)
    total = formats.money(found.total_minor, found.currency)
    context = {
        **context_of(slug, pk, found),
        "crumbs": crumbs(slug, found),
        "words": words,
        "facts": found,
        "label": f"{words.button.rstrip('…')}: {total}",
        "possible": found.status in words.states,
        "danger": step in ("cancel", "decline"),
    }
    return answer(request, "billing/quote_step.html", context, form=form)


@access(get=Permission.QUOTE_WRITE, post=Permission.QUOTE_WRITE)
def open_quote(request: Request, slug: str, pk: str) -> HttpResponse:
    """Give a quote its number."""
    return _step(request, slug, pk, "open", services.open_quote)


@access(get=Permission.QUOTE_WRITE, post=Permission.QUOTE_WRITE)
def accept(request: Request, slug: str, pk: str) -> HttpResponse:
    """Note that a quote was accepted."""
    return _step(request, slug, pk, "accept", services.accept)


@access(get=Permission.QUOTE_WRITE, post=Permission.QUOTE_WRITE)
def decline(request: Request, slug: str, pk: str) -> HttpResponse:
    """Note that a quote was declined."""
    return _step(request, slug, pk, "decline", services.decline)


@access(get=Permission.QUOTE_WRITE, post=Permission.QUOTE_WRITE)
def cancel(request: Request, slug: str, pk: str) -> HttpResponse:
    """Withdraw a quote."""
    return _step(request, slug, pk, "cancel", services.cancel)


@access(get=Permission.INVOICE_WRITE, post=Permission.INVOICE_WRITE)
def convert(request: Request, slug: str, pk: str) -> HttpResponse:
    """Draft the invoice of an accepted quote."""
    return _step(request, slug, pk, "convert", services.convert)


def opened(request: Request, pk: str) -> QuoteDetail:
    """Return a quote and record that it was opened."""
    found = queries.get(ids.decode("quote", pk))
    recording.read(request, events.QUOTE_READ, subject=("quote", found.id), fields=["lines", "note"])
    return found


def crumbs(slug: str, found: QuoteDetail | None = None) -> list[Crumb]:
    """Return the way back from the page of a quote, or of one of its steps."""
    crumbs = [Crumb("Quotes", reverse("billing:quotes", args=[slug]))]
    if found is not None:
        url = reverse("billing:quote", args=[slug, ids.encode("quote", found.id)])
        crumbs.append(Crumb(found.number or "Draft", url))
    return crumbs


def context_of(slug: str, pk: str, found: QuoteDetail) -> dict[str, Any]:
    """Return what every page of a quote shows around itself."""
    return {
        "pk": pk,
        "quote": _row(found, slug),
        "title": f"Quote {found.number}" if found.number else "Draft of a quote",
        "crumbs": crumbs(slug),
    }


def _row(row: QuoteRow, slug: str) -> dict[str, Any]:
    return {
        "url": reverse("billing:quote", args=[slug, ids.encode("quote", row.id)]),
        "number": row.number or "Draft",
        "customer": row.customer_name,
        "customer_url": reverse("billing:customer", args=[slug, ids.encode("customer", row.customer_id)]),
        "status": row.status,
        "valid_until": row.valid_until,
        "late": row.status == "open" and row.valid_until is not None and row.valid_until < rows.today(),
        "total_minor": row.total_minor,
        "currency": row.currency,
    }


def _initial(found: QuoteDetail) -> dict[str, Any]:
    discount = next(
        (entry for line in found.lines if line.kind != "item" for entry in line.adjustments), None
    )
    return {
        "currency": found.currency,
        "valid_until": found.valid_until,
        "note": found.note,
        "tax_inclusive": bool(found.lines) and all(line.gross_minor is not None for line in found.lines),
        **discount_words(discount),
    }
