"""What the API takes and shows of an invoice."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from rest_framework import exceptions, serializers

from api import fields, schema
from billing.invoices import explanation, queries, rules
from billing.invoices.models import Invoice, InvoiceLine, InvoiceTax
from billing.tax import place
from core import ids

_OPTIONAL: dict[str, Any] = {"required": False, "allow_null": True}


class NewLineDiscount(fields.Body):
    """What is taken off a line: a percentage or an amount, not both."""

    percentage = fields.DecimalText(required=False, help_text="More than 0, at most 100, up to 6 decimals.")
    amount = fields.DecimalText(required=False, help_text="In major units.")
    reason = fields.Text(limit=rules.REASON_LENGTH, required=False)


class NewDiscount(NewLineDiscount):
    """What is taken off, or put on top, of all lines together; it is spread over their tax rates."""

    kind = fields.Choice(words=("allowance", "charge"), required=False, help_text="allowance if absent.")


class NewLine(fields.Body):
    """A line: what, how much of it, and at which price in major units."""

    price = fields.Id(
        kind="price",
        help_text="A price of the catalogue: what the line does not say itself, it and its product say.",
        **_OPTIONAL,
    )
    description = fields.Text(
        limit=rules.DESCRIPTION_LENGTH, lines=True, required=False, help_text="The product's name if absent."
    )
    quantity = fields.DecimalText(required=False, help_text="1 if absent.")
    unit_amount = fields.DecimalText(required=False, help_text="What the price says if absent.")
    tax_rate = fields.Id(kind="tax_rate", help_text="The price's, or no tax, if absent.", **_OPTIONAL)
    unit_code = fields.Text(limit=8, required=False, help_text="UN/ECE Recommendation 20, such as HUR.")
    period_from = fields.Day(help_text="The first day of service.", **_OPTIONAL)
    period_to = fields.Day(help_text="The first day that is not part of it any more.", **_OPTIONAL)
    discount = NewLineDiscount(required=False, allow_null=True)
    tax_inclusive = fields.Flag(
        required=False,
        help_text="Whether unit_amount has the tax inside; the document's if absent. A price says it itself.",
    )

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Read the line; without a price it says what it is and what it costs."""
        faults: dict[str, Any] = {}
        if isinstance(data, Mapping) and data.get("price") is None:
            missing = [name for name in ("description", "unit_amount") if name not in data]
            faults = {name: fields.fault("required").detail for name in missing}
        try:
            values = super().to_internal_value(data)
        except exceptions.ValidationError as error:
            if not isinstance(error.detail, dict):
                raise
            raise exceptions.ValidationError({**faults, **error.detail}) from error
        if faults:
            raise exceptions.ValidationError(faults)
        return values


class _Terms(fields.Body):
    issued_on = fields.Day(help_text="The day of finalizing if absent.", **_OPTIONAL)
    due_on = fields.Day(help_text="By the organization's payment terms if absent.", **_OPTIONAL)
    series = fields.Id(kind="series", help_text="The number series; the usual one if absent.", **_OPTIONAL)
    note = fields.Text(limit=rules.NOTE_LENGTH, lines=True, **_OPTIONAL)
    discounts = fields.Bodies(of=NewDiscount, limit=rules.MOST_DISCOUNTS, empty=True, required=False)
    tax_inclusive = fields.Flag(
        required=False, help_text="Whether the lines' prices have the tax inside; false if absent."
    )
    tax = fields.Choice(
        words=("manual", "automatic"),
        required=False,
        help_text="automatic: lines without tax_rate get the one that the place of supply asks for. manual if absent.",
    )
    supply = fields.Choice(
        words=tuple(place.Supply),
        required=False,
        help_text="What is sold, for automatic tax; what the organization usually sells if absent.",
    )


class NewInvoice(_Terms):
    """What an invoice is drafted with."""

    customer = fields.Id(kind="customer")
    currency = fields.Currency()
    lines = fields.Bodies(of=NewLine, limit=rules.MOST_LINES)


class InvoiceChange(_Terms):
    """What of a draft is to change; lines replace all lines."""

    customer = fields.Id(kind="customer", required=False)
    currency = fields.Currency(required=False)
    lines = fields.Bodies(of=NewLine, limit=rules.MOST_LINES, required=False)


class Voiding(fields.Body):
    """Why an invoice is voided."""

    reason = fields.Text(
        limit=rules.REASON_LENGTH, lines=True, help_text="Voided by API if absent.", **_OPTIONAL
    )


