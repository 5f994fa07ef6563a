"""Connecting the organization with its payment provider, and the provider's secrets.

Promise kept: a key is typed once and never shown again; whoever changes anything has just proved who they are.
"""

from collections.abc import Callable
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts import queries as people
from accounts.permissions import Permission
from core import clock, ids
from core.errors import NotFound, Refusal
from edge.access import access
from edge.request import Request
from payments.gateways.base import GatewayAway, GatewayRefused, GatewayUnsure
from payments.models import GatewayAccount
from payments.services import accounts
from tenancy.models import Tenant
from web.forms import answer
from web.kit.forms import Form
from web.kit.parts import Crumb
from web.people import organization

_SAID = {
    "connected": "Stripe is connected. Customers can pay by card from now on.",
    "key": "The key is replaced. The former one is used no more: revoke it at Stripe.",
    "secret": "Messages are signed with a new secret from now on.",
    "works": "Stripe answered, and still tells us what happens.",
    "deaf": "Stripe answered, but no longer knows where to tell us what happens. Replace the signing secret.",
}
_REFUSALS: tuple[type[Refusal], ...] = (
    accounts.KeyMalformed, accounts.KeyOfOtherMode, accounts.KeyOfOtherAccount, accounts.AlreadyConnected,
    GatewayRefused, GatewayAway, GatewayUnsure,
)  # fmt: skip
_KEY_REFUSED = "Stripe does not accept this key, or it may not do all that is needed."


class KeyForm(Form):
    """A key of the organization's own account at Stripe."""

    secret_key = forms.CharField(
        label="Secret key",
        max_length=255,
        help_text="From Stripe’s dashboard, under API keys. It begins with sk_ or rk_.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


@access(get=Permission.GATEWAY_MANAGE)
def index(request: Request, slug: str) -> HttpResponse:
    """Show what is connected."""
    account = accounts.connected()
    former = GatewayAccount.objects.filter(state=GatewayAccount.State.DISCONNECTED).order_by("-connected_at")
    names = people.names_of({account.connected_by} if account and account.connected_by else set())
    context = {
        "account": account,
        "pk": ids.encode("gateway_account", account.pk) if account else "",
        "overlap": account is not None and account.previous_hook_secret is not None,
        "who": names.get(account.connected_by, "") if account and account.connected_by else "",
        "former": list(former[:20]),
        "live": organization.tenant_of(request).mode == Tenant.Mode.LIVE,
        "said": _SAID.get(request.GET.get("said", "")),
        "well": request.GET.get("said", "") != "deaf",
        "refused": _sentence(request),
        "crumbs": [],
    }
    return render(request, "console/provider.html", context)


@access(get=Permission.GATEWAY_MANAGE, post=Permission.GATEWAY_MANAGE)
def connect(request: Request, slug: str) -> HttpResponseBase:
    """Connect Stripe with a key."""
    return _with_key(request, slug, said="connected", template="console/provider_connect.html")


@access(get=Permission.GATEWAY_MANAGE, post=Permission.GATEWAY_MANAGE)
def replace_key(request: Request, slug: str) -> HttpResponseBase:
    """Replace the key by another of the same account."""
    return _with_key(
        request, slug, said="key", template="console/provider_key.html", account_id=_connected().pk
    )


@access(get=Permission.GATEWAY_MANAGE, post=Permission.GATEWAY_MANAGE)
def rotate(request: Request, slug: str) -> HttpResponseBase:
    """Have the provider sign with a fresh secret."""
    account_id, tenant_id, actor = _connected().pk, organization.tenant_of(request).pk, request.actor
    form = Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        return _afterwards(
            request,
            lambda: accounts.rotate_hook(
                tenant_id=tenant_id, account_id=account_id, actor=actor, at=clock.now()
            ),
            done=_page(slug, "secret"),
        )
    context = {"crumbs": _crumbs(slug), "refused": _sentence(request)}
    return answer(request, "console/provider_rotate.html", context, form=form)


@access(get=Permission.GATEWAY_MANAGE, post=Permission.GATEWAY_MANAGE)
def disconnect(request: Request, slug: str) -> HttpResponse:
    """Take no more payments through the provider."""
    account = _connected()
    form = Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        accounts.disconnect(account_id=account.pk, actor=request.actor)
        messages.success(request, "Stripe is disconnected. No new payment goes through it.")
        return redirect("console:provider", slug)
    context = {"crumbs": _crumbs(slug), "account": account}
    return answer(request, "console/provider_disconnect.html", context, form=form)


@access(post=Permission.GATEWAY_MANAGE)
def check(request: Request, slug: str) -> HttpResponseBase:
    """Ask the provider whether the key works and whether it still tells us what happens."""
    account = _connected()

    def ask() -> HttpResponseBase:
        gateway = accounts.for_account(account)
        try:
            gateway.is_live()
            knows = bool(gateway.hook_url(account.hook_reference))
        except _REFUSALS as refusal:
            return _back(reverse("console:provider", args=[slug]), refusal)
        return HttpResponseRedirect(_page(slug, "works" if knows else "deaf"))

    request.afterwards = ask
    return HttpResponse(status=200)


def _with_key(
    request: Request, slug: str, *, said: str, template: str, account_id: UUID | None = None
) -> HttpResponseBase:
    tenant_id, actor = organization.tenant_of(request).pk, request.actor
    form = KeyForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        key = form.cleaned_data["secret_key"].strip()

        def call() -> None:
            if account_id is None:
                accounts.connect(tenant_id=tenant_id, secret_key=key, actor=actor, at=clock.now())
            else:
                accounts.replace_key(
                    tenant_id=tenant_id, account_id=account_id, secret_key=key, actor=actor, at=clock.now()
                )

        return _afterwards(request, call, done=_page(slug, said))
    context = {
        "crumbs": _crumbs(slug),
        "refused": _sentence(request),
        "live": organization.tenant_of(request).mode == Tenant.Mode.LIVE,
    }
    return answer(request, template, context, form=form)


def _afterwards(request: Request, call: Callable[[], object], *, done: str) -> HttpResponseBase:
    """Make a call once the transaction is over, and go where it is told how it went."""

    def go_on() -> HttpResponseBase:
        try:
            call()
        except _REFUSALS as refusal:
            return _back(request.path, refusal)
        return HttpResponseRedirect(done)

    request.afterwards = go_on
    return HttpResponse(status=200)


def _back(path: str, refusal: Refusal) -> HttpResponseBase:
    code = "key_refused" if getattr(refusal, "reason", "") == "key_refused" else refusal.code
    return HttpResponseRedirect(f"{path}?refused={code}")


def _sentence(request: Request) -> str:
    code = request.GET.get("refused", "")
    if code == "key_refused":
        return _KEY_REFUSED
    return next((each().message for each in _REFUSALS if each.code == code), "")


def _page(slug: str, said: str) -> str:
    return f"{reverse('console:provider', args=[slug])}?said={said}"


def _connected() -> GatewayAccount:
    account = accounts.connected()
    if account is None:
        raise NotFound
    return account


def _crumbs(slug: str) -> list[Crumb]:
    return [Crumb("Card payments", reverse("console:provider", args=[slug]))]
