"""The journal of a month, to be handed to the accountant, with the sums it must come to."""

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts.permissions import Permission
from billing import events
from billing.ledger import journal, trial
from billing.periods.rules import Month
from core import clock
from core.errors import Refusal
from edge import recording
from edge.access import access
from edge.request import Request
from web.billing import rows
from web.books import shown
from web.books.trial import as_file
from web.kit.parts import Crumb

_MONTHS_SHOWN = 24


@access(get=Permission.EXPORT_RUN)
def index(request: Request, slug: str) -> HttpResponse:
    """Show what the journal of a month comes to, and offer it."""
    month = _month(request)
    number = journal.count(since=month.starts_on, until=month.ends_on)
    recording.read(request, events.LEDGER_READ, facts={"month": str(month)})
    sums = trial.turnover(since=month.starts_on, until=month.ends_on)
    context = {
        "month": month,
        "months": _months(),
        "count": number,
        "sums": sums,
        "csv_url": f"{reverse('books:journal_csv', args=[slug])}?month={month}",
        "crumbs": [Crumb("Ledger", reverse("books:ledger", args=[slug]))],
    }
    return render(request, "books/journal.html", context)


@access(get=Permission.EXPORT_RUN)
def download(request: Request, slug: str) -> HttpResponse:
    """Hand out the journal of a month as CSV."""
    month = _month(request)
    try:
        made = journal.of_month(month, actor=request.actor, at=clock.now())
    except Refusal as refusal:
        request.refusal = refusal
        return render(
            request, "books/journal_refused.html", {"month": month, "sentence": str(refusal)}, status=422
        )
    request.recorded = True
    return as_file(made.text, f"journal-{month}.csv")


def _month(request: Request) -> Month:
    text = request.GET.get("month", "")
    return shown.month_of(text) if text else Month.of(rows.today()).before


def _months() -> list[Month]:
    found, month = [], Month.of(rows.today())
    for _ in range(_MONTHS_SHOWN):
        found.append(month)
        month = month.before
    return found
