"""An import from its columns to its undoing: what each column holds, what a dry run says, and taking it back."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts import queries as people
from accounts.permissions import Permission
from billing import events
from billing.imports import batches, mapping, turns
from billing.imports.batches import Shown
from billing.imports.models import Import
from billing.imports.tables import EmptyTable, TableTooLarge, UnreadableTable
from core import clock, ids
from core.errors import NotFound
from edge import recording
from edge.access import access
from edge.request import Request
from tenancy import context as scopes
from tenancy import jobs
from tenancy.models import Job
from web.forms import answer, attempting
from web.kit.forms import Form
from web.kit.parts import Crumb, CursorPage

_LASTS = ("reading", "checking", "running")
_NO_CONTENT = 204
_MOST_BYTES = 5 * 1024 * 1024
_FAULTS = {
    **{each.code: str(each.__doc__) for each in (UnreadableTable, EmptyTable, TableTooLarge)},
    "card_number": "The first line holds what looks like a card number. The file was destroyed.",
    "no_longer_allowed": "Whoever asked for it may no longer import.",
    "not_found": "The file is gone: it is kept for a day.",
}


class MappingForm(Form):
    """Which field of a customer each column holds."""

    def __init__(self, *args: Any, shown: Shown, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [
            ("", "Leave out"),
            *((field, mapping.LABELS[field]) for field in mapping.FIELDS),
            (mapping.KEPT, "Keep as it is called"),
        ]
        for at, head in enumerate(shown.heads):
            self.fields[f"column_{at}"] = forms.ChoiceField(
                label=head or f"Column {at + 1}", choices=choices, required=False, initial=shown.columns[at]
            )
        self.width = len(shown.heads)

    def columns(self) -> list[str]:
        """Return the field of each column."""
        return [self.cleaned_data.get(f"column_{at}", "") for at in range(self.width)]


class UploadForm(Form):
    """The file."""

    file = forms.FileField(
        label="A list of customers",
        help_text="CSV in any usual spelling, or Excel (XLSX). At most 5 MB, 50,000 rows and 60 columns.",
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,.tsv,.xlsx,text/csv"}),
    )

    def clean_file(self) -> "UploadedFile[bytes]":
        """Refuse a file that is larger than any import may be."""
        file: UploadedFile[bytes] = self.cleaned_data["file"]
        if (file.size or 0) > _MOST_BYTES:
            raise forms.ValidationError("The file is larger than 5 MB. Split it, or save it as Excel (XLSX).")
        return file


@access(get=Permission.IMPORT_RUN, post=Permission.IMPORT_RUN)
def index(request: Request, slug: str) -> HttpResponse:
    """List imports, newest first, and take a file."""
    posted = request.method == "POST"
    form = UploadForm(request.POST if posted else None, request.FILES if posted else None)
    if posted and form.is_valid():
        file = form.cleaned_data["file"]
        made: Import | None = None
        with attempting(request, form):
            turns.take()
            made = batches.upload(
                data=file.read(), file_name=file.name or "", actor=request.actor, at=clock.now()
            )
        if made is not None and not form.errors:
            return redirect("files:import", slug, ids.encode("import", made.pk))
    cursor = request.GET.get("cursor", "")
    found, after = batches.page(after=ids.from_base32(cursor) if cursor else None)
    recording.read(request, events.IMPORT_READ, subjects=[row.id for row in found], fields=["file.name"])
    names = people.names_of({row.created_by for row in found if row.created_by})
    context = {
        "rows": [
            {
                "row": row,
                "url": reverse("files:import", args=[slug, ids.encode("import", row.id)]),
                "who": names.get(row.created_by, "") if row.created_by else "",
            }
            for row in found
        ],
        "page": CursorPage(
            shown=len(found),
            next_url=f"?cursor={ids.base32(after)}" if after else "",
            previous_url="?" if cursor else "",
        ),
    }
    return answer(request, "files/imports.html", context, form=form)


@access(get=Permission.IMPORT_RUN, post=Permission.IMPORT_RUN)
def detail(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show an import, and take its next step."""
    shown = batches.get(ids.decode("import", pk))
    lasts = shown.state in _LASTS
    job = jobs.find(shown.job_id) if shown.job_id else None
    if request.headers.get("HX-Request") == "true" and request.method == "GET":
        request.recorded = True
        if lasts and request.GET.get("seen") == _seen(shown, job):
            return HttpResponse(status=_NO_CONTENT)
        if not lasts:
            # The next step has a form of its own: the page is opened anew.
            return HttpResponse(status=_NO_CONTENT, headers={"HX-Refresh": "true"})
    form = MappingForm(request.POST if request.method == "POST" else None, shown=shown)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            _step(request, shown, form)
        if not form.errors:
            return redirect("files:import", slug, pk)
    sample: list[list[str]] = []
    if shown.heads and shown.state in ("uploaded", "checked", "failed") and request.method == "GET":
        sample = _sample(request, shown)
    recording.read(request, events.IMPORT_READ, subject=("import", shown.id), fields=["file"])
    context = {
        "shown": shown,
        "pk": pk,
        "fields": [form[f"column_{at}"] for at in range(form.width)],
        "sample": sample,
        "lasts": lasts,
        "seen": _seen(shown, job),
        "done": job.done if job else 0,
        "total": max(job.total, job.done) if job else 0,
        "maps": shown.state in ("uploaded", "checked", "failed") and shown.heads,
        "fault": _FAULTS.get(shown.code, shown.code.replace("_", " ").capitalize()) if shown.code else "",
        "not_shown": max(shown.refused - len({each.row for each in shown.refused_first}), 0),
        "may_undo": shown.can_undo_until is not None and clock.now() <= shown.can_undo_until,
        "crumbs": [
            Crumb("Import", reverse("files:imports", args=[slug])),
        ],
    }
    fragment = request.headers.get("HX-Request") == "true"
    return answer(
        request, "files/_import_state.html" if fragment else "files/import.html", context, form=form
    )


@access(get=Permission.IMPORT_RUN)
def refused(request: Request, slug: str, pk: str) -> HttpResponse:
    """Answer with the rows that were left out, as a file."""
    pieces = batches.refused_file(import_id=ids.decode("import", pk), actor=request.actor)
    request.recorded = True

    def stream() -> HttpResponseBase:
        name = 'attachment; filename="refused-rows.csv"'
        return StreamingHttpResponse(pieces, content_type="text/csv", headers={"Content-Disposition": name})

    request.afterwards = stream
    return HttpResponse(content_type="text/csv")


def _step(request: Request, shown: Shown, form: MappingForm) -> None:
    given: dict[str, Any] = {"import_id": shown.id, "actor": request.actor, "at": clock.now()}
    steps: dict[str, Callable[..., Any]] = {"run": batches.run, "undo": batches.undo, "drop": batches.drop}
    step = steps.get(request.POST.get("action", ""))
    if step is None:
        batches.check(columns=form.columns(), **given)
        return
    step(**given)
    if step is batches.drop:
        messages.success(request, "The file is destroyed. Nothing was imported.")


def _sample(request: Request, shown: Shown) -> list[list[str]]:
    try:
        with scopes.attempt():
            return batches.sample(import_id=shown.id, actor=request.actor)
    except NotFound:
        return []


def _seen(shown: Shown, job: Job | None) -> str:
    return f"{shown.state}-{shown.created}-{job.done if job else 0}"
