"""The work queue: what waits for whoever looks, by the money at risk, one line each with its act.

Promise kept: a line names nothing its reader could not open, and its number is that of the rows behind its link.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode

from accounts import oversight
from accounts.permissions import Permission
from alerts import queries as alerts
from alerts.rules import Severity
from billing.invoices import lists
from billing.invoices.lists import Age, Sums, View, Wanted
from billing.rates.queries import base_currency, rate_on
from billing.rates.rules import ExchangeRateMissing
from compliance.requests import queries as privacy
from core import clock, ids, money
from edge.request import Request
from payments import waiting
from payments.models import Refund
from payments.waiting import Total
from training import queries as training
from web.billing import invoices, rows
from web.kit import formats
from web.people import organization

OLD_DRAFT = timedelta(days=7)
# What is not money stands behind it, what is wrong before what only waits.
_TINTS = {"bad": 0, "person": 1, "warn": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One line. `says` goes on after the number; the amount is that of the same rows unless it has its own link."""

    number: int
    says: str
    url: str
    action: str
    icon: str
    tint: str
    detail: str = ""
    amount_minor: int | None = None
    currency: str = ""
    amount_url: str = ""
    amount_says: str = ""
    # Where the act begins, when that is not the list of the rows.
    act_url: str = ""
    # Before everything else, whatever money is at risk.
    first: bool = False


def tasks(request: Request, slug: str, on: date, aging: Mapping[str, Mapping[Age, Sums]]) -> list[Task]:
    """Return what waits for whoever asks: what may be an attack, then money by how much, then the rest."""
    found = [task for collect in _COLLECT for task in collect(request, slug, on)]
    found += _overdue(slug, aging)
    worth = _Worth(on, {task.currency for task in found})
    return sorted(
        found,
        key=lambda task: (
            not task.first,
            task.amount_minor is None,
            -worth(task.amount_minor or 0, task.currency),
            _TINTS[task.tint],
        ),
    )


class _Worth:
    """What an amount is worth in the books' own currency; a currency without a rate counts at its face."""

    def __init__(self, on: date, currencies: set[str]) -> None:
        self._on = on
        self._rates: dict[str, Decimal] = {"": Decimal(0)}
        if len(currencies - {""}) < 2:
            # There is nothing to compare with.
            self._rates |= dict.fromkeys(currencies - {""}, Decimal(1))

    def __call__(self, amount_minor: int, currency: str) -> Decimal:
        if currency not in self._rates:
            try:
                self._rates[currency] = rate_on(self._on, currency=currency, base=base_currency())
            except ExchangeRateMissing:
                self._rates[currency] = Decimal(1)
        return money.from_minor(amount_minor, currency) * self._rates[currency] if currency else Decimal(0)


def _overdue(slug: str, aging: Mapping[str, Mapping[Age, Sums]]) -> Iterator[Task]:
    for currency, ages in aging.items():
        late = [sums for age, sums in ages.items() if age is not Age.CURRENT]
        if not late:
            continue
        number = sum(sums.count for sums in late)
        yield Task(
            number=number,
            says=_says(number, "invoice is overdue", "invoices are overdue"),
            amount_minor=sum(sums.due_minor for sums in late),
            currency=currency,
            url=invoices.list_url(slug, view=View.OVERDUE, currency=currency),
            action="Chase",
            icon="clock",
            tint="bad",
        )


def _drafts(request: Request, slug: str, on: date) -> Iterator[Task]:
    day = on - OLD_DRAFT
    for each in lists.sums(Wanted(today=on, view=View.DRAFT, created_before=rows.midnight(day))):
        yield Task(
            number=each.count,
            says=_says(each.count, "draft is", "drafts are") + f" older than {OLD_DRAFT.days} days",
            amount_minor=each.total_minor,
            currency=each.currency,
            url=invoices.list_url(slug, view=View.DRAFT, currency=each.currency, created_before=str(day)),
            action="Finish",
            icon="invoice",
            tint="warn",
        )


