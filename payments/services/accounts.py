"""The organization's account with a payment provider: connecting it, its secrets, and letting it go.

Promises kept: a key is proved by a call before it is kept, and kept encrypted, its last four letters aside; a key that
moves real money never enters a test organization, nor the reverse; the provider's signing secret is replaced without
losing a message; no provider is ever called while a transaction waits.
"""

import logging
import re
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError
from django.db.models import Q
from django.db.models.functions import Now

from accounts import tokens
from audit import queries as trail
from audit import services as audit
from core import ids
from core.actor import Actor
from core.errors import Conflict, NotFound, Refusal
from payments import events
from payments.gateways.base import Gateway, GatewayAway, GatewayRefused, GatewayUnsure, HookRegistration
from payments.gateways.stripe import StripeGateway
from payments.models import GatewayAccount
from tenancy import context
from tenancy.context import Scope, scope, use_case
from tenancy.models import Tenant

_log = logging.getLogger("strongbox.payments")
STRIPE = StripeGateway.provider
# Messages that were signed before a secret was replaced are on their way no longer than this.
OVERLAP = timedelta(hours=24)
_NOTE_CALL_EVERY = timedelta(minutes=1)
_KEY = re.compile(r"(?:sk|rk)_(test|live)_[A-Za-z0-9_]{8,200}\Z", re.ASCII)


class InsideTransaction(RuntimeError):
    """A provider is asked outside any transaction: rows would stay locked while it thinks."""


class KeyMalformed(Refusal):
    """A secret key of Stripe begins with sk_ or rk_, then test or live."""

    code = "key_malformed"


class KeyOfOtherMode(Refusal):
    """This key is for the other kind of organization: test keys for test, live keys for live."""

    code = "key_of_other_mode"


class KeyOfOtherAccount(Refusal):
    """This key opens another account at the provider. Disconnect this one first, then connect the other."""

    code = "key_of_other_account"


class AlreadyConnected(Conflict):
    """A provider is connected. Disconnect it before connecting another."""

    code = "already_connected"


def for_account(account: GatewayAccount) -> Gateway:
    """Return the gateway that an account's key opens; it notes when it was last asked.

    The key is read in a scope: the one around this call, or one of its own.
    """
    account_id, tenant_id = account.pk, account.tenant_id
    noted = False
    if context.current() is None:
        with scope(Scope(tenant_id)):
            secret_key = account.secret_key
            _note_call(account_id)
        noted = True
    else:
        secret_key = account.secret_key

    def before() -> None:
        nonlocal noted
        _outside()
        if not noted:
            with scope(Scope(tenant_id)):
                _note_call(account_id)
            noted = True

    return StripeGateway(secret_key=secret_key or "", address=settings.GATEWAY_ADDRESS, before=before)


def connected(provider: str = STRIPE) -> GatewayAccount | None:
    """Return the account that new payments go to, or None."""
    return GatewayAccount.objects.filter(provider=provider, state=GatewayAccount.State.CONNECTED).first()


def is_cut_off() -> bool:
    """Tell whether a provider was connected once and none is now: customers cannot pay by card any more."""
    states = set(GatewayAccount.objects.order_by().values_list("provider", "state").distinct())
    return bool(states) and (STRIPE, GatewayAccount.State.CONNECTED) not in states


def connect(*, tenant_id: UUID, secret_key: str, actor: Actor, at: datetime) -> UUID:
    """Connect Stripe with a key: prove it, register our hook there, keep both; call it outside any transaction.

    Raises:
        KeyMalformed, KeyOfOtherMode, AlreadyConnected.
        GatewayRefused: Stripe does not take the key, or not our address.
        GatewayAway, GatewayUnsure: nothing was connected.
    """
    livemode = _mode_of(secret_key)
    with scope(Scope(tenant_id)):
        _check_mode(livemode)
        if connected() is not None:
            raise AlreadyConnected
    gateway = _speaking(secret_key)
    _prove_mode(gateway, livemode)
    account_id, link = ids.uuid7(), tokens.mint_link(tenant=tenant_id)
    hook = gateway.register_hook(key=ids.encode("gateway_account", account_id), url=hook_address(link))
    try:
        with scope(Scope(tenant_id)):
            _keep(account_id=account_id, secret_key=secret_key, link=link, hook=hook, actor=actor, at=at)
    except IntegrityError:
        _let_go(gateway, hook.reference)
        raise AlreadyConnected from None
    except BaseException:
        _let_go(gateway, hook.reference)
        raise
    return account_id


