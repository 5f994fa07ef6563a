"""What the use cases of subscriptions share: the locked row, what fits onto it, and whom to tell."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from billing.catalog import queries as catalog
from billing.catalog.queries import PriceRow
from billing.catalog.rules import number_errors, of_period
from billing.subscriptions.models import Subscription, SubscriptionItem
from billing.subscriptions.seen import agreement_of
from core.errors import Conflict, FieldError, Invalid, NotFound, Refusal
from outbound.webhooks import publishing
from tenancy.models import only


class SubscriptionEnded(Conflict):
    """This subscription is over. Start a new one."""

    code = "subscription_ended"


class DayNotPossible(Refusal):
    """What was billed in an earlier period stays. Take a day of the current one or a later one."""

    code = "day_not_possible"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """So many of a price from a day on, perhaps in the place of something."""

    price: PriceRow
    quantity: Decimal
    from_on: date
    replaces_id: UUID | None = None


def locked(subscription_id: UUID) -> Subscription:
    """Return a subscription that is not over, locked.

    Raises:
        NotFound: there is none.
        SubscriptionEnded: it is over.
    """
    row = only(Subscription.objects.select_for_update(no_key=True).filter(pk=subscription_id))
    if row is None:
        raise NotFound("There is no such subscription.", field="subscription")
    found: Subscription = row
    if found.status == Subscription.Status.ENDED:
        raise SubscriptionEnded
    return found


def open_items(row: Subscription) -> list[SubscriptionItem]:
    """Return the items of a subscription that have no end."""
    return list(
        SubscriptionItem.objects.filter(subscription_id=row.pk, to_on__isnull=True).order_by("from_on", "pk")
    )


def check_day(row: Subscription, on: date, today: date) -> None:
    """Let a day pass from which something can change: in the current period, or later.

    Raises:
        DayNotPossible: it lies before.
    """
    first = max(row.start_on, min(agreement_of(row).cycle.period_on(today)[0], today))
    if on < first or (row.ends_on is not None and on >= row.ends_on):
        raise DayNotPossible(field="on")


def fitting(
    wanted: Iterable[tuple[str, UUID, Decimal]],
    *,
    on: date,
    like: Subscription | None = None,
    held: Iterable[UUID] = (),
) -> list[PriceRow]:
    """Return the prices that pointers, ids and quantities ask for, all of one currency and interval.

    `held` are prices somebody has already: these they may keep though they are sold to nobody new.

    Raises:
        NotFound: there is no such price.
        Invalid: names every price or quantity that does not fit.
    """
    asked = list(wanted)
    found = catalog.by_ids(price_id for _, price_id, _ in asked)
    kept = set(held)
    errors: list[FieldError] = []
    retired = catalog.retired({row.product_id for row in found.values()})
    for pointer, price_id, quantity in asked:
        price = found.get(price_id)
        if price is None:
            raise NotFound("There is no such price.", field=f"{pointer.lstrip('/')}/price")
        first = found[asked[0][1]]
        shape = (
            (first.currency, first.interval, first.interval_count)
            if like is None
            else (like.currency, like.interval, like.interval_count)
        )
        errors += _price_errors(pointer, price, shape)
        if price_id not in kept and (price.product_id in retired or not price.is_sold_on(on)):
            errors.append(FieldError(f"{pointer}/price", "not_sold", "This price is not sold on that day."))
        errors += _quantity_errors(pointer, price, quantity)
    if errors:
        raise Invalid(errors)
    return [found[price_id] for _, price_id, _ in asked]


def _price_errors(pointer: str, price: PriceRow, shape: tuple[str, str, int]) -> list[FieldError]:
    at = f"{pointer}/price"
    if price.interval == "none":
        return [FieldError(at, "not_recurring", "This price is charged once; add a charge instead.")]
    if price.currency != shape[0]:
        return [FieldError(at, "other_currency", f"This subscription is in {shape[0]}.")]
    if (price.interval, price.interval_count) != shape[1:]:
        sentence = "This price has another interval. End this subscription and start one with it."
        return [FieldError(at, "other_interval", sentence)]
    return []


def _quantity_errors(pointer: str, price: PriceRow, quantity: Decimal) -> list[FieldError]:
    at = f"{pointer}/quantity"
    errors = number_errors(at, quantity, least=None)
    if errors:
        return errors
    if quantity <= 0:
        return [FieldError(at, "too_small", "This is more than nothing.")]
    if quantity != 1 and (price.terms.model == "flat" or price.meter_id is not None):
        return [FieldError(at, "not_allowed", "A flat or metered price has no quantity of its own.")]
    try:
        of_period(price.terms, quantity)
    except Refusal as refusal:
        return [FieldError(at, refusal.code, refusal.message)]
    return []


def insert_items(row: Subscription, wanted: Sequence[Wanted], at: datetime) -> list[SubscriptionItem]:
    """Add items to a subscription."""
    made: list[SubscriptionItem] = SubscriptionItem.objects.bulk_create(
        SubscriptionItem(
            subscription=row,
            customer_id=row.customer_id,
            price_id=one.price.id,
            replaces_id=one.replaces_id,
            quantity=one.quantity,
            from_on=one.from_on,
            created_at=at,
        )
        for one in wanted
    )
    return made


def close(items: Iterable[SubscriptionItem], on: date, *, is_paused: bool = False) -> None:
    """End items on a day, perhaps for now; what would begin later never does."""
    for item in items:
        item.to_on, item.is_paused = max(on, item.from_on), is_paused
        item.save(update_fields=["to_on", "is_paused"])


def save(row: Subscription, at: datetime, *fields: str) -> None:
    """Store what has changed, so that what was planned before is planned again."""
    row.updated_at = at
    row.revision += 1
    row.save(update_fields=[*fields, "revision", "updated_at"])


def reopen(row: Subscription, on: date) -> None:
    """Let planning look at the period of a day again."""
    agreement = agreement_of(row)
    begin = agreement.cycle.period_on(max(on, agreement.pays_from))[0]
    row.open_from = begin if row.open_from is None else min(row.open_from, begin)


def look(row: Subscription, on: date, *, soon: bool) -> None:
    """Say when planning looks: on the day itself, or when the next period is due anyway."""
    agreement = agreement_of(row)
    day = max(on, agreement.pays_from)
    if not soon:
        end = agreement.cycle.period_on(day)[1]
        day = row.next_on or min(end, row.ends_on or end)
    row.next_on = day if row.next_on is None else min(row.next_on, day)


def tell(row: Subscription, happening: str, **facts: "date | str | bool | None") -> None:
    """Tell webhooks what happened to a subscription."""
    data: Mapping[str, date | str | bool | UUID | None] = {
        "customer": row.customer_id,
        "status": row.status,
        "ends_on": row.ends_on,
        **facts,
    }
    publishing.publish(type=f"subscription.{happening}", subject=("subscription", row.pk), data=data)
