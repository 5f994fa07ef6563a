"""The rows behind the figures of reports: each figure is a link here, and these rows come to it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse

from accounts.permissions import Permission
from billing import events
from billing.customers import queries as customers
from billing.ledger.journal import cell as as_text
from billing.ledger.rules import title as account_title
from billing.periods.rules import Month
from billing.reports import queries, recurring, rules, sources
from billing.reports.queries import Row
from core import ids, money
from core.errors import NotFound, Refusal
from edge import recording
from edge.access import access
from edge.request import Request
from web.books import shown
from web.kit.parts import Crumb
from web.reports import aging, frame, revenue, tax
from web.reports.frame import OnForm, TimeForm
from web.reports.recurring import MOVES

TITLES = {
    "aging": "Aging",
    "revenue": "Revenue",
    "tax": "Tax",
    "cash": "Cash",
    "mrr": "Recurring revenue",
}
_MOST = 100_000
_NOUNS = {
    "invoice": ("billing:invoice", "Invoice"),
    "credit_note": ("billing:credit_note", "Credit note"),
    "ledger_transaction": ("books:transaction", ""),
    "subscription": ("recurring:subscription", "Subscription"),
    "customer": ("billing:customer", "Customer"),
}
_DAY = {"aging": "Due"}
_WORD = re.compile(r"[A-Za-z0-9_.:-]{1,60}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One row as people read it."""

    day: date
    label: str
    url: str
    customer: str
    customer_url: str
    what: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Behind:
    """What is behind a figure: the sum, a page of its rows and where the next begins."""

    count: int
    sum_minor: int
    rows: list[Row]
    after: queries.Place | None = None


def page(code: str) -> Callable[..., HttpResponseBase]:
    """Return the view that lists the rows behind figures of a report."""

    @access(get=Permission.REPORT_READ)
    def view(request: Request, slug: str) -> HttpResponseBase:
        wanted = _asked(request, code)
        found = _behind(request, code, wanted, limit=queries.PAGE)
        recording.read(
            request,
            events.REPORT_READ,
            subjects=[row.subject for row in found.rows],
            facts={"report": code, **_facts(request, wanted)},
        )
        query = request.GET.copy()
        query.pop("after", None)
        next_url = ""
        if found.after is not None:
            query["after"] = f"{found.after[0].isoformat()}~{found.after[1]}"
            next_url = f"?{query.urlencode()}"
            query.pop("after")
        context = {
            "title": TITLES[code],
            "currency": wanted.currency,
            "count": found.count,
            "sum_minor": found.sum_minor,
            "rows": _shown(slug, code, found.rows),
            "day": _DAY.get(code, "Day"),
            "told": _told(request, code, wanted),
            "next_url": next_url,
            "may_export": Permission.EXPORT_RUN in request.permissions,
            "csv_url": f"{reverse(f'reports:{code}_rows_csv', args=[slug])}?{query.urlencode()}",
            "crumbs": [
                Crumb("Reports", reverse("reports:index", args=[slug])),
                Crumb(TITLES[code], reverse(f"reports:{code}", args=[slug])),
            ],
        }
        return render(request, "reports/rows.html", context)

    return view


def as_csv(code: str) -> Callable[..., HttpResponse]:
    """Return the view that hands out the rows behind a figure as CSV."""

    @access(get=Permission.EXPORT_RUN)
    def view(request: Request, slug: str) -> HttpResponse:
        wanted = _asked(request, code)
        found = _behind(request, code, wanted, limit=_MOST)
        lines = [
            [
                row.day.isoformat(), as_text(row.label), as_text(row.customer), as_text(row.what),
                str(money.from_minor(row.amount_minor, wanted.currency)), wanted.currency,
            ]
            for row in _shown(slug, code, found.rows)
        ]  # fmt: skip
        try:
            if found.after is not None:
                raise frame.ReportOverLimit(f"A file holds {_MOST} rows. Take a shorter time.")
            return frame.table_csv(
                request,
                name=f"{code}-rows.csv",
                head=["Day", "Document", "Customer", "What", "Amount", "Currency"],
                lines=lines,
                facts={"report": code, **_facts(request, wanted)},
            )
        except Refusal as refusal:
            return frame.refused(request, slug, refusal)

    return view


def _asked(request: Request, code: str) -> frame.Asked:
    by_day = code == "aging" or (code == "mrr" and "month" not in request.GET)
    return frame.asked(request, OnForm if by_day else TimeForm)


def _facts(request: Request, wanted: frame.Asked) -> dict[str, str]:
    """Say what was asked for; the trail takes no free text, and what is none of our words is nothing's name."""
    names = ("month", "key", "sign", "of")
    given = {name: request.GET[name] for name in names if _WORD.fullmatch(request.GET.get(name, ""))}
    return {**wanted.query, **given}


