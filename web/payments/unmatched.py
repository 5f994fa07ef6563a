"""Money that nobody has placed yet: payments held because they differ from what was asked, and credit left over."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.permissions import Permission
from core import clock, ids
from edge import gate, recording
from edge.access import access
from edge.request import Request
from payments import events, lists
from payments.gateways.base import GatewayAway, GatewayRefused, GatewayUnsure
from payments.lists import Place
from payments.models import Payment
from payments.services import collect
from payments.services.collect import Resolution
from web.forms import answer
from web.kit.forms import Form
from web.payments import payment, rows
from web.people import organization

MOST = 50
_WORDS = {
    Resolution.CREDIT: "Keep it, as credit of the customer",
    Resolution.REFUND: "Give it back to its payer",
    Resolution.DISMISS: "Dismiss it: it is no money of ours",
}
_DONE = {
    Resolution.CREDIT: "The money is credit of the customer now.",
    Resolution.REFUND: "The money goes back to its payer.",
    Resolution.DISMISS: "The payment is dismissed. No money was booked.",
}
# What keeps a decision from being carried out, and leaves the payment held.
_SAID = (
    GatewayAway,
    GatewayRefused,
    GatewayUnsure,
    collect.GoesBackAlready,
    collect.HeldOverLimit,
    collect.NothingKnownOfIt,
    collect.PaymentMovedOn,
)


class ResolveForm(Form):
    """What becomes of held money."""

    how = forms.ChoiceField(label="What becomes of it?", widget=forms.RadioSelect)
    reason = forms.CharField(
        label="Why?",
        max_length=500,
        help_text="Kept with the payment, encrypted.",
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}),
    )

    def __init__(self, *args: object, refunds: bool, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["how"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  declared above
        field.choices = [
            (how.value, words) for how, words in _WORDS.items() if refunds or how is not Resolution.REFUND
        ]


@access(get=Permission.PAYMENT_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """List held payments and the credit of customers."""
    held = lists.payments(place=Place(limit=MOST), states=[Payment.State.HELD])
    credits, after = lists.credits(limit=MOST, after=_after(request.GET.get("after", "")))
    recording.read(
        request, events.PAYMENT_LISTED, subjects=[row.id for row in held.rows], fields=["customer.name"]
    )
    recording.read(
        request,
        events.CREDIT_LISTED,
        subjects=[row.customer_id for row in credits],
        fields=["customer.name"],
    )
    context = {
        "held": rows.rows(held.rows, slug=slug),
        "credits": [
            (
                row,
                reverse("payments:customer_payments", args=[slug, pk]),
                f"{reverse('payments:credit', args=[slug, pk])}?currency={row.currency}",
            )
            for row in credits
            for pk in (ids.encode("customer", row.customer_id),)
        ],
        "next_url": f"?after={after[0]}~{ids.base32(after[1])}#credit" if after else "",
        "may_write": Permission.PAYMENT_WRITE in request.permissions,
        "now": clock.now(),
    }
    return render(request, "payments/unmatched.html", context)


def _after(text: str) -> tuple[int, UUID] | None:
    amount, _, last = text.partition("~")
    return (int(amount), ids.from_base32(last)) if amount.isdecimal() and len(amount) < 19 else None


@access(get=Permission.PAYMENT_WRITE, post=Permission.PAYMENT_WRITE)
def resolve(request: Request, slug: str, pk: str) -> HttpResponse:
    """Decide what becomes of a held payment; the provider is asked once more what it holds."""
    found = payment.opened(request, pk)
    refunds = organization.is_fresh(request, Permission.REFUND_WRITE)
    form = ResolveForm(request.POST if request.method == "POST" else None, refunds=refunds)
    if request.method == "POST" and form.is_valid() and found.row.state == "held":
        how, at, tenant_id = (
            Resolution(form.cleaned_data["how"]),
            clock.now(),
            organization.tenant_of(request).pk,
        )
        if how is Resolution.REFUND:
            gate.require(request, Permission.REFUND_WRITE)

        done = redirect("payments:payment", slug, pk)
        messages.success(request, _DONE[how])

        def decide() -> HttpResponseBase:
            try:
                collect.resolve_held(
                    tenant_id=tenant_id,
                    payment_id=found.row.id,
                    how=how,
                    reason=form.cleaned_data["reason"],
                    actor=request.actor,
                    at=at,
                )
            except _SAID as refusal:
                return redirect(f"{request.path}?refused={refusal.code}")
            return done

        # No transaction waits for the provider.
        request.afterwards = decide
        return done
    context = {
        **payment.context_of(request, slug, pk, found, ""),
        "crumbs": payment.crumbs(slug, found),
        "possible": found.row.state == "held",
        "refused": next((each().message for each in _SAID if each.code == request.GET.get("refused")), ""),
        "steps_up": Permission.REFUND_WRITE in request.permissions and not refunds,
    }
    return answer(request, "payments/resolve.html", context, form=form)
