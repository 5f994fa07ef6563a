"""Exports: lists as files, counted first, encrypted where they lie, gone after a day."""

from typing import Any

from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from api import fields, schema
from api.endpoint import Endpoint
from billing import events
from billing.exports import formats, lists, queries, services
from billing.exports.models import Export
from billing.exports.services import Wanted
from core import clock, ids
from edge import idempotency, recording
from edge.access import access
from payments import exports as payments

_KINDS = ("customers", "contacts", "invoices", "lines", "payments")
_COLUMNS = tuple(
    dict.fromkeys(
        column.code
        for columns in (
            lists.CUSTOMER_COLUMNS,
            lists.CONTACT_COLUMNS,
            lists.INVOICE_COLUMNS,
            lists.LINE_COLUMNS,
            payments.COLUMNS,
        )
        for column in columns
    )
)
_STATES = tuple(dict.fromkeys(("active", "archived", "former", *payments.STATES)))


class _Filters(fields.Body):
    status = fields.Choice(words=lists.STATUS, required=False, help_text="Of invoices and their lines.")
    state = fields.Choice(words=_STATES, required=False, help_text="Of customers, contacts and payments.")
    from_ = fields.Day(required=False)
    to = fields.Day(required=False)

    def get_fields(self) -> dict[str, Any]:
        """Name the first day as it is written: `from` is a word of the language."""
        known = super().get_fields()
        known["from"] = known.pop("from_")
        return known


class NewExport(fields.Body):
    """What is to be taken out."""

    kind = fields.Choice(words=_KINDS)
    format = fields.Choice(words=tuple(Export.Format.values), required=False)
    columns = serializers.ListField(
        child=fields.Choice(words=_COLUMNS),
        max_length=len(_COLUMNS),
        required=False,
        help_text="Absent: all that name nobody. Those with personal data have to be named.",
    )
    filters = _Filters(required=False)
    reason = fields.Text(limit=500, required=False, help_text="What it is for; needed above 1,000 rows.")


class ShownExport(schema.Shown):
    """A list as a file. `rows` are counted when it is asked for, and again when it is made."""

    id = fields.Id(kind="export")
    object = serializers.ChoiceField(choices=["export"])
    kind = serializers.ChoiceField(choices=_KINDS)
    format = serializers.ChoiceField(choices=Export.Format.values)
    state = serializers.ChoiceField(choices=Export.State.values)
    columns = serializers.ListField(child=serializers.CharField())
    has_personal = serializers.BooleanField()
    rows = serializers.IntegerField()
    digest = serializers.CharField(allow_null=True, help_text="SHA-256 of the file, in hexadecimal.")
    approval = fields.Id(kind="approval", allow_null=True)
    job = fields.Id(kind="job", allow_null=True)
    code = serializers.CharField(help_text="Why it failed; empty otherwise.")
    created_at = serializers.DateTimeField()
    ready_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)


def write(row: queries.ExportRow) -> dict[str, Any]:
    """Write an export as it is shown."""
    counted = row.state in ("waiting", "queued", "running", "declined", "failed")
    return {
        "id": ids.encode("export", row.id),
        "object": "export",
        "kind": row.kind,
        "format": row.format,
        "state": row.state,
        "columns": list(row.columns),
        "has_personal": row.has_personal,
        "rows": row.rows_expected if counted else row.rows,
        "digest": row.digest or None,
        "approval": ids.encode("approval", row.approval_id) if row.approval_id else None,
        "job": ids.encode("job", row.job_id) if row.job_id else None,
        "code": row.code,
        "created_at": row.asked_at,
        "ready_at": row.ready_at,
        "expires_at": row.expires_at,
    }


@idempotency.demanded
@access(get=Permission.EXPORT_RUN, post=Permission.EXPORT_RUN)
class Exports(Endpoint):
    """All exports."""

    listed = "exports"
    filters = frozenset({"state"})

    @schema.describe(
        "exports_list",
        "List exports",
        gives=ShownExport,
        listed=True,
        filters=[("state", "Only those that stand so.")],
    )
    def get(self, request: Request) -> Response:
        """Answer with a page of exports, newest first."""
        page, filters = self.page()
        state = self.choice(filters, "state", Export.State.values)
        rows, next_after = queries.page(limit=page.limit, after=page.after, state=state)
        recording.read(self.edge, events.EXPORT_READ, subjects=[row.id for row in rows])
        return Response(page.answer([write(row) for row in rows], next_after))

    @schema.describe(
        "exports_create",
        "Take a list out",
        takes=NewExport,
        gives=ShownExport,
        created=True,
        waiting="The list has more rows than the key's limit: somebody has to agree first.",
        examples={
            "Invoices of a quarter": {
                "kind": "invoices",
                "format": "csv",
                "filters": {"status": "finalized", "from": "2026-01-01", "to": "2026-03-31"},
            }
        },
    )
    def post(self, request: Request) -> Response:
        """Count the rows and have the file made; fetch it when it is ready."""
        given = self.body(NewExport)
        filters = {
            name: value if isinstance(value, str) else value.isoformat()
            for name, value in (given.pop("filters", None) or {}).items()
        }
        row = services.ask(wanted=Wanted(**given, filters=filters), actor=self.actor, at=clock.now())
        waits = row.state == Export.State.WAITING
        return self.created(write(queries.shown(row)), "exports", waits=waits)


@access(get=Permission.EXPORT_RUN)
class OneExport(Endpoint):
    """One export."""

    @schema.describe("exports_get", "Read about an export", gives=ShownExport)
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer with the export."""
        row = queries.get(ids.decode("export", pk))
        recording.read(self.edge, events.EXPORT_READ, subject=("export", row.id))
        return self.one(write(row))


@access(post=Permission.EXPORT_RUN)
class Ended(Endpoint):
    """Destroying a file before its day is over."""

    @schema.describe("exports_end", "Destroy the file", takes=fields.Nothing, gives=ShownExport)
    def post(self, request: Request, pk: str) -> Response:
        """Destroy the file of an export."""
        self.body(fields.Nothing)
        row = services.end(export_id=ids.decode("export", pk), actor=self.actor, at=clock.now())
        return self.changed(write(queries.shown(row)))


@access(get=Permission.EXPORT_RUN)
class File(Endpoint):
    """The file of an export."""

    @schema.describe_file("exports_file", "Fetch the file of an export", media_type="text/csv")
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer with the file, to whoever asked for it and to nobody else."""
        row, pieces = services.download(export_id=ids.decode("export", pk), actor=self.actor, at=clock.now())
        self.edge.recorded = True
        kind = formats.MEDIA_TYPES[row.format]
        name = row.file.name if row.file is not None else f"export.{row.format}"

        def stream() -> HttpResponseBase:
            headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
            return StreamingHttpResponse(pieces, content_type=kind, headers=headers)

        self.edge.afterwards = stream
        return HttpResponse(content_type=kind)
