"""Credit that expires: by the issuer's rule after so many days without a movement, or by a person, with a reason.

Promise kept: nothing expires unless the organization has said so; a movement of any kind starts the days anew; what
expires is booked as other income and stands in the customer's credit with its cause.
"""

from datetime import date, datetime, timedelta
from uuid import UUID

from django.db.models import Max

from audit import services as audit
from billing import events
from billing.invoices import rules as texts
from billing.issuer import queries as issuers
from billing.ledger import services as ledger
from billing.ledger.rules import Account, Side
from billing.settlement.models import CreditBalance, CreditEntry
from billing.settlement.services.rows import Cause, CreditNotEnough, Money, lock_money, today
from core.actor import Actor
from core.errors import Invalid
from outbound.webhooks import services as webhooks
from tenancy.context import use_case

# How long before it expires credit is listed as about to.
NOTICE = timedelta(days=30)


@use_case
def expire(
    *,
    customer_id: UUID,
    currency: str,
    amount_minor: int,
    reason: str,
    actor: Actor,
    at: datetime,
    seen_minor: int | None = None,
) -> None:
    """Let some of a customer's credit expire now, the oldest money first.

    `seen_minor` is how much there was when somebody decided.

    Raises:
        CreditNotEnough: there is less credit than that, or it is not what was seen.
        Invalid: no reason, or one that cannot be kept.
    """
    errors = texts.text_errors("/reason", reason, texts.REASON_LENGTH, required=True)
    if errors:
        raise Invalid(errors)
    money = lock_money(customer_id=customer_id, currency=currency, booked_on=today(at), actor=actor, at=at)
    if seen_minor not in (None, money.balance.amount_minor):
        raise CreditNotEnough("The credit has changed meanwhile. Look at it again.", field="amount_minor")
    if not 1 <= amount_minor <= money.balance.amount_minor:
        raise CreditNotEnough(field="amount_minor")
    _take(money, amount_minor, reason=reason.strip())


@use_case
def expire_due(*, actor: Actor, at: datetime, most: int = 500) -> int:
    """Let all credit expire whose days are over by the issuer's rule; return of how many customers."""
    days = issuers.credit_expires_days()
    if days is None:
        return 0
    done = 0
    for customer_id, currency in _untouched(at - timedelta(days=days))[:most]:
        money = lock_money(
            customer_id=customer_id, currency=currency, booked_on=today(at), actor=actor, at=at
        )
        last = CreditEntry.objects.filter(customer_id=customer_id, currency=currency).aggregate(at=Max("at"))
        # Read again under the lock: a movement in between starts the days anew.
        if money.balance.amount_minor > 0 and last["at"] <= at - timedelta(days=days):
            _take(money, money.balance.amount_minor, reason=None)
            done += 1
    return done


def expires_on(*, customer_id: UUID, currency: str) -> date | None:
    """Return the day on which a customer's credit expires if nothing moves; None without a rule or credit."""
    days = issuers.credit_expires_days()
    rows = CreditEntry.objects.filter(customer_id=customer_id, currency=currency)
    last = rows.aggregate(at=Max("at"))["at"]
    if days is None or last is None:
        return None
    return texts.local_day(last + timedelta(days=days), issuers.time_zone())


def _untouched(before: datetime) -> list[tuple[UUID, str]]:
    held = CreditBalance.objects.filter(amount_minor__gt=0).values_list("customer_id", "currency")
    rows = (
        CreditEntry.objects.filter(customer_id__in=[customer_id for customer_id, _ in held])
        .values("customer_id", "currency")
        .annotate(last=Max("at"))
        .filter(last__lte=before)
        .order_by("customer_id", "currency")
    )
    known = set(held)
    found = [(row["customer_id"], row["currency"]) for row in rows]
    return [key for key in found if key in known]


def _take(money: Money, amount_minor: int, *, reason: str | None) -> None:
    left = amount_minor
    entry = None
    for source, held in money.sources():
        taken = min(left, held)
        if taken:
            entry = money.credit(-taken, source, Cause.EXPIRED, reason=reason)
            left -= taken
    ledger.post(
        kind="credit_expired",
        sides=[Side(Account.CREDIT, amount_minor), Side(Account.OTHER_INCOME, -amount_minor)],
        currency=money.currency,
        booked_on=money.booked_on,
        at=money.at,
        customer_id=money.customer_id,
        source_id=entry,
        late_ok=True,
    )
    audit.record(events.CREDIT_EXPIRED, actor=money.actor, subject=("customer", money.customer_id))
    webhooks.publish(
        type="customer.credit_expired",
        subject=("customer", money.customer_id),
        data={"currency": money.currency, "amount_minor": amount_minor},
    )
