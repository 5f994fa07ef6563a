"""Refunds: asking for one, seeing where each stands, and saying that one has left by bank.

Promise kept: nobody gives money back over their limit alone; whoever asked sees who else can agree.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts import queries as people
from accounts.lists.order import OLDEST
from accounts.permissions import Permission
from core import clock, ids
from core.errors import NotFound
from edge import recording
from edge.access import access
from edge.request import Request
from payments import events, lists, shown, waiting
from payments.lists import RefundRow
from payments.models import Refund
from payments.services import allowance, refunds
from payments.shown import PaymentDetail
from web.billing import rows as billing_rows
from web.forms import answer, attempting
from web.kit import cells, formats
from web.kit.forms import AmountField, DayField, Form
from web.kit.parts import Crumb, Tab
from web.lists import listings, page
from web.lists.page import Empty, Shown
from web.payments import paging, payment, rows

State = Refund.State
VIEWS: Mapping[str, tuple[str, tuple[str, ...]]] = MappingProxyType(
    {
        "waiting": ("Waiting for approval", (State.PENDING_APPROVAL,)),
        "to_pay_out": ("To pay out", (State.PENDING,)),
        "under_way": ("Under way", (State.PENDING, State.SENT, State.UNKNOWN)),
        "done": ("Done", (State.SUCCEEDED, State.FAILED, State.DECLINED, State.CANCELED)),
        "all": ("All", ()),
        "unresolved": ("Unresolved", ()),
    }
)
# What waits for somebody, beyond its state.
_AMONG = MappingProxyType({"to_pay_out": waiting.to_pay_out, "unresolved": waiting.unresolved_refunds})
_EMPTY = {
    "waiting": (
        "Nothing waits for you",
        "A refund over the limit of whoever asks waits here for a second person.",
    ),
    "to_pay_out": (
        "Nothing waits for your bank",
        "A refund of a bank transfer stands here until you send it and say so.",
    ),
    "unresolved": ("Every refund is accounted for", "A refund nobody can say anything about is listed here."),
    "under_way": ("Nothing is under way", "Every refund that was agreed to has ended."),
    "done": ("No refund has ended yet", "What was given back, failed or was declined is listed here."),
    "all": ("No refunds yet", "A refund begins at its payment, and goes back the way the money came."),
}


class RefundForm(Form):
    """How much goes back, and why."""

    amount_minor = AmountField(
        label="Amount", widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
    )
    reason_code = forms.ChoiceField(label="Why?", choices=[("", "Choose…"), *rows.REASONS.items()])
    reason = forms.CharField(
        label="What happened?",
        max_length=refunds.REASON_LENGTH,
        help_text="For whoever approves it. Kept encrypted; the customer does not see it.",
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, found: PaymentDetail, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.found = found
        amount = self.fields["amount_minor"]
        assert isinstance(amount, AmountField)  # noqa: S101  declared above
        amount.currency = found.row.currency

    def clean_amount_minor(self) -> int:
        """Refuse more than can be given back."""
        amount: int = self.cleaned_data["amount_minor"]
        if amount > self.found.row.refundable_minor:
            most = formats.money(self.found.row.refundable_minor, self.found.row.currency)
            raise forms.ValidationError(f"Enter at most {most}: more cannot be given back.")
        return amount


class PayoutForm(Form):
    """When the money left the bank."""

    paid_on = DayField(label="Left the bank on")


@access(get=Permission.PAYMENT_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """List refunds."""
    view = request.GET.get("view") or "waiting"
    if view not in VIEWS:
        raise NotFound
    among = _AMONG[view]() if view in _AMONG else None
    order = page.by_time(request.GET, "created_at")
    found = lists.refunds(
        place=paging.place(request.GET, sort=OLDEST if order.oldest else ""),
        states=VIEWS[view][1],
        among=among,
    )
    recording.read(
        request,
        events.REFUND_LISTED,
        subjects=[row.id for row in found.rows],
        fields=["customer.name", "user.name"],
    )
    names = rows.names_of(row.requested_by for row in found.rows)
    sums = lists.refund_sums(states=VIEWS[view][1], among=among)
    title, sentence = _EMPTY[view]
    given = Shown(
        listing=listings.REFUNDS,
        rows=[_listed(row, slug, names, request.actor.id) for row in found.rows],
        page=page.counted(paging.page(request.GET, found), sums),
        empty=Empty(title=title, sentence=sentence),
        tabs=[
            Tab(label, f"?view={name}", name == view)
            for name, (label, _) in VIEWS.items()
            if name != "unresolved" or view == name
        ],
        sums=page.sums(sums, "amount"),
        no_sums=page.no_sums(sums),
        **order.shown,
        lead="Money goes back the way it came. Over somebody’s limit a second person agrees first.",
    )
    return page.show(request, slug, given)


def _listed(row: RefundRow, slug: str, names: Mapping[UUID, str], me: UUID | None) -> page.Row:
    said = rows.refund(row, slug=slug, names=names, me=me)
    return page.Row(
        key=ids.encode("refund", row.id),
        url=said.url,
        title=said.customer,
        cells={
            "asked_by": cells.text(f"{said.asked_by}, you" if said.mine else said.asked_by),
            "reason": cells.text(said.reason),
            "state": cells.tag("refund", said.state),
            "created_at": cells.moment(said.created_at),
            "amount": cells.money(said.amount_minor, said.currency),
        },
    )


@access(get=Permission.PAYMENT_READ)
def detail(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show a refund."""
    row, reason = _opened(request, pk)
    by_hand = row.method == "bank_transfer"
    may_decide = Permission.APPROVAL_READ in request.permissions and row.approval_id is not None
    context = {
        "pk": pk,
        "refund": rows.refund(
            row,
            slug=slug,
            names=rows.names_of([row.requested_by]),
            me=request.actor.id,
        ),
        "facts": row,
        "reason": reason,
        "approval_pk": ids.encode("approval", row.approval_id) if row.approval_id and may_decide else "",
        "others": people.deciders_beside(row.requested_by, at=clock.now()),
        "may_pay_out": Permission.REFUND_WRITE in request.permissions and by_hand and row.state == "pending",
        "crumbs": _crumbs(slug),
    }
    return render(request, "payments/refund.html", context)


