"""The lists of invoices that people work from: views, ages of debt, exact sums, pages in both directions.

Promise kept: a sum and the rows behind it are found by one and the same condition, so that they can be
compared. The plain views read the tallies; anything narrower sums the rows that an index finds.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet, Sum

from billing.customers import queries as customers
from billing.invoices import queries
from billing.invoices.models import Invoice
from billing.invoices.queries import LOST, InvoiceRow
from billing.tallies import queries as tallies
from billing.tallies.queries import OfDay, Total
from core import ids
from core.errors import Refusal

PAGE = 50
# Two bills of one customer over the same amount within this time are worth a question.
TWIN_DAYS = queries.TWIN_DAYS
# Nothing is due of what was given up as lost, and yet it was not paid.
_UNPAID = (
    Q(status=Invoice.Status.FINALIZED)
    & ~Q(payment_status=Invoice.PaymentStatus.PAID)
    & Q(amount_due_minor__gt=0)
)
_LOST = Q(status=Invoice.Status.FINALIZED, amount_due_minor=0, written_off_minor__gt=0)


class View(StrEnum):
    """The views of the list."""

    ALL = "all"
    DRAFT = "draft"
    OPEN = "open"
    OVERDUE = "overdue"
    PAID = "paid"
    WRITTEN_OFF = "written_off"
    VOIDED = "voided"


class Age(StrEnum):
    """How long an open invoice has been due."""

    CURRENT = "current"
    TO_30 = "1-30"
    TO_60 = "31-60"
    TO_90 = "61-90"
    OLDER = "over-90"


# The first and the last day late, None without end.
AGES: Mapping[Age, tuple[int, int | None]] = MappingProxyType(
    {Age.TO_30: (1, 30), Age.TO_60: (31, 60), Age.TO_90: (61, 90), Age.OLDER: (91, None)}
)


# What the rows can stand in the order of, which an index carries. What is encrypted has no order.
SORTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "due_on": ("due_on", "id"),
        "-due_on": ("-due_on", "-id"),
        "total": ("total_minor", "id"),
        "-total": ("-total_minor", "-id"),
    }
)


class NoSuchPage(Refusal):
    """This page address is damaged. Start again from the first page."""

    code = "bad_cursor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a list shall hold; everything given must be so. `today` decides what is late.

    `within` limits the list to these customers' invoices, whatever else is asked; None sets no limit.
    """

    today: date
    view: View = View.ALL
    age: Age | None = None
    number: str = ""
    customer_ids: Sequence[UUID] = ()
    due_from: date | None = None
    due_to: date | None = None
    created_before: datetime | None = None
    currency: str = ""
    within: Collection[UUID] | None = None
    # One of SORTS; otherwise newest first, or the longest overdue where all are due.
    sort: str = ""

    @property
    def order(self) -> tuple[str, ...]:
        """Return the columns that the rows stand in the order of."""
        if self.sort in SORTS:
            return SORTS[self.sort]
        return SORTS["due_on"] if self.oldest_due_first else ("-id",)

    @property
    def oldest_due_first(self) -> bool:
        """Tell whether every row has a due date, so that the longest overdue stands first."""
        return self.view is View.OVERDUE or self.age in AGES

    @property
    def is_plain(self) -> bool:
        """Tell whether view and currency alone decide, so that the tallies know the sums."""
        plain = Wanted(today=self.today, view=self.view, currency=self.currency, sort=self.sort)
        return self.view is not View.OVERDUE and self == plain

    @property
    def is_by_age(self) -> bool:
        """Tell whether what is open, its age and its currency alone decide: the tallies know these sums too."""
        aged = Wanted(today=self.today, view=self.view, age=self.age, currency=self.currency, sort=self.sort)
        return self == aged and (
            self.view is View.OVERDUE or (self.age is not None and self.view in (View.ALL, View.OPEN))
        )

    def rows(self) -> "QuerySet[Invoice]":
        """Return the invoices, in no order."""
        rows: QuerySet[Invoice] = Invoice.objects.filter(_of_view(self.view, self.today))
        if self.within is not None:
            rows = rows.filter(customer_id__in=self.within)
        if self.age is not None:
            rows = rows.filter(_UNPAID & _of_age(self.age, self.today))
        if self.number and self.customer_ids:
            rows = rows.filter(Q(number=self.number) | Q(customer_id__in=self.customer_ids))
        elif self.number:
            rows = rows.filter(number=self.number)
        elif self.customer_ids:
            rows = rows.filter(customer_id__in=self.customer_ids)
        bounds = {
            "due_on__gte": self.due_from,
            "due_on__lte": self.due_to,
            "created_at__lt": self.created_before,
            "currency": self.currency,
        }
        return rows.filter(**{name: value for name, value in bounds.items() if value})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """How many invoices of one currency, and what they come to in minor units."""

    currency: str
    count: int
    total_minor: int
    due_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """What one customer owes in one currency, and what of it is late. Minor units."""

    currency: str
    count: int
    due_minor: int
    late_minor: int


