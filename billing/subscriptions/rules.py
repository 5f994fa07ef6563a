"""Periods, prices of a period, and what of it is due. Pure: days in, amounts out; no clock, no database.

Days are calendar days where the organization is; instants meet them at the edges only, so that no change of clocks
moves a bill. A period belongs to the day everything began on: the 31st comes back after February.

The days from `a` to `b` of a period that comes to A over D days cost round(A·b/D) − round(A·a/D). Wherever a period is
cut, and in whichever order the cuts come, its parts sum to A exactly, and each is within a minor unit of its share.
"""

import calendar
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from billing.catalog.rules import Terms, amount, formula, of_period, plain
from core import money

# More days than the calendar of the product has; an item without an end goes on behind all of them.
FOREVER = date(9999, 12, 31)
DAY = timedelta(days=1)
# Periods of one subscription on one invoice: who was forgotten for longer gets several.
MOST_PERIODS = 60


@dataclass(frozen=True, slots=True)
class Cycle:
    """How long periods are and the day that one of them begins on."""

    interval: str
    count: int
    anchor: date

    def begins(self, index: int) -> date:
        """Return the first day of a period; the one of index 0 begins on the anchor."""
        steps = index * self.count
        if self.interval == "day":
            return self.anchor + timedelta(days=steps)
        if self.interval == "week":
            return self.anchor + timedelta(weeks=steps)
        months = steps * (12 if self.interval == "year" else 1)
        year, month = divmod(self.anchor.year * 12 + self.anchor.month - 1 + months, 12)
        last = calendar.monthrange(year, month + 1)[1]
        return date(year, month + 1, min(self.anchor.day, last))

    def index_on(self, day: date) -> int:
        """Return the index of the period that a day lies in."""
        length = {"day": 1, "week": 7, "month": 31, "year": 366}[self.interval] * self.count
        index = (day - self.anchor).days // length
        while self.begins(index + 1) <= day:
            index += 1
        while self.begins(index) > day:
            index -= 1
        return index

    def period_on(self, day: date) -> tuple[date, date]:
        """Return the half-open period that a day lies in."""
        index = self.index_on(day)
        return self.begins(index), self.begins(index + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """A subscription as planning sees it."""

    id: UUID
    cycle: Cycle
    in_advance: bool
    start_on: date
    trial_until: date | None = None
    ends_on: date | None = None
    open_from: date | None = None

    @property
    def pays_from(self) -> date:
        """The first day that costs something."""
        return max(self.start_on, self.trial_until or self.start_on)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """So many of something on the days from `from_on` up to, and without, `to_on`."""

    id: UUID
    terms: Terms
    quantity: Decimal
    from_on: date
    to_on: date | None = None
    metered: bool = False

    @property
    def end(self) -> date:
        """The first day it is not there any more."""
        return self.to_on or FOREVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Billed:
    """Days of an item that stand on an invoice, or were given back on one."""

    item_id: UUID
    kind: str
    period_from: date
    revision: int
    from_on: date
    to_on: date
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What one item owes, or is owed, for days of one period: one line and one row of what was billed."""

    item: Item
    kind: Literal["recurring", "usage"]
    period_from: date
    period_to: date
    from_on: date
    to_on: date
    revision: int
    quantity: Decimal
    # What the whole period comes to.
    full_minor: int
    amount_minor: int
    # Of the amount, what is given back only later: no invoice comes to less than nothing.
    left_minor: int = 0

    @property
    def days(self) -> int:
        """How many days the line is about."""
        return (self.to_on - self.from_on).days

    @property
    def period_days(self) -> int:
        """How many days the whole period has."""
        return (self.period_to - self.period_from).days

    @property
    def is_whole(self) -> bool:
        """Whether it is the price of a period as it stands in the catalogue."""
        return self.amount_minor == self.full_minor and self.days == self.period_days and self.revision == 0


@dataclass(frozen=True, slots=True)
class Segment:
    """Days of a metered item whose usage is to be counted."""

    item: Item
    period_from: date
    period_to: date
    from_on: date
    to_on: date


# ---- what a quantity costs --------------------------------------------------------------------------------------


def share(amount_minor: int, period: tuple[date, date], from_on: date, to_on: date) -> int:
    """Return what some days of a period cost when the whole of it costs an amount."""
    begin, end = period
    days = (end - begin).days
    return _up_to(amount_minor, (to_on - begin).days, days) - _up_to(
        amount_minor, (from_on - begin).days, days
    )


def _up_to(amount_minor: int, day: int, days: int) -> int:
    """Round the cost of a period's first days, half away from zero."""
    size = (2 * abs(amount_minor) * day + days) // (2 * days)
    return size if amount_minor >= 0 else -size


def of_usage(segment: Segment, used: Decimal) -> int:
    """Return what usage of some days comes to: flat amount and minimum count by the day."""
    terms, period = segment.item.terms, (segment.period_from, segment.period_to)
    own = money.to_minor(amount(terms, used), terms.currency)
    flat = share(terms.flat_minor, period, segment.from_on, segment.to_on)
    return max(own + flat, share(terms.minimum_minor, period, segment.from_on, segment.to_on))


# ---- what is due ------------------------------------------------------------------------------------------------


def periods(agreement: Agreement, on: date) -> list[tuple[date, date]]:
    """Return the periods that may have something open, the oldest first."""
    first = agreement.open_from or agreement.pays_from
    last = min(on, agreement.ends_on or on)
    if first > last or on < agreement.pays_from:
        return []
    cycle = agreement.cycle
    index = cycle.index_on(max(first, agreement.start_on))
    found: list[tuple[date, date]] = []
    while len(found) < MOST_PERIODS and cycle.begins(index) <= last:
        found.append((cycle.begins(index), cycle.begins(index + 1)))
        index += 1
    return found


def segments(
    agreement: Agreement, items: Sequence[Item], billed: Sequence[Billed], on: date
) -> list[Segment]:
    """Return the days of metered items whose usage is due and was not billed."""
    known = {(row.item_id, row.period_from) for row in billed if row.kind == "usage"}
    found = []
    for begin, end in periods(agreement, on):
        if min(end, agreement.ends_on or end) > on:
            continue
        for item in items:
            from_on, to_on = _days(agreement, item, begin, end)
            if item.metered and from_on < to_on and (item.id, begin) not in known:
                found.append(Segment(item, begin, end, from_on, to_on))
    return found


def _days(agreement: Agreement, item: Item, begin: date, end: date) -> tuple[date, date]:
    return max(item.from_on, begin, agreement.pays_from), min(item.end, end, agreement.ends_on or FOREVER)


def usage_due(segment: Segment, used: Decimal) -> Due:
    """Return the line for what was used on some days."""
    total = of_usage(segment, used)
    return Due(
        item=segment.item,
        kind="usage",
        period_from=segment.period_from,
        period_to=segment.period_to,
        from_on=segment.from_on,
        to_on=segment.to_on,
        revision=0,
        quantity=used,
        full_minor=total,
        amount_minor=total,
    )


def recurring_due(
    agreement: Agreement, items: Sequence[Item], billed: Sequence[Billed], on: date
) -> list[Due]:
    """Return what is open between the days that customers have things and those that they were billed for."""
    rows: dict[tuple[UUID, date], list[Billed]] = {}
    for row in billed:
        if row.kind == "recurring":
            rows.setdefault((row.item_id, row.period_from), []).append(row)
    found = []
    for begin, end in periods(agreement, on):
        if not agreement.in_advance and min(end, agreement.ends_on or end) > on:
            continue
        for item in items:
            if not item.metered:
                line = _difference(agreement, item, (begin, end), rows.get((item.id, begin), []))
                found += [line] if line else []
    return found


def _difference(
    agreement: Agreement, item: Item, period: tuple[date, date], before: Sequence[Billed]
) -> Due | None:
    from_on, to_on = _days(agreement, item, *period)
    to_on = max(from_on, to_on)
    if not before and from_on == to_on:
        return None
    full = of_period(item.terms, item.quantity)
    proposed = share(full, period, from_on, to_on) if from_on < to_on else 0
    charged = sum(row.amount_minor for row in before)
    if before and proposed == charged:
        return None
    reached = billed_to(before) if before else from_on
    if proposed < charged:
        # What was given back in part only is given back for the same days.
        settled = charged == share(full, period, before[0].from_on, reached)
        days = (to_on, reached if settled else _last_end(before))
    else:
        days = (reached, to_on)
    return Due(
        item=item,
        kind="recurring",
        period_from=period[0],
        period_to=period[1],
        from_on=days[0],
        to_on=days[1],
        revision=len(before),
        quantity=item.quantity,
        full_minor=full,
        amount_minor=proposed - charged,
    )


def billed_to(rows: Sequence[Billed]) -> date:
    """Return the first day of an item in a period that its rows leave unbilled: the last of them says."""
    last = max(rows, key=lambda row: row.revision)
    return last.to_on if last.amount_minor >= 0 else last.from_on


def _last_end(rows: Sequence[Billed]) -> date:
    return max(rows, key=lambda row: row.revision).to_on


def within(
    dues: Sequence[Due], groups: Sequence[Hashable], charged: Mapping[Hashable, int] | None = None
) -> list[Due]:
    """Give back in each group (a rate of tax) no more than is charged in it; the rest waits for the next invoice.

    `charged` is what else is charged on the same invoice, by group.
    """
    room: dict[Hashable, int] = dict(charged or {})
    for due, group in zip(dues, groups, strict=True):
        room[group] = room.get(group, 0) + max(due.amount_minor, 0)
    found = []
    for due, group in zip(dues, groups, strict=True):
        given = max(due.amount_minor, -room[group]) if due.amount_minor < 0 else due.amount_minor
        if due.amount_minor < 0:
            room[group] += given
        found.append(replace(due, amount_minor=given, left_minor=due.amount_minor - given))
    return found


def next_look(
    agreement: Agreement, items: Sequence[Item], on: date, dues: Sequence[Due]
) -> tuple[date | None, date | None]:
    """Return when planning looks again, and the first period that may still be open, once `dues` have been billed."""
    waiting = [due.period_from for due in dues if due.left_minor]
    looked = periods(agreement, on)
    if len(looked) == MOST_PERIODS and looked[-1][1] <= min(on, agreement.ends_on or on):
        return looked[-1][1], min([looked[-1][1], *waiting])
    if on < agreement.pays_from:
        return first_look(agreement), agreement.open_from
    end = agreement.ends_on or FOREVER
    lives = any(item.end > max(on, item.from_on) for item in items)
    if on >= end or not lives:
        return None, min(waiting, default=None if on >= end else agreement.cycle.period_on(on)[0])
    begin, following = agreement.cycle.period_on(on)
    return min(following, end), min([begin, *waiting])


def first_look(agreement: Agreement) -> date:
    """Return the first day on which something can be due."""
    if agreement.in_advance:
        return agreement.pays_from
    return min(agreement.cycle.period_on(agreement.pays_from)[1], agreement.ends_on or FOREVER)


# ---- days and instants ------------------------------------------------------------------------------------------


def instant(day: date, time_zone: str) -> datetime:
    """Return the moment a day begins where the organization is; where clocks skip midnight, the first there is."""
    return datetime.combine(day, time(), tzinfo=ZoneInfo(time_zone))


# ---- in words ---------------------------------------------------------------------------------------------------


def span(from_on: date, to_on: date) -> str:
    """Write half-open days as people do: both of them counted."""
    last = to_on - DAY
    first = f"{from_on.day} {from_on:%b %Y}"
    return first if last <= from_on else f"{first} to {last.day} {last:%b %Y}"


def explain(due: Due, name: str) -> str:
    """Say what a line is for: which days, of how many, of which price and quantity."""
    terms, currency = due.item.terms, due.item.terms.currency
    days = span(due.from_on, due.to_on)
    if due.kind == "usage":
        return f"{name}: {plain(due.quantity)} used, {days} ({formula(terms, due.quantity)})"
    whole = f"{currency} {money.from_minor(due.full_minor, currency)} ({formula(terms, due.quantity)})"
    if due.amount_minor < 0:
        rest = ", in part" if due.left_minor else ""
        return f"{name}: unused {days}, {due.days} of {due.period_days} days of {whole}{rest}"
    if due.days == due.period_days:
        return f"{name}: {days}" + ("" if terms.model == "flat" else f" ({formula(terms, due.quantity)})")
    return f"{name}: {days}, {due.days} of {due.period_days} days of {whole}"