@access(get=Permission.REFUND_WRITE, post=Permission.REFUND_WRITE)
def create(request: Request, slug: str, pk: str) -> HttpResponse:
    """Ask for money back: first how much and why, then the effect in numbers, then one button."""
    found = payment.opened(request, pk)
    possible = found.row.state == "succeeded" and found.row.refundable_minor > 0
    initial = {"amount_minor": formats.amount(found.row.refundable_minor, found.row.currency)}
    form = RefundForm(request.POST if request.method == "POST" else None, found=found, initial=initial)
    reviewing = request.method == "POST" and form.is_valid()
    if reviewing and request.POST.get("action") == "refund":
        asked = None
        with attempting(request, form):
            asked = refunds.ask(
                payment_id=found.row.id,
                amount_minor=form.cleaned_data["amount_minor"],
                reason=form.cleaned_data["reason"],
                reason_code=form.cleaned_data["reason_code"],
                seen_minor=_seen(request),
                actor=request.actor,
                at=clock.now(),
            )
        if asked is not None and not form.errors:
            waits = asked.state == State.PENDING_APPROVAL
            amount = formats.money(asked.amount_minor, asked.currency)
            messages.success(
                request,
                f"{amount} waits for a second person."
                if waits
                else f"{amount} goes back to {found.row.customer_name}.",
            )
            return redirect("payments:refund", slug, ids.encode("refund", asked.pk))
        reviewing = False
    context = {
        **payment.context_of(request, slug, pk, found, ""),
        "crumbs": payment.crumbs(slug, found),
        "possible": possible,
        "reviewing": reviewing,
        **(_effect(request, found, form) if reviewing else {}),
    }
    return answer(request, "payments/new_refund.html", context, form=form)


