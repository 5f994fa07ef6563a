"""Quotes: drafted, opened under a number, accepted or declined, and turned into one invoice draft."""

from functools import partial
from typing import Any

from django.http import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from api import fields, schema
from api.endpoint import Endpoint
from api.v1.invoice_shapes import NewDiscount, NewLine, ShownInvoice, ShownLine, write_line
from api.v1.invoices import asked_discounts, asked_lines, whole
from billing import events
from billing.documents import pdf
from billing.invoices import rules
from billing.quotes import papers, parts, progress, queries, sending, services
from billing.quotes.models import Quote
from core import clock, ids
from edge import recording
from edge.access import access

_STATES = tuple(Quote.Status.values)
_OPTIONAL: dict[str, Any] = {"required": False, "allow_null": True}
_LINE = {"description": "Work", "quantity": "2", "unit_amount": "90.00"}
_EXAMPLE = {
    "customer": "cus_01j9z3k4m5n6p7q8r9s0t1v2w3",
    "currency": "EUR",
    "valid_until": "2026-12-31",
    "lines": [_LINE],
}


class _Terms(fields.Body):
    valid_until = fields.Day(
        help_text="The last day on which it can be accepted; open if absent.", **_OPTIONAL
    )
    note = fields.Text(limit=rules.NOTE_LENGTH, lines=True, **_OPTIONAL)
    discounts = fields.Bodies(of=NewDiscount, limit=rules.MOST_DISCOUNTS, empty=True, required=False)
    tax_inclusive = fields.Flag(
        required=False, help_text="Whether the lines' prices have the tax inside; false if absent."
    )


class NewQuote(_Terms):
    """What a quote is drafted with."""

    customer = fields.Id(kind="customer")
    currency = fields.Currency()
    lines = fields.Bodies(of=NewLine, limit=rules.MOST_LINES)


class QuoteChange(_Terms):
    """What of a draft is to change; lines replace all lines."""

    customer = fields.Id(kind="customer", required=False)
    currency = fields.Currency(required=False)
    lines = fields.Bodies(of=NewLine, limit=rules.MOST_LINES, required=False)


class ShownQuoteLine(ShownLine):
    """A line of a quote."""

    id = fields.Id(kind="quote_line")
    object = serializers.ChoiceField(choices=["quote_line"])


class ShownQuoteTax(schema.Shown):
    """The tax of one rate."""

    category = serializers.CharField()
    percentage = fields.DecimalText()
    name = serializers.CharField()
    base_minor = serializers.IntegerField()
    tax_minor = serializers.IntegerField()


class ShownPart(schema.Shown):
    """An invoice of a part of a quote, or of what is left of it."""

    invoice = fields.Id(kind="invoice")
    role = serializers.ChoiceField(choices=["deposit", "progress", "final"])
    status = serializers.ChoiceField(choices=["draft", "finalized", "voided"])
    total_minor = serializers.IntegerField(help_text="Tax included, less what was credited of it.")


class NewPart(fields.Body):
    """Which part of a quote is billed: a percentage of its total, or an amount with its tax."""

    role = fields.Choice(words=("deposit", "progress"))
    percentage = fields.DecimalText(**_OPTIONAL)
    amount_minor = fields.Minor(help_text="Tax included.", **_OPTIONAL)
    due_on = fields.Day(**_OPTIONAL)


class ShownQuoteRow(schema.Shown):
    """A quote in a list."""

    id = fields.Id(kind="quote")
    object = serializers.ChoiceField(choices=["quote"])
    number = serializers.CharField(allow_null=True)
    status = serializers.ChoiceField(choices=_STATES)
    customer = fields.Id(kind="customer")
    invoice = fields.Id(kind="invoice", allow_null=True, help_text="The draft made of it.")
    currency = serializers.CharField()
    subtotal_minor = serializers.IntegerField()
    tax_minor = serializers.IntegerField()
    total_minor = serializers.IntegerField()
    issued_on = serializers.DateField(allow_null=True)
    valid_until = serializers.DateField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class ShownQuote(ShownQuoteRow):
    """A quote."""

    lines = ShownQuoteLine(many=True)
    taxes = ShownQuoteTax(many=True)
    note = serializers.CharField(allow_null=True)
    billed = ShownPart(
        many=True, help_text="Deposits, progress invoices and the final invoice that takes them off."
    )
    left_minor = serializers.IntegerField(
        help_text="What no deposit or progress invoice bills, tax included."
    )
    opened_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)


