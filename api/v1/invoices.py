"""Invoices: drafted, changed while a draft, finalized for good, voided."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from api import fields, schema
from api.endpoint import Endpoint
from billing import events
from billing.documents import papers, pdf
from billing.invoices import queries, rules, services
from billing.invoices.models import Invoice, InvoiceLine
from core import clock, ids
from core.actor import Actor
from core.errors import NotFound
from edge import recording
from edge.access import access
from payments.services import links, sending

MOST_LINES, DEFAULT_REASON = 500, "Voided by API"
_OPTIONAL: dict[str, Any] = {"required": False, "allow_null": True}


class NewLine(fields.Body):
    """A line: what, how much of it, and at which price in major units."""

    description = fields.Text(limit=rules.DESCRIPTION_LENGTH, lines=True)
    quantity = fields.DecimalText(required=False, help_text="1 if absent.")
    unit_amount = fields.DecimalText()
    tax_rate = fields.Id(kind="tax_rate", help_text="No tax if absent.", **_OPTIONAL)
    unit_code = fields.Text(limit=8, required=False, help_text="UN/ECE Recommendation 20, such as HUR.")


class _Terms(fields.Body):
    issued_on = fields.Day(help_text="The day of finalizing if absent.", **_OPTIONAL)
    due_on = fields.Day(help_text="By the organization's payment terms if absent.", **_OPTIONAL)
    note = fields.Text(limit=rules.NOTE_LENGTH, lines=True, **_OPTIONAL)


class NewInvoice(_Terms):
    """What an invoice is drafted with."""

    customer = fields.Id(kind="customer")
    currency = fields.Currency()
    lines = fields.Bodies(of=NewLine, limit=MOST_LINES)


class InvoiceChange(_Terms):
    """What of a draft is to change; lines replace all lines."""

    customer = fields.Id(kind="customer", required=False)
    currency = fields.Currency(required=False)
    lines = fields.Bodies(of=NewLine, limit=MOST_LINES, required=False)


class Voiding(fields.Body):
    """Why an invoice is voided."""

    reason = fields.Text(
        limit=rules.REASON_LENGTH, lines=True, help_text="Voided by API if absent.", **_OPTIONAL
    )


class ShownLine(schema.Shown):
    """A line of an invoice."""

    id = fields.Id(kind="invoice_line")
    object = serializers.ChoiceField(choices=["invoice_line"])
    kind = serializers.ChoiceField(choices=["item", "allowance", "charge"])
    description = serializers.CharField()
    quantity = fields.DecimalText()
    unit_code = serializers.CharField()
    unit_amount = fields.DecimalText()
    net_minor = serializers.IntegerField()
    tax_rate = fields.Id(kind="tax_rate", allow_null=True)
    tax_category = serializers.CharField()
    tax_percentage = fields.DecimalText()


class ShownInvoiceRow(schema.Shown):
    """An invoice in a list, without its texts; its lines only with include=lines."""

    id = fields.Id(kind="invoice")
    object = serializers.ChoiceField(choices=["invoice"])
    number = serializers.CharField(allow_null=True)
    imported_number = serializers.CharField(allow_null=True)
    status = serializers.ChoiceField(choices=Invoice.Status.values)
    payment_status = serializers.ChoiceField(choices=Invoice.PaymentStatus.values)
    customer = fields.Id(kind="customer")
    currency = serializers.CharField()
    subtotal_minor = serializers.IntegerField()
    tax_minor = serializers.IntegerField()
    total_minor = serializers.IntegerField()
    amount_due_minor = serializers.IntegerField()
    amount_paid_minor = serializers.IntegerField()
    issued_on = serializers.DateField(allow_null=True)
    due_on = serializers.DateField(allow_null=True)
    lines = ShownLine(many=True, required=False)
    pay_url = serializers.CharField(
        allow_null=True, help_text="Where it is paid. Null in lists, and until there is a payment link."
    )
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class ShownInvoice(ShownInvoiceRow):
    """An invoice."""

    lines = ShownLine(many=True)
    note = serializers.CharField(allow_null=True)
    void_reason = serializers.CharField(allow_null=True)
    finalized_at = serializers.DateTimeField(allow_null=True)
    voided_at = serializers.DateTimeField(allow_null=True)


def write_line(line: queries.LineRow | InvoiceLine) -> dict[str, Any]:
    """Write a line as it is shown."""
    return {
        "id": ids.encode("invoice_line", line.id),
        "object": "invoice_line",
        "kind": line.kind,
        "description": line.description,
        "quantity": fields.decimal_text(line.quantity),
        "unit_code": line.unit_code,
        "unit_amount": fields.decimal_text(line.unit_amount),
        "net_minor": line.net_minor,
        "tax_rate": None if line.tax_rate_id is None else ids.encode("tax_rate", line.tax_rate_id),
        "tax_category": line.tax_category,
        "tax_percentage": fields.decimal_text(line.tax_percentage),
    }


def write_row(row: queries.InvoiceRow) -> dict[str, Any]:
    """Write an invoice as lists show it."""
    return {
        "id": ids.encode("invoice", row.id),
        "object": "invoice",
        "number": row.number,
        "imported_number": row.imported_number,
        "status": row.status,
        "payment_status": row.payment_status,
        "customer": ids.encode("customer", row.customer_id),
        "currency": row.currency,
        "subtotal_minor": row.subtotal_minor,
        "tax_minor": row.tax_minor,
        "total_minor": row.total_minor,
        "amount_due_minor": row.amount_due_minor,
        "amount_paid_minor": row.amount_paid_minor,
        "issued_on": row.issued_on,
        "due_on": row.due_on,
        "pay_url": None,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def write(invoice: Invoice, lines: Sequence[InvoiceLine]) -> dict[str, Any]:
    """Write an invoice as it is shown alone."""
    return {
        "id": ids.encode("invoice", invoice.pk),
        "object": "invoice",
        "number": invoice.number,
        "imported_number": invoice.imported_number,
        "status": invoice.status,
        "payment_status": invoice.payment_status,
        "customer": ids.encode("customer", invoice.customer_id),
        "currency": invoice.currency,
        "subtotal_minor": invoice.subtotal_minor,
        "tax_minor": invoice.tax_minor,
        "total_minor": invoice.total_minor,
        "amount_due_minor": queries.due_minor(invoice),
        "amount_paid_minor": invoice.amount_paid_minor + invoice.prepaid_minor,
        "issued_on": invoice.issued_on,
        "due_on": invoice.due_on,
        "lines": [write_line(line) for line in lines],
        "pay_url": None,
        "created_at": invoice.created_at,
        "updated_at": invoice.updated_at,
        "note": invoice.note or None,
        "void_reason": invoice.void_reason or None,
        "finalized_at": invoice.finalized_at,
        "voided_at": invoice.voided_at,
    }


def _whole(invoice: Invoice, *, pay_url: str = "") -> dict[str, Any]:
    """Write an invoice with its lines; those that a service has just written or read are not read again."""
    lines = invoice.parts[0] if invoice.parts is not None else list(queries.lines_of(invoice.pk))
    return {**write(invoice, lines), "pay_url": pay_url or None}


def _pay_url(invoice: Invoice, *, maker: Actor | None = None) -> str:
    """Return where a finalized invoice is paid; `maker` makes the link where none works and something is due."""
    if invoice.status != Invoice.Status.FINALIZED:
        return ""
    url = links.address_of(invoice.pk, at=clock.now())
    if url or maker is None or queries.due_minor(invoice) <= 0:
        return url
    return links.given(invoice_id=invoice.pk, actor=maker, at=clock.now())


def _load(invoice_id: UUID) -> Invoice:
    invoice: Invoice | None = Invoice.objects.filter(pk=invoice_id).first()
    if invoice is None:
        raise NotFound
    return invoice


def _lines(given: Sequence[Mapping[str, Any]]) -> list[rules.LineInput]:
    return [
        rules.LineInput(
            description=line["description"],
            unit_amount=line["unit_amount"],
            quantity=line.get("quantity", Decimal(1)),
            tax_rate_id=line.get("tax_rate"),
            unit_code=line.get("unit_code", ""),
        )
        for line in given
    ]


@access(get=Permission.INVOICE_READ, post=Permission.INVOICE_WRITE)
class Invoices(Endpoint):
    """All invoices."""

    listed = "invoices"
    filters = frozenset({"customer", "due_before", "include", "number", "payment_status", "status"})

    @schema.describe(
        "invoices_list",
        "List or find invoices",
        gives=ShownInvoiceRow,
        listed=True,
        filters=[
            ("customer", "Only this customer's."),
            ("status", "draft, finalized or voided."),
            ("payment_status", "unpaid, partially_paid, processing or paid; finalized ones only."),
            ("due_before", "Finalized, not paid and due before this day."),
            ("number", "Exactly this number."),
            ("include", "lines: show each invoice's lines as well."),
        ],
    )
    def get(self, request: Request) -> Response:
        """Answer with a page of invoices, newest first."""
        page, filters = self.page()
        found = queries.page(limit=page.limit, after=page.after, with_names=False, **self._wanted(filters))
        data = [write_row(row) for row in found.rows]
        shown = [row.id for row in found.rows]
        if self.choice(filters, "include", ("lines",)):
            lines = queries.lines_by_invoice(shown)
            for row, entry in zip(found.rows, data, strict=True):
                entry["lines"] = [write_line(line) for line in lines.get(row.id, ())]
        recording.read(self.edge, events.INVOICE_LISTED, subjects=shown, fields=sorted(filters))
        return Response(page.answer(data, found.next_after))

    def _wanted(self, filters: Mapping[str, str]) -> dict[str, Any]:
        wanted: dict[str, Any] = {
            "status": self.choice(filters, "status", Invoice.Status.values),
            "payment_status": self.choice(filters, "payment_status", Invoice.PaymentStatus.values),
            "number": filters.get("number"),
        }
        if "customer" in filters:
            wanted["customer_id"] = self.value("customer", fields.Id(kind="customer"), filters)
        if "due_before" in filters:
            wanted["due_before"] = self.value("due_before", fields.Day(), filters)
        return wanted

    @schema.describe(
        "invoices_create", "Draft an invoice", takes=NewInvoice, gives=ShownInvoice, created=True
    )
    def post(self, request: Request) -> Response:
        """Draft an invoice."""
        given = self.body(NewInvoice)
        invoice = services.create_draft(
            customer_id=given["customer"],
            currency=given["currency"],
            lines=_lines(given["lines"]),
            issued_on=given.get("issued_on"),
            due_on=given.get("due_on"),
            note=given.get("note"),
            actor=self.actor,
            at=clock.now(),
        )
        return self.created(_whole(invoice), "invoices")


@access(get=Permission.INVOICE_READ, patch=Permission.INVOICE_WRITE)
class OneInvoice(Endpoint):
    """One invoice."""

    @schema.describe("invoices_get", "Read an invoice", gives=ShownInvoice)
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer with the invoice and its lines."""
        invoice = _load(ids.decode("invoice", pk))
        recording.read(self.edge, events.INVOICE_READ, subject=("invoice", invoice.pk))
        # Whoever has the link may see and pay: it is for keys that may send it, whose first reading makes it.
        may_send = Permission.INVOICE_SEND in self.edge.permissions
        return self.one(_whole(invoice, pay_url=_pay_url(invoice, maker=self.actor) if may_send else ""))

    @schema.describe("invoices_update", "Change a draft", takes=InvoiceChange, gives=ShownInvoice)
    def patch(self, request: Request, pk: str) -> Response:
        """Change the named fields of a draft and leave the others."""
        invoice_id = ids.decode("invoice", pk)
        changes = self.body(InvoiceChange)
        if "customer" in changes:
            changes["customer_id"] = changes.pop("customer")
        if "lines" in changes:
            changes["lines"] = _lines(changes["lines"])
        if self.expects_version():
            self.hold(Invoice, invoice_id)
            self.match(_whole(_load(invoice_id)))
        invoice = services.update_draft(
            invoice_id=invoice_id, changes=changes, actor=self.actor, at=clock.now()
        )
        return self.changed(_whole(invoice))


