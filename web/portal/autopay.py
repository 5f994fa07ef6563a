"""Automatic payment: what a customer lets the organization collect, in the words they agreed to, and how it ends."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.permissions import Permission
from billing.issuer import queries as issuers
from core import clock, ids
from core.errors import NotFound
from edge import recording
from edge.access import access
from edge.request import Request
from payments import events, words
from payments.models import Autopay
from payments.services import autopay, mandates, methods
from web.forms import attempting
from web.kit.forms import AmountField, Form
from web.kit.parts import Crumb
from web.portal import frame, saved
from web.portal.saved import Saved


class AgreementForm(Form):
    """Which method, how much an invoice, and how long before."""

    def __init__(self, *args: Any, methods: Saved, currency: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["method"] = forms.ChoiceField(
            label=_("Pay with"),
            error_messages={
                "required": _("Choose one answer under “%(label)s”.") % {"label": _("Pay with")},
                "invalid_choice": _("Choose an answer that is offered under “%(label)s”.")
                % {"label": _("Pay with")},
            },
            choices=methods.choices(),
            widget=forms.RadioSelect,
            initial=ids.encode("payment_method", methods.usual.id) if methods.usual else None,
        )
        self.fields["limit"] = AmountField(
            label=_("At most, for one invoice"),
            error_messages={"required": _("Enter the most that may be collected for one invoice.")},
            currency=currency,
            help_text=_("An invoice above this is not collected; you are sent it as before."),
        )
        self.fields["notice_days"] = forms.IntegerField(
            label=_("Days you are told before"),
            error_messages={
                "required": _("Enter how many days before you are told."),
                "invalid": _("Enter the days in digits."),
            },
            min_value=autopay.LEAST_NOTICE,
            max_value=autopay.MOST_NOTICE,
            initial=3,
        )
        self.fields["agree"] = forms.BooleanField(label=_("I agree"), required=False)


@access(get=Permission.PORTAL_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """Show what is agreed now."""
    mine = frame.customer_of(request)
    agreed = autopay.of(mine)
    recording.read(request, events.PAYMENT_METHOD_LISTED, subjects=[row.payment_method_id for row in agreed])
    gone = methods.gone(mine)
    context = {
        "agreements": [{**_shown(row), "gone": row.payment_method_id in gone} for row in agreed],
        "has_methods": bool(saved.of(mine).usable),
        "may_pay": Permission.PORTAL_PAY in request.permissions,
    }
    return frame.show(request, "portal/autopay.html", context)


@access(get=Permission.PORTAL_PAY, post=Permission.PORTAL_PAY)
def start(request: Request, slug: str) -> HttpResponse:
    """Choose, read what it means, and agree."""
    mine, found = saved.of(frame.customer_of(request)), issuers.get()
    if not mine.usable:
        return redirect("portal:autopay", slug)
    currency = found.currency if found else "EUR"
    form = AgreementForm(request.POST if request.method == "POST" else None, methods=mine, currency=currency)
    mandate = ""
    if request.method == "POST" and form.is_valid():
        terms: dict[str, Any] = {
            "currency": currency,
            "limit_minor": form.cleaned_data["limit"],
            "notice_days": form.cleaned_data["notice_days"],
        }
        mandate = mandates.autopay(**terms)
        # Nobody agrees to words they have not seen: the first press shows them, and another limit shows others.
        if form.cleaned_data["agree"] and request.POST.get("seen") == mandate:
            with attempting(request, form, fields={"limit_minor": "limit", "payment_method_id": "method"}):
                autopay.set(
                    customer_id=frame.customer_of(request),
                    payment_method_id=ids.decode("payment_method", form.cleaned_data["method"]),
                    actor=request.actor,
                    at=clock.now(),
                    **terms,
                )
            if not form.errors:
                messages.success(request, _("Automatic payment is on."))
                return redirect("portal:autopay", slug)
        elif request.POST.get("seen") == mandate:
            form.add_error("agree", _("Tick “%(label)s” to go on.") % {"label": _("I agree")})
    recording.read(request, events.PAYMENT_METHOD_LISTED, subjects=[row.id for row in mine.usable])
    context = {"mandate": mandate, "currency": currency, "crumbs": _crumbs(slug)}
    return frame.show(request, "portal/start_autopay.html", context, form=form)


@access(get=Permission.PORTAL_PAY, post=Permission.PORTAL_PAY)
def stop(request: Request, slug: str, currency: str) -> HttpResponse:
    """End it; what was announced and not collected is not collected any more."""
    mine = frame.customer_of(request)
    agreed = next((row for row in autopay.of(mine) if row.currency == currency), None)
    if agreed is None:
        raise NotFound
    form = Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            autopay.stop(customer_id=mine, currency=currency, actor=request.actor, at=clock.now())
        if not form.errors:
            messages.success(request, _("Automatic payment is off."))
            return redirect("portal:autopay", slug)
    recording.read(request, events.PAYMENT_METHOD_READ, subject=("payment_method", agreed.payment_method_id))
    context = {"agreement": _shown(agreed), "crumbs": _crumbs(slug)}
    return frame.show(request, "portal/stop_autopay.html", context, form=form)


def _shown(row: Autopay) -> dict[str, Any]:
    method = row.payment_method
    return {
        "currency": row.currency,
        "limit_minor": row.limit_minor,
        "notice_days": row.notice_days,
        "method": words.method(method.kind, method.brand, method.last4),
        "mandate": row.mandate_text,
        "agreed_at": row.agreed_at,
    }


def _crumbs(slug: str) -> list[Crumb]:
    return [Crumb(_("Automatic payment"), reverse("portal:autopay", args=[slug]))]
