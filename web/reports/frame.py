"""What reports share: their questions in the address, their tables, and how they leave as page, CSV or PDF."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse

from accounts import queries as people
from accounts.permissions import Limit, Permission
from audit import services as audit
from audit.events import EventType
from billing import events
from billing.documents import logo as logos
from billing.documents import look as looks
from billing.documents import papers, pdf
from billing.exports.formats import cell
from billing.ledger.journal import cell as as_text
from billing.periods.rules import Month
from billing.reports import queries, rules
from core import clock, money
from core.errors import Refusal
from edge import recording
from edge.request import Request
from web.billing import rows
from web.books.trial import as_file
from web.kit import formats
from web.kit.forms import DayField, Form
from web.kit.parts import Crumb
from web.pay.page import as_file as as_pdf

_MONTHS = 12


class ReportOverLimit(Refusal):
    """Your role may not take that many rows at once."""

    code = "report_over_limit"


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: a text, or an amount in minor units with the rows that come to it."""

    text: str = ""
    url: str = ""
    minor: int | None = None
    currency: str = ""
    numeric: bool = False

    @property
    def shown(self) -> str:
        """The cell as people read it."""
        return self.text if self.minor is None else formats.amount(self.minor, self.currency)

    @property
    def written(self) -> str:
        """The cell in a file."""
        return as_text(self.text) if self.minor is None else str(money.from_minor(self.minor, self.currency))


