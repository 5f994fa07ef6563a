"""Credit notes: what of an invoice is taken back. Issued whole; one never changes."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from django.http import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from api import fields, schema
from api.endpoint import Endpoint
from api.v1.invoice_documents import document
from billing import events
from billing.creditnotes import queries, rules, services
from billing.creditnotes.models import CreditNote
from billing.creditnotes.queries import CreditNoteDetail, CreditNoteRow, LineRow
from billing.documents import credit_notes as papers
from billing.documents import making, pdf
from billing.invoices import rules as texts
from core import clock, ids
from core.errors import FieldError, Forbidden, Invalid
from edge import idempotency, recording
from edge.access import access
from edge.request import Request as EdgeRequest
from payments.services import crediting

MOST_LINES = 500
_OPTIONAL: dict[str, Any] = {"required": False, "allow_null": True}
_DESTINATIONS = ("open", "credit", "refund")


class RefundNotInScope(Forbidden):
    """This key may not give money back; it lacks refund:write."""

    code = "refund_not_in_scope"


class NewCreditLine(fields.Body):
    """How much of a line is credited: an amount before tax, a quantity, or (neither) all that is left of it."""

    line = fields.Id(kind="invoice_line")
    amount_minor = fields.Minor(
        help_text="Before tax, as the line stands; its share of the invoice's discounts goes off it.",
        **_OPTIONAL,
    )
    quantity = fields.DecimalText(**_OPTIONAL)


class NewCreditNote(fields.Body):
    """What of which invoice is credited: an amount, lines, or (neither) all that is left; why, and where it goes."""

    invoice = fields.Id(kind="invoice")
    amount_minor = fields.Minor(help_text="Tax included.", **_OPTIONAL)
    lines = fields.Bodies(of=NewCreditLine, limit=MOST_LINES, **_OPTIONAL)
    destination = fields.Choice(
        words=_DESTINATIONS,
        required=False,
        help_text="open (if absent): off what is open, the rest to the customer's credit. refund: the rest goes back "
        "to who paid, as far as it can. credit: all of it to the customer's credit.",
    )
    reason_code = fields.Choice(
        words=tuple(CreditNote.Reason.values), required=False, help_text="other if absent."
    )
    reason = fields.Text(limit=texts.REASON_LENGTH, lines=True, **_OPTIONAL)
    note = fields.Text(limit=texts.NOTE_LENGTH, lines=True, help_text="Stands on the document.", **_OPTIONAL)
    issued_on = fields.Day(help_text="Today if absent.", **_OPTIONAL)
    series = fields.Id(kind="series", help_text="The usual one if absent.", **_OPTIONAL)


class ShownCreditLine(schema.Shown):
    """A line of a credit note."""

    id = fields.Id(kind="credit_note_line")
    object = serializers.ChoiceField(choices=["credit_note_line"])
    invoice_line = fields.Id(kind="invoice_line", allow_null=True)
    kind = serializers.ChoiceField(choices=["item", "allowance", "charge"])
    description = serializers.CharField()
    quantity = fields.DecimalText()
    unit_code = serializers.CharField()
    unit_amount = fields.DecimalText()
    net_minor = serializers.IntegerField()
    tax_category = serializers.CharField()
    tax_percentage = fields.DecimalText()


class ShownCreditNoteRow(schema.Shown):
    """A credit note in a list, without its texts."""

    id = fields.Id(kind="credit_note")
    object = serializers.ChoiceField(choices=["credit_note"])
    status = serializers.ChoiceField(choices=["finalized"])
    number = serializers.CharField()
    imported_number = serializers.CharField(allow_null=True)
    invoice = fields.Id(kind="invoice", allow_null=True)
    customer = fields.Id(kind="customer")
    currency = serializers.CharField()
    reason_code = serializers.ChoiceField(choices=CreditNote.Reason.values)
    subtotal_minor = serializers.IntegerField()
    tax_minor = serializers.IntegerField()
    total_minor = serializers.IntegerField()
    rounding_minor = serializers.IntegerField(
        help_text="What rounding to the smallest coin adds: offset, credit and refund come to total and rounding."
    )
    offset_minor = serializers.IntegerField(help_text="Taken off what was open of the invoice.")
    credit_minor = serializers.IntegerField(help_text="Kept as the customer's credit.")
    refund_minor = serializers.IntegerField(help_text="Given back, or promised back.")
    issued_on = serializers.DateField()
    created_at = serializers.DateTimeField()


class ShownCreditNote(ShownCreditNoteRow):
    """A credit note."""

    lines = ShownCreditLine(many=True)
    reason = serializers.CharField(allow_null=True)
    note = serializers.CharField(allow_null=True)


def write_line(line: LineRow) -> dict[str, Any]:
    """Write a line as it is shown."""
    of = line.invoice_line_id
    return {
        "id": ids.encode("credit_note_line", line.id),
        "object": "credit_note_line",
        "invoice_line": None if of is None else ids.encode("invoice_line", of),
        "kind": line.kind,
        "description": line.description,
        "quantity": fields.decimal_text(line.quantity),
        "unit_code": line.unit_code,
        "unit_amount": fields.decimal_text(line.unit_amount),
        "net_minor": line.net_minor,
        "tax_category": line.tax_category,
        "tax_percentage": fields.decimal_text(line.tax_percentage),
    }


def write_row(row: CreditNoteRow) -> dict[str, Any]:
    """Write a credit note as lists show it."""
    names = (
        "number", "imported_number", "currency", "reason_code", "subtotal_minor", "tax_minor", "total_minor",
        "rounding_minor", "offset_minor", "credit_minor", "refund_minor", "issued_on", "created_at",
    )  # fmt: skip
    return {
        "id": ids.encode("credit_note", row.id),
        "object": "credit_note",
        "status": "finalized",
        "invoice": None if row.invoice_id is None else ids.encode("invoice", row.invoice_id),
        "customer": ids.encode("customer", row.customer_id),
        **{name: getattr(row, name) for name in names},
    }


def write(found: CreditNoteDetail) -> dict[str, Any]:
    """Write a credit note as it is shown alone."""
    return {
        **write_row(found),
        "lines": [write_line(line) for line in found.lines],
        "reason": found.reason or None,
        "note": found.note or None,
    }


@idempotency.demanded
@access(get=Permission.INVOICE_READ, post=Permission.CREDIT_NOTE_WRITE)
class CreditNotes(Endpoint):
    """All credit notes."""

    listed = "credit_notes"
    filters = frozenset({"customer", "invoice", "number"})

    @schema.describe(
        "credit_notes_list",
        "List or find credit notes",
        gives=ShownCreditNoteRow,
        listed=True,
        filters=[
            ("customer", "Only this customer's."),
            ("invoice", "Only those of this invoice."),
            ("number", "Exactly this number."),
        ],
    )
    def get(self, request: Request) -> Response:
        """Answer with a page of credit notes, newest first."""
        page, filters = self.page()
        wanted: dict[str, Any] = {"number": filters.get("number")}
        for name in ("customer", "invoice"):
            if name in filters:
                wanted[f"{name}_id"] = self.value(name, fields.Id(kind=name), filters)
        found = queries.page(limit=page.limit, after=page.after, with_names=False, **wanted)
        recording.read(
            self.edge,
            events.CREDIT_NOTE_LISTED,
            subjects=[row.id for row in found.rows],
            fields=sorted(filters),
        )
        return Response(page.answer([write_row(row) for row in found.rows], found.next_after))

    @schema.describe(
        "credit_notes_create",
        "Credit an invoice",
        takes=NewCreditNote,
        gives=ShownCreditNote,
        created=True,
        examples={
            "A part of it, back to who paid": {
                "invoice": "inv_01h455vb4pex5vsknk084sn02q",
                "amount_minor": 4_000,
                "destination": "refund",
                "reason_code": "product_unsatisfactory",
            }
        },
    )
    def post(self, request: Request) -> Response:
        """Issue a credit note, numbered and posted at once. A refund over the key's limit waits for a person."""
        given = self.body(NewCreditNote)
        wanted = _wanted(given)
        values = _split(self.edge, given, wanted)
        note, _ = crediting.credit(
            invoice_id=given["invoice"],
            wanted=wanted,
            reason_code=given.get("reason_code", CreditNote.Reason.OTHER),
            reason=given.get("reason") or "",
            note=given.get("note") or "",
            issued_on=given.get("issued_on"),
            series_id=given.get("series"),
            actor=self.actor,
            at=clock.now(),
            **values,
        )
        return self.created(write(queries.detail(note)), "credit_notes")


