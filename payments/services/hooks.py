"""What the provider tells us: taken in once, believed never, applied by asking.

Promises kept (bad, old, replayed, foreign and untrue messages change nothing): a message is verified over its raw bytes
before anything of it is read; its event is taken in once under a unique key, however often and in whatever order it
comes; of it only names are kept, and what became of the object is asked of the provider; nothing waits for the provider
in the request, and what could not be applied is tried again.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F, Q, QuerySet

from accounts import tokens
from audit import services as audit
from core import ids
from core.actor import Actor
from core.errors import NotFound, Refusal
from payments import events
from payments.gateways.base import (
    Gateway,
    GatewayAway,
    GatewayRefused,
    GatewayUnsure,
    HookEvent,
    HookObject,
    HookRefused,
    Outcome,
)
from payments.models import Attempt, GatewayAccount, HookReceipt
from payments.services import accounts, collect, disputes, janitor, refunds, soon
from tenancy.context import Scope, scope, use_case
from tenancy.models import only

_log = logging.getLogger("strongbox.payments")
MOST_BYTES = 256 * 1024
BATCH = 50
LEASE = timedelta(minutes=2)
MOST_TRIES = 14
RETENTION = timedelta(days=180)
_LONGEST_PAUSE = timedelta(hours=2)
_PUT_BACK_FOR = timedelta(seconds=5)
_NOTE_EVERY = timedelta(seconds=10)
_MOST_REMOVED = 10_000
# Nothing else will come of asking again.
_OF_NO_INTEREST = frozenset({"resource_missing", "not_a_payment"})


class HookDoorUnknown(NotFound):
    """There is no such address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """One message to be applied."""

    id: UUID
    account: GatewayAccount
    kind: HookObject
    reference: str
    tries: int


def tenant_of(link: str) -> UUID:
    """Read which organization the secret of a hook's address names; it proves nothing yet.

    Raises:
        HookDoorUnknown: it is no address of ours.
    """
    try:
        return tokens.tenant_of_link(link)
    except NotFound:
        raise HookDoorUnknown from None


def account_of(link: str) -> GatewayAccount:
    """Return the account whose hook this address is, in the organization in scope.

    Raises:
        HookDoorUnknown: it is nobody's here.
    """
    found: GatewayAccount | None = only(GatewayAccount.objects.filter(hook_digest=accounts.digest(link)))
    if found is None:
        raise HookDoorUnknown
    return found


@use_case
def take(*, account: GatewayAccount, body: bytes, signature: str, actor: Actor, at: datetime) -> bool:
    """Verify a message and take its event in; True the first time, False when it was here before.

    Raises:
        HookRefused: too large, not signed by the provider, of another time or mode, or unreadable.
    """
    if len(body) > MOST_BYTES:
        raise HookRefused("too_large")
    held = (account.hook_secret, account.previous_hook_secret)
    event = accounts.for_account(account).read_hook(
        body=body, signature=signature, secrets=[secret for secret in held if secret], at=at
    )
    if event.livemode != account.livemode:
        raise HookRefused("other_mode")
    if account.last_hook_at is None or account.last_hook_at < at - _NOTE_EVERY:
        GatewayAccount.objects.filter(
            Q(last_hook_at__isnull=True) | Q(last_hook_at__lt=at - _NOTE_EVERY), pk=account.pk
        ).update(last_hook_at=at)
    receipt = _insert(account, event, at)
    if receipt is None:
        return False
    audit.record(
        events.HOOK_RECEIVED,
        actor=actor,
        subject=("gateway_account", account.pk),
        facts={"type": event.type, "receipt": str(receipt.pk)},
    )
    soon.apply_hooks()
    return True


