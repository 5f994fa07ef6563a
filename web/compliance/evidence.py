"""Evidence that people bring: a file, until when it holds, and what it shows."""

from django import forms
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts import queries as people
from accounts.permissions import Permission
from billing.attachments import rules as kinds
from compliance import events
from compliance.controls import registry
from compliance.evidence import queries, services
from core import clock, ids
from core.errors import NotFound
from edge import recording
from edge.access import access
from edge.request import Request
from tenancy import context as scopes
from web.billing.attachments import CHOOSE, disposition
from web.compliance import scope
from web.forms import answer, attempting
from web.kit.forms import DayField, Form
from web.kit.parts import Crumb, CursorPage

_PLAIN = {"autocomplete": "off"}


class EvidenceForm(Form):
    """A file, what it is, and until when it holds."""

    title = forms.CharField(
        label="What is it?", max_length=services.TITLE_LENGTH, widget=forms.TextInput(attrs=_PLAIN)
    )
    valid_until = DayField(
        label="Holds until",
        help_text="After that day the control counts as failing until newer evidence is brought.",
    )
    note = forms.CharField(
        label="Note",
        required=False,
        max_length=services.NOTE_LENGTH,
        widget=forms.Textarea(attrs={"rows": 3, **_PLAIN}),
    )
    file = forms.FileField(
        label="File",
        help_text="PDF, PNG, JPEG, CSV or XLSX, at most 10 MB. It is kept encrypted.",
        error_messages={"required": CHOOSE},
        widget=forms.FileInput(attrs={"accept": ".pdf,.png,.jpg,.jpeg,.csv,.xlsx"}),
    )


@access(get=Permission.COMPLIANCE_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """List evidence, newest first."""
    cursor, code = request.GET.get("cursor", ""), request.GET.get("control", "")
    found, after = queries.page(at=clock.now(), code=code, after=ids.from_base32(cursor) if cursor else None)
    allowed = scope.codes(request)
    shown = [row for row in found if allowed is None or row.code in allowed]
    recording.read(request, events.EVIDENCE_READ, subjects=[row.id for row in shown])
    names = people.names_of({row.added_by for row in shown if row.added_by})
    context = {
        "rows": [
            (row, ids.encode("evidence", row.id), names.get(row.added_by, "") if row.added_by else "")
            for row in shown
        ],
        "manual": [
            control
            for control in registry.controls()
            if not control.is_live and (allowed is None or control.code in allowed)
        ],
        "may_write": scope.may_write(request),
        "page": CursorPage(
            shown=len(shown),
            next_url=f"?cursor={ids.base32(after)}" if after else "",
            previous_url="?" if cursor else "",
        ),
        "crumbs": [Crumb("Compliance", reverse("compliance:overview", args=[slug]))],
    }
    return render(request, "compliance/evidence.html", context)


@access(get=Permission.COMPLIANCE_WRITE, post=Permission.COMPLIANCE_WRITE)
def add(request: Request, slug: str, code: str) -> HttpResponse:
    """Bring evidence for a control."""
    control = registry.of(code)
    if control is None:
        raise NotFound
    posted = request.method == "POST"
    form = EvidenceForm(request.POST, request.FILES) if posted else EvidenceForm()
    if posted and form.is_valid():
        file: UploadedFile[bytes] = form.cleaned_data["file"]
        with attempting(request, form):
            services.add(
                code=code,
                title=form.cleaned_data["title"],
                note=form.cleaned_data["note"],
                name=file.name or "",
                content=file.read(kinds.MOST_BYTES + 1),
                valid_until=form.cleaned_data["valid_until"],
                actor=request.actor,
                at=clock.now(),
            )
        if not form.errors:
            messages.success(request, "The evidence is kept.")
            return redirect("compliance:control", slug, code)
    context = {
        "control": control,
        "crumbs": [
            Crumb("Compliance", reverse("compliance:overview", args=[slug])),
            Crumb(control.title, reverse("compliance:control", args=[slug, code])),
        ],
    }
    return answer(request, "compliance/evidence_form.html", context, form=form)


@access(get=Permission.COMPLIANCE_READ)
def fetch(request: Request, slug: str, pk: str) -> HttpResponseBase:
    """Answer with a file that was brought."""
    row, pieces = services.read(evidence_id=ids.decode("evidence", pk), actor=request.actor)
    scope.check_control(request, row.code)
    request.recorded = True
    name, kind = row.file.name or "evidence", row.file.media_type

    def stream() -> HttpResponseBase:
        headers = {"Content-Disposition": disposition(name), "Cache-Control": "no-store"}
        return StreamingHttpResponse(pieces, content_type=kind, headers=headers)

    request.afterwards = stream
    return HttpResponse(content_type=kind)


@access(post=Permission.COMPLIANCE_WRITE)
def withdraw(request: Request, slug: str, pk: str) -> HttpResponse:
    """Let evidence count no more."""
    try:
        with scopes.attempt():
            services.withdraw(evidence_id=ids.decode("evidence", pk), actor=request.actor, at=clock.now())
        messages.success(request, "The evidence counts no more. It stays to be seen.")
    except services.EvidenceWithdrawn as refusal:
        messages.info(request, refusal.message)
    return redirect("compliance:evidence", slug)
