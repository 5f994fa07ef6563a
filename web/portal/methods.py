"""Ways to pay that a customer keeps: added at the provider's page, one of them the usual one, removed at any time."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.permissions import Permission
from billing.issuer import queries as issuers
from core import clock, ids
from core.errors import NotFound, Refusal
from edge import recording
from edge.access import access
from edge.request import Request
from payments import events, payer, words
from payments.gateways.base import GatewayAway, GatewayUnsure
from payments.lists import MethodRow
from payments.services import mandates, methods, setups
from tenancy.context import attempt
from web.forms import attempting
from web.kit.forms import Form
from web.kit.parts import Crumb
from web.pay import provider
from web.portal import frame
from web.portal import saved as kept

# What an answer from outside the transaction says on the page it leads to: a toast would be lost on the way.
_SAID = {
    "away": (
        "warn",
        gettext_lazy("The payment provider did not answer. Nothing was saved; try once more in a minute."),
    ),
    "unsure": (
        "warn",
        gettext_lazy(
            "The payment provider gave no clear answer. Nothing is kept here; add it once more in a minute."
        ),
    ),
    "refused": (
        "bad",
        gettext_lazy("The payment provider refused. Nothing was saved, and trying again will not help."),
    ),
    "nothing": ("info", gettext_lazy("Nothing was saved.")),
    "saved": ("ok", gettext_lazy("It is saved.")),
}
_KINDS = {"card": gettext_lazy("A card"), "sepa_debit": gettext_lazy("A bank account, by direct debit")}


class AgreeForm(Form):
    """What is saved, and that its holder agrees."""

    agree = forms.BooleanField(label=gettext_lazy("I agree"))


@access(get=Permission.PORTAL_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """List the saved methods."""
    mine = kept.of(frame.customer_of(request))
    recording.read(request, events.PAYMENT_METHOD_LISTED, subjects=[row.id for row in mine.all])
    named, said = kept.names(mine.all), methods.agreed_words([row.id for row in mine.all])
    context = {
        "methods": [
            {**_shown(row), "name": named[row.id], "mandate": said[row.id], "gone": row in mine.gone}
            for row in mine.all
        ],
        "agreed": any(said.values()),
        "cards": payer.card_account() is not None,
        "may_pay": Permission.PORTAL_PAY in request.permissions,
        "said": _SAID.get(request.GET.get("said", "")),
    }
    return frame.show(request, "portal/methods.html", context)


@access(get=Permission.PORTAL_PAY, post=Permission.PORTAL_PAY)
def add(request: Request, slug: str, kind: str) -> HttpResponseBase:
    """Show what saving a method means, and go on to the provider's page."""
    account = payer.card_account()
    if kind not in _KINDS or account is None:
        raise NotFound
    said = mandates.saving(kind=kind)
    form = AgreeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        assert request.tenant is not None  # noqa: S101  the doorway found it
        tenant_id, mine, found = request.tenant.pk, frame.customer_of(request), issuers.get()
        here = request.build_absolute_uri(reverse("portal:methods", args=[slug]))
        returned = request.build_absolute_uri(reverse("portal:method_saved", args=[slug]))
        currency = found.currency if found else "EUR"

        def go_on() -> HttpResponseBase:
            try:
                begun = setups.begin(
                    tenant_id=tenant_id,
                    customer_id=mine,
                    account_id=account,
                    kind=kind,
                    words=said,
                    currency=currency,
                    return_url=returned + "?setup={}",
                    cancel_url=here,
                    at=clock.now(),
                )
            except provider.UNREACHED as refusal:
                return provider.SeeOther(f"{request.path}?said={_why(refusal)}")
            return provider.SeeOther(begun.url)

        request.afterwards = go_on
        return HttpResponse(status=200)
    context = {
        "mandate": said,
        "what": _KINDS[kind],
        "others": [(code, label) for code, label in _KINDS.items() if code != kind],
        "said": _SAID.get(request.GET.get("said", "")),
        "crumbs": _crumbs(slug),
    }
    return provider.let_forms_lead_on(
        request, frame.show(request, "portal/add_method.html", context, form=form)
    )


@access(get=Permission.PORTAL_PAY)
def saved(request: Request, slug: str) -> HttpResponseBase:
    """Take in what was saved at the provider, which alone says so."""
    assert request.tenant is not None  # noqa: S101  the doorway found it
    tenant_id, mine, actor = request.tenant.pk, frame.customer_of(request), request.actor
    name, methods_url = request.GET.get("setup", "")[:64], reverse("portal:methods", args=[slug])

    def finish() -> HttpResponseBase:
        try:
            added = setups.finish(
                tenant_id=tenant_id, customer_id=mine, name=name, actor=actor, at=clock.now()
            )
        except NotFound:
            return provider.SeeOther(methods_url)  # taken in already: the page was loaded twice
        except Refusal as refusal:
            return provider.SeeOther(f"{methods_url}?said={_why(refusal)}")
        return provider.SeeOther(methods_url + ("?said=nothing" if added is None else "?said=saved"))

    request.afterwards = finish
    return HttpResponse(status=200)


@access(post=Permission.PORTAL_PAY)
def make_default(request: Request, slug: str, pk: str) -> HttpResponse:
    """Make a method the usual one."""
    row = _one(request, pk)
    try:
        with attempt():
            methods.make_default(method_id=row.id, actor=request.actor, at=clock.now())
    except methods.MethodUnusable as refusal:
        request.refusal = refusal
        messages.error(request, _(refusal.message))
    else:
        messages.success(request, _("That is now the usual way to pay."))
    return redirect("portal:methods", slug)


@access(get=Permission.PORTAL_PAY, post=Permission.PORTAL_PAY)
def remove(request: Request, slug: str, pk: str) -> HttpResponseBase:
    """Remove a method; the provider forgets it afterwards."""
    row = _one(request, pk)
    form = Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            methods.remove(method_id=row.id, actor=request.actor, at=clock.now())
        if not form.errors:
            messages.success(request, _("It is removed and will not be charged again."))
            return redirect("portal:methods", slug)
    recording.read(request, events.PAYMENT_METHOD_READ, subject=("payment_method", row.id))
    context = {"method": _shown(row), "crumbs": _crumbs(slug)}
    return frame.show(request, "portal/remove_method.html", context, form=form)


def _why(refusal: Refusal) -> str:
    """Tell apart what trying again helps with and what it does not."""
    if isinstance(refusal, GatewayAway):
        return "away"
    return "unsure" if isinstance(refusal, GatewayUnsure) else "refused"


def _one(request: Request, pk: str) -> MethodRow:
    wanted = ids.decode("payment_method", pk)
    mine = kept.of(frame.customer_of(request)).all
    row = next((row for row in mine if row.id == wanted), None)
    if row is None:
        raise NotFound
    return row


def _name(row: MethodRow) -> str:
    return words.method(row.kind, row.brand, row.last4)


def _shown(row: MethodRow) -> dict[str, Any]:
    month, year = row.expires_month, row.expires_year
    today = clock.now().date()
    over = bool(month and year and (year, month) < (today.year, today.month))
    return {
        "pk": ids.encode("payment_method", row.id),
        "name": _name(row),
        "expires": f"{month:02d}/{year}" if month and year else "",
        "expired": over,
        "usual": row.is_default,
        "agreed_at": row.agreed_at,
    }


def _crumbs(slug: str) -> list[Crumb]:
    return [Crumb(_("Ways to pay"), reverse("portal:methods", args=[slug]))]
