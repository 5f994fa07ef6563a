"""Starting a subscription."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from audit import services as audit
from billing import events
from billing.customers.models import Customer
from billing.customers.services import CustomerArchived, CustomerErased
from billing.subscriptions import clock, rules
from billing.subscriptions.models import Subscription
from billing.subscriptions.seen import agreement_of
from billing.subscriptions.services import rows
from core import days
from core.actor import Actor
from core.errors import FieldError, Invalid, NotFound
from tenancy.context import use_case
from tenancy.models import only

MOST_ITEMS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemInput:
    """So many of a price."""

    price_id: UUID
    quantity: Decimal = Decimal(1)


@use_case
def start(
    *,
    customer_id: UUID,
    items: Sequence[ItemInput],
    actor: Actor,
    at: datetime,
    start_on: date | None = None,
    trial_until: date | None = None,
    anchor_on: date | None = None,
    timing: str = Subscription.Timing.ADVANCE,
) -> Subscription:
    """Start a subscription today or on another day, perhaps with some free days at its beginning.

    Periods begin on the first day that costs something and as many intervals later, or on the days that an anchor
    names: a first period that is not whole then costs its days.

    Raises:
        NotFound: there is no such customer or price.
        CustomerArchived, CustomerErased: they cannot be billed.
        Invalid: names every field that cannot be used.
    """
    customer = only(Customer.objects.filter(pk=customer_id))
    if customer is None:
        raise NotFound("There is no such customer.", field="customer")
    if customer.state != Customer.State.ACTIVE:
        raise CustomerArchived(field="customer")
    if customer.subject_key is None:
        raise CustomerErased(field="customer")
    today = clock.today(at)
    start_on = start_on or today
    for name, day in (("start_on", start_on), ("trial_until", trial_until), ("anchor_on", anchor_on)):
        days.check(day, field=name)
    errors: list[FieldError] = []
    if not 1 <= len(items) <= MOST_ITEMS:
        errors.append(FieldError("/items", "out_of_range", f"A subscription has 1 to {MOST_ITEMS} items."))
    if trial_until is not None and trial_until < start_on:
        errors.append(FieldError("/trial_until", "before_start", "A trial ends behind its beginning."))
    if timing not in Subscription.Timing.values:
        errors.append(FieldError("/timing", "unknown_choice", "In advance or in arrears."))
    if errors:
        raise Invalid(errors)
    asked = [(f"/items/{n}", item.price_id, item.quantity) for n, item in enumerate(items)]
    prices = rows.fitting(asked, on=start_on)
    pays_from = max(start_on, trial_until or start_on)
    row = Subscription(
        customer=customer,
        currency=prices[0].currency,
        status=Subscription.Status.TRIALING
        if pays_from > max(today, start_on)
        else Subscription.Status.ACTIVE,
        timing=timing,
        interval=prices[0].interval,
        interval_count=prices[0].interval_count,
        start_on=start_on,
        trial_until=trial_until,
        anchor_on=anchor_on or pays_from,
        created_at=at,
        updated_at=at,
    )
    agreement = agreement_of(row)
    row.next_on = rules.first_look(agreement)
    row.open_from = agreement.cycle.period_on(pays_from)[0]
    row.save(force_insert=True)
    wanted = [
        rows.Wanted(price=price, quantity=item.quantity, from_on=start_on)
        for price, item in zip(prices, items, strict=True)
    ]
    rows.insert_items(row, wanted, at)
    audit.record(
        events.SUBSCRIPTION_STARTED,
        actor=actor,
        subject=("subscription", row.pk),
        facts={"customer": str(customer_id)},
    )
    rows.tell(row, "created", start_on=start_on)
    return row
