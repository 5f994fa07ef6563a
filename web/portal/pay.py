"""Paying several invoices at once, or a part of one: chosen, summed by the server, paid by one button.

Promise kept: what the button says is what is asked for. When the amounts have changed since it was shown, nothing is
asked for; the page comes back with the new sum.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.permissions import Permission
from billing import events
from billing.invoices import queries
from core import clock, ids
from core.errors import NotFound, Refusal
from core.money import Money
from edge import recording
from edge.access import access
from edge.request import Request
from payments import payer, words
from payments.gateways import amounts
from payments.models import Attempt, PaymentMethod
from payments.services import collect, mandates
from tenancy import context
from web.kit import formats
from web.kit.forms import AmountField, Form
from web.pay import provider
from web.pay.forms import WORDS_CHANGED
from web.portal import frame, rows, saved
from web.portal.rows import Bill
from web.portal.saved import Saved

MOST_CHOSEN = 50
PAGE = "page"


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is to be paid, and through which account of the organization."""

    bills: list[Bill]
    account: UUID | None
    saved: Saved


class PayForm(Form):
    """How much of each invoice, and how."""

    def __init__(self, *args: Any, chosen: Chosen, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.chosen = chosen
        for bill in chosen.bills:
            self.fields[bill.pk] = AmountField(
                currency=bill.currency,
                label=_("Amount for %(number)s") % {"number": bill.number},
                # The kit words the fields of a class; this one is made for its invoice.
                error_messages={"required": _("Enter the amount for %(number)s.") % {"number": bill.number}},
                initial=formats.amount(bill.room_minor, bill.currency),
                widget=forms.TextInput(attrs={"autocomplete": "off"}),
            )
        ways, usual = chosen.saved.choices(), chosen.saved.usual
        self.fields["way"] = forms.ChoiceField(
            label=_("Pay with"),
            error_messages={
                "required": _("Choose one answer under “%(label)s”.") % {"label": _("Pay with")},
                "invalid_choice": _("Choose an answer that is offered under “%(label)s”.")
                % {"label": _("Pay with")},
            },
            choices=[*ways, (PAGE, _("Another card or account") if ways else _("A card or account"))],
            initial=ids.encode("payment_method", usual.id) if usual else (ways[0][0] if ways else PAGE),
            widget=forms.RadioSelect,
        )
        self.fields["keep"] = forms.BooleanField(
            label=_("Keep the new card or account for the next invoice"),
            help_text=mandates.keeping(),
            required=False,
        )

    def clean(self) -> dict[str, Any]:
        """Refuse less than the smallest part, more than is due, and a box that was ticked beside other words."""
        cleaned = super().clean()
        if cleaned.get("keep") and self.data.get("agreed") != self.fields["keep"].help_text:
            self.add_error("keep", WORDS_CHANGED)
        if not self.errors and not self.takes():
            self.add_error(
                None,
                _("%(reason)s. Pay by bank transfer, or change the amounts.") % {"reason": words.no_card()},
            )
        for bill in self.chosen.bills:
            amount = cleaned.get(bill.pk)
            if amount is None:
                continue
            if amount > bill.room_minor:
                most = formats.money(bill.room_minor, bill.currency)
                self.add_error(
                    bill.pk,
                    _("At most %(most)s can be paid on %(number)s.") % {"most": most, "number": bill.number},
                )
            elif amount < rows.least_part(bill):
                least = formats.money(rows.least_part(bill), bill.currency)
                self.add_error(bill.pk, _("The smallest part is %(least)s.") % {"least": least})
        return cleaned

    def amounts(self) -> list[int]:
        """Return what is to be paid of each invoice, nothing where that cannot be read."""
        if not self.is_bound:
            return [bill.room_minor for bill in self.chosen.bills]
        cleaned = getattr(self, "cleaned_data", {})
        return [cleaned.get(bill.pk) or 0 for bill in self.chosen.bills]

    def takes(self) -> bool:
        """Tell whether the provider can take the sum; of one that cannot be read or is nothing yet, nobody knows."""
        total = sum(self.amounts())
        return not total or amounts.takes(Money(total, self.chosen.bills[0].currency))


@access(get=Permission.PORTAL_PAY, post=Permission.PORTAL_PAY)
def pay(request: Request, slug: str) -> HttpResponseBase:
    """Show what was chosen, and pay it."""
    chosen = _chosen(request, slug)
    if not chosen.bills:
        return redirect("portal:home", slug)
    form = PayForm(request.POST if request.method == "POST" else None, chosen=chosen)
    if request.method == "POST" and form.is_valid() and _is_as_shown(request, chosen, form):
        try:
            with context.attempt():
                return _begin(request, slug, chosen, form)
        except Refusal as refusal:
            request.refusal = refusal
            form.add_error(None, _(refusal.message))
    recording.read(request, events.INVOICE_LISTED, subjects=[bill.id for bill in chosen.bills])
    shown = {
        **_button(chosen, form),
        "rows": [(bill, form[bill.pk]) for bill in chosen.bills],
        "changed": request.method == "POST" and not form.errors,
        "cards": chosen.account is not None,
        "away": "away" in request.GET,
    }
    response = frame.show(request, "portal/pay.html", shown, form=form)
    return provider.let_forms_lead_on(request, response)


@access(get=Permission.PORTAL_PAY)
def total(request: Request, slug: str) -> HttpResponse:
    """Answer what the boxes and amounts on a page come to: the button, and the sum it stands for."""
    chosen = _chosen(request, slug)
    request.recorded = True  # it says a sum of what the page has shown already
    if "amounts" not in request.GET:
        return render(request, "portal/_choose.html", _button(chosen, PayForm(None, chosen=chosen)))
    form = PayForm(request.GET, chosen=chosen)
    form.is_valid()
    # What is wrong is said once the form is sent; here the sum and the ways to pay it follow the typing.
    return render(request, "portal/_ways.html", {**_button(chosen, form), "form": form})


def _button(chosen: Chosen, form: PayForm) -> dict[str, Any]:
    return {
        "button": rows.label(chosen.bills, form.amounts()),
        "shown": _sum(form),
        "chosen": [bill.pk for bill in chosen.bills],
        "takes": not chosen.bills or form.takes(),
        "no_card": words.no_card(),
    }


def _is_as_shown(request: Request, chosen: Chosen, form: PayForm) -> bool:
    """Tell whether the sum on the button, and what was left to pay of each invoice, are still what they were."""
    left = all(request.POST.get(f"left-{bill.pk}") == str(bill.room_minor) for bill in chosen.bills)
    return left and request.POST.get("shown") == _sum(form)


def _sum(form: PayForm) -> str:
    return str(sum(form.amounts()))


def _chosen(request: Request, slug: str) -> Chosen:
    """Read which invoices are meant; only this customer's, of one currency, with something left to pay."""
    given = (request.POST if request.method == "POST" else request.GET).getlist("invoice")[:MOST_CHOSEN]
    mine = frame.customer_of(request)
    found = []
    for text in dict.fromkeys(given):
        row = queries.get(ids.decode("invoice", text), within=[mine])
        if row.status == "draft":
            raise NotFound
        found.append(row)
    bills = [bill for bill in rows.bills(found, slug=slug) if bill.room_minor > 0]
    one_currency = [bill for bill in bills if bill.currency == bills[0].currency]
    return Chosen(one_currency, payer.card_account(), saved.of(mine))


def _begin(request: Request, slug: str, chosen: Chosen, form: PayForm) -> HttpResponseBase:
    if chosen.account is None:
        raise collect.GatewayNotConnected
    at = clock.now()
    way = form.cleaned_data["way"]
    kept = None if way == PAGE else ids.decode("payment_method", way)
    kind = next((row.kind for row in chosen.saved.usable if row.id == kept), PaymentMethod.Kind.CARD)
    attempt = collect.start(
        customer_id=frame.customer_of(request),
        items=[(bill.id, form.cleaned_data[bill.pk]) for bill in chosen.bills],
        account_id=chosen.account,
        method=kind,
        source="portal",
        save_method=kept is None and form.cleaned_data["keep"],
        saved_method_id=kept,
        seen={bill.id: bill.room_minor for bill in chosen.bills},
        actor=request.actor,
        at=at,
    )
    _then(request, slug, chosen, attempt, charges=kept is not None, at=at)
    return HttpResponse(status=200)


def _then(
    request: Request, slug: str, chosen: Chosen, attempt: Attempt, *, charges: bool, at: datetime
) -> None:
    """Charge what is saved, or send the payer to the provider's page, once the attempt is committed."""
    assert request.tenant is not None  # noqa: S101  the doorway found it
    tenant_id, attempt_id = request.tenant.pk, attempt.pk
    result = reverse("portal:payment", args=[slug, ids.encode("payment", attempt.payment_id)])
    back = reverse("portal:pay", args=[slug]) + "?" + "&".join(f"invoice={bill.pk}" for bill in chosen.bills)
    if not charges:
        request.afterwards = provider.page_opener(
            tenant_id=tenant_id,
            attempt_id=attempt_id,
            return_url=request.build_absolute_uri(result),
            cancel_url=request.build_absolute_uri(back),
            instead=f"{back}&away=1",
            at=at,
        )
        return

    def charge() -> HttpResponseBase:
        try:
            collect.charge_saved(tenant_id=tenant_id, attempt_id=attempt_id, at=at)
        except Refusal:
            # What came of it stands on the payment's page, and where nobody knows it is asked again.
            return provider.SeeOther(result)
        return provider.SeeOther(result)

    request.afterwards = charge
