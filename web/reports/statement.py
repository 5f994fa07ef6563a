"""Statements of account: for staff, and as the customer's own portal shows them."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.permissions import Permission
from billing import events
from billing.bankaccounts import queries as bankaccounts
from billing.customers import queries as customers
from billing.documents import logo as logos
from billing.documents import look as looks
from billing.documents import papers, pdf
from billing.exports.formats import cell
from billing.ledger.journal import cell as as_text
from billing.periods.rules import Month
from billing.reports import statements
from billing.reports.statements import Movement, Statement
from core import clock, ids, money
from core.errors import Refusal
from edge import recording
from edge.access import access
from edge.request import Request
from web.billing import rows
from web.kit import formats
from web.kit.forms import DayField, Form
from web.kit.parts import Crumb
from web.pay.page import as_file as as_pdf_file
from web.reports import frame

HEAD = ("Day", "What", "Number", "Amount", "Balance", "Currency")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One movement as people read it."""

    on: Any
    what: str
    number: str
    url: str
    moved_minor: int
    amount_minor: int
    balance_minor: int

    @property
    def said(self) -> bool:
        """Tell whether its own amount is told beside it: in all it changes nothing, or less."""
        return abs(self.amount_minor) != self.moved_minor


class StatementForm(Form):
    """Some days and a currency."""

    since = DayField(label=gettext_lazy("From"), required=False)
    until = DayField(label=gettext_lazy("To"), required=False)
    currency = forms.ChoiceField(label=gettext_lazy("Currency"), required=False)

    def __init__(self, *args: Any, currencies: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["currency"].choices = [(each, each) for each in currencies]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Refuse days that end before they begin."""
        cleaned = super().clean()
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and until < since:
            self.add_error("until", forms.ValidationError(_("This day is before the first."), code="order"))
        return cleaned


@dataclass(frozen=True, slots=True)
class Asked:
    """A statement, and the form that asked for it."""

    form: StatementForm
    found: Statement

    @property
    def query(self) -> dict[str, str]:
        """The question as it stands in an address."""
        return {
            "since": self.found.since.isoformat(),
            "until": self.found.until.isoformat(),
            "currency": self.found.currency,
        }


def asked(request: Request, customer_id: UUID, usual: str) -> Asked:
    """Read the question from the address, and write the statement.

    Raises:
        StatementTooLong
    """
    known = statements.currencies(customer_id=customer_id) or [usual]
    today = rows.today()
    given = {name: value for name, value in request.GET.dict().items() if value}
    form = StatementForm(given, currencies=known)
    held = form.cleaned_data if form.is_valid() else {}
    until = held.get("until") or today
    since = held.get("since") or Month.of(until).before.before.starts_on
    currency = held.get("currency") or (usual if usual in known else known[0])
    shown = {"since": formats.typed(since), "until": formats.typed(until), "currency": currency}
    if form.is_valid():
        form = StatementForm({**shown, **given}, currencies=known)
    return Asked(
        form, statements.statement(customer_id=customer_id, currency=currency, since=since, until=until)
    )


@access(get=Permission.REPORT_READ)
def page(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show what happened between a customer and the organization."""
    customer = customers.get(ids.decode("customer", pk))
    crumbs = [Crumb("Customers", reverse("billing:customers", args=[slug])),
              Crumb(customer.name, reverse("billing:customer", args=[slug, pk]))]  # fmt: skip
    try:
        wanted = asked(request, customer.id, customer.currency)
    except Refusal as refusal:
        request.refusal = refusal
        told = {"sentence": str(refusal), "crumbs": crumbs}
        return render(request, "reports/refused.html", told, status=422)
    recording.read(request, events.STATEMENT_READ, subject=("customer", customer.id), facts=wanted.query)
    context: dict[str, Any] = {
        **shown(wanted, lambda row: _url(slug, row)),
        "customer": customer,
        "pdf_url": frame.link(slug, "statement_pdf", pk=pk, **wanted.query),
        "csv_url": frame.link(slug, "statement_csv", pk=pk, **wanted.query)
        if Permission.EXPORT_RUN in request.permissions
        else "",
        "crumbs": crumbs,
    }
    return render(request, "reports/statement.html", context)


@access(get=Permission.REPORT_READ)
def as_pdf(request: Request, slug: str, pk: str) -> HttpResponseBase:
    """Hand out a statement as PDF."""
    customer = customers.get(ids.decode("customer", pk))
    try:
        wanted = asked(request, customer.id, customer.currency)
    except Refusal as refusal:
        return frame.refused(request, slug, refusal)
    recording.read(request, events.STATEMENT_READ, subject=("customer", customer.id), facts=wanted.query)
    return hand_out(request, wanted.found)


@access(get=Permission.EXPORT_RUN)
def as_csv(request: Request, slug: str, pk: str) -> HttpResponse:
    """Hand out a statement as CSV."""
    customer = customers.get(ids.decode("customer", pk))
    try:
        wanted = asked(request, customer.id, customer.currency)
        return frame.table_csv(
            request,
            name=f"statement-{wanted.found.until.isoformat()}.csv",
            head=HEAD,
            lines=written(wanted.found),
            facts={"report": "statement", "customer": pk, **wanted.query},
        )
    except Refusal as refusal:
        return frame.refused(request, slug, refusal)


def hand_out(request: Request, found: Statement) -> HttpResponse:
    """Set a statement once the transaction is over."""
    document = document_of(found)
    name = f"statement-{found.until.isoformat()}.pdf"
    request.afterwards = lambda: as_pdf_file(pdf.statement(document), name)
    return HttpResponse(status=200)


def document_of(found: Statement) -> pdf.StatementDocument:
    """Write a statement as the paper it is, in the customer's language."""
    customer = customers.get(found.customer_id)
    lang = papers.language_of(found.customer_id)
    return pdf.StatementDocument(
        at=clock.now(),
        seller=papers.issuer_party(lang),
        buyer=papers.party(
            {"name": customer.name, "address": customer.address, "tax_id": customer.tax_id}, lang
        ),
        since=found.since,
        until=found.until,
        currency=found.currency,
        opening_minor=found.opening_minor,
        closing_minor=found.closing_minor,
        credit_minor=found.credit_minor,
        rows=tuple(
            pdf.Moved(
                on=row.on,
                what=statements.WORDS[row.what],
                number=row.number,
                amount_minor=row.amount_minor,
                moved_minor=row.moved_minor,
                balance_minor=row.balance_minor,
            )
            for row in found.rows
        ),
        check_url=bankaccounts.check_url(),
        language=lang,
        logo=logos.current(),
        look=looks.current(),
    )


def shown(wanted: Asked, url: Any) -> dict[str, Any]:
    """Return what a page shows of a statement; `url` gives the page of a movement."""
    found = wanted.found
    return {
        "form": wanted.form,
        "found": found,
        "lines": [
            Line(
                on=row.on,
                what=_(statements.WORDS[row.what]),
                number=row.number,
                url=url(row),
                moved_minor=row.moved_minor,
                amount_minor=row.amount_minor,
                balance_minor=row.balance_minor,
            )
            for row in found.rows
        ],
        "owed_minor": max(found.closing_minor, 0),
        "kept_minor": max(-found.closing_minor, 0),
    }


def written(found: Statement) -> list[list[str]]:
    """Return a statement as rows of a table."""

    def row(on: str, what: str, number: str, amount: int | None, balance: int) -> list[str]:
        return [
            on, what, as_text(number),
            "" if amount is None else str(money.from_minor(amount, found.currency)),
            str(money.from_minor(balance, found.currency)), found.currency,
        ]  # fmt: skip

    return [
        row(found.since.isoformat(), _("Opening balance"), "", None, found.opening_minor),
        *(
            row(
                each.on.isoformat(),
                _(statements.WORDS[each.what]),
                each.number,
                each.amount_minor,
                each.balance_minor,
            )
            for each in found.rows
        ),
        row(found.until.isoformat(), _("Closing balance"), "", None, found.closing_minor),
    ]


def table(lines: Iterable[Sequence[str]]) -> str:
    """Write rows as CSV."""
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerows([cell(text) for text in line] for line in lines)
    return out.getvalue()


def _url(slug: str, row: Movement) -> str:
    """Return the page of what moved something, as staff see it."""
    if row.what == "credit_note" and row.source_id is not None:
        return reverse("billing:credit_note", args=[slug, ids.encode("credit_note", row.source_id)])
    if row.invoice_id is not None:
        return reverse("billing:invoice", args=[slug, ids.encode("invoice", row.invoice_id)])
    return reverse("books:transaction", args=[slug, ids.encode("ledger_transaction", row.transaction_id)])