@dataclass(frozen=True, slots=True)
class Listed:
    """One page with the cursors of its neighbours, empty where there is none."""

    rows: list[InvoiceRow]
    next_cursor: str
    previous_cursor: str


def page(wanted: Wanted, *, cursor: str = "", limit: int = PAGE) -> Listed:
    """Return one page in the order that is wanted.

    Raises:
        NoSuchPage: the cursor is damaged.
    """
    back = cursor.startswith("-")
    names = tuple(_turned(name) for name in wanted.order) if back else wanted.order
    rows = wanted.rows()
    if cursor:
        rows = rows.filter(_beyond(cursor.lstrip("-"), names, all_due=wanted.oldest_due_first))
    found = list(rows.order_by(*names).values(*queries.LIST)[: limit + 1])
    more, shown = len(found) > limit, found[:limit]
    if back:
        shown.reverse()
    names_of = customers.names(row["customer_id"] for row in shown)
    listed = [queries.row_of(row, names_of) for row in shown]
    following = _cursor(shown[-1], wanted) if shown and (more or back) else ""
    before = f"-{_cursor(shown[0], wanted)}" if shown and (more if back else bool(cursor)) else ""
    return Listed(listed, following, before)


def sums(wanted: Wanted, *, totals: Sequence[Total] | None = None) -> list[Sums]:
    """Return what everything that matches comes to, by currency; `totals` are the tallies, where they were read."""
    known: list[Total | OfDay] | None = None
    if wanted.is_plain:
        kept = tallies.totals("invoice") if totals is None else totals
        known = [total for total in kept if _belongs(total, wanted.view)]
    elif wanted.is_by_age:
        known = [row for row in tallies.by_day("invoice") if _has_age(row, wanted)]
    if known is not None:
        return _by_currency(each for each in known if wanted.currency in ("", each.currency))
    found = (
        wanted.rows()
        .values("currency")
        .annotate(
            count=Count("id"), total=Sum(F("total_minor") + F("rounding_minor")), due=Sum("amount_due_minor")
        )
        .order_by("currency")
    )
    return [
        Sums(currency=row["currency"], count=row["count"], total_minor=row["total"], due_minor=row["due"])
        for row in found
    ]


def aging(*, today: date) -> dict[str, dict[Age, Sums]]:
    """Return what is owed by currency and age; the ages of a currency add up to what is outstanding."""
    result: dict[str, dict[Age, Sums]] = {}
    for row in tallies.by_day("invoice"):
        ages, age = result.setdefault(row.currency, {}), _age(row.day, today)
        ages[age] = _plus(ages.get(age), row)
    return result


def owed_in_all(*, today: date, of: Collection[UUID] | None = None, but: Collection[UUID] = ()) -> list[Owed]:
    """Return what all customers owe by currency, or these, or all but these; and what of it is late."""
    rows = Invoice.objects.filter(_UNPAID)
    if of is not None:
        rows = rows.filter(customer_id__in=set(of))
    if but:
        rows = rows.exclude(customer_id__in=set(but))
    found = (
        rows.values("currency")
        .annotate(
            count=Count("id"),
            due=Sum("amount_due_minor"),
            late=Sum("amount_due_minor", filter=Q(due_on__lt=today)),
        )
        .order_by("currency")
    )
    return [
        Owed(currency=row["currency"], count=row["count"], due_minor=row["due"], late_minor=row["late"] or 0)
        for row in found
    ]


def owed_by(customer_ids: Collection[UUID], *, today: date) -> dict[UUID, list[Owed]]:
    """Return what customers owe by currency, and what of it is late, in one statement."""
    found = (
        Invoice.objects.filter(_UNPAID, customer_id__in=set(customer_ids))
        .values("customer_id", "currency")
        .annotate(
            count=Count("id"),
            due=Sum("amount_due_minor"),
            late=Sum("amount_due_minor", filter=Q(due_on__lt=today)),
        )
        .order_by("customer_id", "currency")
    )
    owed: dict[UUID, list[Owed]] = {}
    for row in found:
        each = Owed(
            currency=row["currency"], count=row["count"], due_minor=row["due"], late_minor=row["late"] or 0
        )
        owed.setdefault(row["customer_id"], []).append(each)
    return owed


def twins(
    *, customer_id: UUID, total_minor: int, currency: str, since: datetime, but: UUID | None = None
) -> list[InvoiceRow]:
    """Return other invoices of a customer over the same amount since a moment: perhaps the same thing twice."""
    if total_minor == 0:
        return []
    rows = Invoice.objects.filter(
        customer_id=customer_id, total_minor=total_minor, currency=currency, created_at__gte=since
    ).exclude(status=Invoice.Status.VOIDED)
    # Parts of a quote are alike because it was agreed so.
    rows = rows.filter(role="")
    found = list(rows.exclude(pk=but).order_by("-id").values(*queries.LIST)[:3])
    names = customers.names([customer_id]) if found else {}
    return [queries.row_of(row, names) for row in found]


