"""One payment: what it paid, each try to move its money, what went back, what it did to the books, and who looked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.permissions import Permission
from audit import events as audit_events
from audit import queries as audit
from billing.settlement import services as settlement
from core import clock, ids
from edge import onetime, recording
from edge.access import access
from edge.request import Request
from payments import events, shown
from payments.services import collect
from payments.shown import PaymentDetail
from web.console import trail
from web.forms import answer, attempting
from web.kit import formats
from web.kit.forms import AmountField, Form
from web.kit.parts import Crumb, Entry, Tab
from web.kit.status import status
from web.payments import rows

_FIELDS = ["customer.name", "remittance", "note"]
_TINTS = {"failed": "bad", "succeeded": "ok", "unknown": "warn", "held": "warn"}
_ACCOUNTS = {
    "bank": "Bank",
    "gateway": "With the payment provider",
    "receivable": "Owed by customers",
    "customer_credit": "Customers’ credit",
    "refunds": "Refunds",
    "disputed": "Held in disputes",
}
_KINDS = {
    "payment_received": "Received",
    "payment_reversed": "Reversed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLine:
    """What of the payment lies on one invoice."""

    number: str
    url: str
    amount_minor: int
    due_minor: int
    booked_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class PostingLine:
    """One side of a transaction in the books."""

    what: str
    booked_on: date
    account: str
    debit_minor: int | None
    credit_minor: int | None


class ReverseForm(Form):
    """Why the money is gone again."""

    reason = forms.CharField(
        label="Why is it reversed?",
        max_length=500,
        help_text="Kept with the payment, encrypted.",
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}),
    )


class ReleaseForm(Form):
    """How much comes off which invoice."""

    invoice = forms.ChoiceField(label="Invoice")
    amount_minor = AmountField(
        label="Amount", widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
    )

    def __init__(
        self, *args: Any, held: Sequence[HeldLine], pks: Sequence[str], currency: str, **kwargs: Any
    ):
        super().__init__(*args, **kwargs)
        invoice, amount = self.fields["invoice"], self.fields["amount_minor"]
        assert isinstance(invoice, forms.ChoiceField) and isinstance(amount, AmountField)  # noqa: S101  above
        invoice.choices = [
            (pk, f"{line.number}, {formats.money(line.amount_minor, currency)} on it")
            for pk, line in zip(pks, held, strict=True)
        ]
        amount.currency = currency


@access(get=Permission.PAYMENT_READ)
def detail(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show a payment."""
    found = opened(request, pk)
    at = clock.now()
    names = rows.names_of(
        [*(each.requested_by for each in found.refunds), *(each.written_by for each in found.notes)]
    )
    context = {
        **context_of(request, slug, pk, found, "payment"),
        "held": _held(found, slug),
        "entries": _entries(found),
        "refunds": [rows.refund(each, slug=slug, names=names, me=request.actor.id) for each in found.refunds],
        "disputes": [rows.dispute(each, slug=slug, at=at) for each in found.disputes],
        "postings": _postings(found),
        "notes": [(note, names.get(note.written_by, "") if note.written_by else "") for note in found.notes],
        "source": rows.SOURCES[found.row.source],
    }
    return render(request, "payments/payment.html", context)


