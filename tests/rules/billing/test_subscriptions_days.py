"""What subscriptions owe: each day once, whatever is changed in between, and the same when it is planned again."""

import itertools
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from uuid import UUID, uuid4

from hypothesis import example, given, settings
from hypothesis import strategies as st

from billing.catalog.rules import Terms, of_period
from billing.subscriptions import rules

TODAY = date(2026, 1, 31)
SUB = UUID(int=1)


@dataclass
class Life:
    """A subscription that is changed, and planned every now and then, as the services do it."""

    cycle: rules.Cycle
    in_advance: bool
    start: date
    trial_until: date | None = None
    ends_on: date | None = None
    open_from: date | None = None
    paused: list[rules.Item] = field(default_factory=list)
    items: list[rules.Item] = field(default_factory=list)
    billed: list[rules.Billed] = field(default_factory=list)
    left: int = 0

    @property
    def agreement(self) -> rules.Agreement:
        return rules.Agreement(
            id=SUB,
            cycle=self.cycle,
            in_advance=self.in_advance,
            start_on=self.start,
            trial_until=self.trial_until,
            ends_on=self.ends_on,
            open_from=self.open_from,
        )

    def open(self) -> list[rules.Item]:
        return [item for item in self.items if item.to_on is None]

    def begin(self, day: date, terms: Terms, quantity: int) -> None:
        self.items.append(rules.Item(id=uuid4(), terms=terms, quantity=Decimal(quantity), from_on=day))

    def close(self, day: date) -> list[rules.Item]:
        closed = self.open()
        for item in closed:
            self.items.remove(item)
            values = {name: getattr(item, name) for name in item.__dataclass_fields__}
            self.items.append(rules.Item(**{**values, "to_on": max(day, item.from_on)}))
        begin = self.cycle.period_on(day)[0]
        self.open_from = min(self.open_from or begin, begin)
        return closed

    def plan(self, on: date, *, capped: bool) -> list[rules.Due]:
        dues = rules.recurring_due(self.agreement, self.items, self.billed, on)
        dues = rules.within(dues, ["one rate"] * len(dues)) if capped else dues
        _, open_from = rules.next_look(self.agreement, self.items, on, dues)
        written = [due for due in dues if not (due.left_minor and not due.amount_minor)]
        self.billed += [
            rules.Billed(
                item_id=due.item.id,
                kind=due.kind,
                period_from=due.period_from,
                revision=due.revision,
                from_on=due.from_on,
                to_on=due.to_on,
                amount_minor=due.amount_minor,
            )
            for due in written
        ]
        self.open_from = open_from
        return written


PRICES = st.builds(
    Terms,
    model=st.just("per_unit"),
    currency=st.just("EUR"),
    unit_amount=st.integers(1, 999_999).map(lambda n: Decimal(n) / 1000),
    flat_minor=st.integers(0, 5_000),
)
CYCLES = st.builds(
    rules.Cycle,
    st.sampled_from(["day", "week", "month", "month", "year"]),
    st.integers(1, 3),
    st.dates(date(2023, 12, 25), date(2024, 3, 3)),
)
STEPS = st.lists(
    st.tuples(
        st.integers(0, 40),
        st.sampled_from(["change", "change", "plan", "pause", "resume", "cancel"]),
        PRICES,
        st.integers(1, 50),
    ),
    max_size=12,
)


def live(cycle, in_advance, trial, steps, price, quantity, *, capped):
    start = cycle.anchor + timedelta(days=3)
    life = Life(cycle, in_advance, start, start + timedelta(days=trial) if trial else None)
    life.open_from = cycle.period_on(life.agreement.pays_from)[0]
    life.begin(start, price, quantity)
    day = start
    for days, what, terms, number in steps:
        day += timedelta(days=days)
        if what == "plan":
            # One planning sees MOST_PERIODS: who is further behind gets later periods next, none again.
            looked = rules.periods(life.agreement, day)
            seen = {(due.item.id, due.period_from) for due in life.plan(day, capped=capped)}
            again = {(due.item.id, due.period_from) for due in life.plan(day, capped=capped)}
            assert not seen & again, "planned twice, billed twice"
            assert not again or len(looked) == rules.MOST_PERIODS, "everything had been looked at"
        elif life.ends_on is None and what == "change" and life.open():
            life.close(day)
            life.begin(day, terms, number)
        elif life.ends_on is None and what == "pause" and life.open():
            life.paused = life.close(day)
        elif life.ends_on is None and what == "resume" and not life.open():
            for item in life.paused:
                life.begin(day, item.terms, int(item.quantity))
            begin = cycle.period_on(day)[0]
            life.open_from = min(life.open_from or begin, begin)
        elif life.ends_on is None and what == "cancel":
            life.close(day)
            life.ends_on = day
    # A planning sees so many periods; whoever is behind is looked at again.
    last = day + timedelta(days=90 if cycle.interval in ("day", "week") else 800)
    begin = None
    # Sixty periods of a rest bring nothing, and more may come behind them.
    while life.plan(last, capped=capped) or life.open_from not in (None, begin):
        begin = life.open_from
    return life, last


