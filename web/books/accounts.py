"""The chart of accounts, an account's entries with what it holds after each, and a transaction with its cause."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode

from accounts.permissions import Permission
from billing import events
from billing.ledger import accounts as services
from billing.ledger import reading
from billing.ledger.reading import AccountRow
from billing.rates import queries as rates
from core import clock, ids, money
from core.errors import NotFound
from edge import recording
from edge.access import access
from edge.request import Request
from web.billing import rows
from web.books import shown
from web.forms import answer, attempting
from web.kit.forms import DayField, Form
from web.kit.parts import Crumb, CursorPage


class AccountForm(Form):
    """What an account is called here and at the accountant's."""

    name = forms.CharField(
        label="Name", required=False, max_length=80, help_text="Empty: as Strongbox calls it."
    )
    external_code = forms.CharField(
        label="Number at the accountant’s", required=False, max_length=20, help_text="Such as 8400 in SKR03."
    )
    archived = forms.BooleanField(label="Archived", required=False)


class TaxAccountForm(Form):
    """An account for the tax of one rate."""

    code = forms.CharField(
        label="Code", max_length=40, help_text="Category and percentage, such as tax:S:19."
    )
    name = forms.CharField(label="Name", max_length=80)
    external_code = forms.CharField(label="Number at the accountant’s", required=False, max_length=20)


class ChartForm(Form):
    """Which chart to take numbers from."""

    chart = forms.ChoiceField(label="Chart", choices=[("skr03", "SKR03"), ("skr04", "SKR04")])