@access(get=Permission.INVOICE_READ)
class Lines(Endpoint):
    """The lines of one invoice, in their order."""

    listed = "lines"

    @schema.describe("invoices_lines", "List an invoice's lines", gives=ShownLine, listed=True)
    def get(self, request: Request, pk: str) -> Response:
        """Answer with a page of lines, first line first."""
        page, _ = self.page(of=pk)
        invoice = _load(ids.decode("invoice", pk))
        lines = list(queries.lines_of(invoice.pk))
        before = next((index for index, line in enumerate(lines, 1) if line.pk == page.after), 0)
        shown = lines[before : before + page.limit]
        next_after = shown[-1].pk if before + page.limit < len(lines) else None
        recording.read(self.edge, events.INVOICE_READ, subject=("invoice", invoice.pk), fields=["lines"])
        return Response(page.answer([write_line(line) for line in shown], next_after))


@access(get=Permission.INVOICE_READ)
class Pdf(Endpoint):
    """An invoice as the document it is."""

    @schema.describe_file("invoices_pdf", "Read an invoice as PDF", media_type=pdf.MEDIA_TYPE)
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer with the PDF (PDF/A-3a), made on demand."""
        found = queries.get(ids.decode("invoice", pk))
        document = papers.document_of(found, at=clock.now())
        recording.read(self.edge, events.INVOICE_READ, subject=("invoice", found.id), fields=["pdf"])
        return self.made(
            partial(pdf.invoice, document),
            media_type=pdf.MEDIA_TYPE,
            name=papers.file_name(found),
            version=pdf.version(document),
        )


@access(post=Permission.INVOICE_FINALIZE)
class Finalized(Endpoint):
    """Making a draft final."""

    @schema.describe("invoices_finalize", "Finalize a draft", takes=fields.Nothing, gives=ShownInvoice)
    def post(self, request: Request, pk: str) -> Response:
        """Give the draft its number and freeze it."""
        self.body(fields.Nothing)
        invoice = services.finalize(invoice_id=ids.decode("invoice", pk), actor=self.actor, at=clock.now())
        return self.changed(_whole(invoice))


@access(post=Permission.INVOICE_SEND)
class Sent(Endpoint):
    """Sending a finalized invoice to its customer."""

    @schema.describe("invoices_send", "Send an invoice by mail", takes=fields.Nothing, gives=ShownInvoice)
    def post(self, request: Request, pk: str) -> Response:
        """Mail the invoice with its payment link and PDF to the customer's address."""
        self.body(fields.Nothing)
        invoice_id = ids.decode("invoice", pk)
        sending.send(invoice_id=invoice_id, actor=self.actor, at=clock.now())
        invoice = _load(invoice_id)
        return self.changed(_whole(invoice, pay_url=_pay_url(invoice)))


@access(post=Permission.INVOICE_VOID)
class Voided(Endpoint):
    """Voiding a finalized invoice."""

    @schema.describe("invoices_void", "Void an invoice", takes=Voiding, gives=ShownInvoice)
    def post(self, request: Request, pk: str) -> Response:
        """Void the invoice; it keeps its number, and the books take it back."""
        reason = self.body(Voiding).get("reason") or DEFAULT_REASON
        invoice = services.void(
            invoice_id=ids.decode("invoice", pk), reason=reason, actor=self.actor, at=clock.now()
        )
        return self.changed(_whole(invoice))
