"""What is owed and what came, by currency: the open invoices say how much, a few weeks of the books the rest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from accounts.permissions import Permission
from billing.invoices.lists import Age, Sums, View
from billing.periods.rules import Month
from billing.reports import queries as reports
from billing.reports import sources
from edge.request import Request
from web.billing import invoices
from web.charts.bars import Bar, BarChart
from web.charts.stacked import Part, StackedBar
from web.kit import formats
from web.reports.frame import link

_WEEKS = 12
_PLOT_HEIGHT = 92


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One figure. `value` is its number in minor units, where the rows behind its link come to it."""

    label: str
    figure: str
    hint: str
    url: str
    value: int | None = None
    tint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What stands of one currency."""

    currency: str
    tiles: list[Tile]
    aging: StackedBar | None
    weeks: BarChart | None


def figures(
    request: Request, slug: str, on: date, aging: Mapping[str, Mapping[Age, Sums]], currencies: Sequence[str]
) -> list[Figures]:
    """Return the figures of the currencies that anything was invoiced in; `aging` as `lists.aging` returns it."""
    reads = Permission.REPORT_READ in request.permissions
    return [_of(slug, currency, on, aging.get(currency, {}), reads=reads) for currency in sorted(currencies)]


def _of(slug: str, currency: str, on: date, ages: Mapping[Age, Sums], *, reads: bool) -> Figures:
    late = [sums for age, sums in ages.items() if age is not Age.CURRENT]
    late_minor, late_count = sum(sums.due_minor for sums in late), sum(sums.count for sums in late)
    owed_minor, owed_count = (
        sum(sums.due_minor for sums in ages.values()),
        sum(sums.count for sums in ages.values()),
    )
    tiles = [
        Tile(
            label="Outstanding",
            figure=formats.money(owed_minor, currency),
            value=owed_minor,
            hint=formats.count(owed_count, "open invoice"),
            url=invoices.list_url(slug, view=View.OPEN, currency=currency),
        ),
        Tile(
            label="Overdue",
            figure=formats.money(late_minor, currency),
            value=late_minor,
            hint=formats.count(late_count, "overdue invoice"),
            url=invoices.list_url(slug, view=View.OVERDUE, currency=currency),
            tint="bad" if late_minor else "",
        ),
    ]
    weeks = None
    if reads:
        came, weeks = _came(slug, currency, on)
        tiles += [came, _dso(slug, currency, on, owed_minor)]
    return Figures(
        currency=currency,
        tiles=tiles,
        aging=_aging(slug, currency, ages, on) if owed_count else None,
        weeks=weeks,
    )


def _came(slug: str, currency: str, on: date) -> tuple[Tile, BarChart | None]:
    """Return what came this month, and by week: one statement over these weeks of the books."""
    monday = on - timedelta(days=on.weekday())
    begins = [monday - timedelta(weeks=back) for back in range(_WEEKS - 1, -1, -1)]
    month = on.replace(day=1)
    source = sources.cash(since=min(begins[0], month), until=on, currency=currency).of(sign=1)
    days = {day: found.amount_minor for day, found in reports.by_day(source).items()}

    def between(first: date, last: date) -> int:
        return sum(amount for day, amount in days.items() if first <= day <= last)

    def url(first: date, last: date) -> str:
        return link(slug, "cash_rows", since=first, until=last, currency=currency, sign=1)

    collected = between(month, on)
    tile = Tile(
        label="Collected this month",
        figure=formats.money(collected, currency),
        value=collected,
        hint=f"Since {formats.day(month)}",
        url=url(month, on),
    )
    bars = []
    for begin in begins:
        last = min(begin + timedelta(days=6), on)
        amount = between(begin, last)
        shown = formats.money(amount, currency)
        partial = last == on and on.weekday() < 6
        bars.append(Bar(formats.day(begin), amount, shown, partial=partial, url=url(begin, last)))
    if not any(bar.value for bar in bars):
        return tile, None
    whole = formats.money(sum(bar.value for bar in bars), currency)
    return tile, BarChart(
        f"Collected by week, {currency}",
        f"Collected by week, {whole} in {_WEEKS} weeks",
        bars,
        ("Week from", f"Came, {currency}"),
        note=f"The last {_WEEKS} weeks, each from Monday",
        plot_height=_PLOT_HEIGHT,
    )


def _dso(slug: str, currency: str, on: date, owed_minor: int) -> Tile:
    month = Month.of(on).before
    found = reports.outstanding_by_now(month, currency=currency, owed_minor=owed_minor)
    return Tile(
        label="Days of sales outstanding",
        figure="–" if found.dso is None else formats.decimal(found.dso, places=1),
        hint=f"At the end of {month.name}",
        url=link(slug, "dso", since=month.starts_on, until=month.ends_on, currency=currency),
    )


def _aging(slug: str, currency: str, ages: Mapping[Age, Sums], on: date) -> StackedBar:
    parts = []
    for step, (age, label) in enumerate(invoices.AGES.items()):
        due = ages[age].due_minor if age in ages else 0
        url = invoices.list_url(slug, view=View.OPEN, age=age, currency=currency)
        parts.append(Part(label, due, formats.money(due, currency), f"age-{step}", url))
    spoken = ", ".join(f"{part.label.lower()} {part.display}" for part in parts)
    return StackedBar(
        f"What is owed, by age, {currency}",
        f"What is owed by age: {spoken}",
        parts,
        ("Age", f"Due, {currency}"),
        note=f"By due date, on {formats.day(on)}",
    )
