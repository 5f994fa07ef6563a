"""Asking the provider how an attempt stands, and closing pages nobody should pay on any more.

Promise kept: every attempt that may still move money is asked about until its end is known, and when that takes too
long a person is told; nothing is given up in silence.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q

from audit import services as audit
from billing.invoices.models import Invoice
from core.actor import Actor
from core.errors import NotFound
from payments import events, rules
from payments.gateways.base import Gateway, GatewayAway, GatewayRefused, GatewayUnsure
from payments.models import Attempt, GatewayAccount, PageAsk, Payment, PaymentItem, PaymentMethod
from payments.services import accounts, moves
from payments.services.collect.charging import charge_saved
from payments.services.collect.outcomes import apply_outcome, is_page_open
from payments.services.collect.pages import open_again
from tenancy.context import Scope, scope, use_case
from tenancy.models import only

_AWAY = (GatewayAway, GatewayRefused, GatewayUnsure)
# A direct debit may take two weeks; anything else is known much sooner.
_LONGEST = {Attempt.State.PROCESSING: timedelta(days=14)}
_BATCH = 100


@dataclass(frozen=True, slots=True)
class _Noted:
    gateway: Gateway
    reference: str
    is_saved: bool
    was_asked_for: bool


def ask(*, tenant_id: UUID, attempt_id: UUID, at: datetime, actor: Actor | None = None) -> None:
    """Ask the provider how an attempt stands and apply its answer; call it outside any transaction.

    Where the provider is away, the attempt stays as it is and is asked about later.

    Raises:
        NotFound: there is no such attempt.
    """
    actor = actor or Actor.system("payments.ask")
    with scope(Scope(tenant_id)):
        noted = note_asking(attempt_id=attempt_id, actor=actor, at=at)
    if noted is None:
        return
    try:
        if noted.reference:
            outcome = noted.gateway.look_up(noted.reference)
            with scope(Scope(tenant_id)):
                apply_outcome(attempt_id=attempt_id, outcome=outcome, actor=actor, at=at)
        elif noted.is_saved:
            charge_saved(tenant_id=tenant_id, attempt_id=attempt_id, at=at, actor=actor)
        elif noted.was_asked_for:
            open_again(tenant_id=tenant_id, attempt_id=attempt_id, actor=actor, at=at)
            # Now it is known, and no payer has seen it: whoever comes back begins anew.
            close_page(tenant_id=tenant_id, attempt_id=attempt_id, actor=actor, at=at)
        else:
            with scope(Scope(tenant_id)):
                give_up(attempt_id=attempt_id, actor=actor, at=at)
    except _AWAY:
        # Noted by whoever asked; the next time is noted already.
        return


def close_page(*, tenant_id: UUID, attempt_id: UUID, actor: Actor, at: datetime) -> None:
    """Have a page take no more payment, then ask what became of it; call it outside any transaction.

    Raises:
        NotFound: there is no such attempt.
    """
    with scope(Scope(tenant_id)):
        attempt = only(Attempt.objects.filter(pk=attempt_id))
        if attempt is None:
            raise NotFound
        gateway = accounts.for_account(GatewayAccount.objects.get(pk=attempt.account_id))
        unasked = attempt.state == Attempt.State.CREATED and not _was_asked_for(attempt)
        if unasked or attempt.state == Attempt.State.REQUIRES_ACTION:
            # No page is known to anybody, or no charge goes on without its payer.
            give_up(attempt_id=attempt_id, actor=actor, at=at)
            return
    if attempt.state != Attempt.State.OPEN:
        return
    try:
        gateway.close_checkout(attempt.checkout_reference)
    except _AWAY:
        return
    ask(tenant_id=tenant_id, attempt_id=attempt_id, at=at, actor=actor)


def due(*, at: datetime) -> list[UUID]:
    """Return the attempts of the organization in scope that are to be asked about now, ended ones a last time."""
    rows = Attempt.objects.filter(ask_at__lte=at)
    return list(rows.order_by("ask_at").values_list("pk", flat=True)[:_BATCH])


def superseded() -> list[UUID]:
    """Return the attempts with a page that nobody should pay on any more.

    A newer one has replaced it, or it asks for more than is due by now, or it was opened from a pay link to keep a
    method while there was none, and would offer the one that has been kept since.
    """
    items = PaymentItem.objects.filter(payment_id=OuterRef("payment_id"))
    newer = PaymentItem.objects.filter(
        invoice_id__in=PaymentItem.objects.filter(payment_id=OuterRef(OuterRef("payment_id"))).values(
            "invoice_id"
        ),
        payment__attempts__state__in=rules.LIVE_ATTEMPTS,
        payment__attempts__id__gt=OuterRef("id"),
    )
    owed = items.filter(invoice__status=Invoice.Status.FINALIZED, invoice__amount_due_minor__gt=0)
    too_much = items.filter(amount_minor__gt=F("invoice__amount_due_minor"))
    kept = PaymentMethod.objects.filter(
        account_id=OuterRef("account_id"),
        customer_id=OuterRef("customer_id"),
        state=PaymentMethod.State.ACTIVE,
    )
    offers = Q(save_method=True, payment__source=Payment.Source.PAY_LINK) & Exists(kept)
    rows = Attempt.objects.filter(
        offers | Exists(newer) | Exists(too_much) | ~Exists(owed),
        Q(state=Attempt.State.OPEN)
        | Q(state=Attempt.State.REQUIRES_ACTION)
        | Q(state=Attempt.State.CREATED, saved_method__isnull=True),
        # Every live attempt has one; the index holds no others.
        ask_at__isnull=False,
    )
    return list(rows.order_by("id").values_list("pk", flat=True)[:_BATCH])


@use_case
def note_asking(*, attempt_id: UUID, actor: Actor, at: datetime) -> _Noted | None:
    """Note that the provider is being asked, when next, and that a person should look where it takes too long."""
    payment, attempt = moves.lock_attempt(attempt_id)
    if attempt.state not in rules.LIVE_ATTEMPTS:
        return _last_look(attempt)
    attempt.asked += 1
    attempt.ask_at = _next_look(attempt, at)
    since = at - attempt.created_at
    late = since > _LONGEST.get(Attempt.State(attempt.state), rules.GIVEN_UP_AFTER)
    if late and attempt.failure_code != rules.UNRESOLVED:
        attempt.failure_code = rules.UNRESOLVED
        audit.record(events.PAYMENT_UNRESOLVED, actor=actor, subject=("payment", payment.pk), result="failed")
    attempt.save(update_fields=["asked", "ask_at", "failure_code"])
    reference = attempt.checkout_reference if attempt.state == Attempt.State.OPEN else ""
    reference = reference or attempt.reference or attempt.checkout_reference
    if not reference and attempt.saved_method_id and since > rules.KEY_LIFE:
        # The provider may have forgotten the key: asking again could charge again. A person looks.
        return None
    return _Noted(
        gateway=accounts.for_account(GatewayAccount.objects.get(pk=attempt.account_id)),
        reference=reference,
        is_saved=attempt.saved_method_id is not None,
        was_asked_for=_was_asked_for(attempt),
    )


@use_case
def give_up(*, attempt_id: UUID, actor: Actor, at: datetime) -> None:
    """Note that nobody will pay on an attempt: no page of it was ever asked for, or its payer did not come."""
    payment, attempt = moves.lock_attempt(attempt_id)
    waits = attempt.state == Attempt.State.REQUIRES_ACTION
    if not waits and (attempt.state != Attempt.State.CREATED or _was_asked_for(attempt)):
        return
    moves.enter(payment, attempt, Attempt.State.CANCELED, at=at, ask_at=None)
    audit.record(events.PAYMENT_CANCELED, actor=actor, subject=("payment", payment.pk))


def _last_look(attempt: Attempt) -> _Noted | None:
    """Look once more at a page whose attempt had ended before its end was known."""
    if attempt.ask_at is None or not attempt.checkout_reference:
        return None
    attempt.ask_at = None
    attempt.save(update_fields=["ask_at"])
    account = GatewayAccount.objects.get(pk=attempt.account_id)
    return _Noted(
        gateway=accounts.for_account(account),
        reference=attempt.checkout_reference,
        is_saved=False,
        was_asked_for=True,
    )


def _next_look(attempt: Attempt, at: datetime) -> datetime:
    if attempt.state == Attempt.State.PROCESSING:
        return at + rules.pause(attempt.asked)
    if is_page_open(attempt, at) and attempt.page_expires_at is not None:
        return min(at + rules.pause(attempt.asked), attempt.page_expires_at + rules.PATIENCE)
    return at + rules.wait(attempt.asked)


def _was_asked_for(attempt: Attempt) -> bool:
    return PageAsk.objects.filter(attempt=attempt).exists()
