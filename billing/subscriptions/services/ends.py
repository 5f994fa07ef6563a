"""Pausing, resuming, canceling, and what days that pass bring by themselves."""

from datetime import date, datetime
from uuid import UUID

from django.db.models import Q

from audit import services as audit
from billing import events
from billing.catalog import queries as catalog
from billing.subscriptions import clock
from billing.subscriptions.models import Subscription, SubscriptionItem
from billing.subscriptions.rules import first_look
from billing.subscriptions.seen import agreement_of
from billing.subscriptions.services import rows
from core import days
from core.actor import Actor
from core.errors import Conflict
from tenancy.context import use_case

Status = Subscription.Status
_PASSED = 500


class SubscriptionNotRunning(Conflict):
    """Only a subscription that runs can be paused."""

    code = "subscription_not_running"


class NotPaused(Conflict):
    """This subscription is not paused."""

    code = "subscription_not_paused"


class NotCanceled(Conflict):
    """This subscription has no end that could be taken back."""

    code = "subscription_not_canceled"


@use_case
def pause(*, subscription_id: UUID, actor: Actor, at: datetime, on: date | None = None) -> Subscription:
    """Stop a subscription from a day on, for now: the days of the pause cost nothing.

    What was paid for them is given back on the next invoice.

    Raises:
        NotFound: there is no such subscription.
        SubscriptionEnded, SubscriptionNotRunning: it cannot be paused.
        DayNotPossible: the day lies in a period that was closed, or ahead.
    """
    row = rows.locked(subscription_id)
    if row.status != Status.ACTIVE:
        raise SubscriptionNotRunning
    today = clock.today(at)
    day = max(on or today, row.start_on)
    rows.check_day(row, day, today)
    if on is not None and on > max(today, row.start_on):
        raise rows.DayNotPossible("A pause begins today or earlier.", field="on")
    rows.close(rows.open_items(row), day, is_paused=True)
    row.status, row.paused_from = Status.PAUSED, day
    rows.reopen(row, day)
    rows.save(row, at, "status", "paused_from", "open_from")
    audit.record(
        events.SUBSCRIPTION_PAUSED,
        actor=actor,
        subject=("subscription", row.pk),
        facts={"from": day.isoformat()},
    )
    rows.tell(row, "paused", on=day)
    return row


@use_case
def resume(*, subscription_id: UUID, actor: Actor, at: datetime, on: date | None = None) -> Subscription:
    """Let a paused subscription go on from a day, with what it was for and at the prices it had.

    Raises:
        NotFound: there is no such subscription.
        SubscriptionEnded, NotPaused: there is nothing to resume.
        DayNotPossible: the day lies in a period that was closed, or ahead.
    """
    row = rows.locked(subscription_id)
    if row.status != Status.PAUSED or row.paused_from is None:
        raise NotPaused
    today = clock.today(at)
    day = on or max(today, row.paused_from)
    rows.check_day(row, day, today)
    if day < row.paused_from or day > max(today, row.paused_from):
        raise rows.DayNotPossible("It goes on behind the day it was paused, today at the latest.", field="on")
    paused = SubscriptionItem.objects.filter(subscription_id=row.pk, is_paused=True)
    held = list(paused.order_by("from_on", "pk"))
    paused.update(is_paused=False)
    prices = catalog.by_ids(item.price_id for item in held)
    wanted = [
        rows.Wanted(price=prices[item.price_id], quantity=item.quantity, from_on=day, replaces_id=item.pk)
        for item in held
    ]
    rows.insert_items(row, wanted, at)
    row.status, row.paused_from = Status.ACTIVE, None
    rows.reopen(row, day)
    rows.look(row, day, soon=row.timing == Subscription.Timing.ADVANCE)
    rows.save(row, at, "status", "paused_from", "open_from", "next_on")
    audit.record(
        events.SUBSCRIPTION_RESUMED,
        actor=actor,
        subject=("subscription", row.pk),
        facts={"from": day.isoformat()},
    )
    rows.tell(row, "resumed", on=day)
    return row


