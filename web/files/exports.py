"""Lists that go out: counted first, asked for, fetched by whoever asked, and the switch that lets none out."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts import queries as people
from accounts.lists import queries as selections
from accounts.models import ApprovalRequest
from accounts.permissions import Limit, Permission
from billing import events
from billing.exports import formats, kinds, queries, services
from billing.exports.kinds import Kind
from billing.exports.models import Export
from billing.exports.queries import ExportRow
from billing.exports.services import Wanted
from core import clock, ids
from core.errors import NotFound
from edge import recording
from edge.access import access
from edge.request import Request
from tenancy import context as scopes
from tenancy import jobs
from web.forms import answer, attempting
from web.kit import formats as written
from web.kit.forms import DayField, Form
from web.kit.parts import Crumb, CursorPage
from web.people.effects import Effect

_PLAIN = {"autocomplete": "off"}
_NO_CONTENT = 204
_FAULTS = {
    "exports_frozen": "Exports were frozen while it was being made.",
    "grown_since": "There was far more by then than had been counted. Ask once more.",
    "asker_may_no_longer": "Whoever asked for it may no longer see what is in it.",
}


class ExportForm(Form):
    """Which columns, which rows, and what for."""

    columns = forms.MultipleChoiceField(label="Columns", widget=forms.CheckboxSelectMultiple)
    personal = forms.MultipleChoiceField(
        label="Columns with personal data",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Take only what you need. Each of them is named in the audit trail.",
    )
    format = forms.ChoiceField(label="File", choices=Export.Format.choices)
    reason = forms.CharField(
        label="What is it for?",
        required=False,
        max_length=500,
        help_text="Needed above 1,000 rows. Kept encrypted.",
        widget=forms.TextInput(attrs=_PLAIN),
    )

    def __init__(self, *args: Any, kind: Kind, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind
        # A selection comes with the address; nobody narrows it by hand.
        self.narrowed = [name for name in kind.filters if name != kinds.CHOSEN]
        for name, is_personal in (("columns", False), ("personal", True)):
            field = self.fields[name]
            assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101  declared above
            field.choices = [
                (each.code, each.label) for each in kind.columns if each.is_personal is is_personal
            ]
        if kind.document is not None or not any(each.is_personal for each in kind.columns):
            del self.fields["personal"]
        if kind.document is not None:  # there is nothing to choose of a document
            del self.fields["columns"], self.fields["format"]
        else:
            self.fields["columns"].initial = list(kind.usual)
            self.fields["format"].initial = "csv"
        for name in self.narrowed:
            words = kind.filters[name]
            label = {"from": "From", "to": "Up to"}.get(name, name.capitalize())
            if name in kinds.DAYS:
                self.fields[name] = DayField(label=label, required=False)
            else:
                choices = [("", "All"), *((word, word.replace("_", " ").capitalize()) for word in words)]
                self.fields[name] = forms.ChoiceField(label=label, required=False, choices=choices)

    def wanted(self, chosen_rows: str = "") -> Wanted:
        """Return what is wanted, in the order of the list's columns; call it on a valid form."""
        given = self.cleaned_data
        chosen = {*given.get("columns", self.kind.usual), *given.get("personal", [])}
        filters = {name: given[name] for name in self.narrowed}
        return Wanted(
            kind=self.kind.code,
            format=given.get("format") or self.kind.formats[0],
            columns=[each.code for each in self.kind.columns if each.code in chosen],
            filters={
                name: value.isoformat() if name in kinds.DAYS else value
                for name, value in filters.items()
                if value
            }
            | ({kinds.CHOSEN: chosen_rows} if chosen_rows else {}),
            reason=given["reason"],
        )

    def filters(self) -> list[forms.BoundField]:
        """Return the fields that narrow the list."""
        return [self[name] for name in self.narrowed]


class FreezeForm(Form):
    """Why the switch is turned."""

    reason = forms.CharField(label="Why?", max_length=500, widget=forms.TextInput(attrs=_PLAIN))


