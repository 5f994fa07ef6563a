"""The first page of whoever bills: what needs them, and what is owed. Every number leads to its rows."""

from dataclasses import dataclass
from datetime import date, timedelta

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts import queries as people
from accounts.models import ApprovalRequest
from accounts.permissions import Permission
from billing import events
from billing.invoices import lists
from billing.invoices.lists import Age, View, Wanted
from billing.issuer import queries as issuers
from core import clock
from edge import recording
from edge.request import Request
from payments import waiting as payments
from web.billing import invoices, rows
from web.charts.stacked import Part, StackedBar
from web.kit import formats

_OLD_DRAFT = timedelta(days=7)
_MOST = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One line of the work queue."""

    sentence: str
    detail: str
    url: str
    action: str
    icon: str
    tint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What is owed in one currency."""

    currency: str
    outstanding: str
    outstanding_hint: str
    outstanding_url: str
    overdue: str
    overdue_hint: str
    overdue_url: str
    overdue_tint: str
    drafts: str
    drafts_hint: str
    drafts_url: str
    aging: StackedBar | None


def show(request: Request, slug: str) -> HttpResponse:
    """Show the overview to somebody who may read invoices; the view that calls this has asked."""
    at, on = clock.now(), rows.today()
    late = lists.page(Wanted(today=on, view=View.OVERDUE), limit=_MOST)
    recording.read(
        request, events.INVOICE_LISTED, subjects=[row.id for row in late.rows], fields=["customer.name"]
    )
    context = {
        "tasks": [*_of_payments(request, slug), *_tasks(request, slug, on)],
        "figures": _figures(slug, on),
        "late": rows.rows(late.rows, slug=slug, on=on),
        "late_url": invoices.list_url(slug, view=View.OVERDUE),
        "first_steps": _first_steps(request, slug),
        "today": on,
        "checked_at": at,
        "may_write": Permission.INVOICE_WRITE in request.permissions,
    }
    return render(request, "billing/overview.html", context)


def _tasks(request: Request, slug: str, on: date) -> list[Task]:
    tasks = []
    for each in lists.sums(Wanted(today=on, view=View.OVERDUE)):
        tasks.append(
            Task(
                sentence=f"{formats.count(each.count, 'invoice is', 'invoices are')} overdue",
                detail=formats.money(each.due_minor, each.currency),
                url=invoices.list_url(slug, view=View.OVERDUE, currency=each.currency),
                action="See overdue",
                icon="clock",
                tint="bad",
            )
        )
    if Permission.APPROVAL_READ in request.permissions:
        waiting = people.approvals(state=ApprovalRequest.State.PENDING).count()
        if waiting:
            tasks.append(
                Task(
                    sentence=f"{formats.count(waiting, 'request waits', 'requests wait')} for approval",
                    detail="A second person decides",
                    url=reverse("people:approvals", args=[slug]),
                    action="Decide" if Permission.APPROVAL_DECIDE in request.permissions else "See them",
                    icon="approval",
                    tint="person",
                )
            )
    day = on - _OLD_DRAFT
    old = lists.sums(Wanted(today=on, view=View.DRAFT, created_before=rows.midnight(day)))
    for each in old:
        tasks.append(
            Task(
                sentence=f"{formats.count(each.count, 'draft is', 'drafts are')} older than 7 days",
                detail=formats.money(each.total_minor, each.currency),
                url=invoices.list_url(slug, view=View.DRAFT, currency=each.currency, created_before=str(day)),
                action="See drafts",
                icon="invoice",
                tint="warn",
            )
        )
    return tasks


def _of_payments(request: Request, slug: str) -> list[Task]:
    """Return what of payments waits: contested ones first, for they are lost when nobody answers."""
    if Permission.PAYMENT_READ not in request.permissions:
        return []
    found = payments.waiting()
    tasks = []
    if found.disputes:
        by = f"Answer by {formats.moment(found.answer_by)}" if found.answer_by else "No day is given"
        tasks.append(
            Task(
                sentence=f"{formats.count(found.disputes, 'payment is', 'payments are')} contested",
                detail=by,
                url=reverse("payments:disputes", args=[slug]),
                action="See disputes",
                icon="warning",
                tint="bad",
            )
        )
    if found.held:
        tasks.append(
            Task(
                sentence=f"{formats.count(found.held, 'payment is', 'payments are')} held",
                detail="What came differs from what was asked for",
                url=reverse("payments:unmatched", args=[slug]),
                action="Decide",
                icon="payment",
                tint="person",
            )
        )
    if found.unresolved:
        tasks.append(
            Task(
                sentence=f"Nobody can say how {formats.count(found.unresolved, 'payment', 'payments')} ended",
                detail="The provider was asked for days; look there and compare",
                url=f"{reverse('payments:payments', args=[slug])}?view=under_way",
                action="See payments",
                icon="warning",
                tint="bad",
            )
        )
    if found.payouts:
        tasks.append(
            Task(
                sentence=f"{formats.count(found.payouts, 'refund waits', 'refunds wait')} for a bank transfer",
                detail="By bank, then recorded here",
                url=f"{reverse('payments:refunds', args=[slug])}?view=under_way",
                action="See refunds",
                icon="refund",
                tint="warn",
            )
        )
    return tasks


def _figures(slug: str, on: date) -> list[Figures]:
    aged = lists.aging(today=on)
    outstanding = {each.currency: each for each in lists.sums(Wanted(today=on, view=View.OPEN))}
    drafts = {each.currency: each for each in lists.sums(Wanted(today=on, view=View.DRAFT))}
    found = []
    for currency in sorted({*outstanding, *drafts}):
        ages = aged.get(currency, {})
        owed, begun = outstanding.get(currency), drafts.get(currency)
        late = [sums for age, sums in ages.items() if age is not Age.CURRENT]
        late_minor = sum(sums.due_minor for sums in late)
        found.append(
            Figures(
                currency=currency,
                outstanding=formats.money(owed.due_minor if owed else 0, currency),
                outstanding_hint=formats.count(owed.count if owed else 0, "open invoice"),
                outstanding_url=invoices.list_url(slug, view=View.OPEN, currency=currency),
                overdue=formats.money(late_minor, currency),
                overdue_hint=formats.count(sum(sums.count for sums in late), "overdue invoice"),
                overdue_url=invoices.list_url(slug, view=View.OVERDUE, currency=currency),
                overdue_tint="bad" if late_minor else "",
                drafts=formats.money(begun.total_minor if begun else 0, currency),
                drafts_hint=formats.count(begun.count if begun else 0, "draft"),
                drafts_url=invoices.list_url(slug, view=View.DRAFT, currency=currency),
                aging=_aging(slug, currency, ages, on) if owed else None,
            )
        )
    return found


def _aging(slug: str, currency: str, ages: dict[Age, lists.Sums], on: date) -> StackedBar:
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


def _first_steps(request: Request, slug: str) -> list[tuple[str, str, str]]:
    """Return what a new organization does first: (sentence, address, label); nothing once it bills."""
    if lists.sums(Wanted(today=rows.today())):
        return []
    steps = []
    if issuers.get() is None:
        steps.append(("Enter the name and address that stand on your invoices.", "", ""))
    if Permission.CUSTOMER_WRITE in request.permissions:
        url = reverse("billing:new_customer", args=[slug])
        steps.append(("Add the first customer, or bring a list along.", url, "New customer"))
    if Permission.INVOICE_WRITE in request.permissions:
        url = reverse("billing:new_invoice", args=[slug])
        steps.append(
            ("Draft the first invoice. It gets its number when you finalize it.", url, "New invoice")
        )
    return steps