class ShownDiscount(schema.Shown):
    """What was taken off, or put on top."""

    kind = serializers.ChoiceField(choices=["allowance", "charge"])
    percentage = fields.DecimalText(allow_null=True)
    amount_minor = serializers.IntegerField()
    reason = serializers.CharField()


class ShownTax(schema.Shown):
    """The tax of one rate; of stacked taxes one with its name."""

    category = serializers.CharField()
    percentage = fields.DecimalText()
    name = serializers.CharField()
    base_minor = serializers.IntegerField()
    tax_minor = serializers.IntegerField()
    reason = serializers.CharField(help_text="Why nothing is charged, as it stands on the document.")
    reason_code = serializers.CharField(help_text="The same as a code of the VATEX list.")


class ShownLine(schema.Shown):
    """A line of an invoice."""

    id = fields.Id(kind="invoice_line")
    object = serializers.ChoiceField(choices=["invoice_line"])
    kind = serializers.ChoiceField(choices=["item", "allowance", "charge"])
    price = fields.Id(kind="price", allow_null=True)
    description = serializers.CharField()
    quantity = fields.DecimalText()
    unit_code = serializers.CharField()
    unit_amount = fields.DecimalText()
    net_minor = serializers.IntegerField()
    tax_rate = fields.Id(kind="tax_rate", allow_null=True)
    tax_category = serializers.CharField()
    tax_percentage = fields.DecimalText()
    tax_inclusive = serializers.BooleanField()
    gross_minor = serializers.IntegerField(
        allow_null=True, help_text="What was asked with the tax inside; null where the price is without tax."
    )
    discount = ShownDiscount(allow_null=True)
    period_from = serializers.DateField(allow_null=True)
    period_to = serializers.DateField(allow_null=True)
    deducts = fields.Id(kind="invoice", allow_null=True, help_text="The earlier invoice that it takes off.")


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
    rounding_minor = serializers.IntegerField(
        help_text="What rounding to the smallest coin adds to the total; below zero it takes it off."
    )
    amount_due_minor = serializers.IntegerField()
    amount_paid_minor = serializers.IntegerField()
    credited_minor = serializers.IntegerField(help_text="What credit notes took off what was open.")
    written_off_minor = serializers.IntegerField(help_text="What was given up as lost; it is not paid.")
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
    taxes = ShownTax(many=True)
    series = fields.Id(kind="series", allow_null=True, help_text="The number series; null is the usual one.")
    role = serializers.ChoiceField(
        choices=["deposit", "progress", "final"],
        allow_null=True,
        help_text="What of a quote or a draft it bills.",
    )
    quote = fields.Id(kind="quote", allow_null=True, help_text="The quote it bills in parts.")
    plan = fields.Id(
        kind="invoice",
        allow_null=True,
        help_text="The invoice on whose total deposits are billed; it may be this one.",
    )
    rounding = serializers.ChoiceField(choices=["document", "line"])
    tax_rule = serializers.CharField(
        allow_null=True, help_text="Which rule of place of supply chose the tax, if one did."
    )
    suspected_duplicate_of = fields.Id(
        kind="invoice",
        allow_null=True,
        help_text="Another invoice of the customer over the same amount within 30 days. "
        "Looked for when it is read, finalized or voided; nothing is refused for it.",
    )
    note = serializers.CharField(allow_null=True)
    void_reason = serializers.CharField(allow_null=True)
    finalized_at = serializers.DateTimeField(allow_null=True)
    voided_at = serializers.DateTimeField(allow_null=True)


class ShownStep(schema.Shown):
    """One amount: of what it is, how it is computed, and what came out."""

    what = serializers.CharField()
    how = serializers.CharField()
    exact = fields.DecimalText(allow_null=True, help_text="Before it was rounded, in major units.")
    result_minor = serializers.IntegerField()
    position = serializers.IntegerField(allow_null=True, help_text="The line's, if it is of a line.")
    holds = serializers.BooleanField(help_text="Whether computing it once more gives what is kept.")


class ShownExplanation(schema.Shown):
    """How the amounts of an invoice came about."""

    object = serializers.ChoiceField(choices=["invoice_explanation"])
    invoice = fields.Id(kind="invoice")
    policy = serializers.CharField()
    rounding = serializers.ChoiceField(choices=["document", "line"])
    why_tax = serializers.CharField()
    holds = serializers.BooleanField()
    steps = ShownStep(many=True)