@access(get=Permission.PAYMENT_READ)
def access_history(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show who looked at the payment."""
    found = opened(request, pk)
    page = audit.access_history(found.row.id, at=clock.now(), cursor=request.GET.get("cursor", ""))
    recording.read(request, audit_events.AUDIT_READ, subject=("payment", found.row.id))
    context = {
        **context_of(request, slug, pk, found, "access"),
        "seen": trail.rows(page.events, slug=slug, permissions=request.permissions),
        "next_url": f"?cursor={page.next_cursor}" if page.next_cursor else "",
        "search_url": trail.search_url(slug, subject=str(found.row.id)),
        "may_audit": Permission.AUDIT_READ in request.permissions,
    }
    return render(request, "payments/payment_access.html", context)


@access(get=Permission.PAYMENT_WRITE, post=Permission.PAYMENT_WRITE)
def reverse_payment(request: Request, slug: str, pk: str) -> HttpResponse:
    """Take a bank payment back: its invoices open again."""
    found = opened(request, pk)
    form = ReverseForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            collect.reverse(
                payment_id=found.row.id,
                reason=form.cleaned_data["reason"],
                actor=request.actor,
                at=clock.now(),
            )
        if not form.errors:
            messages.success(request, "The payment is reversed. Its invoices are open again.")
            return redirect("payments:payment", slug, pk)
    left = found.row.captured_minor - found.row.refunded_minor - found.row.reversed_minor
    context = {
        **context_of(request, slug, pk, found, ""),
        "crumbs": crumbs(slug, found),
        "possible": _may_reverse(found),
        "refunding": bool(found.row.refunding_minor),
        "held": [
            {"line": line, "opened_minor": line.due_minor + line.amount_minor} for line in _held(found, slug)
        ],
        "left_minor": left,
        "label": f"Reverse payment of {formats.money(left, found.row.currency)}",
    }
    return answer(request, "payments/reverse.html", context, form=form)


@access(get=Permission.PAYMENT_WRITE, post=Permission.PAYMENT_WRITE)
def release(request: Request, slug: str, pk: str) -> HttpResponse:
    """Take the payment's money off an invoice, into the customer's credit."""
    found = opened(request, pk)
    held = _held(found, slug)
    named = request.GET.get("invoice", "")
    pks = [ids.encode("invoice", each.invoice_id) for each in found.held]
    first = next(
        (line for key, line in zip(pks, held, strict=True) if key == named), held[0] if held else None
    )
    form = ReleaseForm(
        request.POST if request.method == "POST" else None,
        held=held,
        pks=pks,
        currency=found.row.currency,
        initial={"invoice": named, "amount_minor": formats.amount(first.amount_minor, found.row.currency)}
        if first
        else None,
    )
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            onetime.claim(request)
            settlement.release(
                invoice_id=ids.decode("invoice", form.cleaned_data["invoice"]),
                payment_id=found.row.id,
                amount_minor=form.cleaned_data["amount_minor"],
                actor=request.actor,
                at=clock.now(),
            )
        if not form.errors:
            amount = formats.money(form.cleaned_data["amount_minor"], found.row.currency)
            messages.success(request, f"{amount} is credit of {found.row.customer_name} now.")
            return redirect("payments:payment", slug, pk)
    context = {
        **context_of(request, slug, pk, found, ""),
        "crumbs": crumbs(slug, found),
        "possible": bool(held),
        "once": onetime.token(request),
    }
    return answer(request, "payments/release.html", context, form=form)


def opened(request: Request, pk: str) -> PaymentDetail:
    """Return a payment and record that it was opened."""
    found = shown.payment(ids.decode("payment", pk))
    recording.read(request, events.PAYMENT_READ, subject=("payment", found.row.id), fields=_FIELDS)
    return found


def context_of(request: Request, slug: str, pk: str, found: PaymentDetail, current: str) -> dict[str, Any]:
    """Return what every side of a payment shows around itself."""
    held = request.permissions
    received = found.row.state == "succeeded"
    contested = any(each.state in ("needs_response", "under_review") for each in found.disputes)
    return {
        "pk": pk,
        "payment": rows.row(found.row, slug=slug),
        "facts": found,
        "tabs": [
            Tab(label, reverse(name, args=[slug, pk]), key == current)
            for key, label, name in (
                ("payment", "Payment", "payments:payment"),
                ("access", "Access", "payments:payment_access"),
            )
        ],
        "crumbs": crumbs(slug),
        "may_reverse": Permission.PAYMENT_WRITE in held and _may_reverse(found),
        "may_refund": Permission.REFUND_WRITE in held
        and received
        and not contested
        and found.row.refundable_minor > 0,
        "may_release": Permission.PAYMENT_WRITE in held and received and bool(found.held),
        "may_allocate": Permission.PAYMENT_WRITE in held and found.credit_minor > 0,
        "may_stop": Permission.PAYMENT_WRITE in held and found.row.state in ("pending", "unknown"),
        "may_resolve": Permission.PAYMENT_WRITE in held and found.row.state == "held",
        "customer_pk": ids.encode("customer", found.row.customer_id),
    }


def crumbs(slug: str, found: PaymentDetail | None = None) -> list[Crumb]:
    """Return the way back from a payment's pages."""
    way = [Crumb("Payments", reverse("payments:payments", args=[slug]))]
    if found is not None:
        name = formats.money(found.row.captured_minor or found.row.amount_minor, found.row.currency)
        way.append(Crumb(name, reverse("payments:payment", args=[slug, ids.encode("payment", found.row.id)])))
    return way


def _may_reverse(found: PaymentDetail) -> bool:
    row = found.row
    return (
        row.method == "bank_transfer"
        and row.state == "succeeded"
        and row.captured_minor > row.refunded_minor + row.reversed_minor
        and not row.refunding_minor
    )


def _held(found: PaymentDetail, slug: str) -> list[HeldLine]:
    return [
        HeldLine(
            number=each.number,
            url=reverse("billing:invoice", args=[slug, ids.encode("invoice", each.invoice_id)]),
            amount_minor=each.amount_minor,
            due_minor=each.due_minor,
            booked_on=each.booked_on,
        )
        for each in found.held
    ]


def _entries(found: PaymentDetail) -> list[Entry]:
    """Tell each try to move the money, the last one first."""
    entries = []
    for each in reversed(found.tries):
        details = [each.reference, each.failure_code.replace("_", " ")]
        if each.declines:
            details.append(formats.count(each.declines, "decline"))
        entries.append(
            Entry(
                at=each.updated_at,
                sentence=f"Attempt {each.number}: {status('attempt', each.state).word.lower()}",
                detail=" · ".join(filter(None, details)),
                tint=_TINTS.get(each.state, ""),
            )
        )
    return entries


def _postings(found: PaymentDetail) -> list[PostingLine]:
    return [
        PostingLine(
            what=_KINDS.get(each.kind) or each.kind.replace("_", " ").capitalize(),
            booked_on=each.booked_on,
            account=_ACCOUNTS.get(each.account) or each.account.replace("_", " ").capitalize(),
            debit_minor=each.amount_minor if each.amount_minor > 0 else None,
            credit_minor=-each.amount_minor if each.amount_minor < 0 else None,
        )
        for each in found.postings
    ]
