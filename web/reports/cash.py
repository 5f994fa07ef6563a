"""What came to the bank and the payment provider, and what left."""

from typing import Any

from billing.ledger.rules import title
from billing.periods.rules import Month
from billing.reports import queries, sources
from edge.request import Request
from web.charts.bars import Bar, BarChart
from web.kit import formats
from web.reports.frame import Cell, Column, Report, Table, TimeForm, asked, link


def build(request: Request, slug: str, whole: bool) -> Report:
    """Write the report."""
    wanted = asked(request, TimeForm)
    currency = wanted.currency
    source = sources.cash(since=wanted.since, until=wanted.until, currency=currency)
    came, left = queries.by_month(source.of(sign=1)), queries.by_month(source.of(sign=-1))

    def sums(key: str | None = None, month: Month | None = None) -> list[int]:
        return [
            sum(
                each.amount_minor
                for (of, on), each in found.items()
                if key in (None, of) and month in (None, on)
            )
            for found in (came, left)
        ]

    def row(label: str, into: int, out: int, **query: Any) -> list[Cell]:
        asks: dict[str, Any] = {**wanted.query, **query}
        return [
            Cell(label),
            Cell(minor=into, currency=currency, url=link(slug, "cash_rows", **asks, sign=1)),
            Cell(minor=out, currency=currency, url=link(slug, "cash_rows", **asks, sign=-1)),
            Cell(minor=into + out, currency=currency, url=link(slug, "cash_rows", **asks)),
        ]

    columns = [
        Column("Account"),
        Column(f"Came, {currency}", numeric=True, extra=True),
        Column(f"Left, {currency}", numeric=True, extra=True),
        Column(f"In all, {currency}", numeric=True),
    ]
    accounts = sorted({key for key, _ in [*came, *left]})
    by_account = [row(title(key), *sums(key=key), key=key) for key in accounts]
    by_month = []
    for month in wanted.months:
        since, until = wanted.days_of(month)
        by_month.append(row(month.name, *sums(month=month), since=since, until=until))
    total = row("Total", *sums())
    bars = [
        Bar(
            month.name[:3],
            sums(month=month)[0],
            formats.money(sums(month=month)[0], currency),
            partial=month.ends_on > wanted.until,
        )
        for month in wanted.months
    ]
    return Report(
        code="cash",
        title="Cash",
        about=f"What came to the bank and the payment provider from {formats.day(wanted.since)} to "
        f"{formats.day(wanted.until)}, and what left, in {currency}.",
        form=wanted.form,
        chart=BarChart(
            "What came, by month",
            f"What came by month: {formats.money(sums()[0], currency)} in all",
            bars,
            ("Month", f"Came, {currency}"),
        )
        if accounts
        else None,
        tables=[
            Table("By account", columns, by_account, [total]),
            Table("By month", [Column("Month"), *columns[1:]], by_month, [total]),
        ]
        if accounts
        else [],
        empty=f"No money moved in {currency} in these days.",
        note="By the day it was booked, as in the ledger’s accounts of the bank and the provider.",
        asked=wanted.query,
    )