@settings(max_examples=200, deadline=None)
@given(CYCLES, st.booleans(), st.integers(0, 20), STEPS, PRICES, st.integers(1, 9))
def test_proration_of_any_sequence_of_changes_sums_to_the_time_used(
    cycle, in_advance, trial, steps, price, quantity
):
    life, last = live(cycle, in_advance, trial, steps, price, quantity, capped=False)
    pays_from = life.agreement.pays_from
    for item in life.items:
        begin = max(item.from_on, pays_from)
        end = min(item.end, last)
        full = of_period(item.terms, item.quantity)
        rows = [row for row in life.billed if row.item_id == item.id]
        period = cycle.period_on(begin)
        while period[0] < end:
            covered, unused = max(begin, period[0]), min(end, period[1])
            if in_advance and item.to_on is None:
                unused = period[1]
            if not in_advance and min(period[1], life.ends_on or period[1]) > last:
                unused = covered  # its end is ahead of the last planning
            billed = sum(row.amount_minor for row in rows if row.period_from == period[0])
            used = Fraction((max(covered, unused) - covered).days, (period[1] - period[0]).days)
            assert abs(billed - full * used) <= 1, (item, period, rows)
            if used == 1:
                assert billed == full
            period = cycle.period_on(period[1])
        # Nothing was billed for days that were not had.
        for row in rows:
            assert row.period_from < max(end, begin) or row.amount_minor <= 0 or in_advance


FREE = Terms(model="per_unit", currency="EUR", unit_amount=Decimal("0.001"))
FURTHER_BEHIND = [(0, "change", FREE, 1), (40, "pause", FREE, 1), (40, "plan", FREE, 1)]


@settings(max_examples=200, deadline=None)
@example(rules.Cycle("day", 1, TODAY), False, FURTHER_BEHIND, FREE, 1)
@example(rules.Cycle("day", 1, TODAY), True, [(90, "plan", FREE, 1)], FREE, 1)
@given(CYCLES, st.booleans(), STEPS, PRICES, st.integers(1, 9))
def test_the_days_of_an_item_are_billed_once_without_gap_or_overlap(
    cycle, in_advance, steps, price, quantity
):
    life, last = live(cycle, in_advance, 0, steps, price, quantity, capped=False)
    for item in life.items:
        days: dict[date, int] = {}
        for row in life.billed:
            if row.item_id == item.id and row.amount_minor:
                step = 1 if row.amount_minor > 0 else -1
                for number in range((row.to_on - row.from_on).days):
                    day = row.from_on + timedelta(days=number)
                    days[day] = days.get(day, 0) + step
        assert set(days.values()) <= {0, 1}, item
        held = {day for day, count in days.items() if count}
        end = item.to_on or max(held, default=item.from_on) + timedelta(days=1)
        if of_period(item.terms, item.quantity) >= 1_200 and (item.to_on or in_advance):
            horizon = end if in_advance else min(end, cycle.period_on(min(last, life.ends_on or last))[0])
            if life.ends_on and not in_advance:
                horizon = end
            wanted = {item.from_on + timedelta(days=n) for n in range(max((horizon - item.from_on).days, 0))}
            assert held == wanted, item


@settings(max_examples=200, deadline=None)
@given(CYCLES, STEPS, PRICES, st.integers(1, 9))
def test_no_plan_gives_back_more_than_it_charges_and_what_is_left_is_never_lost(
    cycle, steps, price, quantity
):
    """With nothing held back the amounts are the same in the end, unless nothing more was ever charged."""
    free, last = live(cycle, True, 0, steps, price, quantity, capped=False)
    held, _ = live(cycle, True, 0, steps, price, quantity, capped=True)
    open_minor = sum(
        due.amount_minor for due in rules.recurring_due(held.agreement, held.items, held.billed, last)
    )
    assert open_minor <= 0
    assert sum(row.amount_minor for row in held.billed) + open_minor == sum(
        r.amount_minor for r in free.billed
    )
    if held.ends_on is None and held.open():
        assert open_minor == 0 or sum(r.amount_minor for r in free.billed) <= sum(
            r.amount_minor for r in held.billed
        )


@given(
    st.integers(-(10**9), 10**9),
    st.integers(1, 400),
    st.lists(st.integers(0, 400), max_size=8),
)
def test_the_parts_of_a_period_sum_to_the_whole_wherever_it_is_cut(amount, days, cuts):
    begin = date(2026, 1, 1)
    period = (begin, begin + timedelta(days=days))
    edges = sorted({0, days, *(cut for cut in cuts if cut < days)})
    parts = [
        rules.share(amount, period, begin + timedelta(days=a), begin + timedelta(days=b))
        for a, b in itertools.pairwise(edges)
    ]
    assert sum(parts) == amount
    for part, (a, b) in zip(parts, itertools.pairwise(edges), strict=True):
        assert abs(part - Fraction(amount * (b - a), days)) <= 1