@access(get=Permission.EXPORT_RUN)
def index(request: Request, slug: str) -> HttpResponse:
    """List exports, and what can be taken out."""
    cursor = request.GET.get("cursor", "")
    found, after = queries.page(after=ids.from_base32(cursor) if cursor else None)
    recording.read(request, events.EXPORT_READ, subjects=[row.id for row in found])
    names = people.names_of({row.asked_by for row in found if row.asked_by})
    context = {
        "rows": [_row(row, slug, names) for row in found],
        "kinds": [
            (each.label, reverse("files:new_export", args=[slug, each.code]))
            for each in kinds.all_kinds()
            if each.permission in request.permissions and each.document is None
        ],
        "freeze": queries.freeze(),
        "may_freeze": Permission.ORGANIZATION_WRITE in request.permissions,
        "page": CursorPage(
            shown=len(found),
            next_url=f"?cursor={ids.base32(after)}" if after else "",
            previous_url="?" if cursor else "",
        ),
    }
    return render(request, "files/exports.html", context)


@access(get=Permission.EXPORT_RUN, post=Permission.EXPORT_RUN)
def create(request: Request, slug: str, listing: str) -> HttpResponse:
    """Choose columns and rows, see how many there are, then ask for the file."""
    found = kinds.of(listing)
    if found is None or found.permission not in request.permissions:
        raise NotFound
    posted = request.method == "POST"
    form = ExportForm(request.POST if posted else None, kind=found)
    chosen = _chosen(request, found)
    counted: int | None = None
    if posted and form.is_valid():
        with attempting(request, form):
            wanted = form.wanted(chosen)
            counted = services.count(wanted, held=request.permissions)
            if request.POST.get("action") == "run":
                made = services.ask(wanted=wanted, actor=request.actor, at=clock.now())
                if made.state == Export.State.WAITING:
                    messages.success(request, "Somebody else has to agree first. They are asked.")
                return redirect("files:export", slug, ids.encode("export", made.pk))
    elif not posted:
        first = Wanted(
            kind=found.code, format=found.formats[0], filters={kinds.CHOSEN: chosen} if chosen else None
        )
        counted = services.count(first, held=request.permissions)
    limit = people.limits_of_actor(actor=request.actor, at=clock.now()).get(Limit.EXPORT_ROWS, 0)
    context = {
        "kind": found,
        "chosen": chosen,
        "most": found.most if counted is not None and counted > found.most else 0,
        "counted": counted,
        "rows": written.count(counted, found.noun) if counted is not None else "",
        "limit": limit,
        "over": counted is not None and counted > limit,
        "needs_reason": counted is not None and counted > services.REASON_ABOVE,
        "frozen": services.is_frozen(),
        "crumbs": [Crumb("Exports", reverse("files:exports", args=[slug]))],
        "back_url": reverse("files:exports", args=[slug]),
    }
    return answer(request, "files/export_form.html", context, form=form)


def _chosen(request: Request, kind: Kind) -> str:
    """Return the outside name of the selection that is to go out, which must be one of one's own."""
    named = request.GET.get(kinds.CHOSEN, "")
    if not named:
        return ""
    selection = selections.selection(ids.decode("selection", named), user_id=request.actor.id)
    if kinds.CHOSEN not in kind.filters or not kind.code.startswith(selection.listing.removesuffix("s")):
        raise NotFound
    return named


