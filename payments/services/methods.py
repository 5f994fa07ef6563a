"""Saved payment methods: a token at the provider, with the words its holder agreed to.

Promise kept: what is stored of a card is its brand, last four digits and expiry. Removing one ends every standing
permission to charge it, before the provider is asked to forget it.
"""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from audit import services as audit
from core.actor import Actor
from core.errors import Conflict, NotFound
from outbound.webhooks import services as webhooks
from payments import events
from payments.gateways.base import GatewayAway, GatewayRefused, GatewayUnsure, SavedMethod
from payments.models import Attempt, Autopay, GatewayAccount, PaymentMethod
from payments.services import accounts, mandates, soon
from tenancy.context import Scope, scope, use_case
from tenancy.models import only


class MethodUnusable(Conflict):
    """This way to pay cannot be used any more. Add it again."""

    code = "payment_method_unusable"


class MethodRemoved(Conflict):
    """This payment method was removed."""

    code = "payment_method_removed"


@use_case
def save(
    *,
    customer_id: UUID,
    account_id: UUID,
    method: SavedMethod,
    actor: Actor,
    at: datetime,
    mandate_text: str = "",
) -> PaymentMethod:
    """Keep a method that the provider has saved for a customer, or return it where it is kept already.

    The first one that can be used becomes the usual one. `mandate_text` are the words agreed to; without them, those
    of today.

    Raises:
        NotFound: the provider's method is kept for another customer.
    """
    before: PaymentMethod | None = only(
        PaymentMethod.objects.select_for_update(no_key=True).filter(
            account_id=account_id, reference=method.reference
        )
    )
    if before is not None and before.customer_id != customer_id:
        raise NotFound
    if before is not None and before.state == PaymentMethod.State.ACTIVE:
        return before
    kept = before or PaymentMethod(
        customer_id=customer_id, account_id=account_id, reference=method.reference, kind=method.kind
    )
    kept.state, kept.removed_at = PaymentMethod.State.ACTIVE, None
    kept.brand, kept.last4 = method.brand, method.last4
    kept.expires_month, kept.expires_year = method.expires_month, method.expires_year
    kept.mandate_text = mandate_text or mandates.saving(kind=method.kind)
    kept.agreed_at, kept.agreed_by = at, actor.id
    usual = _active(customer_id).filter(is_default=True)
    kept.is_default = not usual.exclude(pk__in=gone(customer_id)).exists()
    if kept.is_default:
        _not_usual(usual)
    kept.save()
    audit.record(events.METHOD_SAVED, actor=actor, subject=("payment_method", kept.pk))
    _tell(kept, "attached")
    soon.close_superseded()
    return kept


def keep(*, attempt: Attempt, method: SavedMethod, actor: Actor, at: datetime) -> None:
    """Keep the method that an attempt was paid with, because its payer asked for it, with the words they were shown.

    Another's is left alone.
    """
    another = PaymentMethod.objects.filter(account_id=attempt.account_id, reference=method.reference).exclude(
        customer_id=attempt.customer_id
    )
    if method.reference and method.kind in PaymentMethod.Kind.values and not another.exists():
        save(
            customer_id=attempt.customer_id,
            account_id=attempt.account_id,
            method=method,
            mandate_text=mandates.shown(attempt, kind=method.kind),
            actor=actor,
            at=at,
        )


@use_case
def make_default(*, method_id: UUID, actor: Actor, at: datetime) -> PaymentMethod:
    """Make a method its customer's usual one.

    Raises:
        NotFound: there is no such method.
        MethodRemoved: it was removed.
        MethodUnusable: its account at the provider is not connected any more.
    """
    method = _locked(method_id)
    if method.state != PaymentMethod.State.ACTIVE:
        raise MethodRemoved
    if method.pk in gone(method.customer_id):
        raise MethodUnusable
    if method.is_default:
        return method
    _not_usual(_active(method.customer_id).filter(is_default=True))
    method.is_default = True
    method.save(update_fields=["is_default"])
    audit.record(events.METHOD_DEFAULT, actor=actor, subject=("payment_method", method.pk))
    return method


def forget(*, tenant_id: UUID, method_id: UUID) -> None:
    """Have the provider forget a method that was removed; harmless twice. Call it outside any transaction."""
    with scope(Scope(tenant_id)):
        method = PaymentMethod.objects.select_related("account").get(pk=method_id)
        gateway = accounts.for_account(method.account)
    if method.state != PaymentMethod.State.REMOVED:
        return
    try:
        gateway.detach(method.reference)
    except (GatewayRefused, GatewayAway, GatewayUnsure):
        # It is charged by nobody; the daily sweep asks once more.
        return


@use_case
def remove(*, method_id: UUID, actor: Actor, at: datetime) -> PaymentMethod:
    """Remove a method and end the standing permissions to charge it; the provider forgets it after the commit.

    Raises:
        NotFound: there is no such method.
    """
    method = _locked(method_id)
    if method.state == PaymentMethod.State.REMOVED:
        return method
    method.state, method.is_default, method.removed_at = PaymentMethod.State.REMOVED, False, at
    method.save(update_fields=["state", "is_default", "removed_at"])
    for autopay in Autopay.objects.filter(payment_method=method, ended_at__isnull=True):
        autopay.ended_at = at
        autopay.save(update_fields=["ended_at"])
        audit.record(events.AUTOPAY_STOPPED, actor=actor, subject=("customer", autopay.customer_id))
    audit.record(events.METHOD_REMOVED, actor=actor, subject=("payment_method", method.pk))
    _tell(method, "removed")
    soon.forget_methods()
    return method


def gone(customer_id: UUID) -> frozenset[UUID]:
    """Name a customer's methods that nobody can charge: a token of one account means nothing to another."""
    rows = _active(customer_id).exclude(account__state=GatewayAccount.State.CONNECTED)
    return frozenset(rows.values_list("pk", flat=True))


def agreed_words(method_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return the words that were agreed to when methods were saved, as they stood there."""
    rows = PaymentMethod.objects.filter(pk__in=method_ids).only("id", "tenant_id", "mandate_text")
    return {row.pk: row.mandate_text or "" for row in rows}


def _not_usual(rows: "QuerySet[PaymentMethod]") -> None:
    for method in rows.select_for_update(no_key=True):
        method.is_default = False
        method.save(update_fields=["is_default"])


def _locked(method_id: UUID) -> PaymentMethod:
    method: PaymentMethod | None = only(
        PaymentMethod.objects.select_for_update(no_key=True).filter(pk=method_id)
    )
    if method is None:
        raise NotFound
    return method


def _active(customer_id: UUID) -> "QuerySet[PaymentMethod]":
    rows: QuerySet[PaymentMethod] = PaymentMethod.objects.filter(
        customer_id=customer_id, state=PaymentMethod.State.ACTIVE
    )
    return rows


def _tell(method: PaymentMethod, what: str) -> None:
    webhooks.publish(
        type=f"payment_method.{what}",
        subject=("payment_method", method.pk),
        data={"customer": method.customer_id, "kind": method.kind, "status": method.state},
    )
