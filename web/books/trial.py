"""The trial balance: what each account holds on a day, in each currency and in the books' own."""

import csv
import io
from dataclasses import dataclass

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts.permissions import Permission
from audit import services as audit
from billing import events
from billing.ledger import journal, reading, trial
from billing.ledger.rules import kind_of
from core import ids, money
from edge import recording
from edge.access import access
from edge.request import Request
from web.billing import rows
from web.kit.forms import DayField, Form


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One account in one currency; a debit or a credit, never both."""

    url: str
    name: str
    type: str
    external_code: str
    currency: str
    debit_minor: int
    credit_minor: int
    base_minor: int


class OnForm(Form):
    """The day."""

    on = DayField(label="At the end of", required=False)
    type = forms.ChoiceField(
        label="Kind",
        required=False,
        choices=[
            ("", "Every account"), ("asset", "Assets"), ("liability", "Liabilities"), ("equity", "Equity"),
            ("income", "Income"), ("expense", "Expenses"),
        ],
    )  # fmt: skip


@access(get=Permission.LEDGER_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """Show the trial balance of a day."""
    form = OnForm({"on": rows.today().isoformat(), **request.GET.dict()})
    on = (form.cleaned_data.get("on") if form.is_valid() else None) or rows.today()
    wanted = (form.cleaned_data.get("type") or "") if form.is_valid() else ""
    found = trial.trial(on)
    recording.read(request, events.LEDGER_READ, facts={"until": on.isoformat()})
    lines = [line for line in _lines(slug, found) if wanted in ("", line.type)]
    context = {
        "form": form,
        "on": on,
        "base": found.base,
        "rows": lines,
        "sums": _sums(lines),
        "base_debit_minor": sum(max(line.base_minor, 0) for line in lines),
        "base_credit_minor": sum(max(-line.base_minor, 0) for line in lines),
        "balanced": not any(found.sums().values()) and not found.base_sum(),
        "whole": not wanted,
        "owed": found.owed,
        "csv_url": f"{reverse('books:trial_csv', args=[slug])}?on={on.isoformat()}",
        "may_export": Permission.EXPORT_RUN in request.permissions,
        "may_rate": Permission.EXCHANGE_RATE_WRITE in request.permissions,
    }
    return render(request, "books/trial.html", context)


@access(get=Permission.EXPORT_RUN)
def download(request: Request, slug: str) -> HttpResponse:
    """Hand out the trial balance of a day as CSV."""
    form = OnForm(request.GET)
    on = (form.cleaned_data.get("on") if form.is_valid() else None) or rows.today()
    found = trial.trial(on)
    out = io.StringIO(newline="")
    table = csv.writer(out, lineterminator="\r\n")
    table.writerow(
        ["account", "external_code", "name", "type", "debit", "credit", "currency", "base", "base_currency"]
    )
    lines = _lines(slug, found)
    for line, row in zip(lines, found.rows, strict=True):
        table.writerow(
            [
                row.account, journal.cell(line.external_code), journal.cell(line.name), line.type,
                money.from_minor(line.debit_minor, row.currency), money.from_minor(line.credit_minor, row.currency),
                row.currency, money.from_minor(row.base_minor, found.base), found.base,
            ]
        )  # fmt: skip
    facts = {"until": on.isoformat(), "rows": len(lines)}
    audit.record(events.LEDGER_EXPORTED, actor=request.actor, facts=facts)
    request.recorded = True
    return as_file(out.getvalue(), f"trial-balance-{on.isoformat()}.csv")


def as_file(text: str, name: str) -> HttpResponse:
    """Answer with a table to keep; the mark at its beginning tells spreadsheets how letters are written."""
    response = HttpResponse("\ufeff" + text, content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _lines(slug: str, found: trial.Trial) -> list[Line]:
    accounts = {row.code: row for row in reading.accounts()}
    lines = []
    for row in found.rows:
        known = accounts.get(row.account)
        pk = ids.encode("ledger_account", known.id) if known else ""
        url = reverse("books:account", args=[slug, pk]) if pk else ""
        lines.append(
            Line(
                url=f"{url}?currency={row.currency}" if url else "",
                name=known.name if known else row.account,
                type=known.type if known else kind_of(row.account),
                external_code=known.external_code if known else "",
                currency=row.currency,
                debit_minor=max(row.amount_minor, 0),
                credit_minor=max(-row.amount_minor, 0),
                base_minor=row.base_minor,
            )
        )
    return lines


def _sums(lines: list[Line]) -> list[tuple[str, int, int]]:
    sums: dict[str, tuple[int, int]] = {}
    for line in lines:
        debit, credit = sums.get(line.currency, (0, 0))
        sums[line.currency] = (debit + line.debit_minor, credit + line.credit_minor)
    return [(currency, debit, credit) for currency, (debit, credit) in sorted(sums.items())]
