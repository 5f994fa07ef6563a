"""What is due: every period, proration, usage and single charge of a customer in one currency, on one invoice.

Planning locks and writes nothing. Whoever makes the invoices claims what they are for in the same transaction: the rows
of what was billed, and how far each subscription has come. What was planned before somebody else changed or billed the
same is refused there, and planned again.
"""

import logging
from collections.abc import Collection, Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q

from billing.catalog import queries as catalog
from billing.catalog.rules import of_period
from billing.invoices.rules import LineInput
from billing.issuer import queries as issuer
from billing.runs.rules import Fact, LeftOut, PlannedInvoice
from billing.subscriptions import rules
from billing.subscriptions.claims import ChargeFact, Counted, DaysFact, Move, claim
from billing.subscriptions.lines import charge_line, due_line
from billing.subscriptions.models import BilledPeriod, PendingCharge, Subscription, SubscriptionItem
from billing.subscriptions.seen import agreement_of, billed_of, item_of
from billing.tax.models import TaxRate
from billing.usage import queries as usage
from core import money
from core.errors import Refusal
from tenancy import context

# The planner of a billing run (`billing.runs.rules.Planner`) is this module: `due` and `claim`.
__all__ = ["agreement_of", "billed_of", "claim", "count", "due", "item_of", "plan", "preview"]

# Lines of one invoice that more is put onto; what does not fit comes with the next turn.
_FULL = 5_000
_CUSTOMERS = """
SELECT customer_id FROM (
    SELECT customer_id FROM billing_subscription
    WHERE tenant_id = %(tenant)s AND next_on <= %(on)s AND customer_id > %(after)s
    UNION
    SELECT customer_id FROM billing_pendingcharge
    WHERE tenant_id = %(tenant)s AND due_on <= %(on)s AND customer_id > %(after)s
        AND billed_at IS NULL AND withdrawn_at IS NULL
) AS waiting ORDER BY customer_id LIMIT %(limit)s
"""
_HOW_MANY = """
SELECT count(*) FROM (
    SELECT customer_id, currency FROM billing_subscription WHERE tenant_id = %(tenant)s AND next_on <= %(on)s
    UNION
    SELECT customer_id, currency FROM billing_pendingcharge
    WHERE tenant_id = %(tenant)s AND due_on <= %(on)s AND billed_at IS NULL AND withdrawn_at IS NULL
) AS waiting
"""
_NOBODY = UUID(int=0)
SUBSCRIPTION, CHARGE = "subscription", "charge"
# Whatever one row holds, it stops no other: an amount out of range, a price that is not there, a day beyond all days.
_NOT_COMPUTABLE = (Refusal, ArithmeticError, LookupError, ValueError)
_log = logging.getLogger("strongbox.billing")


def due(on: date, after: UUID | None, limit: int) -> list[PlannedInvoice]:
    """List what is due on or before a day, of at most `limit` customers behind `after`, by their ids."""
    while True:
        values: dict[str, Any] = {
            "tenant": context.current_tenant(),
            "on": on,
            "after": after or _NOBODY,
            "limit": limit,
        }
        with connection.cursor() as cursor:
            cursor.execute(_CUSTOMERS, values)
            customers = [row[0] for row in cursor]
        if not customers:
            return []
        found = plan(customers, on)
        if found:
            return found
        after = customers[-1]


def count(on: date) -> int:
    """Say about how many invoices are due on or before a day: one of each customer and currency that is looked at."""
    with connection.cursor() as cursor:
        cursor.execute(_HOW_MANY, {"tenant": context.current_tenant(), "on": on})
        (many,) = cursor.fetchone()
    return int(many)


def plan(customer_ids: Collection[UUID], on: date) -> list[PlannedInvoice]:
    """Plan the invoices of some customers."""
    world = _load(customer_ids, on)
    _count(world, on)
    baskets: dict[tuple[UUID, str], _Basket] = {}
    for row in sorted(world.subscriptions, key=lambda row: row.pk):
        basket = baskets.setdefault((row.customer_id, row.currency), _Basket())
        if len(basket.open) < _FULL:
            _look(basket, row, world, on)
    for charge in sorted(world.charges, key=lambda row: row.pk):
        basket = baskets.setdefault((charge.customer_id, charge.currency), _Basket())
        if len(basket.open) + len(basket.charges) < _FULL:
            _look_at_charge(basket, charge, world, on)
    planned = [_planned(*key, basket, world, on) for key, basket in sorted(baskets.items())]
    return [one for one in planned if one.facts or one.left_out]