def apply_due(*, tenant_id: UUID, actor: Actor, now: Callable[[], datetime]) -> int:
    """Apply what is due in one organization, each message in steps of its own; return how many were applied.

    A provider that does not answer ends the run: what is left waits a little, and keeps no worker waiting with it.
    """
    applied = 0
    while True:
        with scope(Scope(tenant_id)):
            claimed = claim(at=now())
        if not claimed:
            return applied
        for place, one in enumerate(claimed):
            state, failure, silent = _try(tenant_id, one, actor, now())
            with scope(Scope(tenant_id)):
                note(receipt_id=one.id, state=state, failure=failure, actor=actor, at=now())
                if silent:
                    put_back(receipt_ids=[each.id for each in claimed[place + 1 :]], at=now())
            if silent:
                return applied
            applied += state is HookReceipt.State.APPLIED


def _try(tenant_id: UUID, one: Claimed, actor: Actor, at: datetime) -> tuple[HookReceipt.State, str, bool]:
    """Apply one message: what became of it, why not, and whether the provider is silent."""
    try:
        done = _apply(tenant_id, one, actor, at)
    except (GatewayAway, GatewayUnsure) as refusal:
        return HookReceipt.State.FAILED, refusal.reason, True
    except GatewayRefused as refusal:
        ignored = refusal.reason in _OF_NO_INTEREST
        return HookReceipt.State.IGNORED if ignored else HookReceipt.State.FAILED, refusal.reason, False
    except Refusal as refusal:
        return HookReceipt.State.FAILED, refusal.code, False
    except janitor.UNFIT:
        # One message that nobody can apply must not stand in the way of those that came after it.
        _log.exception("a message could not be applied")
        return HookReceipt.State.FAILED, "unfit", False
    return HookReceipt.State.APPLIED if done else HookReceipt.State.IGNORED, "", False


def is_due(*, at: datetime) -> bool:
    """Tell whether anything waits to be applied in the organization in scope."""
    return _due(at).exists()


@use_case
def claim(*, at: datetime) -> list[Claimed]:
    """Take up to fifty due messages for two minutes; those of another worker are passed over."""
    rows = _due(at).select_related("account").select_for_update(of=("self",), skip_locked=True)
    found = list(rows.order_by("next_try_at", "id")[:BATCH])
    for receipt in found:
        receipt.tries += 1
        receipt.next_try_at = at + LEASE
        receipt.save(update_fields=["tries", "next_try_at"])
    return [
        Claimed(
            id=receipt.pk,
            account=receipt.account,
            kind=_kind(receipt.event_type),
            reference=receipt.object_reference,
            tries=receipt.tries,
        )
        for receipt in found
    ]


@use_case
def note(*, receipt_id: UUID, state: HookReceipt.State, failure: str, actor: Actor, at: datetime) -> None:
    """Note how it went; what failed is tried again after 2, 4, 8… seconds, and given up after fourteen tries."""
    receipt = HookReceipt.objects.select_for_update(no_key=True).get(pk=receipt_id)
    if receipt.state in (HookReceipt.State.APPLIED, HookReceipt.State.IGNORED):
        return
    receipt.state, receipt.failure = state, failure[:60]
    if state is HookReceipt.State.APPLIED:
        receipt.applied_at = at
    elif state is HookReceipt.State.FAILED and receipt.tries >= MOST_TRIES:
        receipt.state = HookReceipt.State.IGNORED
        audit.record(
            events.HOOK_GIVEN_UP,
            actor=actor,
            subject=("gateway_account", receipt.account_id),
            facts={"type": receipt.event_type, "receipt": str(receipt.pk), "code": receipt.failure},
            result="failed",
        )
    else:
        receipt.next_try_at = at + min(timedelta(seconds=2**receipt.tries), _LONGEST_PAUSE)
    receipt.save(update_fields=["state", "failure", "applied_at", "next_try_at"])


@use_case
def put_back(*, receipt_ids: Sequence[UUID], at: datetime) -> None:
    """Give claimed messages back untried."""
    HookReceipt.objects.filter(pk__in=receipt_ids).update(
        tries=F("tries") - 1, next_try_at=at + _PUT_BACK_FOR
    )