class EntriesForm(Form):
    """Which entries are shown."""

    since = DayField(label="From", required=False)
    until = DayField(label="Until", required=False)
    currency = forms.CharField(label="Currency", required=False, max_length=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of an account."""

    url: str
    row: reading.EntryRow
    words: str


@access(get=Permission.LEDGER_READ, post=Permission.PERIOD_CLOSE)
def index(request: Request, slug: str) -> HttpResponse:
    """List the chart of accounts; posting gives accounts without a number theirs in a known chart."""
    form = ChartForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            given = services.use_chart(chart=form.cleaned_data["chart"], actor=request.actor)
        if not form.errors:
            messages.success(request, f"{given} accounts have their number now.")
            return redirect("books:accounts", slug)
    found = reading.accounts()
    recording.read(request, events.LEDGER_READ, subjects=[row.id for row in found])
    context = {
        "rows": [(_url(slug, row), row) for row in found],
        "numberless": any(not row.external_code and row.is_posted_to for row in found),
        "may_change": Permission.PERIOD_CLOSE in request.permissions,
        "crumbs": _crumbs(slug),
    }
    return answer(request, "books/accounts.html", context, form=form)


@access(get=Permission.PERIOD_CLOSE, post=Permission.PERIOD_CLOSE)
def create(request: Request, slug: str) -> HttpResponse:
    """Give the tax of one rate an account of its own."""
    form = TaxAccountForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.add_for_rate(**form.cleaned_data, actor=request.actor, at=clock.now())
        if not form.errors:
            messages.success(request, "Added. The journal names it from now on.")
            return redirect("books:accounts", slug)
    back_url = reverse("books:accounts", args=[slug])
    context = {"crumbs": [*_crumbs(slug), Crumb("Accounts", back_url)], "back_url": back_url}
    return answer(request, "books/account_form.html", {**context, "account": None}, form=form)


@access(get=Permission.PERIOD_CLOSE, post=Permission.PERIOD_CLOSE)
def change(request: Request, slug: str, pk: str) -> HttpResponse:
    """Change what an account is called."""
    found = reading.account(ids.decode("ledger_account", pk))
    initial = {
        "name": found.name,
        "external_code": found.external_code,
        "archived": found.state == "archived",
    }
    form = AccountForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.change(account_id=found.id, **form.cleaned_data, actor=request.actor)
        if not form.errors:
            messages.success(request, "Saved.")
            return redirect("books:account", slug, pk)
    recording.read(request, events.LEDGER_READ, subject=("ledger_account", found.id))
    context = {
        "account": found,
        "crumbs": [*_crumbs(slug), Crumb(found.name, _url(slug, found))],
        "back_url": _url(slug, found),
    }
    return answer(request, "books/account_form.html", context, form=form)


@access(get=Permission.LEDGER_READ)
def detail(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show an account's entries in one currency from one day to another, and what it holds after each."""
    found = reading.account(ids.decode("ledger_account", pk))
    since, until, currency, form = _wanted(request)
    listed = reading.entries(
        code=found.code, currency=currency, since=since, until=until, after=_after(request)
    )
    recording.read(request, events.LEDGER_READ, subject=("ledger_account", found.id))
    kept = {"since": since.isoformat(), "until": until.isoformat(), "currency": currency}
    following = ""
    if listed.after is not None:
        day, last = listed.after
        following = f"?{urlencode({**kept, 'cursor': f'{day.isoformat()}.{ids.base32(last)}'})}"
    context = {
        "account": found,
        "form": form,
        "currency": currency,
        "since": since,
        "until": until,
        "opening_minor": listed.opening_minor,
        "rows": [
            Entry(url=_transaction_url(slug, row), row=row, words=shown.kind(row.kind)) for row in listed.rows
        ],
        "page": CursorPage(shown=len(listed.rows), next_url=following),
        "may_change": Permission.PERIOD_CLOSE in request.permissions,
        "edit_url": reverse("books:edit_account", args=[slug, pk]),
        "crumbs": [*_crumbs(slug), Crumb("Accounts", reverse("books:accounts", args=[slug]))],
    }
    return render(request, "books/account.html", context)


@access(get=Permission.LEDGER_READ)
def transaction(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show a transaction: its sides, its rate, and what caused it."""
    found = reading.transaction(ids.decode("ledger_transaction", pk))
    recording.read(request, events.LEDGER_READ, subject=("ledger_transaction", found.id))
    accounts = {row.code: row for row in reading.accounts()}
    context = {
        "row": found,
        "words": shown.kind(found.kind),
        "source": shown.source_of(slug, found),
        "customer_url": shown.customer_url(slug, found.customer_id),
        "base": rates.base_currency(),
        "sides": [
            (side, accounts[side.account].name, _url(slug, accounts[side.account])) for side in found.sides
        ],
        "crumbs": _crumbs(slug),
    }
    return render(request, "books/transaction.html", context)


def _wanted(request: Request) -> tuple[date, date, str, EntriesForm]:
    today = rows.today()
    given = {
        "since": today.replace(day=1).isoformat(),
        "until": today.isoformat(),
        "currency": rates.base_currency(),
    }
    form = EntriesForm({**given, **request.GET.dict()})
    valid = form.is_valid()
    since = (form.cleaned_data.get("since") if valid else None) or today.replace(day=1)
    until = (form.cleaned_data.get("until") if valid else None) or today
    currency = (form.cleaned_data.get("currency") if valid else "") or given["currency"]
    if currency not in money.EXPONENTS:
        currency = given["currency"]
    return since, until, currency, form


def _after(request: Request) -> tuple[date, UUID] | None:
    cursor = request.GET.get("cursor", "")
    if not cursor:
        return None
    day, _, last = cursor.partition(".")
    try:
        return date.fromisoformat(day), ids.from_base32(last)
    except ValueError:
        raise NotFound from None


def _url(slug: str, row: AccountRow) -> str:
    return reverse("books:account", args=[slug, ids.encode("ledger_account", row.id)])


def _transaction_url(slug: str, row: reading.EntryRow) -> str:
    return reverse("books:transaction", args=[slug, ids.encode("ledger_transaction", row.transaction_id)])


def _crumbs(slug: str) -> list[Crumb]:
    return [Crumb("Ledger", reverse("books:ledger", args=[slug]))]
