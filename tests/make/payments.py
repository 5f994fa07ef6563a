"""Builders of payments, through the ordinary services, inside the scope that is open.

What a provider would say is given by `says`; the paths that ask a provider for it speak to the sandbox instead. The
short ones (`bank`, `card`, `saved`, `disputed`, `promised`) take bare ids and happen now: they are for tests about
something else than how money comes and goes.
"""

import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from billing.customers.models import Customer
from billing.invoices.models import Invoice
from core import clock, ids
from core.actor import Actor
from core.money import Money
from payments.gateways.base import (
    DisputeFacts,
    DisputeState,
    Outcome,
    OutcomeState,
    RefundOutcome,
    RefundState,
    SavedMethod,
)
from payments.models import Attempt, Dispute, GatewayAccount, Payment, PaymentMethod, Refund
from payments.services import collect, disputes, methods, refunds
from tests.make import billing

AT = billing.AT
ACTOR = Actor.system("tests")


def account(*, secret_key: str = "") -> GatewayAccount:
    """Connect an account with the provider: one of its own in the sandbox, unless a key is given."""
    key = secret_key or f"sk_test_{secrets.token_hex(12)}"
    made = GatewayAccount(
        provider="stripe",
        livemode=False,
        secret_key=key,
        secret_key_last4=key[-4:],
        hook_digest=secrets.token_bytes(32),
        connected_at=AT,
    )
    made.save(force_insert=True)
    return made


def the_account() -> GatewayAccount:
    """Return the connected account, connecting one where there is none."""
    return GatewayAccount.objects.filter(state="connected").first() or account()


def bank_payment(
    *wanted: tuple[Invoice, int] | Invoice,
    of: Customer | None = None,
    amount_minor: int = 0,
    reference: str = "",
    at: datetime = AT,
    **more,
) -> Payment:
    """Record a bank payment of these invoices (all that is due, unless an amount is named with one)."""
    items = [_item(one) for one in wanted]
    customer_id = of.pk if of is not None else _invoice(wanted[0]).customer_id
    return collect.record(
        customer_id=customer_id,
        currency=more.pop("currency", "EUR"),
        amount_minor=amount_minor or sum(amount for _, amount in items),
        wanted=items,
        received_on=more.pop("received_on", at.date()),
        reference=reference,
        source=more.pop("source", Payment.Source.STAFF),
        actor=more.pop("actor", ACTOR),
        at=at,
        **more,
    )


def started(*wanted: tuple[Invoice, int] | Invoice, at: datetime = AT, **more) -> Attempt:
    """Begin to collect these invoices by card."""
    return collect.start(
        customer_id=_invoice(wanted[0]).customer_id,
        items=[_item(one) for one in wanted],
        account_id=more.pop("account_id", None) or the_account().pk,
        source=more.pop("source", Payment.Source.PORTAL),
        actor=more.pop("actor", ACTOR),
        at=at,
        **more,
    )


def says(made: Attempt, /, state: str = "succeeded", **more) -> Outcome:
    """Return what the provider would say of an attempt; name what is to differ."""
    payment = Payment.objects.get(pk=made.payment_id)
    amount = Money(more.pop("amount_minor", payment.amount_minor), more.pop("currency", payment.currency))
    plain = Outcome(
        state=OutcomeState(state),
        reference=f"pi_{made.pk.hex}",
        amount=amount,
        attempt=ids.encode("attempt", made.pk),
        method=method() if state == "succeeded" else None,
    )
    return replace(plain, **more)


def method(reference: str = "", **more) -> SavedMethod:
    """Return a card as a provider shows it."""
    named = {"kind": "card", "brand": "visa", "last4": "4242", "expires_month": 12, "expires_year": 2030}
    return SavedMethod(reference=reference or f"pm_{secrets.token_hex(8)}", **named | more)


def apply(made: Attempt, /, state: str = "succeeded", *, at: datetime = AT, **more) -> Attempt:
    """Apply what the provider says of an attempt, and return the attempt as it then is."""
    collect.apply_outcome(attempt_id=made.pk, outcome=says(made, state, **more), actor=ACTOR, at=at)
    return Attempt.objects.select_related("payment").get(pk=made.pk)