@access(get=Permission.EXPORT_RUN)
def detail(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show an export and how far it is."""
    found = queries.get(ids.decode("export", pk))
    row = _row(found, slug, people.names_of({found.asked_by} if found.asked_by else set()))
    lasts = found.state in ("queued", "running")
    if request.headers.get("HX-Request") == "true":
        request.recorded = True
        if lasts:
            return HttpResponse(status=_NO_CONTENT)
        return HttpResponse(status=_NO_CONTENT, headers={"HX-Refresh": "true"})
    recording.read(request, events.EXPORT_READ, subject=("export", found.id), fields=["filters", "reason"])
    job = jobs.find(found.job_id) if found.job_id else None
    kind = kinds.of(found.kind)
    mine = found.asked_by == request.actor.id
    context = {
        **row,
        "export": found,
        "labels": [
            (each.label, each.is_personal)
            for each in (kind.columns if kind else ())
            if each.code in found.columns
        ],
        "lasts": lasts,
        "done": job.done if job else 0,
        "total": max(job.total, job.done) if job else 0,
        "fault": _FAULTS.get(found.code, found.code.replace("_", " ").capitalize()) if found.code else "",
        "frozen": services.is_frozen(),
        "may_fetch": mine and found.state == "ready",
        "mine": mine,
        "approval": ids.encode("approval", found.approval_id) if found.approval_id else "",
        "sees_approvals": Permission.APPROVAL_READ in request.permissions,
        "crumbs": [Crumb("Exports", reverse("files:exports", args=[slug]))],
    }
    return render(request, "files/export.html", context)


@access(get=Permission.EXPORT_RUN)
def fetch(request: Request, slug: str, pk: str) -> HttpResponse:
    """Hand the file to whoever asked for it; it flows once the transaction is over."""
    row, pieces = services.download(export_id=ids.decode("export", pk), actor=request.actor, at=clock.now())
    request.recorded = True
    name = row.file.name if row.file is not None else f"export.{row.format}"
    kind = formats.MEDIA_TYPES[row.format]

    def stream() -> HttpResponseBase:
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        return StreamingHttpResponse(pieces, content_type=kind, headers=headers)

    request.afterwards = stream
    return HttpResponse(content_type=kind)


@access(post=Permission.EXPORT_RUN)
def end(request: Request, slug: str, pk: str) -> HttpResponse:
    """Destroy a file before its day is over."""
    try:
        with scopes.attempt():
            services.end(export_id=ids.decode("export", pk), actor=request.actor, at=clock.now())
        messages.success(request, "The file is destroyed.")
    except services.ExportNotReady:
        messages.info(request, "There is no file any more.")
    return redirect("files:export", slug, pk)


@access(get=Permission.ORGANIZATION_WRITE, post=Permission.ORGANIZATION_WRITE)
def freeze(request: Request, slug: str) -> HttpResponse:
    """Turn the switch that lets no export out."""
    frozen = services.is_frozen()
    form = FreezeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.turn(
                frozen=request.POST.get("turn") == "freeze",
                reason=form.cleaned_data["reason"],
                actor=request.actor,
                at=clock.now(),
            )
        if not form.errors:
            return redirect("files:freeze", slug)
    standing = queries.freeze()
    recording.read(request, events.EXPORT_READ, fields=["freeze.reason"])
    names = people.names_of({standing.turned_by} if standing and standing.turned_by else set())
    context = {
        "frozen": frozen,
        "standing": standing,
        "who": names.get(standing.turned_by, "") if standing and standing.turned_by else "",
        "sees_exports": Permission.EXPORT_RUN in request.permissions,
    }
    return answer(request, "files/freeze.html", context, form=form)


def effect(asked: ApprovalRequest) -> Effect:
    """Say what a decider should know of an export over somebody's limit."""
    try:
        found = queries.get(UUID(asked.payload["export"]))
    except NotFound:
        return Effect(noun="export", sentence="Export a list that is gone")
    kind = kinds.of(found.kind)
    personal = [
        each.label
        for each in (kind.columns if kind else ())
        if each.is_personal and each.code in found.columns
    ]
    narrowed = ", ".join(f"{name} {text}" for name, text in found.filters.items())
    return Effect(
        noun="export",
        sentence=f"Export {written.number(found.rows_expected)} rows of {found.label.lower()}",
        facts=[
            ("Personal data", ", ".join(personal) or "None"),
            ("Narrowed by", narrowed or "Nothing"),
            ("File", found.format.upper()),
        ],
        approve=f"Agree to {written.count(found.rows_expected, 'row')}",
    )


def _row(row: ExportRow, slug: str, names: dict[Any, str]) -> dict[str, Any]:
    pk = ids.encode("export", row.id)
    return {
        "pk": pk,
        "row": row,
        "url": reverse("files:export", args=[slug, pk]),
        "who": names.get(row.asked_by, ""),
        "rows": row.rows if row.state not in ("waiting", "queued", "running") else row.rows_expected,
    }
