"""Reading subscriptions: who has what, what comes next, and what a change would come to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from accounts.lists.order import Sorts, ordered
from billing.catalog import queries as catalog
from billing.catalog.queries import PriceRow
from billing.catalog.rules import of_period, plain
from billing.customers import queries as customers
from billing.invoices.rules import LineInput
from billing.runs.rules import PlannedInvoice
from billing.subscriptions import planning
from billing.subscriptions.models import BilledPeriod, PendingCharge, Subscription, SubscriptionItem
from billing.subscriptions.services import changes as changing
from billing.subscriptions.services import rows as shared
from core import money
from core.errors import NotFound, Refusal

SORTS: Sorts = {"next_on": "next_on"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRow:
    """So many of something, from a day on, to another."""

    id: UUID
    price: PriceRow
    product_name: str
    quantity: Decimal
    from_on: date
    to_on: date | None
    replaces_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionRow:
    """One subscription, with the items that are open."""

    id: UUID
    customer_id: UUID
    customer_name: str
    currency: str
    status: str
    timing: str
    interval: str
    interval_count: int
    start_on: date
    trial_until: date | None
    anchor_on: date
    paused_from: date | None
    ends_on: date | None
    cancel_at_period_end: bool
    next_on: date | None
    created_at: datetime
    updated_at: datetime
    items: tuple[ItemRow, ...] = ()
    # What a whole period of all open items comes to, usage apart.
    period_minor: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedLine:
    """One line of an invoice that does not exist yet."""

    description: str
    quantity: Decimal
    unit_amount: Decimal
    amount_minor: int
    period_from: date | None
    period_to: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Upcoming:
    """What the next invoice would say about a subscription, before tax where that comes on top."""

    on: date
    currency: str
    lines: tuple[PlannedLine, ...]
    refusal: str = ""

    @property
    def total_minor(self) -> int:
        """All lines together."""
        return sum(line.amount_minor for line in self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class BilledRow:
    """Days that stand on an invoice."""

    id: UUID
    item_id: UUID | None
    invoice_id: UUID | None
    kind: str
    from_on: date
    to_on: date
    quantity: Decimal
    amount_minor: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeRow:
    """Something charged once."""

    id: UUID
    customer_id: UUID
    subscription_id: UUID | None
    price_id: UUID | None
    currency: str
    description: str
    quantity: Decimal
    unit_amount: Decimal
    tax_behavior: str
    tax_code: str
    due_on: date
    billed_at: datetime | None
    withdrawn_at: datetime | None
    created_at: datetime

    @property
    def state(self) -> str:
        """Where it stands."""
        return "billed" if self.billed_at else "withdrawn" if self.withdrawn_at else "pending"


def page(
    *,
    limit: int = 50,
    after: UUID | None = None,
    status: str | None = None,
    customer_id: UUID | None = None,
    only_unused: bool = False,
    sort: str = "",
    with_names: bool = True,
) -> tuple[list[SubscriptionRow], UUID | None]:
    """List subscriptions, newest first or in another order, and the cursor of the next page.

    `only_unused` lists those that were paid ahead and that no invoice to come will settle.
    """
    rows = ordered(Subscription.objects.all(), sort, SORTS, after=after)
    if status is not None:
        rows = rows.filter(status=status)
    if customer_id is not None:
        rows = rows.filter(customer_id=customer_id)
    if only_unused:
        rows = rows.filter(next_on__isnull=True, open_from__isnull=False)
    found = list(rows[: limit + 1])
    return _rows(found[:limit], with_names=with_names), found[limit - 1].pk if len(found) > limit else None


def get(subscription_id: UUID) -> SubscriptionRow:
    """Return one subscription.

    Raises:
        NotFound: there is none.
    """
    return _rows([row(subscription_id)])[0]


def row(subscription_id: UUID) -> Subscription:
    """Return the row of a subscription.

    Raises:
        NotFound: there is none.
    """
    found: Subscription | None = Subscription.objects.filter(pk=subscription_id).first()
    if found is None:
        raise NotFound
    return found


def history(subscription_id: UUID) -> list[ItemRow]:
    """Return every item there ever was, the newest first."""
    return _items(
        SubscriptionItem.objects.filter(subscription_id=subscription_id).order_by("-from_on", "-pk")
    )


def billed(subscription_id: UUID, *, limit: int = 100) -> list[BilledRow]:
    """Return what was billed, the newest first."""
    rows = BilledPeriod.objects.filter(subscription_id=subscription_id).order_by("-at", "-pk")[:limit]
    return [
        BilledRow(
            id=row.pk,
            item_id=row.item_id,
            invoice_id=row.invoice_id,
            kind=row.kind,
            from_on=row.from_on,
            to_on=row.to_on,
            quantity=Decimal(plain(row.quantity)),
            amount_minor=row.amount_minor,
            at=row.at,
        )
        for row in rows
    ]


def upcoming(subscription_id: UUID) -> Upcoming | None:
    """Return what the next invoice would say, or None where none is to come.

    Raises:
        NotFound: there is no such subscription.
    """
    found = row(subscription_id)
    if found.next_on is None:
        return None
    return _upcoming(found, found.next_on, planning.preview(found, found.next_on))


def preview_change(
    *,
    subscription_id: UUID,
    changes: Sequence["changing.ItemChange"],
    at: datetime,
    on: date | None = None,
    bill_now: bool = False,
) -> tuple[Upcoming | None, Upcoming | None]:
    """Return the next invoice as it would be without and with a change; nothing is written.

    Raises: as `services.change`.
    """
    found = row(subscription_id)
    if found.status == Subscription.Status.ENDED:
        raise shared.SubscriptionEnded
    edits = changing.edited(found, changes, on=on, at=at)
    before = upcoming(subscription_id)
    added = [
        SubscriptionItem(
            subscription_id=found.pk,
            customer_id=found.customer_id,
            price_id=one.price.id,
            quantity=one.quantity,
            from_on=one.from_on,
        )
        for one in edits.wanted
    ]
    shared.reopen(found, edits.on)
    shared.look(found, edits.on, soon=bill_now)
    if found.next_on is None:
        return before, None
    planned = planning.preview(found, found.next_on, closed=edits.closed, added=added, closed_on=edits.on)
    return before, _upcoming(found, found.next_on, planned)


def charges(
    *,
    limit: int = 50,
    after: UUID | None = None,
    customer_id: UUID | None = None,
    state: str | None = None,
) -> tuple[list[ChargeRow], UUID | None]:
    """List single charges, newest first, and the cursor of the next page."""
    rows = PendingCharge.objects.order_by("-id")
    if after is not None:
        rows = rows.filter(pk__lt=after)
    if customer_id is not None:
        rows = rows.filter(customer_id=customer_id)
    if state == "pending":
        rows = rows.filter(billed_at__isnull=True, withdrawn_at__isnull=True)
    elif state == "billed":
        rows = rows.filter(billed_at__isnull=False)
    elif state == "withdrawn":
        rows = rows.filter(withdrawn_at__isnull=False)
    found = list(rows[: limit + 1])
    next_after = found[limit - 1].pk if len(found) > limit else None
    return [charge_row(row) for row in found[:limit]], next_after


def charge(charge_id: UUID) -> ChargeRow:
    """Return one charge.

    Raises:
        NotFound: there is none.
    """
    row = PendingCharge.objects.filter(pk=charge_id).first()
    if row is None:
        raise NotFound
    return charge_row(row)


def charge_row(row: PendingCharge) -> ChargeRow:
    """Return a charge as it is shown."""
    return ChargeRow(
        id=row.pk,
        customer_id=row.customer_id,
        subscription_id=row.subscription_id,
        price_id=row.price_id,
        currency=row.currency,
        description=row.description,
        quantity=Decimal(plain(row.quantity)),
        unit_amount=Decimal(plain(row.unit_amount)),
        tax_behavior=row.tax_behavior,
        tax_code=row.tax_code,
        due_on=row.due_on,
        billed_at=row.billed_at,
        withdrawn_at=row.withdrawn_at,
        created_at=row.created_at,
    )


def held_by_price(price_ids: Iterable[UUID]) -> dict[UUID, int]:
    """Count the open items of each price."""
    found: dict[UUID, int] = {}
    rows = SubscriptionItem.objects.filter(price_id__in=set(price_ids), to_on__isnull=True)
    for price_id in rows.values_list("price_id", flat=True):
        found[price_id] = found.get(price_id, 0) + 1
    return found


def _rows(found: Sequence[Subscription], *, with_names: bool = True) -> list[SubscriptionRow]:
    items: dict[UUID, list[ItemRow]] = {}
    open_rows = SubscriptionItem.objects.filter(
        subscription_id__in=[row.pk for row in found], to_on__isnull=True
    ).order_by("from_on", "pk")
    owners = {row.pk: row.subscription_id for row in open_rows}
    for item in _items(open_rows):
        items.setdefault(owners[item.id], []).append(item)
    names = customers.names({row.customer_id for row in found}) if with_names else {}
    return [
        SubscriptionRow(
            id=row.pk,
            customer_id=row.customer_id,
            customer_name=names.get(row.customer_id, ""),
            currency=row.currency,
            status=row.status,
            timing=row.timing,
            interval=row.interval,
            interval_count=row.interval_count,
            start_on=row.start_on,
            trial_until=row.trial_until,
            anchor_on=row.anchor_on,
            paused_from=row.paused_from,
            ends_on=row.ends_on,
            cancel_at_period_end=row.cancel_at_period_end,
            next_on=row.next_on,
            created_at=row.created_at,
            updated_at=row.updated_at,
            items=tuple(items.get(row.pk, ())),
            period_minor=sum(_period(item) for item in items.get(row.pk, ())),
        )
        for row in found
    ]


def _period(item: ItemRow) -> int:
    if item.price.meter_id is not None:
        return 0
    try:
        return of_period(item.price.terms, item.quantity)
    except Refusal:
        return 0


def _items(rows: Iterable[SubscriptionItem]) -> list[ItemRow]:
    found = list(rows)
    prices = catalog.by_ids(row.price_id for row in found) if found else {}
    names = {key: name for key, name, _ in catalog.named({price.product_id for price in prices.values()})}
    return [
        ItemRow(
            id=row.pk,
            price=prices[row.price_id],
            product_name=names[prices[row.price_id].product_id],
            quantity=Decimal(plain(row.quantity)),
            from_on=row.from_on,
            to_on=row.to_on,
            replaces_id=row.replaces_id,
        )
        for row in found
    ]


def _upcoming(row: Subscription, on: date, planned: PlannedInvoice | None) -> Upcoming | None:
    if planned is None or not (planned.lines or planned.left_out):
        return None
    return Upcoming(
        on=on,
        currency=row.currency,
        lines=tuple(_line(line, row.currency) for line in planned.lines),
        refusal=next((one.code for one in planned.left_out), ""),
    )


def _line(line: LineInput, currency: str) -> PlannedLine:
    return PlannedLine(
        description=line.description,
        quantity=line.quantity,
        unit_amount=line.unit_amount,
        amount_minor=money.to_minor(money.multiply(line.quantity, line.unit_amount), currency),
        period_from=line.period_from,
        period_to=line.period_to,
    )
