"""The reports, each as a page, as CSV and as PDF."""

from collections.abc import Callable

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse

from accounts.permissions import Permission
from core.errors import Refusal
from edge.access import access
from edge.request import Request
from web.reports import aging, cash, frame, recurring, revenue, tax

Build = Callable[[Request, str, bool], frame.Report]
BUILDS: dict[str, Build] = {
    "aging": aging.build,
    "revenue": revenue.build,
    "mrr": recurring.build,
    "tax": tax.build,
    "cash": cash.build,
    "dso": revenue.build_dso,
}
_ABOUT = (
    ("aging", "Aging", "What customers owe on a day, by how long it has been due."),
    ("revenue", "Revenue", "What was invoiced, less what was credited, by month and by product."),
    (
        "mrr",
        "Recurring revenue",
        "What subscriptions come to a month and a year, what came new and what was lost.",
    ),
    ("tax", "Tax", "Tax invoiced and credited, by rate, with what it was computed on."),
    ("cash", "Cash", "What came to the bank and the payment provider, and what left."),
    ("dso", "Days of sales outstanding", "For how many days’ sales customers owe."),
)


@access(get=Permission.REPORT_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """List the reports."""
    found = [(reverse(f"reports:{code}", args=[slug]), title, about) for code, title, about in _ABOUT]
    return render(request, "reports/index.html", {"reports": found})


def page(code: str) -> Callable[..., HttpResponseBase]:
    """Return the view of a report's page."""

    @access(get=Permission.REPORT_READ)
    def view(request: Request, slug: str) -> HttpResponseBase:
        return frame.answer(request, slug, BUILDS[code](request, slug, False))

    return view


def as_pdf(code: str) -> Callable[..., HttpResponseBase]:
    """Return the view of a report as PDF."""

    @access(get=Permission.REPORT_READ)
    def view(request: Request, slug: str) -> HttpResponseBase:
        return frame.answer(request, slug, BUILDS[code](request, slug, True), form="pdf")

    return view


def as_csv(code: str) -> Callable[..., HttpResponseBase]:
    """Return the view of a report as CSV."""

    @access(get=Permission.EXPORT_RUN)
    def view(request: Request, slug: str) -> HttpResponseBase:
        try:
            return frame.answer(request, slug, BUILDS[code](request, slug, True), form="csv")
        except Refusal as refusal:
            return frame.refused(request, slug, refusal)

    return view