def write_row(row: queries.QuoteRow) -> dict[str, Any]:
    """Write a quote as lists show it."""
    return {
        "id": ids.encode("quote", row.id),
        "object": "quote",
        "number": row.number,
        "status": row.status,
        "customer": ids.encode("customer", row.customer_id),
        "invoice": None if row.invoice_id is None else ids.encode("invoice", row.invoice_id),
        "currency": row.currency,
        "subtotal_minor": row.subtotal_minor,
        "tax_minor": row.tax_minor,
        "total_minor": row.total_minor,
        "issued_on": row.issued_on,
        "valid_until": row.valid_until,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def write(found: queries.QuoteDetail) -> dict[str, Any]:
    """Write a quote as it is shown alone."""
    lines = [{**write_line(line), "id": ids.encode("quote_line", line.id)} for line in found.lines]
    standing = parts.standing_of(found.id)
    return {
        **write_row(found),
        "lines": [{**line, "object": "quote_line"} for line in lines],
        "taxes": list(found.taxes),
        "note": found.note or None,
        "billed": [
            {
                "invoice": ids.encode("invoice", part.invoice_id),
                "role": part.role,
                "status": part.status,
                "total_minor": part.stands_minor,
            }
            for part in standing.parts
        ],
        "left_minor": standing.left_minor,
        "opened_at": found.opened_at,
        "ended_at": found.ended_at,
    }


@access(get=Permission.INVOICE_READ, post=Permission.QUOTE_WRITE)
class Quotes(Endpoint):
    """All quotes."""

    listed = "quotes"
    filters = frozenset({"customer", "status"})

    @schema.describe(
        "quotes_list",
        "List quotes",
        gives=ShownQuoteRow,
        listed=True,
        filters=[("customer", "Only this customer's."), ("status", f"{', '.join(_STATES)}.")],
    )
    def get(self, request: Request) -> Response:
        """Answer with a page of quotes, newest first."""
        page, filters = self.page()
        wanted: dict[str, Any] = {"status": self.choice(filters, "status", _STATES)}
        if "customer" in filters:
            wanted["customer_id"] = self.value("customer", fields.Id(kind="customer"), filters)
        found = queries.page(limit=page.limit, after=page.after, with_names=False, **wanted)
        recording.read(self.edge, events.QUOTE_LISTED, subjects=[row.id for row in found.rows])
        return Response(page.answer([write_row(row) for row in found.rows], found.next_after))

    @schema.describe(
        "quotes_create",
        "Draft a quote",
        takes=NewQuote,
        gives=ShownQuote,
        created=True,
        examples={"Two hours": _EXAMPLE},
    )
    def post(self, request: Request) -> Response:
        """Draft a quote."""
        given = self.body(NewQuote)
        made = services.create(
            customer_id=given["customer"],
            currency=given["currency"],
            lines=asked_lines(given["lines"], tax_inclusive=given.get("tax_inclusive", False)),
            discounts=asked_discounts(given.get("discounts", ())),
            valid_until=given.get("valid_until"),
            note=given.get("note"),
            actor=self.actor,
            at=clock.now(),
        )
        return self.created(write(queries.detail_of(made)), "quotes")


@access(get=Permission.INVOICE_READ, patch=Permission.QUOTE_WRITE)
class OneQuote(Endpoint):
    """One quote."""

    @schema.describe("quotes_get", "Read a quote", gives=ShownQuote)
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer with the quote and its lines."""
        found = queries.get(ids.decode("quote", pk))
        recording.read(self.edge, events.QUOTE_READ, subject=("quote", found.id))
        return self.one(write(found))

    @schema.describe("quotes_update", "Change the draft of a quote", takes=QuoteChange, gives=ShownQuote)
    def patch(self, request: Request, pk: str) -> Response:
        """Change the named fields of a draft and leave the others."""
        quote_id = ids.decode("quote", pk)
        changes = self.body(QuoteChange)
        if "customer" in changes:
            changes["customer_id"] = changes.pop("customer")
        inclusive = changes.pop("tax_inclusive", False)
        if "lines" in changes:
            changes["lines"] = asked_lines(changes["lines"], tax_inclusive=inclusive)
        if "discounts" in changes:
            changes["discounts"] = asked_discounts(changes["discounts"])
        if self.expects_version():
            self.hold(Quote, quote_id)
            self.match(write(queries.get(quote_id)))
        made = services.update(quote_id=quote_id, changes=changes, actor=self.actor, at=clock.now())
        return self.changed(write(queries.detail_of(made)))


class _Step(Endpoint):
    """One step of a quote."""

    def _take(self, step: Any, pk: str) -> Response:
        self.body(fields.Nothing)
        made = step(quote_id=ids.decode("quote", pk), actor=self.actor, at=clock.now())
        return self.changed(write(queries.detail_of(made)))


@access(post=Permission.QUOTE_WRITE)
class Opened(_Step):
    """Opening a quote."""

    @schema.describe("quotes_open", "Open a quote", takes=fields.Nothing, gives=ShownQuote)
    def post(self, request: Request, pk: str) -> Response:
        """Give the draft its number; from now on it stands as it is."""
        return self._take(services.open_quote, pk)


@access(post=Permission.QUOTE_WRITE)
class Accepted(_Step):
    """Accepting a quote."""

    @schema.describe("quotes_accept", "Accept a quote", takes=fields.Nothing, gives=ShownQuote)
    def post(self, request: Request, pk: str) -> Response:
        """Note that the customer accepted it."""
        return self._take(services.accept, pk)


@access(post=Permission.QUOTE_WRITE)
class Declined(_Step):
    """Declining a quote."""

    @schema.describe("quotes_decline", "Decline a quote", takes=fields.Nothing, gives=ShownQuote)
    def post(self, request: Request, pk: str) -> Response:
        """Note that the customer declined it."""
        return self._take(services.decline, pk)


@access(post=Permission.QUOTE_WRITE)
class Canceled(_Step):
    """Withdrawing a quote."""

    @schema.describe("quotes_cancel", "Withdraw a quote", takes=fields.Nothing, gives=ShownQuote)
    def post(self, request: Request, pk: str) -> Response:
        """Withdraw it, as long as no invoice was drafted from it."""
        return self._take(services.cancel, pk)


@access(post=Permission.INVOICE_SEND)
class Sent(Endpoint):
    """Sending a quote."""

    @schema.describe("quotes_send", "Send a quote", takes=fields.Nothing, gives=ShownQuote)
    def post(self, request: Request, pk: str) -> Response:
        """Mail an open quote with its PDF to its customer."""
        self.body(fields.Nothing)
        found = sending.send(quote_id=ids.decode("quote", pk), actor=self.actor, at=clock.now())
        return self.changed(write(found))


@access(get=Permission.INVOICE_READ)
class QuotePdf(Endpoint):
    """A quote as the document it is."""

    @schema.describe_file("quotes_pdf", "Read a quote as PDF", media_type=pdf.MEDIA_TYPE)
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer with the PDF, made on demand."""
        found = queries.get(ids.decode("quote", pk))
        document = papers.document_of(found)
        recording.read(self.edge, events.QUOTE_READ, subject=("quote", found.id), fields=["pdf"])
        return self.made(
            partial(pdf.invoice, document),
            media_type=pdf.MEDIA_TYPE,
            name=papers.file_name(found),
            version=pdf.version(document),
        )


@access(post=Permission.INVOICE_WRITE)
class Converted(Endpoint):
    """Billing a quote."""

    @schema.describe("quotes_convert", "Bill a quote", takes=fields.Nothing, gives=ShownInvoice, created=True)
    def post(self, request: Request, pk: str) -> Response:
        """Draft the one invoice of an accepted quote."""
        self.body(fields.Nothing)
        made = services.convert(quote_id=ids.decode("quote", pk), actor=self.actor, at=clock.now())
        return self.created(whole(made), "invoices")


@access(post=Permission.INVOICE_WRITE)
class Parts(Endpoint):
    """Billing a part of a quote."""

    @schema.describe(
        "quotes_bill",
        "Bill a part of a quote",
        takes=NewPart,
        gives=ShownInvoice,
        created=True,
        examples={"A deposit": {"role": "deposit", "percentage": "30"}},
    )
    def post(self, request: Request, pk: str) -> Response:
        """Draft a deposit or progress invoice; converting the quote then drafts the final one, less all of them."""
        # What is not theirs is not there, whatever they send.
        found = queries.get(ids.decode("quote", pk))
        given = self.body(NewPart)
        made = progress.bill_part(quote_id=found.id, actor=self.actor, at=clock.now(), **given)
        return self.created(whole(made), "invoices")