@use_case
def remove_old(*, at: datetime) -> int:
    """Remove messages 180 days after they came, at most 10,000 at a time; return how many."""
    rows = HookReceipt.objects.filter(received_at__lt=at - RETENTION)
    keys = list(rows.order_by("received_at").values_list("pk", flat=True)[:_MOST_REMOVED])
    return int(HookReceipt.objects.filter(pk__in=keys).delete()[0]) if keys else 0


def _due(at: datetime) -> QuerySet[HookReceipt]:
    waiting = (HookReceipt.State.RECEIVED, HookReceipt.State.FAILED)
    return HookReceipt.objects.filter(state__in=waiting, next_try_at__lte=at)


def _insert(account: GatewayAccount, event: HookEvent, at: datetime) -> HookReceipt | None:
    receipt = HookReceipt(
        account=account,
        event_reference=event.id,
        event_type=event.type,
        object_reference=event.object_reference,
        next_try_at=at,
        created_at=event.created_at,
        received_at=at,
    )
    if event.object_kind in (HookObject.OTHER, HookObject.METHOD):
        receipt.state = HookReceipt.State.IGNORED
    # Who sends the same at the same moment waits here for the other connection, and then brings nothing.
    HookReceipt.objects.bulk_create([receipt], ignore_conflicts=True)
    return receipt if HookReceipt.objects.filter(pk=receipt.pk).exists() else None


def _kind(event_type: str) -> HookObject:
    family = event_type.rpartition(".")[0]
    return {
        "checkout.session": HookObject.CHECKOUT,
        "payment_intent": HookObject.PAYMENT,
        "refund": HookObject.REFUND,
        "charge.dispute": HookObject.DISPUTE,
    }.get(family, HookObject.OTHER)


def _apply(tenant_id: UUID, one: Claimed, actor: Actor, at: datetime) -> bool:
    """Ask the provider about the object and apply what it says; False when it is none of ours."""
    gateway = accounts.for_account(one.account)
    match one.kind:
        case HookObject.CHECKOUT | HookObject.PAYMENT:
            return _apply_outcome(tenant_id, one.account, gateway.look_up(one.reference), actor, at)
        case HookObject.REFUND:
            return _apply_refund(tenant_id, gateway, one, actor, at)
        case HookObject.DISPUTE:
            return _apply_dispute(tenant_id, gateway, one, actor, at)
    return False


def _apply_outcome(
    tenant_id: UUID, account: GatewayAccount, outcome: Outcome, actor: Actor, at: datetime
) -> bool:
    attempt_id = _ours("attempt", outcome.attempt)
    if attempt_id is None:
        return False
    with scope(Scope(tenant_id)):
        # An attempt of another account is told of by that account's own hook.
        if not Attempt.objects.filter(pk=attempt_id, account_id=account.pk).exists():
            return False
        collect.apply_outcome(attempt_id=attempt_id, outcome=outcome, actor=actor, at=at)
    return True


def _apply_refund(tenant_id: UUID, gateway: Gateway, one: Claimed, actor: Actor, at: datetime) -> bool:
    outcome = gateway.look_up_refund(one.reference)
    refund_id = _ours("refund", outcome.refund)
    if refund_id is None:
        return False
    with scope(Scope(tenant_id)):
        try:
            refunds.apply(refund_id=refund_id, outcome=outcome, actor=actor, at=at)
        except NotFound:
            return False
    return True


def _apply_dispute(tenant_id: UUID, gateway: Gateway, one: Claimed, actor: Actor, at: datetime) -> bool:
    facts = gateway.look_up_dispute(one.reference)
    if not facts.payment:
        return False
    # A dispute may be heard of before the payment it is about.
    paid = _apply_outcome(tenant_id, one.account, gateway.look_up(facts.payment), actor, at)
    if not paid:
        return False
    with scope(Scope(tenant_id)):
        disputes.apply_facts(facts=facts, actor=actor, at=at)
    return True


def _ours(kind: str, text: str) -> UUID | None:
    """Read an id of ours as the provider knows it; None when it is none."""
    try:
        return ids.decode(kind, text) if text else None
    except NotFound:
        return None