def replace_key(*, tenant_id: UUID, account_id: UUID, secret_key: str, actor: Actor, at: datetime) -> None:
    """Replace the key of a connected account by another of the same account; call it outside any transaction.

    Raises:
        NotFound: there is no such connected account.
        KeyMalformed, KeyOfOtherMode, KeyOfOtherAccount.
        GatewayRefused, GatewayAway, GatewayUnsure: the former key stays.
    """
    livemode = _mode_of(secret_key)
    with scope(Scope(tenant_id)):
        _check_mode(livemode)
        reference = _find(account_id).hook_reference
    gateway = _speaking(secret_key)
    _prove_mode(gateway, livemode)
    # The hook that we registered is known to its own account alone.
    if not gateway.hook_url(reference):
        raise KeyOfOtherAccount(field="secret_key")
    with scope(Scope(tenant_id)):
        _put_key(account_id=account_id, secret_key=secret_key, actor=actor, at=at)


def rotate_hook(*, tenant_id: UUID, account_id: UUID, actor: Actor, at: datetime) -> None:
    """Have the provider sign with a fresh secret; the former one verifies for a day. Call it outside any transaction.

    Raises:
        NotFound: there is no such connected account.
        GatewayRefused, GatewayAway, GatewayUnsure: the former secret stays.
    """
    with scope(Scope(tenant_id)):
        account = _find(account_id)
    gateway = for_account(account)
    former, url, link = account.hook_reference, gateway.hook_url(account.hook_reference), ""
    if not url:
        # Somebody deleted it at the provider: it is registered anew, at a fresh address.
        link = tokens.mint_link(tenant=tenant_id)
        url = hook_address(link)
    hook = gateway.register_hook(key=ids.encode("gateway_account", ids.uuid7()), url=url)
    try:
        with scope(Scope(tenant_id)):
            _put_hook(account_id=account_id, former=former, hook=hook, link=link, actor=actor)
    except BaseException:
        _let_go(gateway, hook.reference)
        raise
    _let_go(gateway, former)


@use_case
def retire_secrets(*, actor: Actor, at: datetime) -> int:
    """End former signing secrets a day after they were replaced; return how many."""
    retired = 0
    held = GatewayAccount.objects.filter(previous_hook_secret__isnull=False)
    for account in held.select_for_update(no_key=True).order_by("id"):
        found = trail.events(
            trail.Filters(event=events.GATEWAY_HOOK_ROTATED.code, subject=account.pk), limit=1
        ).events
        if found and at - found[0].at < OVERLAP:
            continue
        account.previous_hook_secret = None
        account.save(update_fields=["previous_hook_secret"])
        audit.record(events.GATEWAY_HOOK_RETIRED, actor=actor, subject=("gateway_account", account.pk))
        retired += 1
    return retired


@use_case
def disconnect(*, account_id: UUID, actor: Actor) -> None:
    """Take no new payment through an account. What is under way, refunds and disputes are still followed.

    Raises:
        NotFound: there is no such connected account.
    """
    account = _locked(account_id)
    account.state = GatewayAccount.State.DISCONNECTED
    account.save(update_fields=["state"])
    audit.record(events.GATEWAY_DISCONNECTED, actor=actor, subject=("gateway_account", account.pk))


def connect_sandbox(*, tenant_id: UUID, actor: Actor, at: datetime) -> UUID:
    """Connect an organization with an account of its own at the sandbox gateway, once; return the account's id.

    Its key is made from the organization's id: a sandbox opens an account for any test key.

    Raises:
        GatewayRefused: no sandbox is configured, and no test key is made up for a real provider.
        GatewayAway, GatewayUnsure: it does not answer.
    """
    if not settings.GATEWAY_ADDRESS:
        raise GatewayRefused("no_sandbox")
    with scope(Scope(tenant_id)):
        found = connected()
    if found is not None:
        return found.pk
    return connect(tenant_id=tenant_id, secret_key=f"sk_test_{ids.base32(tenant_id)}", actor=actor, at=at)


def hook_address(link: str) -> str:
    """Return the address at which the provider reaches us."""
    return f"{settings.PUBLIC_URL}/hooks/{STRIPE}/{link}"


