"""Bringing an invoice along, as an electronic one: a file is checked first, and imported only as it was checked.

Promise kept: the file is read in the request and never stored. With JavaScript it stays in the browser between
check and import; without, it is chosen again, and its fingerprint says whether it is the same.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core import signing
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.permissions import Permission
from billing.imports import documents, rules, turns
from billing.invoices import lists
from core import clock, ids
from edge import gate
from edge.access import access
from edge.request import Request
from web.forms import answer, attempting
from web.kit import formats
from web.kit.forms import Form
from web.kit.parts import Crumb

_MOST_SHOWN = 200
_SALT = "billing.import"


class ImportForm(Form):
    """The file, and what becomes of an invoice in it."""

    file = forms.FileField(
        label="File",
        help_text="One invoice or credit note as UBL or CII (XML). At most 1 MB.",
        widget=forms.FileInput(attrs={"accept": ".xml,application/xml"}),
    )
    finalize = forms.BooleanField(
        label="Finalize the invoice at once",
        required=False,
        help_text="Otherwise it stays a draft. It keeps the number its seller gave it.",
    )

    def __init__(self, *args: Any, may_finalize: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not may_finalize:
            del self.fields["finalize"]

    def clean_file(self) -> "UploadedFile[bytes]":
        """Refuse a file that one request should not read."""
        file: UploadedFile[bytes] = self.cleaned_data["file"]
        if (file.size or 0) > rules.MAX_BYTES_OF_A_REQUEST:
            raise forms.ValidationError(
                "The file is larger than 1 MB. Have it imported with ./manage.py invoices_import."
            )
        return file


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an import did, or would do."""

    done: bool
    ready: int
    refused: Sequence[rules.Refused]
    not_shown: int
    total: str
    links: Sequence[tuple[str, str]]
    label: str
    checked: str
    changed: bool


@access(get=Permission.IMPORT_RUN, post=Permission.IMPORT_RUN)
def index(request: Request, slug: str) -> HttpResponse:
    """Check a file, then import it."""
    may_finalize = Permission.INVOICE_FINALIZE in request.permissions
    posted = request.method == "POST"
    form = ImportForm(
        request.POST if posted else None, request.FILES if posted else None, may_finalize=may_finalize
    )
    outcome = None
    if posted and form.is_valid():
        with attempting(request, form):
            outcome = _read(request, slug, form)
    fragment = posted and request.headers.get("HX-Request") == "true"
    template = "billing/_import_result.html" if fragment else "billing/import.html"
    crumbs = [Crumb("Import", reverse("files:imports", args=[slug]))]
    return answer(request, template, {"outcome": outcome, "crumbs": crumbs}, form=form)


@access(get=Permission.IMPORT_RUN)
def moved(request: Request, slug: str) -> HttpResponse:
    """Send whoever kept the address of the page that took every file to where customers are imported."""
    return redirect("files:imports", slug)


def _read(request: Request, slug: str, form: ImportForm) -> Outcome:
    turns.take()
    data = form.cleaned_data["file"].read()
    finalize = bool(form.cleaned_data.get("finalize"))
    if finalize:
        gate.require(request, Permission.INVOICE_FINALIZE)
    fingerprint = signing.dumps(hashlib.sha256(data + bytes([finalize])).hexdigest(), salt=_SALT)
    wants_run = request.POST.get("action") == "run"
    run = wants_run and _same(request.POST.get("checked", ""), fingerprint)
    result = documents.try_document(
        data=data,
        actor=request.actor,
        at=clock.now(),
        finalize=finalize,
        dry_run=not run,
        credit_notes=Permission.INVOICE_FINALIZE in request.permissions,
    )
    return _outcome(slug, result, done=run, checked=fingerprint, changed=wants_run and not run)


def _same(checked: str, fingerprint: str) -> bool:
    try:
        return bool(signing.loads(checked, salt=_SALT) == signing.loads(fingerprint, salt=_SALT))
    except signing.BadSignature:
        return False


def _outcome(slug: str, result: rules.Result, *, done: bool, checked: str, changed: bool) -> Outcome:
    total = formats.money(result.total_minor, result.currency) if result.currency else ""
    return Outcome(
        done=done,
        ready=result.ready,
        refused=result.refused[:_MOST_SHOWN],
        not_shown=max(len(result.refused) - _MOST_SHOWN, 0),
        total=total,
        links=_links(slug, result),
        label=f"Import the invoice, {total}",
        checked=checked,
        changed=changed,
    )


def _links(slug: str, result: rules.Result) -> list[tuple[str, str]]:
    """Return where to go: the invoice that was made or is here already."""
    keys = [*result.created, *(each.existing_id for each in result.refused if each.existing_id)]
    numbers = lists.numbers(keys)
    return [
        (
            f"Open {numbers.get(key, 'the draft')}",
            reverse("billing:invoice", args=[slug, ids.encode("invoice", key)]),
        )
        for key in keys
    ]
