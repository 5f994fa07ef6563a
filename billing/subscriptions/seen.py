"""Subscriptions, their items and what was billed of them, as the rules see them."""

from billing.catalog import queries as catalog
from billing.subscriptions import rules
from billing.subscriptions.models import BilledPeriod, Subscription, SubscriptionItem


def agreement_of(row: Subscription) -> rules.Agreement:
    """Return a subscription as the rules see it."""
    return rules.Agreement(
        id=row.pk,
        cycle=rules.Cycle(row.interval, row.interval_count, row.anchor_on),
        in_advance=row.timing == Subscription.Timing.ADVANCE,
        start_on=row.start_on,
        trial_until=row.trial_until,
        ends_on=row.ends_on,
        open_from=row.open_from,
    )


def item_of(row: SubscriptionItem, price: catalog.PriceRow) -> rules.Item:
    """Return an item as the rules see it."""
    return rules.Item(
        id=row.pk,
        terms=price.terms,
        quantity=row.quantity,
        from_on=row.from_on,
        to_on=row.to_on,
        metered=price.meter_id is not None,
    )


def billed_of(row: BilledPeriod) -> rules.Billed:
    """Return days that were billed as the rules see them."""
    assert row.item_id is not None  # noqa: S101  a constraint: what is billed for days is billed for an item
    return rules.Billed(
        item_id=row.item_id,
        kind=row.kind,
        period_from=row.period_from,
        revision=row.revision,
        from_on=row.from_on,
        to_on=row.to_on,
        amount_minor=row.amount_minor,
    )
