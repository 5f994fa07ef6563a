"""Money that came and went, for tests about something else than how. Call these inside a scope."""

import os
from datetime import timedelta
from uuid import UUID

from billing.ledger.rules import Account
from billing.settlement import services as settlement
from core import clock
from core.actor import Actor
from core.money import Money
from payments.gateways.base import DisputeFacts, DisputeState
from payments.models import Attempt, Dispute, GatewayAccount, Payment, PaymentItem, PaymentMethod, Refund
from payments.services import collect, disputes

ACTOR = Actor.system("tests")


def account() -> GatewayAccount:
    """Return the organization's account with the provider, connected by nobody."""
    found = GatewayAccount.objects.filter(state=GatewayAccount.State.CONNECTED).first()
    if found is not None:
        return found
    made = GatewayAccount(
        provider="stripe",
        livemode=False,
        secret_key="sk_test_" + "0" * 24,
        secret_key_last4="0000",
        hook_digest=os.urandom(32),
        connected_at=clock.now(),
    )
    made.save(force_insert=True)
    return made


def bank(
    customer_id: UUID, amount_minor: int, *, onto: tuple[tuple[UUID, int], ...] = (), reference: str = ""
) -> Payment:
    """Record a bank payment of today."""
    at = clock.now()
    return collect.record(
        customer_id=customer_id,
        currency="EUR",
        amount_minor=amount_minor,
        wanted=onto,
        received_on=at.date(),
        reference=reference,
        source=Payment.Source.STAFF,
        actor=ACTOR,
        at=at,
    )


def card(customer_id: UUID, invoice_id: UUID, amount_minor: int, *, state: str = "succeeded") -> Payment:
    """Make a payment by card with one attempt; one that succeeded is settled, any other moved no money."""
    at, succeeded = clock.now(), state == "succeeded"
    payment = Payment(
        customer_id=customer_id,
        account=account(),
        state=state,
        method=Payment.Method.CARD,
        source=Payment.Source.PAY_LINK,
        currency="EUR",
        amount_minor=amount_minor,
        captured_minor=amount_minor if succeeded else 0,
        reference="pi_" + os.urandom(12).hex(),
        brand="visa",
        last4="4242",
        created_at=at,
        updated_at=at,
        succeeded_at=at if succeeded else None,
        failure_code="" if succeeded or state == "held" else "insufficient_funds",
    )
    payment.save(force_insert=True)
    PaymentItem.objects.create(
        payment=payment, customer_id=customer_id, invoice_id=invoice_id, position=0, amount_minor=amount_minor
    )
    Attempt.objects.create(
        payment=payment,
        customer_id=customer_id,
        account=account(),
        number=1,
        state=state,
        reference=payment.reference,
        created_at=at,
        updated_at=at,
    )
    if succeeded:
        settlement.settle(
            customer_id=customer_id,
            currency="EUR",
            amount_minor=amount_minor,
            wanted=[(invoice_id, amount_minor)],
            payment_id=payment.pk,
            cash_account=Account.GATEWAY,
            kind="payment_received",
            booked_on=at.date(),
            actor=ACTOR,
            at=at,
        )
    return payment


def method(customer_id: UUID) -> PaymentMethod:
    """Save a card."""
    made = PaymentMethod(
        customer_id=customer_id,
        account=account(),
        reference="pm_" + os.urandom(12).hex(),
        kind=PaymentMethod.Kind.CARD,
        is_default=not PaymentMethod.objects.filter(customer_id=customer_id, is_default=True).exists(),
        brand="visa",
        last4="4242",
        expires_month=8,
        expires_year=2031,
        agreed_at=clock.now(),
    )
    made.save(force_insert=True)
    return made


def dispute(payment: Payment, *, hours: int = 72) -> Dispute:
    """Let a payment's payer contest it, as the provider tells it; it is to be answered in so many hours."""
    at = clock.now()
    facts = DisputeFacts(
        reference="dp_" + os.urandom(12).hex(),
        payment=payment.reference,
        state=DisputeState.NEEDS_RESPONSE,
        amount=Money(payment.captured_minor, payment.currency),
        reason="product_not_received",
        answer_by=at + timedelta(hours=hours),
        opened_at=at,
    )
    return disputes.apply_facts(facts=facts, actor=ACTOR, at=at)


def refund(payment: Payment, amount_minor: int) -> Refund:
    """Promise money back; nothing has been sent."""
    at = clock.now()
    made = Refund(
        payment=payment,
        customer_id=payment.customer_id,
        state=Refund.State.PENDING,
        currency=payment.currency,
        amount_minor=amount_minor,
        reason="Not needed any more",
        created_at=at,
        updated_at=at,
    )
    made.save(force_insert=True)
    payment.refresh_from_db(fields=["refunding_minor"])
    payment.refunding_minor += amount_minor
    payment.save(update_fields=["refunding_minor"])
    return made