def digest(link: str) -> bytes:
    """Return what is kept of the secret in a hook's address."""
    return tokens.digest("hook", link)


def _speaking(secret_key: str) -> Gateway:
    """Return a gateway for a key that nobody has kept yet."""
    return StripeGateway(secret_key=secret_key, address=settings.GATEWAY_ADDRESS, before=_outside)


def _outside() -> None:
    if context.current() is not None:
        raise InsideTransaction("a payment provider was asked inside a transaction")


def _mode_of(secret_key: str) -> bool:
    match = _KEY.match(secret_key)
    if match is None:
        raise KeyMalformed(field="secret_key")
    livemode = match[1] == "live"
    if livemode and settings.GATEWAY_ADDRESS:
        # A sandbox is no place for a key that moves real money.
        raise KeyOfOtherMode("The sandbox gateway takes test keys only.", field="secret_key")
    return livemode


def _check_mode(livemode: bool) -> None:
    tenant = Tenant.objects.get(pk=context.current_tenant())
    if livemode != (tenant.mode == Tenant.Mode.LIVE):
        raise KeyOfOtherMode(field="secret_key")


def _prove_mode(gateway: Gateway, livemode: bool) -> None:
    """Ask once with the key, which also tells whether it works; what it is called is not believed."""
    if gateway.is_live() != livemode:
        raise KeyOfOtherMode(field="secret_key")


@use_case
def _keep(
    *, account_id: UUID, secret_key: str, link: str, hook: HookRegistration, actor: Actor, at: datetime
) -> None:
    GatewayAccount(
        pk=account_id,
        provider=STRIPE,
        livemode=_mode_of(secret_key),
        secret_key=secret_key,
        secret_key_last4=secret_key[-4:],
        hook_secret=hook.secret,
        hook_reference=hook.reference,
        hook_digest=digest(link),
        connected_by=actor.id,
        connected_at=at,
        last_call_at=at,
    ).save(force_insert=True)
    audit.record(events.GATEWAY_CONNECTED, actor=actor, subject=("gateway_account", account_id))


@use_case
def _put_key(*, account_id: UUID, secret_key: str, actor: Actor, at: datetime) -> None:
    account = _locked(account_id)
    account.secret_key, account.secret_key_last4, account.last_call_at = secret_key, secret_key[-4:], at
    account.save(update_fields=["secret_key", "secret_key_last4", "last_call_at"])
    audit.record(events.GATEWAY_KEY_REPLACED, actor=actor, subject=("gateway_account", account.pk))


@use_case
def _put_hook(*, account_id: UUID, former: str, hook: HookRegistration, link: str, actor: Actor) -> None:
    account = _locked(account_id)
    if account.hook_reference != former:
        raise Conflict
    account.previous_hook_secret, account.hook_secret = account.hook_secret, hook.secret
    account.hook_reference = hook.reference
    changed = ["previous_hook_secret", "hook_secret", "hook_reference"]
    if link:
        account.hook_digest = digest(link)
        changed.append("hook_digest")
    account.save(update_fields=changed)
    audit.record(events.GATEWAY_HOOK_ROTATED, actor=actor, subject=("gateway_account", account.pk))


@use_case
def _note_call(account_id: UUID) -> None:
    stale = Q(last_call_at__isnull=True) | Q(last_call_at__lt=Now() - _NOTE_CALL_EVERY)
    GatewayAccount.objects.filter(stale, pk=account_id).update(last_call_at=Now())


def _find(account_id: UUID) -> GatewayAccount:
    connected_ones = GatewayAccount.objects.filter(state=GatewayAccount.State.CONNECTED)
    found: GatewayAccount | None = connected_ones.filter(pk=account_id).first()
    if found is None:
        raise NotFound
    return found


def _locked(account_id: UUID) -> GatewayAccount:
    rows = GatewayAccount.objects.select_for_update(no_key=True)
    found: GatewayAccount | None = rows.filter(pk=account_id, state=GatewayAccount.State.CONNECTED).first()
    if found is None:
        raise NotFound
    return found


def _let_go(gateway: Gateway, hook_reference: str) -> None:
    """Remove a hook that is of no use; where that fails it goes on sending messages that are refused."""
    try:
        gateway.remove_hook(hook_reference)
    except (GatewayRefused, GatewayUnsure, GatewayAway) as refusal:
        _log.warning("a hook could not be removed at the provider: %s", refusal.reason)