def _payments(request: Request, slug: str, on: date) -> Iterator[Task]:
    """Return what of payments waits."""
    if Permission.PAYMENT_READ not in request.permissions:
        return
    found = waiting.waiting(at=clock.now())
    by = f"The first by {formats.moment(found.answer_by)}" if found.answer_by else ""
    yield from _each(
        found.disputes, "payment is contested", "payments are contested", detail=by,
        url=_url("payments:disputes", slug, view="answer"), action="Answer", icon="warning", tint="bad",
    )  # fmt: skip
    for one in found.failed:
        yield from _each(
            [one], "payment failed, its invoice is open", "payments failed, their invoices are open",
            url=_url("payments:payments", slug, view="failed", only="unpaid", currency=one.currency),
            action="See why", icon="payment", tint="bad",
        )  # fmt: skip
    for one in found.held:
        yield from _each(
            [one], "payment is held", "payments are held",
            detail="What came differs from what was asked for", action="Decide", icon="payment", tint="person",
            url=_url("payments:payments", slug, view="held", currency=one.currency),
        )  # fmt: skip
    yield from _each(
        found.lines, "line of a bank statement pays nothing yet", "lines of bank statements pay nothing yet",
        url=_url("reconcile:lines", slug), action="Allocate", icon="payment", tint="warn",
    )  # fmt: skip
    yield from _each(
        found.credit, "customer has paid too much", "customers have paid too much",
        detail="Credit that pays nothing yet", action="Allocate", icon="customers", tint="warn",
        url=f"{_url('payments:unmatched', slug)}#credit",
    )  # fmt: skip
    yield from _each(
        found.payouts, "refund waits for a bank transfer", "refunds wait for a bank transfer",
        detail="By bank, then recorded here", action="Record", icon="refund", tint="warn",
        url=_url("payments:refunds", slug, view="to_pay_out"),
    )  # fmt: skip
    for one in found.unresolved:
        yield from _each(
            [one], "payment ended nobody knows how", "payments ended nobody knows how",
            detail="The provider was asked for days", action="Look", icon="warning", tint="bad",
            url=_url("payments:payments", slug, only="unresolved", currency=one.currency),
        )  # fmt: skip
    yield from _each(
        found.unresolved_refunds, "refund ended nobody knows how", "refunds ended nobody knows how",
        detail="The provider was asked for days", action="Look", icon="warning", tint="bad",
        url=_url("payments:refunds", slug, view="unresolved"),
    )  # fmt: skip


def _approvals(request: Request, slug: str, on: date) -> Iterator[Task]:
    """Return the requests that whoever asks may decide; their own are none of these."""
    if not {Permission.APPROVAL_READ, Permission.APPROVAL_DECIDE} <= request.permissions:
        return
    number = oversight.to_decide(organization.me(request).user_id, at=clock.now()).count()
    if not number:
        return
    refunds: list[Total] = []
    if Permission.PAYMENT_READ in request.permissions:
        refunds = waiting.sums(Refund.objects.filter(state=Refund.State.PENDING_APPROVAL))
    largest = max(refunds, key=lambda one: one.amount_minor, default=None)
    yield Task(
        number=number,
        says=_says(number, "request waits for you", "requests wait for you"),
        url=_url("people:approvals", slug, view="mine"),
        action="Decide",
        icon="approval",
        tint="person",
        amount_minor=largest.amount_minor if largest else None,
        currency=largest.currency if largest else "",
        amount_url=_url("payments:refunds", slug, view="waiting") if largest else "",
        amount_says="of refunds wait" if largest else "",
    )


def _alerts(request: Request, slug: str, on: date) -> Iterator[Task]:
    if Permission.ALERT_READ not in request.permissions:
        return
    standing = alerts.standing(at=clock.now())
    for number, severity in ((standing.critical, Severity.CRITICAL), (standing.high, Severity.HIGH)):
        if number:
            first = alerts.next_due(severity)
            yield Task(
                number=number,
                says=_says(number, f"{severity} alert is open", f"{severity} alerts are open"),
                url=_url("alerts:alerts", slug, view="open", severity=severity),
                act_url=reverse("alerts:alert", args=[slug, ids.encode("alert", first)]) if first else "",
                action="Triage",
                icon="bell",
                tint="bad",
                first=severity is Severity.CRITICAL,
            )


def _privacy(request: Request, slug: str, on: date) -> Iterator[Task]:
    if Permission.PRIVACY_READ not in request.permissions:
        return
    found = privacy.figures(clock.now().date())
    if found.late + found.soon:
        yield Task(
            number=found.late + found.soon,
            says=_says(found.late + found.soon, "privacy request is", "privacy requests are")
            + " due within a week",
            detail="Late already" if found.late else "",
            url=_url("privacy:requests", slug, view="soon"),
            action="Answer",
            icon="person",
            tint="bad" if found.late else "warn",
        )


def _training(request: Request, slug: str, on: date) -> Iterator[Task]:
    due = training.due_days(organization.me(request))
    if due:
        first = due[0]
        yield Task(
            number=len(due),
            says=_says(
                len(due), "module of your training is to take", "modules of your training are to take"
            ),
            detail=f"The first by {formats.day(first)}",
            url=_url("training:mine", slug),
            action="Take it",
            icon="training",
            tint="bad" if first < clock.today() else "warn",
        )


def _each(
    totals: Sequence[Total],
    one: str,
    many: str,
    *,
    url: str,
    action: str,
    icon: str,
    tint: str,
    detail: str = "",
) -> Iterator[Task]:
    for each in totals:
        yield Task(
            number=each.count,
            says=_says(each.count, one, many),
            amount_minor=each.amount_minor,
            currency=each.currency,
            detail=detail,
            url=url,
            action=action,
            icon=icon,
            tint=tint,
        )


def _says(number: int, one: str, many: str) -> str:
    return one if number == 1 else many


def _url(name: str, slug: str, **query: Any) -> str:
    path = reverse(name, args=[slug])
    return f"{path}?{urlencode(query)}" if query else path


_COLLECT: tuple[Callable[[Request, str, date], Iterator[Task]], ...] = (
    _approvals,
    _payments,
    _drafts,
    _alerts,
    _privacy,
    _training,
)
