"""The component page: every part in every state; also where the kit's accessibility is tested."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from edge.access import Public, access
from web.kit import samples

_SHOWCASE = Public(reason="Samples only; the address exists in development and demo alone.")


def _faulty_form() -> samples.SampleForm:
    form = samples.SampleForm(
        {
            "name": "",
            "email": "ana@",
            "amount": "1.250,005",
            "due_on": "2026-09-31",
            "code": "12",
            "reason": "Paid with 4242 4242 4242 4242",
            "terms": "30",
        }
    )
    form.is_valid()
    return form


@access(get=_SHOWCASE)
def index(request: HttpRequest) -> HttpResponse:
    """Show every component."""
    request.shell = samples.SHELL  # type: ignore[attr-defined]
    if "toast" in request.GET:
        messages.success(request, "Invoice 2026-000418 was sent to 3 people.")
    return render(
        request,
        "kit/index.html",
        {
            "s": samples,
            "form": samples.SampleForm(
                initial={"terms": "30", "channel": "mail", "remind": True}, auto_id="free_%s"
            ),
            "faulty": _faulty_form(),
            "filter_form": samples.FilterForm(request.GET or None, auto_id="filter_%s"),
            "invoices": samples.INVOICES,
        },
    )


@access(get=_SHOWCASE)
def rows(request: HttpRequest) -> HttpResponse:
    """Answer the sample list's filter: the fragment alone to htmx."""
    wanted, words = request.GET.get("status", ""), request.GET.get("q", "").casefold()
    found = [
        row
        for row in samples.INVOICES
        if (not wanted or row.standing == wanted) and words in f"{row.number} {row.customer}".casefold()
    ]
    return render(request, "kit/_rows.html", {"s": samples, "invoices": found})