@dataclass(frozen=True, slots=True)
class _Open:
    """Days that are due, with what is needed to write a line about them."""

    due: rules.Due
    row: Subscription
    price: catalog.PriceRow
    tax_rate_id: UUID | None

    @property
    def group(self) -> tuple[UUID | None, str]:
        """What is given back is given back of the same tax."""
        return self.tax_rate_id, self.price.tax_behavior


@dataclass(frozen=True, slots=True)
class _Charge:
    """A single charge that is due."""

    row: PendingCharge
    price: catalog.PriceRow | None
    amount_minor: int
    tax_rate_id: UUID | None


@dataclass(slots=True)
class _Basket:
    """What comes onto one invoice."""

    looked: list[tuple[Subscription, list[rules.Item], tuple[Counted, ...]]] = field(default_factory=list)
    open: list[_Open] = field(default_factory=list)
    charges: list[_Charge] = field(default_factory=list)
    # What cannot even be computed; the rest is billed without it.
    left_out: list[LeftOut] = field(default_factory=list)

    def without(self, ids: Collection[UUID]) -> "_Basket":
        """Return the same without some subscriptions and charges."""
        return _Basket(
            looked=[each for each in self.looked if each[0].pk not in ids],
            open=[each for each in self.open if each.row.pk not in ids],
            charges=[each for each in self.charges if each.row.pk not in ids],
        )


@dataclass(slots=True)
class _World:
    """Everything planning looks at, read in a handful of statements."""

    time_zone: str
    subscriptions: list[Subscription]
    charges: list[PendingCharge]
    items: dict[UUID, list[SubscriptionItem]] = field(default_factory=dict)
    billed: dict[UUID, list[BilledPeriod]] = field(default_factory=dict)
    prices: dict[UUID, catalog.PriceRow] = field(default_factory=dict)
    names: dict[UUID, str] = field(default_factory=dict)
    units: dict[UUID, str] = field(default_factory=dict)
    rates: dict[str, list[TaxRate]] = field(default_factory=dict)
    used: dict[tuple[UUID, date], tuple[usage.Asked, usage.Used]] = field(default_factory=dict)

    def rate(self, code: str, on: date) -> UUID | None:
        """Return the rate of a code that is valid on a day; none for no code.

        Raises:
            NoSuchTaxRate: the code names none on that day.
        """
        if not code:
            return None
        for row in self.rates.get(code, ()):
            if row.valid_from <= on and (row.valid_to is None or on < row.valid_to):
                found: UUID = row.pk
                return found
        raise NoSuchTaxRate


class NoSuchTaxRate(Refusal):
    """The tax rate of a price is not valid on the day that counts."""

    code = "no_such_tax_rate"


def preview(
    row: Subscription,
    on: date,
    *,
    closed: Sequence[SubscriptionItem] = (),
    added: Sequence[SubscriptionItem] = (),
    closed_on: date | None = None,
) -> PlannedInvoice | None:
    """Plan what a subscription alone would bring on a day, also with items that end or begin; nothing is written."""
    world = _World(time_zone=issuer.time_zone(), subscriptions=[row], charges=[])
    _read(world, on)
    gone = {item.pk for item in closed}
    for item in world.items.get(row.pk, []):
        if item.pk in gone and closed_on is not None:
            item.to_on = max(closed_on, item.from_on)
    world.items.setdefault(row.pk, []).extend(added)
    missing = {item.price_id for item in added} - world.prices.keys()
    if missing:
        _name_prices(world, catalog.by_ids(missing))
    _count(world, on)
    basket = _Basket()
    _look(basket, row, world, on)
    return _planned(row.customer_id, row.currency, basket, world, on)


