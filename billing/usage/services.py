"""Recording usage: each event once, and never for days that stand on an invoice already."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import F

from audit import services as audit
from billing import events as trail
from billing.catalog.rules import NAME_LENGTH, code_errors
from billing.invoices.rules import local_day, text_errors
from billing.issuer import queries as issuer
from billing.subscriptions import clock
from billing.subscriptions.models import BilledPeriod, Subscription, SubscriptionItem
from billing.subscriptions.rules import instant
from billing.usage import rules
from billing.usage.models import Meter, UsageEvent
from core.actor import Actor
from core.errors import Conflict, FieldError, Invalid
from crypto import blindindex
from tenancy import constraints, context
from tenancy.context import use_case

# Whoever bills a subscription waits until those who record for it are through, and the other way round.
_SHARED = """
SELECT id FROM billing_subscription WHERE tenant_id = %s AND id = ANY (%s::uuid[]) ORDER BY id FOR SHARE
"""


class MeterExists(Conflict):
    """There is a meter of this code already."""

    code = "meter_exists"


@use_case
def create_meter(*, code: str, name: str, aggregation: str, actor: Actor, at: datetime) -> Meter:
    """Add a meter.

    Raises:
        Invalid: names every field that cannot be used.
        MeterExists: the code names another.
    """
    errors = code_errors("/code", code) + text_errors("/name", name.strip(), NAME_LENGTH, required=True)
    if aggregation not in rules.AGGREGATIONS:
        errors.append(
            FieldError("/aggregation", "unknown_choice", f"One of {', '.join(rules.AGGREGATIONS)}.")
        )
    if errors:
        raise Invalid(errors)
    row = Meter(code=code, name=name.strip(), aggregation=aggregation, created_at=at)
    with constraints.refusing(MeterExists(field="code"), "billing_meter_code"):
        row.save(force_insert=True)
    audit.record(trail.METER_CREATED, actor=actor, subject=("meter", row.pk))
    return row


@use_case
def record(*, events: Sequence[rules.EventInput], actor: Actor, at: datetime) -> list[rules.Outcome]:
    """Record events, at most 1,000 at once; each is answered by itself, and one that came before is known.

    Raises:
        Invalid: there are too many, or one cannot be read; nothing is recorded.
    """
    if len(events) > rules.MOST_EVENTS:
        raise Invalid([FieldError("/events", "too_many", f"At most {rules.MOST_EVENTS:,} events at once.")])
    errors = [error for n, event in enumerate(events) for error in rules.errors_of(f"/events/{n}", event)]
    if errors:
        raise Invalid(errors)
    world = _world(events, at)
    found = [_judge(event, world) for event in events]
    _insert(found, events, at)
    outcomes = _outcomes(found, events, world)
    recorded = sum(outcome.status == "recorded" for outcome in outcomes)
    refused = sum(outcome.status == "refused" for outcome in outcomes)
    audit.record(
        trail.USAGE_RECORDED,
        actor=actor,
        facts={"recorded": recorded, "refused": refused, "known": len(outcomes) - recorded - refused},
    )
    return outcomes


@dataclass(frozen=True, slots=True)
class _World:
    """What events are judged by."""

    time_zone: str
    now: datetime
    subscriptions: Mapping[UUID, Subscription]
    meters: Mapping[str, Meter]
    items: Mapping[tuple[UUID, UUID], Sequence[SubscriptionItem]]
    billed_to: Mapping[UUID, date]


def _world(events: Sequence[rules.EventInput], at: datetime) -> _World:
    wanted = {event.subscription_id for event in events}
    with connection.cursor() as cursor:
        cursor.execute(_SHARED, [context.current_tenant(), list(wanted)])
    # Read behind the lock: what was billed meanwhile is seen.
    subscriptions = {row.pk: row for row in Subscription.objects.filter(pk__in=wanted)}
    meters = {row.code: row for row in Meter.objects.filter(code__in={event.meter for event in events})}
    items: dict[tuple[UUID, UUID], list[SubscriptionItem]] = {}
    metered = SubscriptionItem.objects.filter(
        subscription_id__in=wanted, price__meter_id__in={row.pk for row in meters.values()}
    )
    for item in metered.annotate(meter_id=F("price__meter_id")):
        items.setdefault((item.subscription_id, item.meter_id), []).append(item)
    billed: dict[UUID, date] = {}
    for item_id, to_on in BilledPeriod.objects.filter(subscription_id__in=wanted, kind="usage").values_list(
        "item_id", "to_on"
    ):
        billed[item_id] = max(to_on, billed.get(item_id, to_on))
    time_zone = issuer.time_zone()
    today = clock.today(at)
    # A test clock may be ahead of the real one: any moment of its day has come.
    now = max(at, instant(today + timedelta(days=1), time_zone)) if clock.is_moved() else at
    return _World(time_zone, now, subscriptions, meters, items, billed)


def _judge(event: rules.EventInput, world: _World) -> UsageEvent | str:
    subscription, meter = world.subscriptions.get(event.subscription_id), world.meters.get(event.meter)
    if subscription is None:
        return "no_such_subscription"
    if meter is None:
        return "no_such_meter"
    if code := rules.refusal_of(event, meter.aggregation, now=world.now):
        return code
    day = local_day(event.at, world.time_zone)
    item = next(
        (
            item
            for item in world.items.get((subscription.pk, meter.pk), ())
            if item.from_on <= day and (item.to_on is None or day < item.to_on)
        ),
        None,
    )
    if item is None or (subscription.ends_on is not None and day >= subscription.ends_on):
        return "not_metered"
    if item.pk in world.billed_to and day < world.billed_to[item.pk]:
        return "usage_period_billed"
    return UsageEvent(
        customer_id=subscription.customer_id,
        subscription=subscription,
        meter=meter,
        at=event.at,
        quantity=event.quantity,
        key_digest=_digest("key_digest", event.key),
        value_digest=None if event.value is None else _digest("value_digest", event.value),
    )


def _digest(column: str, text: str) -> bytes:
    return bytes(
        blindindex.compute(
            tenant_id=context.current_tenant(), table="billing_usageevent", column=column, text=text
        )
    )


def _insert(found: Sequence[UsageEvent | str], events: Sequence[rules.EventInput], at: datetime) -> None:
    rows: dict[bytes, UsageEvent] = {}
    for row in found:
        if isinstance(row, UsageEvent):
            row.recorded_at = at
            rows.setdefault(bytes(row.key_digest), row)
    # In one order, so that two who send the same events do not wait for each other.
    ordered = sorted(rows.values(), key=lambda row: bytes(row.key_digest))
    UsageEvent.objects.bulk_create(ordered, ignore_conflicts=True)


def _outcomes(
    found: Sequence[UsageEvent | str], events: Sequence[rules.EventInput], world: _World
) -> list[rules.Outcome]:
    digests = [_digest("key_digest", event.key) for event in events]
    kept = {bytes(row.key_digest): row for row in UsageEvent.objects.filter(key_digest__in=digests)}
    outcomes, told = [], set()
    for row, event, digest in zip(found, events, digests, strict=True):
        stored = kept.get(digest)
        if stored is None:
            outcomes.append(rules.refused(event, row if isinstance(row, str) else "key_reused"))
        elif not _is_same(stored, event, world):
            outcomes.append(rules.refused(event, "key_reused"))
        else:
            is_new = isinstance(row, UsageEvent) and stored.pk == row.pk and digest not in told
            told.add(digest)
            status = "recorded" if is_new else "known"
            outcomes.append(rules.Outcome(key=event.key, status=status, id=stored.pk))
    return outcomes


def _is_same(stored: UsageEvent, event: rules.EventInput, world: _World) -> bool:
    meter = world.meters.get(event.meter)
    value = None if event.value is None else _digest("value_digest", event.value)
    kept = None if stored.value_digest is None else bytes(stored.value_digest)
    return (stored.subscription_id, stored.meter_id, stored.at, stored.quantity, kept) == (
        event.subscription_id,
        meter and meter.pk,
        event.at,
        event.quantity,
        value,
    )
