"""Recurring revenue by month: what came new, grew, shrank and was lost."""

from datetime import date
from decimal import Decimal

from billing.periods.rules import Month
from billing.reports import recurring, rules
from edge.request import Request
from web.charts.bars import Bar, BarChart
from web.kit import formats
from web.reports.frame import Cell, Column, Report, Table, TimeForm, asked, link

MOVES = {
    rules.Move.NEW: "New",
    rules.Move.EXPANSION: "More",
    rules.Move.CONTRACTION: "Less",
    rules.Move.CHURN: "Lost",
}


def build(request: Request, slug: str, whole: bool) -> Report:
    """Write the report."""
    wanted = asked(request, TimeForm)
    currency, months = wanted.currency, wanted.months
    rows = recurring.items(since=months[0].before.starts_on, until=wanted.until, currency=currency)
    found = recurring.of_months(rows, months, until=wanted.until)
    moved, lost = [], []
    for each in found:
        end = min(each.month.ends_on, wanted.until)

        def of(kind: str, end: date = end, month: Month = each.month) -> str:
            return link(slug, "mrr_rows", month=month, until=end, currency=currency, key=kind)

        moved.append(
            [
                Cell(each.month.name),
                *(Cell(minor=each.moves[kind], currency=currency, url=of(kind)) for kind in MOVES),
                Cell(
                    minor=each.after_minor,
                    currency=currency,
                    url=link(slug, "mrr_rows", on=end, currency=currency),
                ),
            ]
        )
        lost.append(
            [
                Cell(each.month.name),
                Cell(
                    minor=each.annual_minor,
                    currency=currency,
                    url=link(slug, "mrr_rows", on=end, currency=currency, times=12),
                ),
                Cell(_rate(rules.churn_rate(each.lost_minor, each.before_minor))),
                Cell(_rate(rules.churn_rate(-each.customers_lost, each.customers_before))),
            ]
        )  # fmt: skip
    bars = [
        Bar(
            each.month.name[:3],
            each.after_minor,
            formats.money(each.after_minor, currency),
            partial=each.month.ends_on > wanted.until,
        )
        for each in found
    ]
    columns = [
        Column("Month"),
        *(Column(label, numeric=True, extra=True) for label in MOVES.values()),
        Column(f"A month, {currency}", numeric=True),
    ]
    rates = [
        Column("Month"),
        Column(f"A year, {currency}", numeric=True),
        Column("Revenue lost", numeric=True),
        Column("Customers lost", numeric=True, extra=True),
    ]
    return Report(
        code="mrr",
        title="Recurring revenue",
        about=f"What subscriptions come to a month at the end of each month, in {currency}.",
        form=wanted.form,
        chart=BarChart(
            "Recurring revenue a month", "Recurring revenue by month", bars, ("Month", columns[-1].label)
        )
        if rows
        else None,
        tables=[Table("A year, and what is lost", rates, lost), Table("How it moved", columns, moved)]
        if rows
        else [],
        empty=f"No subscription came to anything in {currency} in these months.",
        note="By the prices in force: a year counts as twelve months, 52 weeks or 365 days. Trials, pauses, usage and "
        "single charges are left out, discounts not taken off; a price that includes tax counts with it. Revenue lost "
        "= what was lost and what became less ÷ what there was a month before; customers lost likewise. A year is "
        "twelve times the month.",
        asked=wanted.query,
    )


def _rate(ratio: Decimal | None) -> str:
    return "–" if ratio is None else formats.percent(ratio)