@dataclass(frozen=True, slots=True)
class Column:
    """The head of a column; one that is `extra` gives way on a narrow screen."""

    label: str
    numeric: bool = False
    extra: bool = False

    @property
    def classes(self) -> str:
        """The classes of its cells."""
        return " ".join(name for name, is_so in (("numeric", self.numeric), ("extra", self.extra)) if is_so)


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a report."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    foot: Sequence[Sequence[Cell]] = ()
    note: str = ""
    next_url: str = ""

    @property
    def body(self) -> list[list[tuple[Column, Cell]]]:
        """The rows with what stands above each cell."""
        return [list(zip(self.columns, row, strict=True)) for row in self.rows]

    @property
    def sums(self) -> list[list[tuple[Column, Cell]]]:
        """The sums with what stands above each cell."""
        return [list(zip(self.columns, row, strict=True)) for row in self.foot]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report as it stands."""

    code: str
    title: str
    about: str
    form: forms.Form
    tables: Sequence[Table] = ()
    chart: Any = None
    empty: str = ""
    note: str = ""
    warning: str = ""
    asked: Mapping[str, str] = field(default_factory=dict)


class OnForm(Form):
    """A day and a currency."""

    on = DayField(label="At the end of", required=False)
    currency = forms.ChoiceField(label="Currency", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.known = queries.currencies()
        self.fields["currency"].choices = [(each, each) for each in self.known]  # type: ignore[attr-defined]


class TimeForm(OnForm):
    """Some days and a currency."""

    on = None  # type: ignore[assignment]  # a field that is not taken over
    since = DayField(label="From", required=False)
    until = DayField(label="To", required=False)
    field_order = ("since", "until", "currency")

    def clean(self) -> dict[str, Any]:
        """Refuse days that end before they begin, and more months than a page holds."""
        cleaned = super().clean()
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and until < since:
            self.add_error("until", forms.ValidationError("This day is before the first.", code="order"))
        elif since and until and len(rules.months(since, until)) == rules.MOST_MONTHS:
            sentence = f"A report holds fewer than {rules.MOST_MONTHS} months."
            self.add_error("until", forms.ValidationError(sentence, code="too_long"))
        return cleaned


@dataclass(frozen=True, slots=True)
class Asked:
    """What a page was asked for; what cannot be read is as if it had not been asked."""

    form: OnForm
    currency: str
    on: date
    since: date
    until: date

    @property
    def months(self) -> list[Month]:
        """The months of the time."""
        return rules.months(self.since, self.until)

    def days_of(self, month: Month) -> tuple[date, date]:
        """Return the days of a month that lie in the time."""
        return max(month.starts_on, self.since), min(month.ends_on, self.until)

    @property
    def query(self) -> dict[str, str]:
        """The question as it stands in an address."""
        if isinstance(self.form, TimeForm):
            days = {"since": self.since.isoformat(), "until": self.until.isoformat()}
        else:
            days = {"on": self.on.isoformat()}
        return {**days, "currency": self.currency}


def asked(request: Request, kind: type[OnForm]) -> Asked:
    """Read the question from the address."""
    today = rows.today()
    since = Month.of(today)
    for _ in range(_MONTHS - 1):
        since = since.before
    usual = {"on": today, "since": since.starts_on, "until": today}
    given = {name: day.isoformat() for name, day in usual.items()} | {
        name: value for name, value in request.GET.dict().items() if value
    }
    form = kind(given)
    given["currency"] = str(given.get("currency") or form.known[0])
    form = kind(given)
    held = form.cleaned_data if form.is_valid() else {}
    days = {name: held.get(name) or usual[name] for name in usual}
    return Asked(form=form, currency=held.get("currency") or form.known[0], **days)


def link(slug: str, name: str, *, pk: str = "", **query: Any) -> str:
    """Return the address of the rows behind a figure, or of another report."""
    given = {key: str(value) for key, value in query.items() if value not in (None, "")}
    return f"{reverse(f'reports:{name}', args=[slug, pk] if pk else [slug])}?{urlencode(given)}"


def answer(request: Request, slug: str, report: Report, *, form: str = "page") -> HttpResponseBase:
    """Show a report, or hand it out as a file."""
    facts = {"report": report.code, **report.asked}
    if form == "csv":
        return _csv(request, report, facts)
    recording.read(request, events.REPORT_READ, facts=facts)
    if form == "pdf":
        document = _document(report)
        request.afterwards = lambda: as_pdf(pdf.report(document), f"{report.code}.pdf")
        return HttpResponse(status=200)
    context = {
        "report": report,
        "csv_url": link(slug, f"{report.code}_csv", **report.asked),
        "pdf_url": link(slug, f"{report.code}_pdf", **report.asked),
        "may_export": Permission.EXPORT_RUN in request.permissions,
        "crumbs": [Crumb("Reports", reverse("reports:index", args=[slug]))],
    }
    return render(request, "reports/report.html", context)


def table_csv(
    request: Request,
    *,
    name: str,
    head: Sequence[str],
    lines: Sequence[Sequence[str]],
    facts: Mapping[str, Any],
    event: EventType = events.REPORT_EXPORTED,
    subject: tuple[str, UUID] | None = None,
) -> HttpResponse:
    """Hand out a table as CSV, as far as the reader's role may take rows.

    Raises:
        ReportOverLimit
    """
    limit = people.limits_of_actor(actor=request.actor, at=clock.now()).get(Limit.EXPORT_ROWS, 0)
    if len(lines) > limit:
        raise ReportOverLimit(
            f"This has {len(lines)} rows, and your role may take {limit} at once. Ask somebody who may take more."
        )
    out = io.StringIO(newline="")
    table = csv.writer(out, lineterminator="\r\n")
    table.writerow(head)
    table.writerows([cell(text) for text in line] for line in lines)
    audit.record(event, actor=request.actor, subject=subject, facts={**facts, "rows": len(lines)})
    request.recorded = True
    return as_file(out.getvalue(), name)


def _csv(request: Request, report: Report, facts: Mapping[str, Any]) -> HttpResponse:
    """Hand out the last table, which has the most detail."""
    currency = report.asked.get("currency", "")
    found = report.tables[-1] if report.tables else Table("", [Column("Nothing")], [])
    lines = [[*(cell.written for cell in row), currency] for row in [*found.rows, *found.foot]]
    head = [*(column.label for column in found.columns), "Currency"]
    name = f"{report.code}-{'-'.join(report.asked.values())}.csv"
    return table_csv(request, name=name, head=head, lines=lines, facts=facts)


def _document(report: Report) -> pdf.ReportDocument:
    return pdf.ReportDocument(
        at=clock.now(),
        seller=papers.issuer_party(),
        title=report.title,
        about=report.about,
        note=report.note or ("" if report.tables else report.empty),
        tables=tuple(
            pdf.ReportTable(
                title=table.title,
                head=tuple(column.label for column in table.columns),
                rows=tuple(tuple(cell.shown for cell in row) for row in table.rows),
                foot=tuple(tuple(cell.shown for cell in row) for row in table.foot),
            )
            for table in report.tables
        ),
        logo=logos.current(),
        look=looks.current(),
    )


def refused(request: Request, slug: str, refusal: Refusal) -> HttpResponse:
    """Say why a file is not handed out."""
    request.refusal = refusal
    return render(
        request,
        "reports/refused.html",
        {"sentence": str(refusal), "crumbs": [Crumb("Reports", reverse("reports:index", args=[slug]))]},
        status=422,
    )
