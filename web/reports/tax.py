"""Tax by rate, with what it was computed on."""

from billing.reports import queries, sources
from billing.tax.rules import CATEGORIES
from core import money
from edge.request import Request
from web.charts.bars import Bar, BarChart
from web.kit import formats
from web.reports.frame import Cell, Column, Report, Table, TimeForm, asked, link


def named(key: str) -> str:
    """Name a rate: its category, percentage and, of stacked taxes, its own name."""
    category, percentage, name = [*key.split(":", 2), "", ""][:3]
    try:
        rate = f"{formats.number(money.decimal(percentage))} %" if percentage else ""
    except money.NotADecimal:
        # It stands in an address that somebody changed: nothing is behind it.
        rate = percentage
    return " ".join(part for part in (CATEGORIES.get(category, category), rate, name) if part)


def build(request: Request, slug: str, whole: bool) -> Report:
    """Write the report."""
    wanted = asked(request, TimeForm)
    currency = wanted.currency
    source = sources.tax(since=wanted.since, until=wanted.until, currency=currency)
    found: dict[str, list[int]] = {}
    by_month: dict[object, int] = {}
    for (key, month), each in queries.by_month(source).items():
        held = found.setdefault(key, [0, 0])
        held[0] += each.base_minor
        held[1] += each.amount_minor
        by_month[month] = by_month.get(month, 0) + each.amount_minor

    def row(label: str, base: int, amount: int, key: str = "") -> list[Cell]:
        url = link(slug, "tax_rows", **wanted.query, key=key)
        based = link(slug, "tax_rows", **wanted.query, key=key, of="base")
        return [
            Cell(label),
            Cell(minor=base, currency=currency, url=based),
            Cell(minor=amount, currency=currency, url=url),
        ]

    rows = [row(named(key), found[key][0], found[key][1], key) for key in sorted(found)]
    total = sum(each[1] for each in found.values())
    columns = [
        Column("Rate"),
        Column(f"Computed on, {currency}", numeric=True),
        Column(f"Tax, {currency}", numeric=True),
    ]
    bars = [
        Bar(
            month.name[:3],
            by_month.get(month, 0),
            formats.money(by_month.get(month, 0), currency),
            partial=month.ends_on > wanted.until,
        )
        for month in wanted.months
    ]
    return Report(
        code="tax",
        title="Tax",
        about=f"Tax of what was invoiced from {formats.day(wanted.since)} to {formats.day(wanted.until)}, "
        f"less voided invoices and credit notes, in {currency}.",
        form=wanted.form,
        chart=BarChart(
            "Tax by month",
            f"Tax by month: {formats.money(total, currency)} in all",
            bars,
            ("Month", columns[2].label),
        )
        if found
        else None,
        tables=[
            Table("By rate", columns, rows, [row("Total", sum(each[0] for each in found.values()), total)])
        ]
        if found
        else [],
        empty=f"No tax was invoiced in {currency} in these days.",
        note="By the day it was booked; of stacked taxes each counts its own base.",
        asked=wanted.query,
    )
