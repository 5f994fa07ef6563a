"""Exchange rates: by hand, or from the central bank's file. None ever changes; a later one takes its place."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts import queries as people
from accounts.permissions import Permission
from billing import events
from billing.rates import queries, rules, services
from core import clock, ids, money
from core.errors import NotFound
from edge import recording
from edge.access import access
from edge.request import Request
from web.billing import rows
from web.forms import answer, attempting
from web.kit import formats
from web.kit.forms import DayField, Form
from web.kit.parts import Chip, Crumb, CursorPage

_PAGE = 50


class FilterForm(Form):
    """Which rates are shown."""

    currency = forms.CharField(label="Currency", required=False, max_length=3)
    until = DayField(label="Until", required=False)


class RateForm(Form):
    """The rate of a day."""

    valid_on = DayField(label="Day")
    from_currency = forms.CharField(label="One unit of", max_length=3, help_text="Such as USD.")
    rate = forms.CharField(label="Is worth", max_length=30, help_text="With a decimal point, such as 0.9234.")
    to_currency = forms.CharField(label="Units of", max_length=3, help_text="Such as EUR.")

    def clean_from_currency(self) -> str:
        """Read it in either case."""
        return str(self.cleaned_data["from_currency"]).upper()

    def clean_to_currency(self) -> str:
        """Read it in either case."""
        return str(self.cleaned_data["to_currency"]).upper()

    def clean_rate(self) -> Decimal:
        """Read a plain decimal number."""
        try:
            return money.decimal(self.cleaned_data["rate"])
        except money.NotADecimal:
            raise forms.ValidationError("Enter the rate as a number, like 0.9234.") from None


class UploadForm(Form):
    """The central bank's file."""

    file = forms.FileField(
        label="File",
        help_text="eurofxref-hist.csv of the European Central Bank, unpacked. At most 4 MB.",
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
    )

    def clean_file(self) -> "UploadedFile[bytes]":
        """Refuse a file that one request should not read."""
        file: UploadedFile[bytes] = self.cleaned_data["file"]
        if (file.size or 0) > rules.MAX_FILE:
            raise forms.ValidationError("The file is larger than 4 MB.")
        return file


@access(get=Permission.LEDGER_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """List rates, the latest day first."""
    form = FilterForm(request.GET)
    valid = form.is_valid()
    currency = (form.cleaned_data.get("currency") or "").upper() if valid else ""
    until = form.cleaned_data.get("until") if valid else None
    found = queries.rates(currency=currency, until=until, after=_after(request), limit=_PAGE + 1)
    page, names = found[:_PAGE], people.names_of({row.created_by for row in found if row.created_by})
    recording.read(request, events.EXCHANGE_RATE_READ)
    following = ""
    if len(found) > _PAGE:
        query = request.GET.copy()
        query["cursor"] = f"{page[-1].valid_on.isoformat()}.{ids.base32(page[-1].id)}"
        following = f"?{query.urlencode()}"
    context = {
        "form": form,
        "rows": [(row, _by(row.created_by, names)) for row in page],
        "page": CursorPage(shown=len(page), next_url=following),
        "chips": [Chip(currency, "?")] if currency else [],
        "filtered": bool(currency or until),
        "owed": queries.rates_owed(),
        "base": queries.base_currency(),
        "may_write": Permission.EXCHANGE_RATE_WRITE in request.permissions,
    }
    return render(request, "books/rates.html", context)


@access(get=Permission.EXCHANGE_RATE_WRITE, post=Permission.EXCHANGE_RATE_WRITE)
def create(request: Request, slug: str) -> HttpResponse:
    """Enter the rate of a day."""
    initial = {"valid_on": rows.today(), "to_currency": queries.base_currency()}
    form = RateForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.enter(**form.cleaned_data, actor=request.actor, at=clock.now())
        if not form.errors:
            messages.success(request, "The rate is kept.")
            return redirect("books:rates", slug)
    return answer(request, "books/rate_form.html", _back(slug), form=form)


@access(get=Permission.EXCHANGE_RATE_WRITE, post=Permission.EXCHANGE_RATE_WRITE)
def upload(request: Request, slug: str) -> HttpResponse:
    """Keep the rates of the central bank's file."""
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        content = form.cleaned_data["file"].read()
        with attempting(request, form):
            kept = services.upload(content=content, actor=request.actor, at=clock.now())
        if not form.errors:
            said = f"{formats.count(kept.read, 'rate')} read, {formats.number(kept.new)} of them new."
            if kept.valued:
                said += f" {formats.count(kept.valued, 'posting')} without a rate have theirs now."
            messages.success(request, said)
            return redirect("books:rates", slug)
    return answer(request, "books/upload_rates.html", _back(slug), form=form)


def _back(slug: str) -> dict[str, object]:
    url = reverse("books:rates", args=[slug])
    return {"crumbs": [Crumb("Exchange rates", url)], "back_url": url}


def _after(request: Request) -> tuple[date, UUID] | None:
    cursor = request.GET.get("cursor", "")
    if not cursor:
        return None
    day, _, last = cursor.partition(".")
    try:
        return date.fromisoformat(day), ids.from_base32(last)
    except ValueError:
        raise NotFound from None


def _by(person: UUID | None, names: Mapping[UUID, str]) -> str:
    return "Strongbox" if person is None else names.get(person, "Somebody who has left")