@use_case
def cancel(
    *,
    subscription_id: UUID,
    actor: Actor,
    at: datetime,
    at_period_end: bool = True,
    on: date | None = None,
) -> Subscription:
    """End a subscription when its period is over, or on a day, which is the first that it is not there any more.

    Raises:
        NotFound: there is no such subscription.
        SubscriptionEnded: it is over.
        DayNotPossible: the day lies in a period that was closed.
    """
    row = rows.locked(subscription_id)
    today = clock.today(at)
    day = _end(row, today) if at_period_end and on is None else max(on or today, row.start_on)
    days.check(day, field="on")
    row.ends_on = None
    rows.check_day(row, day, today)
    row.ends_on, row.cancel_at_period_end = day, at_period_end and on is None
    row.status = Status.CANCELED
    rows.reopen(row, min(day, max(today, row.start_on)))
    rows.look(row, day, soon=True)
    rows.save(row, at, "status", "ends_on", "cancel_at_period_end", "open_from", "next_on")
    audit.record(
        events.SUBSCRIPTION_CANCELED,
        actor=actor,
        subject=("subscription", row.pk),
        facts={"ends": day.isoformat(), "at_period_end": row.cancel_at_period_end},
    )
    rows.tell(row, "canceled")
    if day <= today:
        _end_now(row, actor, at)
    return row


@use_case
def keep(*, subscription_id: UUID, actor: Actor, at: datetime) -> Subscription:
    """Take back a cancellation whose day has not come.

    Raises:
        NotFound: there is no such subscription.
        SubscriptionEnded: it is over.
        NotCanceled: there is nothing to take back.
    """
    row = rows.locked(subscription_id)
    if row.status != Status.CANCELED:
        raise NotCanceled
    today = clock.today(at)
    row.ends_on, row.cancel_at_period_end = None, False
    row.status = Status.ACTIVE
    if row.paused_from is not None:
        row.status = Status.PAUSED
    elif agreement_of(row).pays_from > today:
        row.status = Status.TRIALING
    rows.reopen(row, today)
    row.next_on = max(row.next_on or today, first_look(agreement_of(row)))
    rows.save(row, at, "status", "ends_on", "cancel_at_period_end", "open_from", "next_on")
    audit.record(events.SUBSCRIPTION_KEPT, actor=actor, subject=("subscription", row.pk))
    rows.tell(row, "resumed")
    return row


@use_case
def pass_day(*, today: date, actor: Actor, at: datetime) -> int:
    """Let trials that are over cost something, and cancellations whose day has come end; return how many there were.

    Billing goes by the days themselves; this keeps the states that people see true to them.
    """
    over = Q(status=Status.TRIALING, trial_until__lte=today) | Q(status=Status.CANCELED, ends_on__lte=today)
    found = list(
        Subscription.objects.select_for_update(no_key=True, skip_locked=True)
        .filter(over)
        .order_by("pk")[:_PASSED]
    )
    for row in found:
        if row.status == Status.CANCELED:
            _end_now(row, actor, at)
            continue
        row.status = Status.ACTIVE
        rows.save(row, at, "status")
        audit.record(events.SUBSCRIPTION_BEGAN, actor=actor, subject=("subscription", row.pk))
        rows.tell(row, "resumed", on=row.trial_until)
    return len(found)


def _end(row: Subscription, today: date) -> date:
    """Return the end of the period it is in: of the trial while that goes on."""
    agreement = agreement_of(row)
    if today < agreement.pays_from:
        return agreement.pays_from
    return agreement.cycle.period_on(today)[1]


def _end_now(row: Subscription, actor: Actor, at: datetime) -> None:
    row.status = Status.ENDED
    if row.ends_on is not None:
        rows.close(rows.open_items(row), row.ends_on)
    rows.save(row, at, "status")
    audit.record(events.SUBSCRIPTION_ENDED, actor=actor, subject=("subscription", row.pk))
    rows.tell(row, "ended")