def card_payment(*wanted: tuple[Invoice, int] | Invoice, at: datetime = AT, **more) -> Payment:
    """Make a payment by card that has arrived."""
    return apply(started(*wanted, at=at, **more), at=at).payment


def refund_says(made: Refund, /, state: str = "succeeded", **more) -> RefundOutcome:
    """Return what the provider would say of a refund."""
    plain = RefundOutcome(
        state=RefundState(state),
        reference=f"re_{made.pk.hex}",
        payment=made.payment.reference,
        amount=Money(made.amount_minor, made.currency),
        refund=ids.encode("refund", made.pk),
    )
    return replace(plain, **more)


def dispute_says(made: Payment, /, state: str = "needs_response", **more) -> DisputeFacts:
    """Return what the provider would say of a dispute about a whole payment."""
    plain = DisputeFacts(
        reference=f"dp_{made.pk.hex}",
        payment=made.reference,
        state=DisputeState(state),
        amount=Money(made.captured_minor, made.currency),
        reason="fraudulent",
        answer_by=None,
        opened_at=AT,
    )
    return replace(plain, **more)


def bank(
    customer_id: UUID,
    amount_minor: int,
    *,
    onto: tuple[tuple[UUID, int], ...] = (),
    reference: str = "",
    currency: str = "EUR",
) -> Payment:
    """Record a bank payment of today."""
    return bank_payment(
        *((Invoice.objects.get(pk=pk), share) for pk, share in onto),
        of=Customer.objects.get(pk=customer_id),
        amount_minor=amount_minor,
        reference=reference,
        currency=currency,
        at=clock.now(),
    )


def card(customer_id: UUID, invoice_id: UUID, amount_minor: int, *, state: str = "succeeded") -> Payment:
    """Make a payment by card through a pay link: one that succeeded, failed, or is held."""
    invoice = Invoice.objects.get(pk=invoice_id, customer_id=customer_id)
    at = clock.now()
    made = started((invoice, amount_minor), at=at, source=Payment.Source.PAY_LINK)
    if state == "held":
        # More came than was asked for.
        return apply(made, amount_minor=amount_minor + 1, at=at).payment
    code = {"code": "insufficient_funds"} if state == "failed" else {}
    return apply(made, state, at=at, **code).payment


def saved(customer_id: UUID) -> PaymentMethod:
    """Save a card."""
    return methods.save(
        customer_id=customer_id, account_id=the_account().pk, method=method(), actor=ACTOR, at=clock.now()
    )


def disputed(payment: Payment, *, hours: int = 72) -> Dispute:
    """Let a payment's payer contest it, as the provider tells it; it is to be answered in so many hours."""
    at = clock.now()
    facts = dispute_says(
        payment, reason="product_not_received", answer_by=at + timedelta(hours=hours), opened_at=at
    )
    return disputes.apply_facts(facts=facts, actor=ACTOR, at=at)


def promised(payment: Payment, amount_minor: int) -> Refund:
    """Promise money back; nothing has been sent."""
    return refunds.ask(
        payment_id=payment.pk,
        amount_minor=amount_minor,
        reason="Not needed any more",
        actor=ACTOR,
        at=clock.now(),
    )


def fresh(row):
    """Return a row as it is now."""
    return type(row).objects.get(pk=row.pk)


def events_of(subject: UUID) -> list[str]:
    """Return the codes of the events about one record, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT event FROM audit_event WHERE subject_id = %s ORDER BY at, id", [subject])
        return [code for (code,) in cursor.fetchall()]


def _invoice(wanted: tuple[Invoice, int] | Invoice) -> Invoice:
    return wanted[0] if isinstance(wanted, tuple) else wanted


def _item(wanted: tuple[Invoice, int] | Invoice) -> tuple[UUID, int]:
    if isinstance(wanted, tuple):
        return wanted[0].pk, wanted[1]
    return wanted.pk, Invoice.objects.get(pk=wanted.pk).amount_due_minor