def write_explanation(invoice_id: UUID, found: explanation.Explanation) -> dict[str, Any]:
    """Write how the amounts of an invoice came about."""
    return {
        "object": "invoice_explanation",
        "invoice": ids.encode("invoice", invoice_id),
        "policy": found.policy,
        "rounding": found.rounding,
        "why_tax": found.why_tax,
        "holds": found.holds,
        "steps": [
            {
                "what": step.what,
                "how": step.how,
                "exact": None if step.exact is None else fields.decimal_text(step.exact),
                "result_minor": step.result_minor,
                "position": step.position,
                "holds": step.holds,
            }
            for step in found.steps
        ],
    }


def write_line(line: queries.LineRow | InvoiceLine) -> dict[str, Any]:
    """Write a line as it is shown."""
    return {
        "id": ids.encode("invoice_line", line.id),
        "object": "invoice_line",
        "kind": line.kind,
        "price": None if line.price_id is None else ids.encode("price", line.price_id),
        "description": line.description,
        "quantity": fields.decimal_text(line.quantity),
        "unit_code": line.unit_code,
        "unit_amount": fields.decimal_text(line.unit_amount),
        "net_minor": line.net_minor,
        "tax_rate": None if line.tax_rate_id is None else ids.encode("tax_rate", line.tax_rate_id),
        "tax_category": line.tax_category,
        "tax_percentage": fields.decimal_text(line.tax_percentage),
        "tax_inclusive": line.gross_minor is not None,
        "gross_minor": line.gross_minor,
        "discount": _discount(line),
        "period_from": line.period_from,
        "period_to": line.period_to,
        "deducts": None if (of := getattr(line, "deducts_id", None)) is None else ids.encode("invoice", of),
    }


def _discount(line: queries.LineRow | InvoiceLine) -> dict[str, Any] | None:
    """Write what was taken off a line, or what an allowance or charge of the document is."""
    if not line.adjustments:
        return None
    entry = line.adjustments[0]
    return {
        "kind": "charge" if entry.get("is_charge") else "allowance",
        "percentage": entry.get("percentage"),
        "amount_minor": entry.get("amount_minor", 0),
        "reason": entry.get("reason") or "",
    }


def write_tax(tax: queries.TaxRow | InvoiceTax) -> dict[str, Any]:
    """Write the tax of one rate as it is shown."""
    return {
        "category": tax.category,
        "percentage": fields.decimal_text(tax.percentage),
        "name": tax.name,
        "base_minor": tax.base_minor,
        "tax_minor": tax.tax_minor,
        "reason": tax.reason or "",
        "reason_code": tax.reason_code,
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
        "rounding_minor": row.rounding_minor,
        "amount_due_minor": row.amount_due_minor,
        "amount_paid_minor": row.amount_paid_minor,
        "credited_minor": row.credited_minor,
        "written_off_minor": row.written_off_minor,
        "issued_on": row.issued_on,
        "due_on": row.due_on,
        "pay_url": None,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def write(invoice: Invoice, lines: Sequence[InvoiceLine]) -> dict[str, Any]:
    """Write an invoice as it is shown alone."""
    twin: UUID | None = getattr(invoice, "twin_id", None)
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
        "rounding_minor": invoice.rounding_minor,
        "amount_due_minor": queries.due_minor(invoice),
        "amount_paid_minor": invoice.amount_paid_minor + invoice.prepaid_minor,
        "credited_minor": invoice.credited_minor,
        "written_off_minor": invoice.written_off_minor,
        "issued_on": invoice.issued_on,
        "due_on": invoice.due_on,
        "lines": [write_line(line) for line in lines],
        "pay_url": None,
        "created_at": invoice.created_at,
        "updated_at": invoice.updated_at,
        "series": None if invoice.series_id is None else ids.encode("series", invoice.series_id),
        "role": invoice.role or None,
        "quote": None if invoice.quote_id is None else ids.encode("quote", invoice.quote_id),
        "plan": None if invoice.plan_id is None else ids.encode("invoice", invoice.plan_id),
        "rounding": invoice.rounding,
        "tax_rule": invoice.tax_rule or None,
        "suspected_duplicate_of": None if twin is None else ids.encode("invoice", twin),
        "note": invoice.note or None,
        "void_reason": invoice.void_reason or None,
        "finalized_at": invoice.finalized_at,
        "voided_at": invoice.voided_at,
    }
