"""Month end: what is still open, closing the month, and opening one again with a second person.

Promise kept: the page shows the same counts that the service refuses by, says who closed a month by name, and what
opening it again undoes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode

from accounts import queries as people
from accounts.models import ApprovalRequest
from accounts.permissions import Permission
from billing import events
from billing.invoices.rules import REASON_LENGTH
from billing.ledger import journal, trial
from billing.ledger.rules import title
from billing.periods import checks, queries, services, valuation
from billing.periods.queries import PeriodRow
from billing.periods.rules import Month
from billing.rates import queries as rates
from billing.rates.rules import ExchangeRateMissing
from core import clock, ids
from core.errors import NotFound
from edge import recording
from edge.access import access
from edge.request import Request
from web.books import shown
from web.forms import answer, attempting
from web.kit.forms import Form
from web.kit.parts import Crumb, CursorPage
from web.people.effects import Change, Effect

_UNKNOWN = "Somebody who has left"
_PAGE = 24
# What each check is called when there are some and when there are none, and where to look.
_CHECKS = {
    "rates_owed": ("Postings without an exchange rate", "books:rates", ""),
    "drafts": ("Drafts dated in this month", "billing:invoices", "view=draft"),
    "unallocated": ("Customers with money that is on no invoice", "payments:unmatched", ""),
    "statement_lines": ("Bank statement lines of this month to decide on", "reconcile:lines", ""),
    "disputes": ("Open disputes", "payments:disputes", ""),
    "approvals": ("Approvals that wait", "people:approvals", ""),
}


class ReasonForm(Form):
    """Why."""

    reason = forms.CharField(
        label="Why is it opened again?",
        max_length=REASON_LENGTH,
        help_text="Read by whoever has to agree. Kept encrypted.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the check list; `state` is done, waits or blocks."""

    words: str
    count: int
    state: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One month that is or was closed."""

    name: str
    state: str
    closed_at: datetime
    closed_by: str
    reopened_at: datetime | None
    reopened_by: str
    agreed_by: str
    reopen_url: str
    journal_url: str


@access(get=Permission.LEDGER_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """Show whose turn it is to be closed, and the months that were."""
    at = clock.now()
    turn = services.next_to_close(at)
    before = request.GET.get("before", "")
    found = queries.periods(before=shown.month_of(before).starts_on if before else None, limit=_PAGE + 1)
    recording.read(request, events.PERIOD_READ, subjects=[row.id for row in found[:_PAGE]])
    waiting = _waiting(at)
    context = {
        "turn": turn,
        "lines": _lines(request, slug, turn, at) if turn else [],
        "rows": _rows(request, slug, found[:_PAGE], last=_last_closed(found) if not before else None),
        "page": CursorPage(
            shown=len(found[:_PAGE]),
            next_url=f"?{urlencode({'before': str(found[_PAGE - 1].month)})}" if len(found) > _PAGE else "",
        ),
        "waiting": ids.encode("approval", waiting.pk) if waiting else "",
        "may_close": Permission.PERIOD_CLOSE in request.permissions,
        "may_export": Permission.EXPORT_RUN in request.permissions,
    }
    return render(request, "books/close.html", context)


@access(get=Permission.PERIOD_CLOSE, post=Permission.PERIOD_CLOSE)
def month(request: Request, slug: str, month: str) -> HttpResponse:
    """Close a month: what stands in it, what its foreign currencies are worth, and one button."""
    this, at = shown.month_of(month), clock.now()
    form = Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.close(starts_on=this.starts_on, actor=request.actor, at=at)
        if not form.errors:
            messages.success(request, f"{this.name} is closed. Nothing more is booked in it.")
            return redirect("books:close", slug)
    recording.read(request, events.PERIOD_READ, facts={"month": str(this)})
    positions, missing = _positions(this)
    lines = _lines(request, slug, this, at)
    context = {
        "month": this,
        "lines": lines,
        "blocked": any(line.state == "blocks" for line in lines) or bool(missing),
        "missing": missing,
        "positions": [(position, title(position.account)) for position in positions],
        "base": rates.base_currency(),
        "count": journal.count(since=this.starts_on, until=this.ends_on),
        "sums": trial.turnover(since=this.starts_on, until=this.ends_on),
        "crumbs": [Crumb("Month end", reverse("books:close", args=[slug]))],
        "back_url": reverse("books:close", args=[slug]),
    }
    return answer(request, "books/close_month.html", context, form=form)


@access(get=Permission.PERIOD_CLOSE, post=Permission.PERIOD_CLOSE)
def reopen(request: Request, slug: str, month: str) -> HttpResponse:
    """Ask for a closed month to be opened again."""
    this, at = shown.month_of(month), clock.now()
    row = queries.period(this.starts_on)
    if row is None:
        raise NotFound
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            waiting = services.reopen(
                starts_on=this.starts_on, reason=form.cleaned_data["reason"], actor=request.actor, at=at
            )
        if not form.errors:
            done = f"{this.name} is open again."
            messages.success(
                request,
                done if waiting is None else "Somebody else has to agree now. Nothing has changed yet.",
            )
            return redirect("books:close", slug)
    recording.read(request, events.PERIOD_READ, subject=("period", row.id))
    names = people.names_of({row.closed_by} if row.closed_by else set())
    context = {
        "month": this,
        "row": _row(slug, row, names, may_reopen=False),
        "others": people.deciders_beside(request.actor.id, at=at),
        "crumbs": [Crumb("Month end", reverse("books:close", args=[slug]))],
        "back_url": reverse("books:close", args=[slug]),
    }
    return answer(request, "books/reopen_month.html", context, form=form)


def effect(asked: ApprovalRequest) -> Effect:
    """Describe a month that is to be opened again, for whoever decides."""
    this = shown.month_of(str(asked.payload["starts_on"])[:7])
    return Effect(
        noun="reopening of a month",
        sentence=f"Open {this.name} again",
        changes=[
            Change(f"Bookings dated in {this.name}", "Refused", "Allowed"),
            Change("Balances reported for it", "Fixed", "May change"),
        ],
    )


def _lines(request: Request, slug: str, this: Month, at: datetime) -> list[Line]:
    lines = []
    for found in checks.run(this, at):
        label, route, query = _CHECKS.get(found.code, (found.code.replace("_", " ").capitalize(), "", ""))
        url = reverse(route, args=[slug]) if route else ""
        if route == "people:approvals" and Permission.APPROVAL_READ not in request.permissions:
            url = ""
        lines.append(
            Line(
                words=label,
                count=found.count,
                state="done" if not found.count else "blocks" if found.blocks else "waits",
                url=f"{url}?{query}" if query else url,
            )
        )
    return lines


def _positions(this: Month) -> tuple[list[valuation.Position], str]:
    try:
        return [each for each in valuation.positions(this.ends_on) if each.difference_minor], ""
    except ExchangeRateMissing as missing:
        return [], str(missing)


def _last_closed(found: list[PeriodRow]) -> PeriodRow | None:
    return next((row for row in found if row.state == "closed"), None)


def _rows(request: Request, slug: str, found: list[PeriodRow], *, last: PeriodRow | None) -> list[Row]:
    who = {
        each for row in found for each in (row.closed_by, row.reopened_by, row.reopening_agreed_by) if each
    }
    names = people.names_of(who)
    may = Permission.PERIOD_CLOSE in request.permissions
    return [_row(slug, row, names, may_reopen=may and row == last) for row in found]


def _row(slug: str, row: PeriodRow, names: Mapping[UUID, str], *, may_reopen: bool) -> Row:
    return Row(
        name=row.month.name,
        state=row.state,
        closed_at=row.closed_at,
        closed_by=names.get(row.closed_by, _UNKNOWN) if row.closed_by else "Strongbox",
        reopened_at=row.reopened_at,
        reopened_by=names.get(row.reopened_by, _UNKNOWN) if row.reopened_by else "",
        agreed_by=names.get(row.reopening_agreed_by, _UNKNOWN) if row.reopening_agreed_by else "",
        reopen_url=reverse("books:reopen_month", args=[slug, str(row.month)]) if may_reopen else "",
        journal_url=f"{reverse('books:journal', args=[slug])}?month={row.month}",
    )


def _waiting(at: datetime) -> ApprovalRequest | None:
    pending = people.approvals(state=ApprovalRequest.State.PENDING)
    return pending.filter(kind=services.KIND, expires_at__gt=at).first()
