"""What was invoiced by month and product, and for how many days' sales customers owe."""

from datetime import date
from uuid import UUID

from billing.catalog import queries as catalog
from billing.periods.rules import Month
from billing.reports import queries, sources
from core import ids
from edge.request import Request
from web.charts.bars import Bar, BarChart
from web.kit import formats
from web.reports.frame import Cell, Column, Report, Table, TimeForm, asked, link


def products(keys: list[str]) -> dict[str, str]:
    """Name the products of keys; "other" is what no price of the catalogue stands for."""
    known = {str(pk): name for pk, name, _ in catalog.named(UUID(key) for key in keys if key != "other")}
    return {key: known.get(key, "Other") for key in keys}


def build(request: Request, slug: str, whole: bool) -> Report:
    """Write the report of revenue."""
    wanted = asked(request, TimeForm)
    currency = wanted.currency
    source = sources.revenue(since=wanted.since, until=wanted.until, currency=currency)
    by_product: dict[str, int] = {}
    by_month: dict[Month, int] = {}
    for (key, month), each in queries.by_month(source).items():
        by_product[key] = by_product.get(key, 0) + each.amount_minor
        by_month[month] = by_month.get(month, 0) + each.amount_minor
    total = sum(by_month.values())
    everything = Cell(minor=total, currency=currency, url=link(slug, "revenue_rows", **wanted.query))
    head = Column(f"Without tax, {currency}", numeric=True)
    months = [
        [
            Cell(month.name),
            Cell(
                minor=by_month.get(month, 0),
                currency=currency,
                url=_of_days(slug, "revenue_rows", currency, wanted.days_of(month)),
            ),
        ]
        for month in wanted.months
    ]
    named = products(list(by_product))
    sold = [
        [
            Cell(named[key]),
            Cell(
                minor=amount, currency=currency, url=link(slug, "revenue_rows", **wanted.query, key=_pk(key))
            ),
        ]
        for key, amount in sorted(by_product.items(), key=lambda each: (-each[1], named[each[0]]))
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
    spoken = f"Revenue by month: {formats.money(total, currency)} in all"
    return Report(
        code="revenue",
        title="Revenue",
        about=f"What was invoiced from {formats.day(wanted.since)} to {formats.day(wanted.until)}, "
        f"less voided invoices and credit notes, in {currency} without tax.",
        form=wanted.form,
        chart=BarChart("Revenue by month", spoken, bars, ("Month", head.label)) if by_month else None,
        tables=[
            Table("By month", [Column("Month"), head], months, [[Cell("Total"), everything]]),
            Table("By product", [Column("Product"), head], sold, [[Cell("Total"), everything]]),
        ]
        if by_month
        else [],
        empty=f"Nothing was invoiced in {currency} in these days.",
        note="By the day it was booked. What was imported as final was earned in other books.",
        asked=wanted.query,
    )


def build_dso(request: Request, slug: str, whole: bool) -> Report:
    """Write the report of days of sales outstanding."""
    wanted = asked(request, TimeForm)
    currency = wanted.currency
    over = [month for month in wanted.months if month.ends_on <= wanted.until]
    found = queries.outstanding(over, currency=currency)
    rows = [
        [
            Cell(each.month.name),
            Cell(
                minor=each.receivable_minor,
                currency=currency,
                url=link(slug, "aging_rows", on=each.month.ends_on, currency=currency),
            ),
            Cell(
                minor=each.revenue_minor,
                currency=currency,
                url=_of_days(slug, "revenue_rows", currency, (each.since, each.month.ends_on)),
            ),
            Cell(formats.number(each.days)),
            Cell("–" if each.dso is None else formats.decimal(each.dso, places=1)),
        ]
        for each in found
    ]
    bars = [
        Bar(
            each.month.name[:3],
            0 if each.dso is None else int(each.dso * 10),
            "–" if each.dso is None else formats.decimal(each.dso, places=1),
        )
        for each in found
    ]
    shown = any(each.receivable_minor or each.revenue_minor for each in found)
    columns = [
        Column("At the end of"),
        Column(f"Owed, {currency}", numeric=True, extra=True),
        Column(f"Revenue of three months, {currency}", numeric=True, extra=True),
        Column("Days", numeric=True, extra=True),
        Column("Days of sales", numeric=True),
    ]
    return Report(
        code="dso",
        title="Days of sales outstanding",
        about=f"For how many days’ sales customers owe, at the end of each month, in {currency}.",
        form=wanted.form,
        chart=BarChart(
            "Days of sales outstanding",
            "Days of sales outstanding by month",
            bars,
            ("Month", "Days of sales"),
        )
        if shown
        else None,
        tables=[Table("By month", columns, rows)] if shown else [],
        empty=f"Nothing was owed or invoiced in {currency} in these months.",
        note="Days of sales = what is owed at the end of the month ÷ revenue of the three months to it × their days. "
        "What is owed includes tax, revenue does not. Months that are not over are left out.",
        asked=wanted.query,
    )


def _pk(key: str) -> str:
    return key if key == "other" else ids.encode("product", UUID(key))


def _of_days(slug: str, name: str, currency: str, days: tuple[date, date]) -> str:
    return link(slug, name, since=days[0], until=days[1], currency=currency)
