"""Invoices: drafted, changed while a draft, finalized for good, voided."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from api import fields, schema
from api.endpoint import Endpoint
from api.v1.invoice_shapes import (
    InvoiceChange,
    NewInvoice,
    ShownExplanation,
    ShownInvoice,
    ShownInvoiceRow,
    ShownLine,
    Voiding,
    write,
    write_explanation,
    write_line,
    write_row,
    write_tax,
)
from billing import events
from billing.invoices import explanation, queries, rules, services
from billing.invoices.catalogued import Asked, PriceLine
from billing.invoices.models import Invoice
from core import clock, ids
from core.actor import Actor
from core.errors import NotFound
from edge import recording
from edge.access import access
from payments.services import links, sending

DEFAULT_REASON = "Voided by API"


def whole(invoice: Invoice, *, pay_url: str = "") -> dict[str, Any]:
    """Write an invoice with its lines; those that a service has just written or read are not read again."""
    lines, taxes = queries.parts_of(invoice)
    return {**write(invoice, lines), "taxes": [write_tax(tax) for tax in taxes], "pay_url": pay_url or None}


def _pay_url(invoice: Invoice, *, maker: Actor | None = None) -> str:
    """Return where a finalized invoice is paid; `maker` makes the link where none works and something is due."""
    if invoice.status != Invoice.Status.FINALIZED:
        return ""
    url = links.address_of(invoice.pk, at=clock.now())
    if url or maker is None or queries.due_minor(invoice) <= 0:
        return url
    return links.given(invoice_id=invoice.pk, actor=maker, at=clock.now())


def _load(invoice_id: UUID) -> Invoice:
    invoice: Invoice | None = queries.with_twin(Invoice.objects.filter(pk=invoice_id)).first()
    if invoice is None:
        raise NotFound
    return invoice


def asked_discounts(given: Sequence[Mapping[str, Any]]) -> list[rules.Discount]:
    """Return discounts as a body names them."""
    return [_asked(entry, is_charge=entry.get("kind") == "charge") for entry in given]


def _asked(given: Mapping[str, Any], *, is_charge: bool = False) -> rules.Discount:
    return rules.Discount(
        percentage=given.get("percentage"),
        amount=given.get("amount"),
        reason=given.get("reason", ""),
        is_charge=is_charge,
    )


def asked_lines(given: Sequence[Mapping[str, Any]], *, tax_inclusive: bool) -> list[Asked]:
    """Return lines as a body names them."""
    return [_line(line, tax_inclusive=tax_inclusive) for line in given]


def _line(line: Mapping[str, Any], *, tax_inclusive: bool) -> Asked:
    common: dict[str, Any] = {
        "quantity": line.get("quantity", Decimal(1)),
        "tax_rate_id": line.get("tax_rate"),
        "period_from": line.get("period_from"),
        "period_to": line.get("period_to"),
        "discount": None if line.get("discount") is None else _asked(line["discount"]),
    }
    if line.get("price") is None:
        return rules.LineInput(
            description=line["description"],
            unit_amount=line["unit_amount"],
            unit_code=line.get("unit_code", ""),
            tax_inclusive=line.get("tax_inclusive", tax_inclusive),
            **common,
        )
    is_own = "unit_amount" in line
    return PriceLine(
        price_id=line["price"],
        description=line.get("description"),
        unit_amount=line.get("unit_amount"),
        unit_code=line.get("unit_code"),
        is_taxed="tax_rate" in line,
        tax_inclusive=line.get("tax_inclusive", tax_inclusive if is_own else None),
        **common,
    )


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
            lines=asked_lines(given["lines"], tax_inclusive=given.get("tax_inclusive", False)),
            discounts=asked_discounts(given.get("discounts", ())),
            automatic_tax=given.get("tax") == "automatic",
            supply=given.get("supply", ""),
            issued_on=given.get("issued_on"),
            due_on=given.get("due_on"),
            note=given.get("note"),
            series_id=given.get("series"),
            actor=self.actor,
            at=clock.now(),
        )
        return self.created(whole(invoice), "invoices")


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
        return self.one(whole(invoice, pay_url=_pay_url(invoice, maker=self.actor) if may_send else ""))

    @schema.describe("invoices_update", "Change a draft", takes=InvoiceChange, gives=ShownInvoice)
    def patch(self, request: Request, pk: str) -> Response:
        """Change the named fields of a draft and leave the others."""
        invoice_id = ids.decode("invoice", pk)
        changes = self.body(InvoiceChange)
        if "customer" in changes:
            changes["customer_id"] = changes.pop("customer")
        if "series" in changes:
            changes["series_id"] = changes.pop("series")
        inclusive = changes.pop("tax_inclusive", False)
        if "lines" in changes:
            changes["lines"] = asked_lines(changes["lines"], tax_inclusive=inclusive)
        if "discounts" in changes:
            changes["discounts"] = asked_discounts(changes["discounts"])
        if "tax" in changes:
            changes["automatic_tax"] = changes.pop("tax") == "automatic"
        if self.expects_version():
            self.hold(Invoice, invoice_id)
            self.match(whole(_load(invoice_id)))
        invoice = services.update_draft(
            invoice_id=invoice_id, changes=changes, actor=self.actor, at=clock.now()
        )
        return self.changed(whole(invoice))


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
class Explained(Endpoint):
    """How the amounts of an invoice came about."""

    @schema.describe("invoices_explanation", "Explain an invoice's amounts", gives=ShownExplanation)
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer with every step from what was asked to the total."""
        found = queries.get(ids.decode("invoice", pk))
        recording.read(self.edge, events.INVOICE_READ, subject=("invoice", found.id), fields=["lines"])
        return self.one(write_explanation(found.id, explanation.explain(found)))


@access(post=Permission.INVOICE_FINALIZE)
class Finalized(Endpoint):
    """Making a draft final."""

    @schema.describe("invoices_finalize", "Finalize a draft", takes=fields.Nothing, gives=ShownInvoice)
    def post(self, request: Request, pk: str) -> Response:
        """Give the draft its number and freeze it."""
        self.body(fields.Nothing)
        invoice = services.finalize(invoice_id=ids.decode("invoice", pk), actor=self.actor, at=clock.now())
        return self.changed(whole(invoice))


@access(post=Permission.INVOICE_WRITE)
class Copied(Endpoint):
    """Copying an invoice."""

    @schema.describe(
        "invoices_copy", "Copy an invoice to a draft", takes=fields.Nothing, gives=ShownInvoice, created=True
    )
    def post(self, request: Request, pk: str) -> Response:
        """Draft another invoice with the same lines, discounts and note."""
        self.body(fields.Nothing)
        made = services.copy(invoice_id=ids.decode("invoice", pk), actor=self.actor, at=clock.now())
        return self.created(whole(made), "invoices")


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
        return self.changed(whole(invoice, pay_url=_pay_url(invoice)))


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
        return self.changed(whole(invoice))
