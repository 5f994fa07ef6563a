"""Keeping rates, and giving what was booked without one the rate of its day.

Promise kept: a rate never changes. A later entry for the same day takes its place for what is booked from then on;
what was valued before keeps the rate it was valued at.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from audit import services as audit
from billing import events
from billing.invoices.rules import local_day
from billing.issuer import queries as issuers
from billing.rates import rules
from billing.rates.models import ExchangeRate
from core import ids
from core.actor import Actor
from tenancy import context
from tenancy.context import use_case

# What is the current entry already is not entered again.
_KEEP = """
INSERT INTO billing_exchangerate
  (tenant_id, id, valid_on, from_currency, to_currency, rate, source, created_by, created_at)
SELECT %(tenant)s::uuid, new.id, new.valid_on, new.from_currency, new.to_currency, new.rate, %(source)s,
  %(by)s::uuid, %(at)s
FROM unnest(%(ids)s::uuid[], %(days)s::date[], %(froms)s::text[], %(tos)s::text[], %(rates)s::numeric[])
  AS new (id, valid_on, from_currency, to_currency, rate)
WHERE new.rate IS DISTINCT FROM (
  SELECT old.rate FROM billing_exchangerate old WHERE old.tenant_id = %(tenant)s::uuid
    AND old.from_currency = new.from_currency AND old.to_currency = new.to_currency AND old.valid_on = new.valid_on
  ORDER BY old.id DESC LIMIT 1)
"""
_FILL = """
UPDATE billing_ledgertransaction AS t SET exchange_rate = found.rate
FROM (
  SELECT o.id, billing_rate_for(o.tenant_id, min(e.currency), o.booked_on) AS rate
  FROM billing_ledgertransaction o JOIN billing_ledgerentry e
    ON e.tenant_id = o.tenant_id AND e.transaction_id = o.id
  WHERE o.tenant_id = %(tenant)s::uuid AND o.exchange_rate = 0 GROUP BY o.tenant_id, o.id, o.booked_on
) AS found
WHERE t.tenant_id = %(tenant)s::uuid AND t.id = found.id AND t.exchange_rate = 0 AND found.rate > 0
"""
_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Kept:
    """What an upload did: rates read, those that were new, and postings that were owed one and have it now."""

    read: int
    new: int
    valued: int


@use_case
def enter(
    *, valid_on: date, from_currency: str, to_currency: str, rate: Decimal, actor: Actor, at: datetime
) -> ExchangeRate:
    """Enter the rate of a day by hand: how many units of `to_currency` a unit of `from_currency` was worth.

    Raises:
        UnknownCurrency, SameCurrency, BadRate, RateInFuture.
    """
    found = rules.Rate(valid_on, from_currency, to_currency, rate)
    rules.check(found, today=local_day(at, issuers.time_zone()))
    row: ExchangeRate = ExchangeRate.objects.create(
        valid_on=valid_on,
        from_currency=from_currency,
        to_currency=to_currency,
        rate=rate,
        source=ExchangeRate.Source.MANUAL,
        created_by=actor.id,
        created_at=at,
    )
    audit.record(events.EXCHANGE_RATE_ENTERED, actor=actor, subject=("exchange_rate", row.pk))
    value_owed(actor=actor)
    return row


@use_case
def upload(*, content: bytes, actor: Actor, at: datetime) -> Kept:
    """Keep the European Central Bank's reference rates from its file; what is known already is left as it is.

    Raises:
        NotARatesFile, RatesFileTooLarge, Invalid: nothing is kept.
    """
    read = rules.read_ecb(content, today=local_day(at, issuers.time_zone()))
    new = sum(_keep(read[first : first + _AT_ONCE], actor, at) for first in range(0, len(read), _AT_ONCE))
    audit.record(
        events.EXCHANGE_RATES_UPLOADED, actor=actor, facts={"read": len(read), "new": new, "source": "ecb"}
    )
    return Kept(read=len(read), new=new, valued=value_owed(actor=actor))


@use_case
def value_owed(*, actor: Actor) -> int:
    """Give what was booked without a rate the rate of its day, where there is one now; return how many it were."""
    tenant = context.current_tenant()
    with connection.cursor() as cursor:
        # Not while a month is being closed.
        cursor.execute("SELECT pg_advisory_xact_lock_shared(billing_books_lock(%s::uuid))", [tenant])
        cursor.execute(_FILL, {"tenant": tenant})
        valued = int(cursor.rowcount)
    if valued:
        audit.record(events.POSTINGS_VALUED, actor=actor, facts={"postings": valued})
    return valued


def _keep(rates: Sequence[rules.Rate], actor: Actor, at: datetime) -> int:
    values: dict[str, Any] = {
        "tenant": context.current_tenant(),
        "source": ExchangeRate.Source.ECB.value,
        "by": actor.id,
        "at": at,
        "ids": [ids.uuid7() for _ in rates],
        "days": [rate.valid_on for rate in rates],
        "froms": [rate.from_currency for rate in rates],
        "tos": [rate.to_currency for rate in rates],
        "rates": [rate.rate for rate in rates],
    }
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, values)
        return int(cursor.rowcount)
