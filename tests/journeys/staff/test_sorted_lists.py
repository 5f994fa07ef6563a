"""Lists put into the order of a column: page by page, both ways, carried by an index."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from accounts.lists.order import Sorts
from accounts.permissions import RoleCode
from alerts import queries as alerts
from alerts.models import Alert
from billing.quotes import queries as quotes
from billing.quotes import services as quoting
from billing.quotes.models import Quote
from billing.subscriptions import queries as subscriptions
from billing.subscriptions.models import Subscription
from core import clock, ids
from core.errors import NotFound
from payments import lists
from payments.lists import Place
from payments.models import Payment
from tenancy.context import Scope, scope
from tests.journeys.staff.office import member
from tests.make import alerts as make_alerts
from tests.make import billing, recurring
from tests.make import payments as make
from tests.make.finance import Books

DAYS = (3, None, 1, 3, 2, None)


def offer(customer: UUID) -> None:
    for number, day in enumerate(DAYS):
        made = quoting.create(
            customer_id=customer,
            lines=[billing.line(f"{100 - number % 2}.00")],
            currency="EUR",
            actor=billing.ACTOR,
            at=billing.AT,
        )
        Quote.objects.filter(pk=made.pk).update(valid_until=None if day is None else date(2026, 9, day))


def subscribe(_: UUID) -> None:
    price = recurring.price()
    for day in DAYS:
        made = recurring.subscription(price)
        Subscription.objects.filter(pk=made.pk).update(next_on=None if day is None else date(2026, 9, day))


def receive(customer: UUID) -> None:
    for number, day in enumerate(DAYS):
        made = make.bank(customer, 1_000 + number % 3)
        Payment.objects.filter(pk=made.pk).update(
            received_on=None if day is None else date(2026, 9, day),
            succeeded_at=made.succeeded_at - timedelta(days=number),
        )


def watch(_: UUID) -> None:
    now = clock.now()
    for number, rule in enumerate(("RBAC-04", "AUTH-01", "DATA-01", "RBAC-04", "PAY-01")):
        made = make_alerts.alert(rule, at=now - timedelta(minutes=number % 3))
        Alert.objects.filter(pk=made.pk).update(count=3 + number % 2)


def _quotes(limit: int, sort: str, after: UUID | None) -> tuple[list[UUID], UUID | None]:
    found = quotes.page(limit=limit, sort=sort, after=after)
    return [row.id for row in found.rows], found.next_after


def _subscriptions(limit: int, sort: str, after: UUID | None) -> tuple[list[UUID], UUID | None]:
    found, following = subscriptions.page(limit=limit, sort=sort, after=after)
    return [row.id for row in found], following


def _payments(limit: int, sort: str, after: UUID | None) -> tuple[list[UUID], UUID | None]:
    found = lists.payments(place=Place(after, limit=limit, sort=sort))
    return [row.id for row in found.rows], found.next_after


def _alerts(limit: int, sort: str, after: UUID | None) -> tuple[list[UUID], UUID | None]:
    found, following = alerts.page(alerts.Filters(), limit=limit, sort=sort, after=after)
    return [row.pk for row in found], following


Read = Callable[[int, str, UUID | None], tuple[list[UUID], UUID | None]]
LISTS: dict[str, tuple[Any, Callable[[UUID], None], Read, Sorts, str]] = {
    "quotes": (Quote, offer, _quotes, quotes.SORTS, "quote"),
    "subscriptions": (Subscription, subscribe, _subscriptions, subscriptions.SORTS, "subscription"),
    "payments": (Payment, receive, _payments, lists.SORTS, "payment"),
    "alerts": (Alert, watch, _alerts, alerts.SORTS, "alert"),
}
CASES = [(name, f"{way}{sort}") for name, each in LISTS.items() for sort in each[3] for way in ("", "-")]


def paged(read: Read, sort: str) -> list[UUID]:
    """Read a list to its end, two rows at a time."""
    found, after = read(2, sort, None)
    while after is not None:
        more, after = read(2, sort, after)
        found += more
    return found


def expected(model: Any, by: Any, *, falls: bool) -> list[UUID]:
    """Sort in Python: what has no value last, or first where the order falls."""
    rows = model.objects.values_list(by, "id")
    return [
        key for _, key in sorted(rows, key=lambda row: (row[0] is None, row[0] or 0, row[1]), reverse=falls)
    ]  # fmt: skip


@contextmanager
def asked() -> Iterator[list[tuple[str, Any]]]:
    found: list[tuple[str, Any]] = []

    def keep(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        found.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(keep):
        yield found


@pytest.mark.parametrize(("name", "sort"), CASES)
def test_a_list_stands_in_the_order_of_a_column(tenant: UUID, made: Books, name: str, sort: str) -> None:
    model, fill, read, sorts, noun = LISTS[name]
    column = sort.removeprefix("-")
    with scope(Scope(tenant)):
        fill(made.customer)
        wanted = expected(model, sorts[column], falls=sort.startswith("-"))
        assert len(set(model.objects.values_list(sorts[column], flat=True))) > 1
        assert paged(read, sort) == wanted
    page = member(tenant, RoleCode.OWNER).get(f"/o/a/{name}?sort={sort}").content.decode()
    order = [
        ids.decode(noun, key) for key in re.findall(rf"data-row-url=\"[^\"]*/({noun[:2]}[a-z]*_\w+)\"", page)
    ]
    assert order == wanted
    turned = column if sort.startswith("-") else f"-{column}"
    assert f"sort={turned}" in page
    assert f'aria-sort="{"descending" if sort.startswith("-") else "ascending"}"' in page


@pytest.mark.parametrize(("name", "sort"), CASES)
def test_an_index_carries_each_order(tenant: UUID, made: Books, name: str, sort: str) -> None:
    model, fill, read, _, _ = LISTS[name]
    with scope(Scope(tenant)):
        fill(made.customer)
        first, after = read(2, sort, None)
        assert after == first[-1]
        with asked() as statements:
            read(2, sort, None)
            read(2, sort, after)
        table = model._meta.db_table
        mine = [each for each in statements if f'FROM "{table}"' in each[0] and "ORDER BY" in each[0]]
        assert len(mine) == 2
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_bitmapscan = off")
            for sql, params in mine:
                cursor.execute("EXPLAIN " + sql, params)
                plan = "\n".join(line for (line,) in cursor.fetchall())
                assert "Sort" not in plan, plan


def test_payments_are_read_backwards_in_an_order_too(tenant: UUID, made: Books) -> None:
    with scope(Scope(tenant)):
        receive(made.customer)
        whole = paged(_payments, "-amount")
        last = lists.payments(place=Place(whole[3], limit=2, sort="-amount"))
        assert last.previous_before == whole[4]
        before = lists.payments(place=Place(last.previous_before, back=True, limit=2, sort="-amount"))
        assert [row.id for row in before.rows] == whole[2:4]
        with pytest.raises(NotFound):
            lists.payments(place=Place(ids.uuid7(), sort="amount"))


def test_amounts_of_several_currencies_have_no_order(tenant: UUID, made: Books) -> None:
    with scope(Scope(tenant)):
        receive(made.customer)
        make.bank(made.customer, 500, currency="USD")
    owner = member(tenant, RoleCode.OWNER)
    page = owner.get("/o/a/payments").content.decode()
    assert "sort=-date" in page and "sort=-amount" not in page
    assert "sort=-amount" in owner.get("/o/a/payments?currency=USD").content.decode()
