"""Sending a payer to the provider's page, in three steps: note what is asked, ask, note the answer.

Promise kept: asked twice, under one key and in the same words, there is one page; where nobody knows whether there is
one, the same is asked again, and nothing is charged meanwhile: no payer has seen it.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import F

from audit import services as audit
from billing.invoices.models import Invoice
from core import ids
from core.actor import Actor
from core.errors import Conflict
from core.money import Money
from payments import events, rules
from payments.gateways.base import (
    Checkout,
    CheckoutAsk,
    Gateway,
    GatewayAway,
    GatewayRefused,
    GatewayUnsure,
)
from payments.models import Attempt, GatewayAccount, PageAsk, Payment, PaymentItem
from payments.services import accounts, mandates, moves, payers, soon
from payments.services.collect.outcomes import is_page_open, tell_payer
from tenancy.context import Scope, scope, use_case
from tenancy.models import only

PAGE_LIFE = timedelta(hours=1)


class PageClosed(Conflict):
    """This payment has ended. Start again from the invoice."""

    code = "page_closed"


@dataclass(frozen=True, slots=True)
class _Asked:
    account: GatewayAccount
    ask: CheckoutAsk
    customer_id: UUID
    save_method: bool


def open_page(
    *,
    tenant_id: UUID,
    attempt_id: UUID,
    return_url: str,
    cancel_url: str,
    at: datetime,
    locale: str = "en",
    actor: Actor | None = None,
) -> str:
    """Return the address of the page on which an attempt is paid; call it outside any transaction.

    Raises:
        NotFound: there is no such attempt.
        PageClosed: it has ended, or was never to be paid on a page.
        GatewayRefused, GatewayAway: there is no page, and the attempt has failed.
        GatewayUnsure: the provider did not answer; asking again is harmless.
    """
    actor = actor or Actor.system("payments.open_page")
    with scope(Scope(tenant_id)):
        asked = prepare(
            attempt_id=attempt_id, return_url=return_url, cancel_url=cancel_url, locale=locale, at=at
        )
        if isinstance(asked, str):
            return asked
        gateway = accounts.for_account(asked.account)
    try:
        checkout = gateway.open_checkout(_with_payer(tenant_id, gateway, asked, at))
    except GatewayUnsure:
        with scope(Scope(tenant_id)):
            unsure(attempt_id=attempt_id, actor=actor, at=at)
        raise
    except (GatewayRefused, GatewayAway) as refusal:
        with scope(Scope(tenant_id)):
            fail(attempt_id=attempt_id, code=refusal.reason, actor=actor, at=at)
        raise
    with scope(Scope(tenant_id)):
        url = opened(attempt_id=attempt_id, checkout=checkout, actor=actor, at=at)
    if not url:
        # Somebody else asked at the same moment and was told no: nobody would look after what is paid on this page.
        gateway.close_checkout(checkout.reference)
        raise PageClosed
    return url


def open_again(*, tenant_id: UUID, attempt_id: UUID, actor: Actor, at: datetime) -> None:
    """Ask once more, in the same words and under the same key, for a page nobody knows of (the janitor)."""
    with scope(Scope(tenant_id)):
        ask = only(PageAsk.objects.filter(attempt_id=attempt_id))
        said = None if ask is None else ask.ask
    if said is not None:
        open_page(
            tenant_id=tenant_id,
            attempt_id=attempt_id,
            return_url=said["return_url"],
            cancel_url=said["cancel_url"],
            locale=said["locale"],
            actor=actor,
            at=at,
        )


@use_case
def prepare(
    *, attempt_id: UUID, return_url: str, cancel_url: str, locale: str, at: datetime
) -> "_Asked | str":
    """Note what is asked of the provider; the address itself where the page is there already."""
    payment, attempt = moves.lock_attempt(attempt_id)
    if is_page_open(attempt, at) and attempt.page_url:
        return str(attempt.page_url)
    if attempt.saved_method_id or attempt.state not in (Attempt.State.CREATED, Attempt.State.UNKNOWN):
        raise PageClosed
    said = _said(payment, attempt, return_url=return_url, cancel_url=cancel_url, locale=locale, at=at)
    ask = CheckoutAsk(
        key=ids.encode("attempt", attempt.pk),
        attempt=ids.encode("attempt", attempt.pk),
        amount=Money(payment.amount_minor, payment.currency),
        description=said["description"],
        return_url=said["return_url"],
        cancel_url=said["cancel_url"],
        expires_at=datetime.fromisoformat(said["expires_at"]),
        save_method=attempt.save_method,
        customer=said.get("customer") or None,
        # A card is what is expected, not all that is taken: the page offers what the organization's account does.
        method="" if payment.method == Payment.Method.CARD else payment.method,
        locale=said["locale"],
    )
    account = GatewayAccount.objects.get(pk=attempt.account_id)
    return _Asked(account, ask, payment.customer_id, attempt.save_method)


@use_case
def opened(*, attempt_id: UUID, checkout: Checkout, actor: Actor, at: datetime) -> str:
    """Note the page there is now, and return its address; nothing where the attempt has ended meanwhile."""
    payment, attempt = moves.lock_attempt(attempt_id)
    if attempt.state == Attempt.State.OPEN and attempt.checkout_reference == checkout.reference:
        return checkout.url
    attempt.checkout_reference = checkout.reference
    attempt.page_expires_at = checkout.expires_at
    if attempt.state in (Attempt.State.CREATED, Attempt.State.UNKNOWN):
        attempt.page_url = checkout.url
        attempt.asked = 0
        ask_at = at + rules.pause(attempt.asked)
        moves.enter(payment, attempt, Attempt.State.OPEN, at=at, ask_at=ask_at)
        audit.record(events.PAYMENT_OPENED, actor=actor, subject=("payment", payment.pk))
        if PaymentItem.objects.filter(
            payment=payment, amount_minor__gt=F("invoice__amount_due_minor")
        ).exists():
            # The invoice got money while the provider was asked: nobody could close a page that was not there yet.
            soon.close_superseded()
        return checkout.url
    # It is looked at once more after the page has ended, whatever was made of it.
    attempt.ask_at = (checkout.expires_at or at + PAGE_LIFE) + rules.PATIENCE
    attempt.save(force_update=True)
    return ""


@use_case
def unsure(*, attempt_id: UUID, actor: Actor, at: datetime) -> None:
    """Note that nobody knows what the provider did; the janitor asks."""
    payment, attempt = moves.lock_attempt(attempt_id)
    if attempt.state in (Attempt.State.CREATED, Attempt.State.UNKNOWN):
        first = attempt.state == Attempt.State.CREATED
        moves.enter(payment, attempt, Attempt.State.UNKNOWN, at=at, ask_at=at + rules.wait(attempt.asked))
        if first:
            audit.record(events.PAYMENT_UNSURE, actor=actor, subject=("payment", payment.pk), result="failed")


@use_case
def fail(*, attempt_id: UUID, code: str, actor: Actor, at: datetime) -> None:
    """Note that surely nothing happened at the provider, and why."""
    payment, attempt = moves.lock_attempt(attempt_id)
    if attempt.state not in (Attempt.State.CREATED, Attempt.State.UNKNOWN):
        return
    attempt.failure_code = payment.failure_code = code
    moves.enter(payment, attempt, Attempt.State.FAILED, at=at, ask_at=None)
    PageAsk.objects.filter(attempt=attempt).delete()
    audit.record(
        events.PAYMENT_FAILED,
        actor=actor,
        subject=("payment", payment.pk),
        facts={"code": code},
        result="failed",
    )
    moves.tell(payment, "failed")
    tell_payer(payment, code, actor, at)


def _said(
    payment: Payment, attempt: Attempt, *, return_url: str, cancel_url: str, locale: str, at: datetime
) -> dict[str, Any]:
    """Return what was said when a page was first asked for, or keep what is said now."""
    before = only(PageAsk.objects.filter(attempt=attempt))
    if before is not None:
        return dict(before.ask)
    who = {"account_id": attempt.account_id, "customer_id": payment.customer_id}
    if attempt.save_method and not payers.may_keep(source=payment.source, **who):
        # Something has been kept since it began.
        attempt.save_method = False
        attempt.save(update_fields=["save_method"])
    said: dict[str, Any] = {
        "return_url": return_url,
        "cancel_url": cancel_url,
        "locale": locale,
        "description": describe(payment),
        "expires_at": (at + PAGE_LIFE).isoformat(),
        # Whoever has signed in is offered what they kept on the provider's page; the holder of a link sees none of it.
        "customer": payers.returning(**who) if payment.source == Payment.Source.PORTAL else "",
    }
    if attempt.save_method:
        said["agreed"] = mandates.by_kind()
    PageAsk(attempt=attempt, customer_id=payment.customer_id, ask=said, created_at=at).save(force_insert=True)
    return said


def describe(payment: Payment) -> str:
    """Say what a payment is for by the numbers of its invoices: all that the provider learns."""
    numbers = list(
        Invoice.objects.filter(pk__in=[invoice_id for invoice_id, _ in moves.items_of(payment.pk)])
        .order_by("number")
        .values_list("number", flat=True)[:5]
    )
    return ", ".join(str(number) for number in numbers)


def _with_payer(tenant_id: UUID, gateway: Gateway, asked: _Asked, at: datetime) -> CheckoutAsk:
    if not asked.save_method:
        return asked.ask
    customer = payers.known(
        tenant_id=tenant_id, account=asked.account, gateway=gateway, customer_id=asked.customer_id, at=at
    )
    return replace(asked.ask, customer=customer)