def numbers(invoice_ids: Sequence[UUID]) -> dict[UUID, str]:
    """Return the numbers of the invoices that have one, by id."""
    rows = Invoice.objects.filter(pk__in=set(invoice_ids), number__isnull=False)
    return {key: number or "" for key, number in rows.values_list("id", "number")}


def recent_customers(*, limit: int = 8) -> list[UUID]:
    """Return the customers of the latest invoices, last used first."""
    latest = Invoice.objects.order_by("-id").values_list("customer_id", flat=True)[: limit * 8]
    return list(dict.fromkeys(latest))[:limit]


def _of_view(view: View, today: date) -> Q:
    return {
        View.ALL: Q(),
        View.DRAFT: Q(status=Invoice.Status.DRAFT),
        View.OPEN: _UNPAID,
        View.OVERDUE: _UNPAID & Q(due_on__lt=today),
        View.PAID: Q(status=Invoice.Status.FINALIZED, payment_status=Invoice.PaymentStatus.PAID),
        View.WRITTEN_OFF: _LOST,
        View.VOIDED: Q(status=Invoice.Status.VOIDED),
    }[view]


def _of_age(age: Age, today: date) -> Q:
    if age is Age.CURRENT:
        return Q(due_on__gte=today) | Q(due_on__isnull=True)
    first, last = AGES[age]
    found = Q(due_on__lte=today - timedelta(days=first))
    return found if last is None else found & Q(due_on__gte=today - timedelta(days=last))


def _age(due_on: date | None, today: date) -> Age:
    late = (today - due_on).days if due_on else 0
    return [Age.CURRENT, *(age for age, (first, _) in AGES.items() if late >= first)][-1]


def _belongs(total: Total, view: View) -> bool:
    final = total.state == Invoice.Status.FINALIZED
    ended = {View.PAID: Invoice.PaymentStatus.PAID, View.WRITTEN_OFF: LOST}
    states = {View.DRAFT: Invoice.Status.DRAFT, View.VOIDED: Invoice.Status.VOIDED}
    if view in states:
        return total.state == states[view]
    if view in ended:
        return final and total.payment_status == ended[view]
    return view is View.ALL or (final and total.payment_status not in ended.values())


def _by_currency(rows: Iterable[Total | OfDay]) -> list[Sums]:
    found: dict[str, Sums] = {}
    for row in rows:
        found[row.currency] = _plus(found.get(row.currency), row)
    return [found[currency] for currency in sorted(found) if found[currency].count]


def _plus(before: Sums | None, more: Total | OfDay) -> Sums:
    return Sums(
        currency=more.currency,
        count=more.count + (before.count if before else 0),
        total_minor=more.total_minor + (before.total_minor if before else 0),
        due_minor=more.due_minor + (before.due_minor if before else 0),
    )


def _has_age(row: OfDay, wanted: Wanted) -> bool:
    late = row.day is not None and row.day < wanted.today
    return (late or wanted.view is not View.OVERDUE) and wanted.age in (None, _age(row.day, wanted.today))


def _turned(name: str) -> str:
    return name.removeprefix("-") if name.startswith("-") else f"-{name}"


def _cursor(row: Mapping[str, object], wanted: Wanted) -> str:
    key = row["id"]
    assert isinstance(key, UUID)  # noqa: S101  what the database answers
    *by, _ = wanted.order
    return ".".join([ids.base32(key), *(str(row[name.removeprefix("-")]) for name in by)])


def _beyond(cursor: str, names: Sequence[str], *, all_due: bool) -> Q:
    """Return what stands behind a cursor in the order of these columns; what is never due stands last, or first."""
    key, _, text = cursor.partition(".")
    down = names[0].startswith("-")
    sign, name = "lt" if down else "gt", names[0].removeprefix("-")
    try:
        tie = Q(**{f"pk__{sign}": ids.from_base32(key)})
        if len(names) == 1:
            return tie
        if name == "due_on" and text == str(None):
            never = Q(due_on__isnull=True) & tie
            return never | Q(due_on__isnull=False) if down else never
        value = date.fromisoformat(text) if name == "due_on" else _amount(text)
    except (Refusal, ValueError):
        raise NoSuchPage from None
    # The bound stands apart, so that the index is entered where the page begins.
    found = Q(**{f"{name}__{sign}e": value}) & (Q(**{f"{name}__{sign}": value}) | Q(**{name: value}) & tie)
    return found if down or all_due or name != "due_on" else found | Q(due_on__isnull=True)


def _amount(text: str) -> int:
    if not text.isdecimal() or len(text) > 18:
        raise NoSuchPage
    return int(text)
