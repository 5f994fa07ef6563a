"""Taking in a bank statement: the file is checked first, a table's columns are shown and can be corrected.

Promise kept: the file is read in the request and never stored; what was checked is what comes in, by its fingerprint.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django import forms
from django.core import signing
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from django.urls import reverse

from accounts.permissions import Permission
from billing.issuer import queries as issuers
from core import clock, money
from edge.access import access
from edge.request import Request
from payments.statements import csvfile, entries, guesses, services
from payments.statements.csvfile import Layout, Table
from payments.statements.services import Outcome
from tenancy import context
from web.forms import answer, attempting
from web.kit import formats
from web.kit.forms import Form
from web.kit.parts import Crumb

MAX_BYTES = 4 * 1024 * 1024
_SALT = "payments.statement"
_MOST_SHOWN = 100
# What another choice of columns may mend.
_ABOUT_COLUMNS = (csvfile.ColumnMissing, csvfile.ColumnUnknown, entries.StatementEmpty)
_LABELS = {
    "date": "Booking day",
    "value_date": "Value day",
    "amount": "Amount",
    "credit": "Money in",
    "debit": "Money out",
    "direction": "In or out",
    "currency": "Currency",
    "name": "Name",
    "iban": "Account",
    "text": "Text",
    "text_2": "More text",
    "reference": "Reference",
    "end_to_end": "End-to-end id",
}


class UploadForm(Form):
    """The file."""

    file = forms.FileField(
        label="File",
        help_text="camt.053 (XML) or CSV from your bank. At most 4 MB and 10,000 lines.",
        widget=forms.FileInput(attrs={"accept": ".xml,.csv,.txt,text/csv,application/xml"}),
    )

    def clean_file(self) -> "UploadedFile[bytes]":
        """Refuse a file that one request should not read."""
        file: UploadedFile[bytes] = self.cleaned_data["file"]
        if (file.size or 0) > MAX_BYTES:
            raise forms.ValidationError(
                "The file is larger than 4 MB. Export a shorter time, or use ./manage.py statement_import."
            )
        return file


class LayoutForm(Form):
    """How a table is read: what each column holds, and how days and amounts are written in it."""

    days = forms.ChoiceField(
        label="In days like 03/04/2026",
        choices=[("day", "the day comes first"), ("month", "the month comes first")],
    )
    decimals = forms.ChoiceField(
        label="Decimals follow", choices=[("comma", "a comma, 1.234,56"), ("point", "a point, 1,234.56")]
    )
    currency = forms.CharField(label="Currency, where no column says it", max_length=3)

    def __init__(self, *args: Any, table: Table, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        columns = [("", "no column"), *((str(at), head) for at, head in enumerate(table.heads))]
        for name in guesses.FIELDS:
            self.fields[_name(name)] = forms.ChoiceField(label=_LABELS[name], choices=columns, required=False)

    def clean_currency(self) -> str:
        """Refuse what is no currency."""
        currency = str(self.cleaned_data["currency"]).upper()
        if currency not in money.EXPONENTS:
            raise forms.ValidationError("Enter an ISO 4217 currency, like EUR.")
        return currency

    def layout(self, guess: Layout) -> Layout:
        """Return the layout as it was corrected."""
        chosen = {name: self.cleaned_data.get(_name(name), "") for name in guesses.FIELDS}
        return replace(
            guess,
            columns={name: int(at) for name, at in chosen.items() if at},
            month_first=self.cleaned_data["days"] == "month",
            decimal_comma=self.cleaned_data["decimals"] == "comma",
            currency=self.cleaned_data["currency"],
        )

    def columns(self) -> list[forms.BoundField]:
        """Return the fields that name columns."""
        return [self[_name(name)] for name in guesses.FIELDS]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What taking in did, or would do."""

    outcome: Outcome | None
    done: bool
    changed: bool
    checked: str
    incoming: Sequence[str]
    not_shown: int
    heads: Sequence[str]
    sample: Sequence[Sequence[str]]
    layout: LayoutForm | None
    heads_sign: str


@access(get=Permission.PAYMENT_WRITE, post=Permission.PAYMENT_WRITE)
def index(request: Request, slug: str) -> HttpResponse:
    """Check a file, then take it in."""
    posted = request.method == "POST"
    form = UploadForm(request.POST if posted else None, request.FILES if posted else None)
    shown = None
    if posted and form.is_valid():
        with attempting(request, form):
            shown = _take(request, form)
    shows = {
        "shown": shown,
        "unread": shown.outcome.unread[:_MOST_SHOWN] if shown and shown.outcome else [],
        "crumbs": [Crumb("Reconcile", reverse("reconcile:lines", args=[slug]))],
    }
    fragment = posted and request.headers.get("HX-Request") == "true"
    return answer(
        request, "reconcile/_import.html" if fragment else "reconcile/import.html", shows, form=form
    )


def _take(request: Request, form: UploadForm) -> Shown:
    file = form.cleaned_data["file"]
    data = file.read()
    issuer = issuers.get()
    currency = issuer.currency if issuer else "EUR"
    # Cut into cells first, without asking yet what they mean: a wrong guess is corrected, not refused.
    table = None if services.is_xml(data) else csvfile.table(data, currency=currency)
    corrected = _corrected(request, table)
    layout = None
    if corrected is not None and table is not None and corrected.is_valid():
        layout = corrected.layout(table.guess)
    fingerprint = signing.dumps(hashlib.sha256(data + repr(layout).encode()).hexdigest(), salt=_SALT)
    wants = request.POST.get("action") == "run"
    run = wants and _same(request.POST.get("checked", ""), fingerprint)
    outcome: Outcome | None = None
    if corrected is None or layout is not None:
        try:
            with context.attempt():
                outcome = services.take_in(
                    data=data,
                    file_name=file.name or "",
                    currency=currency,
                    layout=layout,
                    actor=request.actor,
                    at=clock.now(),
                    dry_run=not run,
                )
        except _ABOUT_COLUMNS as refusal:
            if corrected is None:
                raise
            corrected.add_error(None, refusal.message)
    return Shown(
        outcome=outcome,
        done=run and outcome is not None,
        changed=wants and not run,
        checked=fingerprint,
        incoming=[formats.money(minor, code) for code, minor in sorted(outcome.incoming.items())]
        if outcome
        else [],
        not_shown=max(len(outcome.unread) - _MOST_SHOWN, 0) if outcome else 0,
        heads=table.heads if table else (),
        heads_sign=_heads(table) if table else "",
        sample=table.sample() if table else (),
        layout=corrected,
    )


def _corrected(request: Request, table: Table | None) -> LayoutForm | None:
    """Return the mapping as it was posted with the file, else as it is guessed."""
    if table is None:
        return None
    guess = table.guess
    begun = {
        "days": "month" if guess.month_first else "day",
        "decimals": "comma" if guess.decimal_comma else "point",
        "currency": guess.currency,
        **{_name(name): str(at) for name, at in guess.columns.items()},
    }
    typed = (
        request.POST if request.POST.get("currency") and request.POST.get("heads") == _heads(table) else None
    )
    return LayoutForm(typed or begun, table=table)


def _heads(table: Table) -> str:
    return hashlib.sha256("\n".join(table.heads).encode()).hexdigest()[:16]


def _same(checked: str, fingerprint: str) -> bool:
    try:
        return bool(signing.loads(checked, salt=_SALT) == signing.loads(fingerprint, salt=_SALT))
    except signing.BadSignature:
        return False


def _name(field: str) -> str:
    return f"column_{field}"