@access(get=Permission.INVOICE_READ)
class OneCreditNote(Endpoint):
    """One credit note."""

    @schema.describe("credit_notes_get", "Read a credit note", gives=ShownCreditNote)
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer with the credit note and its lines."""
        found = queries.get(ids.decode("credit_note", pk))
        recording.read(self.edge, events.CREDIT_NOTE_READ, subject=("credit_note", found.id))
        return self.one(write(found))


@access(get=Permission.INVOICE_READ)
class CreditNotePdf(Endpoint):
    """A credit note as the document it is."""

    @schema.describe_file("credit_notes_pdf", "Read a credit note as PDF", media_type=pdf.MEDIA_TYPE)
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer with the PDF (PDF/A-3a), made on demand."""
        found = queries.get(ids.decode("credit_note", pk))
        document = papers.document_of(found)
        recording.read(self.edge, events.CREDIT_NOTE_READ, subject=("credit_note", found.id), fields=["pdf"])
        return self.made(
            partial(pdf.credit_note, document),
            media_type=pdf.MEDIA_TYPE,
            name=papers.file_name(found),
            version=pdf.version_of_credit_note(document),
        )


@access(get=Permission.INVOICE_READ)
class CreditNoteXml(Endpoint):
    """A credit note for programs."""

    filters = frozenset({"format"})

    @schema.describe_file(
        "credit_notes_xml",
        "Read a credit note as XML",
        media_type="application/xml",
        formats=making.XML_KINDS,
    )
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer with the credit note as UBL, CII or XRechnung, once it keeps their rules."""
        given = {name: str(value) for name, value in self.asked().items()}
        kind = self.choice(given, "format", making.XML_KINDS) or making.XML_KINDS[0]
        found = queries.get(ids.decode("credit_note", pk))
        recording.read(self.edge, events.CREDIT_NOTE_READ, subject=("credit_note", found.id), fields=[kind])
        return document(self, found, kind)


def _wanted(given: Mapping[str, Any]) -> services.Wanted:
    lines = given.get("lines") or ()
    if lines and given.get("amount_minor") is not None:
        sentence = "Give either an amount or lines."
        raise Invalid([FieldError("/amount_minor", "one_of_two", sentence)])
    errors = [
        FieldError(f"/lines/{index}/quantity", "one_of_two", "Give either an amount or a quantity.")
        for index, line in enumerate(lines)
        if line.get("amount_minor") is not None and line.get("quantity") is not None
    ]
    if errors:
        raise Invalid(errors)
    return services.Wanted(
        lines=[
            rules.LineCredit(
                line_id=line["line"], net_minor=line.get("amount_minor"), quantity=line.get("quantity")
            )
            for line in lines
        ],
        amount_minor=given.get("amount_minor"),
    )


def _split(edge: EdgeRequest, given: Mapping[str, Any], wanted: services.Wanted) -> dict[str, Any]:
    """Say where it goes; the invoice is read before it is locked, and what moved meanwhile is refused there."""
    destination = given.get("destination", "open")
    refunds = destination == "refund"
    if refunds and Permission.REFUND_WRITE not in edge.permissions:
        raise RefundNotInScope
    standing = services.standing(given["invoice"])
    total = standing.payable_minor(services.planned(standing, wanted))
    sources = crediting.sources(given["invoice"]) if refunds else []
    split = rules.shared(
        total,
        open_minor=0 if destination == "credit" else standing.open_minor,
        refundable_minor=sum(each.left_minor for each in sources),
        given_back_minor=0,
    )
    return {
        "refund_minor": split.refund_minor,
        "offset_minor": split.offset_minor,
        "credit_minor": split.credit_minor,
        "seen_minor": standing.noted_minor,
    }
