"""Files of an invoice: attached, handed out, and taken off a draft."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect

from accounts.permissions import Permission
from billing.attachments import rules, services
from billing.invoices import queries
from billing.invoices.queries import InvoiceDetail
from core import clock, ids
from core.errors import Refusal
from edge.access import access
from edge.request import Request
from tenancy.context import attempt
from web.kit import formats
from web.kit.forms import Form

# Also said of a file that was too large to be read at all.
CHOOSE = "Choose a file of at most 10 MB."


class AttachForm(Form):
    """A file, and whether it goes with the mail."""

    file = forms.FileField(
        label="Attach a file",
        help_text="PDF, PNG, JPEG, CSV or XLSX, at most 10 MB. It is kept encrypted.",
        widget=forms.FileInput(attrs={"accept": ".pdf,.png,.jpg,.jpeg,.csv,.xlsx"}),
    )
    with_mail = forms.BooleanField(label="Send it with the invoice", required=False)


@access(post=Permission.INVOICE_WRITE)
def add(request: Request, slug: str, pk: str) -> HttpResponse:
    """Attach a file to an invoice."""
    back = redirect("billing:invoice", slug, pk)
    form = AttachForm(request.POST, request.FILES)
    invoice_id = queries.get(ids.decode("invoice", pk)).id
    if not form.is_valid():
        messages.error(request, CHOOSE)
        return back
    file: UploadedFile[bytes] = form.cleaned_data["file"]
    try:
        with attempt():
            services.add(
                invoice_id=invoice_id,
                name=file.name or "",
                content=file.read(rules.MOST_BYTES + 1),
                with_mail=form.cleaned_data["with_mail"],
                actor=request.actor,
                at=clock.now(),
            )
    except Refusal as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, "The file is attached.")
    return back


@access(get=Permission.INVOICE_READ)
def download(request: Request, slug: str, pk: str) -> HttpResponseBase:
    """Answer with an attached file."""
    row, pieces = services.read(attachment_id=ids.decode("attachment", pk), actor=request.actor)
    request.recorded = True

    def stream() -> HttpResponseBase:
        headers = {"Content-Disposition": disposition(row.name), "Cache-Control": "no-store"}
        return StreamingHttpResponse(pieces, content_type=row.media_type, headers=headers)

    request.afterwards = stream
    return HttpResponse(content_type=row.media_type)


@access(post=Permission.INVOICE_WRITE)
def remove(request: Request, slug: str, pk: str) -> HttpResponse:
    """Take a file off a draft."""
    invoice_id = services.remove(attachment_id=ids.decode("attachment", pk), actor=request.actor)
    messages.success(request, "The file is removed.")
    return redirect("billing:invoice", slug, ids.encode("invoice", invoice_id))


def disposition(name: str) -> str:
    """Return the header that hands a file out under its name, as far as its letters are plain."""
    plain = "".join(
        letter if letter.isascii() and (letter.isalnum() or letter in "-_. ") else "-" for letter in name
    )
    return f'attachment; filename="{plain}"'


def of_invoice(found: InvoiceDetail, *, may_write: bool) -> dict[str, Any]:
    """Return what the page of an invoice shows of its files."""
    rows = services.of_invoice(found.id)
    return {
        "rows": [
            {
                "pk": ids.encode("attachment", row.id),
                "name": row.name,
                "size": formats.size(row.size_bytes),
                "with_mail": row.with_mail,
                "at": row.created_at,
            }
            for row in rows
        ],
        "form": AttachForm()
        if may_write and found.status != "voided" and len(rows) < rules.MOST_FILES
        else None,
        "removable": may_write and found.status == "draft",
    }
