"""What customers owe on a day, by age."""

from uuid import UUID

from billing.customers import queries as customers
from billing.reports import queries, rules
from core import ids
from edge.request import Request
from web.charts.stacked import Part, StackedBar
from web.kit import formats
from web.reports.frame import Asked, Cell, Column, OnForm, Report, Table, asked, link

# As many customers as a page shows, and as a file takes.
_PAGE, _MOST = 50, 5_000
AGES = {
    "current": "Not due yet",
    "1-30": "1–30 days",
    "31-60": "31–60 days",
    "61-90": "61–90 days",
    "over-90": "Over 90 days",
}


def build(request: Request, slug: str, whole: bool) -> Report:
    """Write the report: ages, and customers by what they owe."""
    wanted = asked(request, OnForm)
    found = queries.aging(on=wanted.on, currency=wanted.currency)
    differs = not found.is_booked
    tables = (
        []
        if not found.total.count
        else [_ages(slug, wanted, found), _customers(request, slug, wanted, found, whole)]
    )
    return Report(
        code="aging",
        title="Aging",
        about=f"What customers owed at the end of {formats.day(wanted.on)}, in {wanted.currency}, by due date.",
        form=wanted.form,
        tables=tables,
        chart=_chart(slug, wanted, found) if found.total.count else None,
        empty=f"Nobody owed anything in {wanted.currency} at the end of {formats.day(wanted.on)}.",
        note=""
        if differs
        else f"Equal to the ledger’s receivables that day, {formats.money(found.ledger_minor, wanted.currency)}.",
        warning=f"The ledger’s receivables that day are {formats.money(found.ledger_minor, wanted.currency)}, "
        "which is not the sum of these invoices. Run ledger_check."
        if differs
        else "",
        asked=wanted.query,
    )


def _rows(slug: str, wanted: Asked, **more: str) -> str:
    return link(slug, "aging_rows", **wanted.query, **more)


def _chart(slug: str, wanted: Asked, found: queries.Aging) -> StackedBar:
    parts = [
        Part(
            AGES[age], each.amount_minor, formats.money(each.amount_minor, wanted.currency), f"age-{step}",
            _rows(slug, wanted, key=age),
        )
        for step, (age, each) in enumerate(found.ages.items())
    ]  # fmt: skip
    spoken = ", ".join(f"{part.label.lower()} {part.display}" for part in parts)
    return StackedBar(
        "What is owed, by age",
        f"What is owed by age: {spoken}",
        parts,
        ("Age", f"Owed, {wanted.currency}"),
        note=f"By due date, at the end of {formats.day(wanted.on)}",
    )


def _ages(slug: str, wanted: Asked, found: queries.Aging) -> Table:
    rows = [
        [
            Cell(AGES[age]),
            Cell(formats.number(each.count)),
            Cell(minor=each.amount_minor, currency=wanted.currency, url=_rows(slug, wanted, key=age)),
        ]
        for age, each in found.ages.items()
    ]
    total = [
        Cell("Total"),
        Cell(formats.number(found.total.count)),
        Cell(minor=found.total.amount_minor, currency=wanted.currency, url=_rows(slug, wanted)),
    ]
    columns = [
        Column("Age"),
        Column("Invoices", numeric=True),
        Column(f"Owed, {wanted.currency}", numeric=True),
    ]
    return Table("By age", columns, rows, [total])


def _customers(request: Request, slug: str, wanted: Asked, found: queries.Aging, whole: bool) -> Table:
    after = None if whole else _place(request.GET.get("after", ""))
    owing, following = queries.owing(
        on=wanted.on, currency=wanted.currency, after=after, limit=_MOST if whole else _PAGE
    )
    names = customers.names(row.customer_id for row in owing)
    rows = []
    for row in owing:
        pk = ids.encode("customer", row.customer_id)
        cells = [
            Cell(
                minor=row.ages[age], currency=wanted.currency,
                url=_rows(slug, wanted, key=age, customer=pk) if row.ages[age] else "",
            )
            for age in rules.AGES
        ]  # fmt: skip
        total = Cell(minor=row.total_minor, currency=wanted.currency, url=_rows(slug, wanted, customer=pk))
        statement = link(slug, "statement", currency=wanted.currency, until=wanted.on, pk=pk)
        rows.append([Cell(names.get(row.customer_id, ""), url=statement), *cells, total])
    columns = [
        Column("Customer"),
        *(Column(label, numeric=True, extra=True) for label in AGES.values()),
        Column("Total", numeric=True),
    ]
    foot = [
        Cell("Total"),
        *(Cell(minor=each.amount_minor, currency=wanted.currency, url=_rows(slug, wanted, key=age))
          for age, each in found.ages.items()),
        Cell(minor=found.total.amount_minor, currency=wanted.currency, url=_rows(slug, wanted)),
    ]  # fmt: skip
    next_url = ""
    if following and not whole:
        place = f"{following[0]}~{ids.encode('customer', following[1])}"
        next_url = link(slug, "aging", **wanted.query, after=place)
    note = "Those who owe most come first." + (" These are the first 5,000." if following and whole else "")
    return Table("By customer", columns, rows, [foot], note=note, next_url=next_url)


def _place(text: str) -> tuple[int, UUID] | None:
    amount, _, pk = text.partition("~")
    if not pk or not amount.lstrip("-").isdigit():
        return None
    return int(amount), ids.decode("customer", pk)