def open_days(row: Subscription, on: date) -> list[tuple[rules.Due, str]]:
    """Return the days of a subscription that are open on a day, with the name of what they are of."""
    world = _World(time_zone=issuer.time_zone(), subscriptions=[row], charges=[])
    _read(world, on)
    prices = {item.pk: world.prices[item.price_id] for item in world.items.get(row.pk, [])}
    items = [item_of(item, prices[item.pk]) for item in world.items.get(row.pk, [])]
    billed = [billed_of(fact) for fact in world.billed.get(row.pk, [])]
    dues = rules.recurring_due(agreement_of(row), items, billed, on)
    return [(due, world.names[prices[due.item.id].product_id]) for due in dues]


def _load(customer_ids: Collection[UUID], on: date) -> _World:
    looked = Q(next_on__lte=on) | Q(next_on__isnull=True, open_from__isnull=False)
    waiting = Q(due_on__lte=on, billed_at__isnull=True, withdrawn_at__isnull=True)
    world = _World(
        time_zone=issuer.time_zone(),
        subscriptions=list(Subscription.objects.filter(looked, customer_id__in=customer_ids)),
        charges=list(PendingCharge.objects.filter(waiting, customer_id__in=customer_ids)),
    )
    _read(world, on)
    return world


def _read(world: _World, on: date) -> None:
    found = [row.pk for row in world.subscriptions]
    if found:
        for item in SubscriptionItem.objects.filter(subscription_id__in=found).order_by("from_on", "pk"):
            world.items.setdefault(item.subscription_id, []).append(item)
        since = min((row.open_from for row in world.subscriptions if row.open_from), default=on)
        rows = BilledPeriod.objects.filter(subscription_id__in=found, period_from__gte=since)
        for fact in rows.exclude(kind="charge").order_by("revision"):
            world.billed.setdefault(fact.subscription_id, []).append(fact)
    wanted = {item.price_id for items in world.items.values() for item in items}
    wanted |= {charge.price_id for charge in world.charges if charge.price_id}
    _name_prices(world, catalog.by_ids(wanted) if wanted else {})


def _name_prices(world: _World, prices: Mapping[UUID, catalog.PriceRow]) -> None:
    world.prices.update(prices)
    owners = {price.product_id for price in prices.values()}
    for product_id, name, unit in catalog.named(owners) if owners else ():
        world.names[product_id], world.units[product_id] = name, unit
    codes = {price.tax_code for price in prices.values()} | {row.tax_code for row in world.charges}
    for rate in TaxRate.objects.filter(code__in=codes - {""}) if codes - {""} else ():
        if rate not in world.rates.setdefault(rate.code, []):
            world.rates[rate.code].append(rate)


def _look(basket: _Basket, row: Subscription, world: _World, on: date) -> None:
    agreement = agreement_of(row)
    prices = {item.pk: world.prices[item.price_id] for item in world.items.get(row.pk, [])}
    items = [item_of(item, prices[item.pk]) for item in world.items.get(row.pk, [])]
    before = world.billed.get(row.pk, [])
    billed = [billed_of(fact) for fact in before]
    counted: list[Counted] = []
    try:
        dues = rules.recurring_due(agreement, items, billed, on)
        for segment in rules.segments(agreement, items, billed, on):
            asked, used = world.used[segment.item.id, segment.period_from]
            counted.append(Counted(asked, used.events))
            dues.append(rules.usage_due(segment, used.quantity))
        dues.sort(key=lambda due: (due.period_from, due.from_on, due.item.id, due.revision))
        found = []
        for due in dues:
            price = prices[due.item.id]
            found.append(_Open(due, row, price, _rate(due, price, before, world, on)))
        rules.next_look(agreement, items, on, dues)
    except _NOT_COMPUTABLE as error:
        basket.left_out.append(LeftOut(SUBSCRIPTION, row.pk, _code(error)))
        return
    basket.open += found
    basket.looked.append((row, items, tuple(counted)))


def _look_at_charge(basket: _Basket, charge: PendingCharge, world: _World, on: date) -> None:
    try:
        price = world.prices[charge.price_id] if charge.price_id else None
        if price is not None:
            amount = of_period(price.terms, charge.quantity)
        else:
            amount = money.to_minor(money.multiply(charge.quantity, charge.unit_amount), charge.currency)
        basket.charges.append(_Charge(charge, price, amount, world.rate(charge.tax_code, on)))
    except _NOT_COMPUTABLE as error:
        basket.left_out.append(LeftOut(CHARGE, charge.pk, _code(error)))


