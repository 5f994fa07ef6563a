"""Reading meters, and what was used on some days: added up by the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection

from billing.catalog.rules import plain
from billing.subscriptions.rules import instant
from billing.usage.models import Meter, UsageEvent
from core.errors import NotFound
from tenancy import context

_TOTALS = """
SELECT asked.n, used.count,
    CASE meter.aggregation
        WHEN 'sum' THEN greatest(used.sum, 0)
        WHEN 'max' THEN used.max
        WHEN 'last' THEN used.last
        ELSE used.differing
    END
FROM unnest(%s::int[], %s::uuid[], %s::uuid[], %s::timestamptz[], %s::timestamptz[])
    AS asked (n, subscription_id, meter_id, from_at, to_at)
JOIN billing_meter AS meter ON meter.tenant_id = %s AND meter.id = asked.meter_id
CROSS JOIN LATERAL (
    SELECT count(*) AS count, sum(quantity) AS sum, max(quantity) AS max,
        (array_agg(quantity ORDER BY at DESC, id DESC))[1] AS last, count(DISTINCT value_digest)::numeric AS differing
    FROM billing_usageevent AS event
    WHERE event.tenant_id = %s AND event.subscription_id = asked.subscription_id
        AND event.meter_id = asked.meter_id AND event.at >= asked.from_at AND event.at < asked.to_at
) AS used
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterRow:
    """One meter."""

    id: UUID
    code: str
    name: str
    aggregation: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Asked:
    """Days of one subscription and meter."""

    subscription_id: UUID
    meter_id: UUID
    from_on: date
    to_on: date


@dataclass(frozen=True, slots=True)
class Used:
    """How many events there are, and what they come to."""

    events: int
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """One event. Its key and value are not kept."""

    id: UUID
    subscription_id: UUID
    meter_id: UUID
    at: datetime
    quantity: Decimal
    recorded_at: datetime


def totals(asked: Sequence[Asked], *, time_zone: str) -> list[Used]:
    """Add up the events of some days each, in the days of a time zone: one statement."""
    if not asked:
        return []
    tenant = context.current_tenant()
    columns: list[list[Any]] = [
        list(range(len(asked))),
        [one.subscription_id for one in asked],
        [one.meter_id for one in asked],
        [instant(one.from_on, time_zone) for one in asked],
        [instant(one.to_on, time_zone) for one in asked],
    ]
    with connection.cursor() as cursor:
        cursor.execute(_TOTALS, (*columns, tenant, tenant))
        found = {n: Used(count, Decimal(plain(quantity or Decimal(0)))) for n, count, quantity in cursor}
    return [found.get(n, Used(0, Decimal(0))) for n in range(len(asked))]


def meters() -> list[MeterRow]:
    """List the meters by code."""
    return [_meter(row) for row in Meter.objects.order_by("code")]


def meters_page(*, limit: int, after: UUID | None = None) -> tuple[list[MeterRow], UUID | None]:
    """List meters, newest first, and the cursor of the next page."""
    rows = Meter.objects.order_by("-id")
    if after is not None:
        rows = rows.filter(pk__lt=after)
    found = list(rows[: limit + 1])
    next_after = found[limit - 1].pk if len(found) > limit else None
    return [_meter(row) for row in found[:limit]], next_after


def meter(meter_id: UUID) -> MeterRow:
    """Return one meter.

    Raises:
        NotFound: there is none.
    """
    row = Meter.objects.filter(pk=meter_id).first()
    if row is None:
        raise NotFound
    return _meter(row)


def events(
    *, subscription_id: UUID, limit: int, after: UUID | None = None
) -> tuple[list[EventRow], UUID | None]:
    """List the events of a subscription, last recorded first, and the cursor of the next page."""
    rows = UsageEvent.objects.filter(subscription_id=subscription_id).order_by("-id")
    if after is not None:
        rows = rows.filter(pk__lt=after)
    found = list(rows[: limit + 1])
    next_after = found[limit - 1].pk if len(found) > limit else None
    return [_event(row) for row in found[:limit]], next_after


def _meter(row: Meter) -> MeterRow:
    return MeterRow(
        id=row.pk, code=row.code, name=row.name, aggregation=row.aggregation, created_at=row.created_at
    )


def _event(row: UsageEvent) -> EventRow:
    return EventRow(
        id=row.pk,
        subscription_id=row.subscription_id,
        meter_id=row.meter_id,
        at=row.at,
        quantity=Decimal(plain(row.quantity)),
        recorded_at=row.recorded_at,
    )
