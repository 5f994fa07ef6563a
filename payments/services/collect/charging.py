"""Charging a saved method while its holder is not there, in three steps: note, ask, note.

Promises kept: a charge is asked for under one key however often it is asked, and never again once the provider may
have forgotten that key; that a second call surely did nothing does not say that the first one did nothing.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core import ids
from core.actor import Actor
from core.errors import Conflict
from core.money import Money
from payments import rules
from payments.gateways.base import ChargeAsk, GatewayAway, GatewayRefused, GatewayUnsure
from payments.models import Attempt, GatewayAccount
from payments.services import accounts, moves, payers
from payments.services.collect.outcomes import apply_outcome
from payments.services.collect.pages import describe, fail, unsure
from tenancy.context import Scope, scope, use_case

# Turned away at the door, whatever was done behind it before.
_KEY_REFUSED = "key_refused"


class NotToBeCharged(Conflict):
    """This attempt has ended, or has no saved method to charge."""

    code = "not_to_be_charged"


@dataclass(frozen=True, slots=True)
class _Asked:
    account: GatewayAccount
    customer_id: UUID
    attempt: str
    amount: Money
    method: str
    kind: str
    description: str
    again: bool


def charge_saved(*, tenant_id: UUID, attempt_id: UUID, at: datetime, actor: Actor | None = None) -> None:
    """Charge the saved method of an attempt; call it outside any transaction. A decline is no error.

    Raises:
        NotFound: there is no such attempt.
        NotToBeCharged: it has ended, or its key may be forgotten.
        GatewayRefused, GatewayAway: nothing was charged by this call; the attempt has failed if it was the first.
        GatewayUnsure: nobody knows yet; the provider is asked later.
    """
    actor = actor or Actor.system("payments.charge_saved")
    with scope(Scope(tenant_id)):
        asked = prepare_charge(attempt_id=attempt_id, at=at)
        gateway = accounts.for_account(asked.account)
    try:
        customer = payers.known(
            tenant_id=tenant_id, account=asked.account, gateway=gateway, customer_id=asked.customer_id, at=at
        )
        outcome = gateway.charge(
            ChargeAsk(
                key=asked.attempt,
                attempt=asked.attempt,
                amount=asked.amount,
                customer=customer,
                method=asked.method,
                kind=asked.kind,
                description=asked.description,
            )
        )
    except GatewayUnsure:
        with scope(Scope(tenant_id)):
            unsure(attempt_id=attempt_id, actor=actor, at=at)
        raise
    except (GatewayRefused, GatewayAway) as refusal:
        with scope(Scope(tenant_id)):
            if asked.again and (isinstance(refusal, GatewayAway) or refusal.reason == _KEY_REFUSED):
                unsure(attempt_id=attempt_id, actor=actor, at=at)
            else:
                fail(attempt_id=attempt_id, code=refusal.reason, actor=actor, at=at)
        raise
    with scope(Scope(tenant_id)):
        apply_outcome(attempt_id=attempt_id, outcome=outcome, actor=actor, at=at)


@use_case
def prepare_charge(*, attempt_id: UUID, at: datetime) -> _Asked:
    """Note that the provider is being asked, so that somebody looks should this process end here."""
    payment, attempt = moves.lock_attempt(attempt_id)
    method = attempt.saved_method
    if method is None or attempt.state not in (Attempt.State.CREATED, Attempt.State.UNKNOWN):
        raise NotToBeCharged
    if at - attempt.created_at > rules.KEY_LIFE:
        raise NotToBeCharged
    again = attempt.state == Attempt.State.UNKNOWN or attempt.asked > 0
    attempt.ask_at = at + rules.LEASE
    attempt.asked += 1
    attempt.save(update_fields=["ask_at", "asked"])
    return _Asked(
        account=GatewayAccount.objects.get(pk=attempt.account_id),
        customer_id=attempt.customer_id,
        attempt=ids.encode("attempt", attempt.pk),
        amount=Money(payment.amount_minor, payment.currency),
        method=method.reference,
        kind=method.kind,
        description=describe(payment),
        again=again,
    )