def _code(error: Exception) -> str:
    if isinstance(error, Refusal):
        return error.code
    _log.error("something due cannot be computed: %s", type(error).__name__)
    return "not_computable"


def _planned(customer_id: UUID, currency: str, basket: _Basket, world: _World, on: date) -> PlannedInvoice:
    charged: dict[Hashable, int] = {}
    for charge in basket.charges:
        group = (charge.tax_rate_id, charge.row.tax_behavior)
        charged[group] = charged.get(group, 0) + charge.amount_minor
    dues = rules.within([one.due for one in basket.open], [one.group for one in basket.open], charged)
    lines: list[LineInput] = []
    facts: list[Fact] = []
    by_row: dict[UUID, list[rules.Due]] = {}
    for one, due in zip(basket.open, dues, strict=True):
        by_row.setdefault(one.row.pk, []).append(due)
        if due.amount_minor:
            name = world.names[one.price.product_id]
            lines.append(due_line(due, one.price, name, world.units, one.tax_rate_id))
        if due.amount_minor or not due.left_minor:
            facts.append(DaysFact.of(due, one.row, one.tax_rate_id))
    for row, items, counted in basket.looked:
        mine = by_row.get(row.pk, [])
        next_on, open_from = rules.next_look(agreement_of(row), items, on, mine)
        is_written = any(due.amount_minor or not due.left_minor for due in mine)
        if not is_written and (next_on, open_from) == (row.next_on, row.open_from):
            continue
        facts.append(
            Move(
                kind="move",
                subject_id=row.pk,
                period_from=row.next_on or on,
                revision=row.revision,
                next_on=next_on,
                open_from=open_from,
                counted=counted,
            )
        )
    for charge in basket.charges:
        line = charge_line(charge.row, charge.price, charge.amount_minor, charge.tax_rate_id)
        lines += [] if line is None else [line]
        facts.append(ChargeFact.of(charge.row, charge.amount_minor, charge.tax_rate_id, on))
    return PlannedInvoice(
        customer_id=customer_id,
        currency=currency,
        lines=tuple(lines),
        facts=tuple(facts),
        left_out=tuple(basket.left_out),
        subjects=(
            *((SUBSCRIPTION, row.pk) for row, _, _ in basket.looked),
            *((CHARGE, charge.row.pk) for charge in basket.charges),
        ),
        without=lambda ids: _planned(customer_id, currency, basket.without(ids), world, on),
    )


def _count(world: _World, on: date) -> None:
    """Add up all usage that is due, in one statement."""
    asked: list[usage.Asked] = []
    keys: list[tuple[UUID, date]] = []
    for row in world.subscriptions:
        # What cannot be computed here is left out when its lines are.
        with suppress(*_NOT_COMPUTABLE):
            prices = {item.pk: world.prices[item.price_id] for item in world.items.get(row.pk, [])}
            items = [item_of(item, prices[item.pk]) for item in world.items.get(row.pk, [])]
            if not any(item.metered for item in items):
                continue
            billed = [billed_of(fact) for fact in world.billed.get(row.pk, [])]
            for segment in rules.segments(agreement_of(row), items, billed, on):
                meter = prices[segment.item.id].meter_id or _NOBODY
                asked.append(usage.Asked(row.pk, meter, segment.from_on, segment.to_on))
                keys.append((segment.item.id, segment.period_from))
    found = usage.totals(asked, time_zone=world.time_zone)
    world.used = {key: (one, used) for key, one, used in zip(keys, asked, found, strict=True)}


def _rate(
    due: rules.Due, price: catalog.PriceRow, before: Sequence[BilledPeriod], world: _World, on: date
) -> UUID | None:
    """Return the rate of tax: that of the days corrected, else the one valid when the days are over, or today."""
    for fact in before:
        if fact.item_id == due.item.id and fact.period_from == due.period_from and fact.kind == due.kind:
            found: UUID | None = fact.tax_rate_id
            return found
    return world.rate(price.tax_code, min(on, due.to_on - rules.DAY))