def _behind(request: Request, code: str, wanted: frame.Asked, *, limit: int) -> Behind:
    if code == "mrr":
        return _recurring(request, wanted)
    days: dict[str, Any] = {"since": wanted.since, "until": wanted.until, "currency": wanted.currency}
    source = {
        "aging": lambda: sources.owed(on=wanted.on, currency=wanted.currency),
        "revenue": lambda: sources.revenue(**days),
        "tax": lambda: sources.tax(**days),
        "cash": lambda: sources.cash(**days),
    }[code]()
    key, customer, sign = (request.GET.get(name, "") for name in ("key", "customer", "sign"))
    if code == "revenue" and key not in ("", "other"):
        key = str(ids.decode("product", key))
    source = source.of(
        key=key,
        customer_id=ids.decode("customer", customer) if customer else None,
        sign={"1": 1, "-1": -1}.get(sign),
    )
    total = queries.total(source)
    rows, after = queries.page(source, after=_place(request.GET.get("after", "")), limit=limit)
    if code == "tax" and request.GET.get("of") == "base":
        rows = [_as_base(row) for row in rows]
        return Behind(total.count, total.base_minor, rows, after)
    return Behind(total.count, total.amount_minor, rows, after)


def _as_base(row: Row) -> Row:
    return Row(
        day=row.day, id=row.id, noun=row.noun, subject=row.subject, number=row.number, customer_id=row.customer_id,
        key=row.key, amount_minor=row.base_minor, base_minor=row.base_minor,
    )  # fmt: skip


def _recurring(request: Request, wanted: frame.Asked) -> Behind:
    """Return items on a day, or how customers moved in a month; there are no pages of them."""
    month = request.GET.get("month", "")
    if month:
        asked = shown.month_of(month)
        held = recurring.items(since=asked.before.starts_on, until=wanted.until, currency=wanted.currency)
        moves = recurring.moved(held, Month(asked.starts_on), until=wanted.until)
        kind = request.GET.get("key", "")
        rows = [
            Row(
                day=min(asked.ends_on, wanted.until), id=row.customer_id, noun="customer", subject=row.customer_id,
                number="", customer_id=row.customer_id, key=str(row.kind), amount_minor=row.amount_minor, base_minor=0,
            )
            for row in moves
            if row.kind is not None and kind in ("", row.kind)
        ]  # fmt: skip
    else:
        times = 12 if request.GET.get("times") == "12" else 1
        held = recurring.items(since=wanted.on, until=wanted.on, currency=wanted.currency)
        rows = [
            Row(
                day=row.from_on, id=row.item_id, noun="subscription", subject=row.subscription_id, number="",
                customer_id=row.customer_id, key=str(row.product_id), amount_minor=times * row.amount_minor,
                base_minor=0,
            )
            for row in held
            if row.holds_on(wanted.on)
        ]  # fmt: skip
    return Behind(len(rows), sum(row.amount_minor for row in rows), rows)


def _shown(slug: str, code: str, rows: list[Row]) -> list[Shown]:
    names = customers.names({row.customer_id for row in rows if row.customer_id is not None})
    keys = _named(code, rows)
    found = []
    for row in rows:
        route, noun = _NOUNS[row.noun]
        label = shown.kind(row.number) if row.noun == "ledger_transaction" else row.number or noun
        found.append(
            Shown(
                day=row.day,
                label=names.get(row.customer_id, label)
                if row.noun == "customer" and row.customer_id
                else label,
                url=reverse(route, args=[slug, ids.encode(row.noun, row.subject)]),
                customer=names.get(row.customer_id, "") if row.customer_id else "",
                customer_url=shown.customer_url(slug, row.customer_id),
                what=keys.get(row.key, row.key),
                amount_minor=row.amount_minor,
            )
        )
    return found


def _named(code: str, rows: list[Row]) -> dict[str, str]:
    keys = {row.key for row in rows}
    if code == "aging":
        return aging.AGES
    if code == "tax":
        return {key: tax.named(key) for key in keys}
    if code == "cash":
        return {key: account_title(key) for key in keys}
    if code == "mrr" and keys & set(rules.Move):
        return {str(kind): label for kind, label in MOVES.items()}
    return revenue.products(sorted(keys))


def _told(request: Request, code: str, wanted: frame.Asked) -> list[str]:
    """Say in words what the rows were narrowed to."""
    told = []
    key, customer = request.GET.get("key", ""), request.GET.get("customer", "")
    if key and code == "revenue":
        told.append(
            revenue.products([key if key == "other" else str(ids.decode("product", key))]).popitem()[1]
        )
    elif key and code == "tax":
        told.append(tax.named(key) if key.count(":") else "")
    elif key:
        told.append(
            {**aging.AGES, **{str(kind): label for kind, label in MOVES.items()}}.get(key)
            or account_title(key)
        )
    if customer:
        named = customers.names([ids.decode("customer", customer)])
        if not named:
            raise NotFound
        told += named.values()
    if request.GET.get("sign") in ("1", "-1"):
        told.append("What came" if request.GET["sign"] == "1" else "What left")
    if request.GET.get("of") == "base":
        told.append("What tax was computed on")
    if request.GET.get("times") == "12":
        told.append("Twelve months of each")
    return [each for each in told if each]


def _place(text: str) -> queries.Place | None:
    day, _, last = text.partition("~")
    try:
        return (date.fromisoformat(day), UUID(last)) if last else None
    except ValueError:
        return None
