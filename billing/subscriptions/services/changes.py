"""Upgrades, downgrades, other quantities: what was held ends, what is wanted begins, each on a day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from audit import services as audit
from billing import events
from billing.subscriptions import clock
from billing.subscriptions.models import Subscription, SubscriptionItem
from billing.subscriptions.services import rows
from billing.subscriptions.services.starts import MOST_ITEMS
from core import days
from core.actor import Actor
from core.errors import Conflict, FieldError, Invalid, NotFound, Refusal
from tenancy.context import use_case


class ItemNotOpen(Conflict):
    """This item has ended or will end already."""

    code = "item_not_open"


class NothingLeft(Refusal):
    """A subscription keeps one item at least. Cancel it instead."""

    code = "nothing_left"


class PausedSubscription(Conflict):
    """This subscription is paused. Resume it first."""

    code = "subscription_paused"


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemChange:
    """Something else in the place of an item, more or less of it, none (quantity 0), or something new.

    Without an item it is new; without a price or quantity these stay as they are.
    """

    item_id: UUID | None = None
    price_id: UUID | None = None
    quantity: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Edits:
    """What ends and what begins on a day."""

    on: date
    closed: tuple[SubscriptionItem, ...]
    wanted: tuple[rows.Wanted, ...]


@use_case
def change(
    *,
    subscription_id: UUID,
    changes: Sequence[ItemChange],
    actor: Actor,
    at: datetime,
    on: date | None = None,
    bill_now: bool = False,
) -> Subscription:
    """Change what a subscription is for from a day on; the days before cost what they cost.

    The difference stands on the next invoice, or on one made by the next billing run with `bill_now`.

    Raises:
        NotFound: there is no such subscription, item or price.
        SubscriptionEnded, PausedSubscription: it cannot be changed.
        ItemNotOpen, NothingLeft: names the item.
        DayNotPossible: the day lies in a period that was closed.
        Invalid: names every field that cannot be used.
    """
    row = rows.locked(subscription_id)
    edits = edited(row, changes, on=on, at=at)
    rows.close(edits.closed, edits.on)
    rows.insert_items(row, edits.wanted, at)
    rows.reopen(row, edits.on)
    rows.look(row, edits.on, soon=bill_now)
    rows.save(row, at, "open_from", "next_on")
    audit.record(
        events.SUBSCRIPTION_CHANGED,
        actor=actor,
        subject=("subscription", row.pk),
        fields=["items"],
        facts={"from": edits.on.isoformat()},
    )
    rows.tell(row, "changed", on=edits.on)
    return row


def edited(row: Subscription, changes: Sequence[ItemChange], *, on: date | None, at: datetime) -> Edits:
    """Work out what would end and begin; nothing is written.

    Raises: as `change`.
    """
    if row.status == Subscription.Status.PAUSED:
        raise PausedSubscription
    today = clock.today(at)
    day = max(on or today, row.start_on)
    days.check(day, field="on")
    rows.check_day(row, day, today)
    if not 1 <= len(changes) <= MOST_ITEMS:
        raise Invalid([FieldError("/changes", "out_of_range", f"Make 1 to {MOST_ITEMS} changes.")])
    held = {item.pk: item for item in rows.open_items(row)}
    closed: list[SubscriptionItem] = []
    asked: list[tuple[str, UUID, Decimal]] = []
    replaced: list[UUID | None] = []
    for n, one in enumerate(changes):
        pointer = f"/changes/{n}"
        item = None
        if one.item_id is not None:
            item = _held(row, held, one.item_id, n)
            if item in closed:
                raise Invalid([FieldError(f"{pointer}/item", "twice", "This item is changed twice.")])
            closed.append(item)
        elif one.price_id is None:
            raise Invalid([FieldError(f"{pointer}/price", "required", "Name a price for something new.")])
        quantity = one.quantity if one.quantity is not None else (item.quantity if item else Decimal(1))
        if item is not None and quantity == 0:
            continue
        price_id = one.price_id or (item.price_id if item else None)
        if price_id is not None:
            asked.append((pointer, price_id, quantity))
            replaced.append(None if item is None else item.pk)
    if not asked and len(closed) == len(held):
        raise NothingLeft
    if len(held) - len(closed) + len(asked) > MOST_ITEMS:
        raise Invalid(
            [FieldError("/changes", "out_of_range", f"A subscription has at most {MOST_ITEMS} items.")]
        )
    prices = rows.fitting(asked, on=day, like=row, held={item.price_id for item in held.values()})
    wanted = tuple(
        rows.Wanted(price=price, quantity=quantity, from_on=day, replaces_id=replaces)
        for price, (_, _, quantity), replaces in zip(prices, asked, replaced, strict=True)
    )
    return Edits(day, tuple(closed), wanted)


def _held(row: Subscription, held: dict[UUID, SubscriptionItem], item_id: UUID, n: int) -> SubscriptionItem:
    if item_id in held:
        return held[item_id]
    if SubscriptionItem.objects.filter(pk=item_id, subscription_id=row.pk).exists():
        raise ItemNotOpen(field=f"changes/{n}/item")
    raise NotFound("This subscription has no such item.", field=f"changes/{n}/item")
