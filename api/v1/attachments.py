"""Files of an invoice: listed, fetched, and taken off a draft."""

from typing import Any

from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from api import fields, schema
from api.endpoint import Endpoint
from billing import events
from billing.attachments import rules, services
from billing.invoices import queries
from core import clock, ids
from edge import recording
from edge.access import access

_MOST_BYTES = 3 * 1024 * 1024


class ShownAttachment(schema.Shown):
    """A file of an invoice."""

    id = fields.Id(kind="attachment")
    object = serializers.ChoiceField(choices=["attachment"])
    invoice = fields.Id(kind="invoice")
    name = serializers.CharField()
    media_type = serializers.CharField()
    size_bytes = serializers.IntegerField()
    with_mail = serializers.BooleanField(help_text="Whether the mail that sends the invoice brings it along.")
    created_at = serializers.DateTimeField()


def write(row: services.Attached) -> dict[str, Any]:
    """Write an attached file as it is shown."""
    return {
        "id": ids.encode("attachment", row.id),
        "object": "attachment",
        "invoice": ids.encode("invoice", row.invoice_id),
        "name": row.name,
        "media_type": row.media_type,
        "size_bytes": row.size_bytes,
        "with_mail": row.with_mail,
        "created_at": row.created_at,
    }


class NewAttachment(fields.Body):
    """A file to attach: PDF, PNG, JPEG, CSV or XLSX. What it is its bytes say."""

    name = fields.Text(limit=rules.NAME_LENGTH)
    # Larger ones are attached on the page: a body of the API has at most 5 MB.
    content = fields.Content(most_bytes=_MOST_BYTES)
    with_mail = fields.Flag(
        required=False, help_text="Whether the mail that sends the invoice brings it along."
    )


@access(get=Permission.INVOICE_READ, post=Permission.INVOICE_WRITE)
class Attachments(Endpoint):
    """The files of one invoice; there are at most ten."""

    listed = "attachments"

    @schema.describe("invoices_attachments", "List an invoice's files", gives=ShownAttachment, listed=True)
    def get(self, request: Request, pk: str) -> Response:
        """Answer with the files, the oldest first."""
        page, _ = self.page(of=pk)
        found = queries.get(ids.decode("invoice", pk))
        rows = [row for row in services.of_invoice(found.id) if page.after is None or row.id > page.after]
        shown = rows[: page.limit]
        recording.read(self.edge, events.INVOICE_READ, subject=("invoice", found.id), fields=["attachments"])
        next_after = shown[-1].id if len(rows) > page.limit else None
        return Response(page.answer([write(row) for row in shown], next_after))

    @schema.describe(
        "invoices_attach",
        "Attach a file to an invoice",
        takes=NewAttachment,
        gives=ShownAttachment,
        created=True,
        examples={"A list": {"name": "hours.csv", "content": "ZGF5LGhvdXJzCjEsOAo=", "with_mail": True}},
    )
    def post(self, request: Request, pk: str) -> Response:
        """Attach a file, encrypted; a final invoice keeps it for good."""
        # What is not theirs is not there, whatever they send.
        found = queries.get(ids.decode("invoice", pk))
        given = self.body(NewAttachment)
        made = services.add(
            invoice_id=found.id,
            name=given["name"],
            content=given["content"],
            with_mail=given.get("with_mail", False),
            actor=self.actor,
            at=clock.now(),
        )
        return self.created(write(made), "attachments")


@access(get=Permission.INVOICE_READ)
class File(Endpoint):
    """One attached file."""

    @schema.describe_file("attachments_file", "Fetch an attached file", media_type="application/octet-stream")
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer with the file as it was attached."""
        _, pieces = services.read(attachment_id=ids.decode("attachment", pk), actor=self.actor)
        self.edge.recorded = True
        headers = {"Content-Disposition": "attachment", "Cache-Control": "no-store"}

        def stream() -> HttpResponseBase:
            return StreamingHttpResponse(pieces, content_type="application/octet-stream", headers=headers)

        self.edge.afterwards = stream
        return HttpResponse(content_type="application/octet-stream")


@access(post=Permission.INVOICE_WRITE)
class Removed(Endpoint):
    """Taking a file off a draft."""

    @schema.describe(
        "attachments_remove", "Take a file off a draft", takes=fields.Nothing, gives=ShownAttachment
    )
    def post(self, request: Request, pk: str) -> Response:
        """Remove and destroy the file; only a draft lets it go."""
        self.body(fields.Nothing)
        attachment_id = ids.decode("attachment", pk)
        row = services.get(attachment_id)
        services.remove(attachment_id=attachment_id, actor=self.actor)
        return self.changed(write(row))