@access(get=Permission.REFUND_WRITE, post=Permission.REFUND_WRITE)
def pay_out(request: Request, slug: str, pk: str) -> HttpResponse:
    """Say that the refund of a bank payment has left the bank."""
    row, _ = _opened(request, pk)
    form = PayoutForm(
        request.POST if request.method == "POST" else None, initial={"paid_on": billing_rows.today()}
    )
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            refunds.record_payout(
                refund_id=row.id,
                paid_on=form.cleaned_data["paid_on"],
                actor=request.actor,
                at=clock.now(),
            )
        if not form.errors:
            messages.success(
                request, f"{formats.money(row.amount_minor, row.currency)} is booked as paid out."
            )
            return redirect("payments:refund", slug, pk)
    context = {
        "pk": pk,
        "refund": row,
        "possible": row.method == "bank_transfer" and row.state == "pending",
        "label": f"Record payout of {formats.money(row.amount_minor, row.currency)}",
        "crumbs": _crumbs(slug),
    }
    return answer(request, "payments/pay_out.html", context, form=form)


@access(get=Permission.REFUND_WRITE, post=Permission.REFUND_WRITE)
def cancel(request: Request, slug: str, pk: str) -> HttpResponse:
    """Give up the refund of a bank payment that has not left yet."""
    row, _ = _opened(request, pk)
    form = Form(request.POST if request.method == "POST" else None)
    amount = formats.money(row.amount_minor, row.currency)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            refunds.cancel(refund_id=row.id, actor=request.actor, at=clock.now())
        if not form.errors:
            messages.success(request, f"The refund is canceled. {amount} can be refunded again.")
            return redirect("payments:refund", slug, pk)
    context = {
        "pk": pk,
        "refund": row,
        "possible": row.method == "bank_transfer" and row.state == "pending",
        "label": f"Cancel refund of {amount}",
        "crumbs": _crumbs(slug),
    }
    return answer(request, "payments/cancel_refund.html", context, form=form)


def _seen(request: Request) -> int | None:
    """Return what had been given back when the effect was shown; a program that posts at once has seen nothing."""
    text = request.POST.get("seen", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


def _opened(request: Request, pk: str) -> tuple[lists.RefundRow, str]:
    """Return a refund with its reason and record that it was opened."""
    row, reason = shown.refund(ids.decode("refund", pk))
    recording.read(
        request, events.REFUND_READ, subject=("refund", row.id), fields=["customer.name", "reason"]
    )
    return row, reason


def _crumbs(slug: str) -> list[Crumb]:
    return [Crumb("Refunds", reverse("payments:refunds", args=[slug]))]


def _effect(request: Request, found: PaymentDetail, form: RefundForm) -> dict[str, Any]:
    """Say what the refund would change, and whether a second person is asked."""
    at, amount, row = clock.now(), form.cleaned_data["amount_minor"], found.row
    limit = allowance.limit(actor=request.actor, at=at)
    back = row.refunding_minor + row.refunded_minor
    counted = allowance.counts(
        payment_id=row.id, customer_id=row.customer_id, back=back, actor=request.actor, at=at
    )
    out_of_credit = min(amount, found.credit_minor)
    return {
        "amount_minor": amount,
        "waits": counted + amount > limit,
        "limit_minor": limit,
        "others": people.deciders_beside(request.actor.id, at=at),
        "reason_words": rows.REASONS[form.cleaned_data["reason_code"]],
        "back_minor": back,
        "back_after_minor": back + amount,
        "left_after_minor": row.refundable_minor - amount,
        "credit_after_minor": found.credit_minor - out_of_credit,
        "by_hand": row.method == "bank_transfer",
        "label": f"Refund {formats.money(amount, row.currency)}",
    }
