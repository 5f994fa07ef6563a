"""Reading invoices: keyset pages by the kept order of ids, never an offset, never a count.

A page is one statement for the invoices and one for their customers' names; a joined list under row-level
security is a thousand times slower at a million rows (measured). Rows are plain and frozen: no query starts
in a template.
"""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from billing.customers import queries as customers
from billing.invoices import content
from billing.invoices.models import Invoice, InvoiceLine, InvoiceTax
from billing.tax.rules import plain
from core.errors import NotFound
from crypto.values import Envelope
from tenancy import context

MOST = 200
# The same customer, the same amount, within so many days: perhaps the same thing twice.
TWIN_DAYS = 30
# The columns of a row in a list.
LIST = (
    "id", "customer_id", "number", "imported_number", "status", "payment_status", "currency", "issued_on",
    "due_on", "subtotal_minor", "tax_minor", "total_minor", "prepaid_minor", "amount_paid_minor",
    "amount_due_minor", "noted_minor", "credited_minor", "written_off_minor", "created_at", "updated_at",
    "rounding_minor",
)  # fmt: skip
# In the tallies, where an invoice that was given up stands between unpaid and paid.
LOST = "written_off"


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceRow:
    """One invoice in a list. Amounts are minor units; what was prepaid elsewhere counts as paid."""

    id: UUID
    customer_id: UUID
    customer_name: str
    number: str | None
    imported_number: str | None
    status: str
    payment_status: str
    currency: str
    issued_on: date | None
    due_on: date | None
    subtotal_minor: int
    tax_minor: int
    total_minor: int
    amount_paid_minor: int
    amount_due_minor: int
    # What credit notes took back in all, what of that came off what was open, and what was given up as lost.
    noted_minor: int = 0
    credited_minor: int = 0
    written_off_minor: int = 0
    rounding_minor: int = 0
    created_at: datetime
    updated_at: datetime

    @property
    def payable_minor(self) -> int:
        """The total as it is to be paid, rounded to a coin where that is so."""
        return self.total_minor + self.rounding_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRow:
    """One line."""

    id: UUID
    position: int
    kind: str
    description: str
    quantity: Decimal
    unit_code: str
    unit_amount: Decimal
    price_base_quantity: Decimal
    net_exact: Decimal
    net_minor: int
    tax_rate_id: UUID | None
    tax_category: str
    tax_percentage: Decimal
    tax_exact: Decimal | None = None
    tax_components: list[dict[str, str]] = field(default_factory=list)
    gross_minor: int | None = None
    price_id: UUID | None = None
    period_from: date | None = None
    period_to: date | None = None
    deducts_id: UUID | None = None
    adjustments: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxRow:
    """The tax of one rate."""

    category: str
    percentage: Decimal
    base_minor: int
    tax_minor: int
    reason: str
    name: str = ""
    tax_exact: Decimal | None = None
    reason_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceDetail(InvoiceRow):
    """One invoice with its lines, taxes and parties; a draft has no copied parties yet."""

    prepaid_minor: int
    rounding: str
    tax_rule: str
    series_id: UUID | None
    role: str = ""
    quote_id: UUID | None = None
    plan_id: UUID | None = None
    seller: dict[str, Any] = field(default_factory=dict)
    buyer: dict[str, Any] = field(default_factory=dict)
    references: dict[str, str] = field(default_factory=dict)
    note: str
    void_reason: str
    finalized_at: datetime | None
    voided_at: datetime | None
    lines: tuple[LineRow, ...]
    taxes: tuple[TaxRow, ...]


@dataclass(frozen=True, slots=True)
class InvoicePage:
    """One page; `next_after` is the cursor of the next one, None on the last."""

    rows: list[InvoiceRow]
    next_after: UUID | None


def page(
    *,
    limit: int = 50,
    after: UUID | None = None,
    status: str | None = None,
    payment_status: str | None = None,
    customer_id: UUID | None = None,
    due_before: date | None = None,
    number: str | None = None,
    with_names: bool = True,
) -> InvoicePage:
    """List invoices, newest first, from behind `after`.

    `due_before` keeps what is finalized, unpaid and due before that day. `with_names=False` spares the
    statement for the customers' names (the API shows ids only).
    """
    where = ["tenant_id = %s"]
    values: list[Any] = [context.current_tenant()]

    def only(condition: str, *given: Any) -> None:
        where.append(condition)
        values.extend(given)

    if status is not None:
        only("status = %s", status)
    if payment_status is not None:
        only("status = 'finalized' AND payment_status = %s", payment_status)
    if customer_id is not None:
        only("customer_id = %s", customer_id)
    if due_before is not None:
        open_ = "status = 'finalized' AND payment_status <> 'paid' AND amount_due_minor > 0"
        only(f"{open_} AND due_on < %s", due_before)
    if number is not None:
        only("number = %s", number)
    if after is not None:
        only("id < %s", after)
    limit = max(1, min(limit, MOST))
    # Written out because the API asks nothing more often, and the ORM takes longer to compose this than the
    # database to answer it. Row-level security limits it as ever. The limit stands in the text, so that one plan
    # serves every time it is asked.
    sql = f"SELECT {_PAGE} FROM billing_invoice WHERE {' AND '.join(where)} ORDER BY id DESC LIMIT {limit + 1:d}"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        found = [dict(zip(LIST, row, strict=True)) for row in cursor.fetchall()]
    shown = found[:limit]
    names = customers.names(row["customer_id"] for row in shown) if with_names else {}
    after_last = shown[-1]["id"] if len(found) > limit else None
    return InvoicePage([row_of(row, names) for row in shown], after_last)


_PAGE = ", ".join(LIST)


def get(invoice_id: UUID, *, within: Collection[UUID] | None = None) -> InvoiceDetail:
    """Return one invoice with its lines and taxes (four statements).

    Raises:
        NotFound: there is none, or it is another's, or of no customer in `within`.
    """
    invoice = Invoice.objects.filter(pk=invoice_id).first()
    if invoice is None or (within is not None and invoice.customer_id not in within):
        raise NotFound
    return detail(invoice)


def detail(invoice: Invoice) -> InvoiceDetail:
    """Show an invoice; what a service has just written is shown without asking the database again."""
    lines, taxes = parts_of(invoice)
    row = {name: getattr(invoice, name) for name in LIST if name != "amount_due_minor"}
    row["amount_due_minor"] = due_minor(invoice)
    if Invoice.customer.is_cached(invoice):
        names = {invoice.customer_id: invoice.customer.name}
    else:
        names = customers.names([invoice.customer_id])
    return InvoiceDetail(
        **_columns(row, names),
        prepaid_minor=invoice.prepaid_minor,
        rounding=invoice.rounding,
        tax_rule=invoice.tax_rule,
        series_id=invoice.series_id,
        role=invoice.role,
        quote_id=invoice.quote_id,
        plan_id=invoice.plan_id,
        seller=invoice.seller or {},
        buyer=invoice.buyer or {},
        references=invoice.references or {},
        note=invoice.note or "",
        void_reason=invoice.void_reason or "",
        finalized_at=invoice.finalized_at,
        voided_at=invoice.voided_at,
        lines=tuple(_line(line) for line in lines),
        taxes=tuple(_tax(tax) for tax in taxes),
    )


def parts_of(invoice: Invoice) -> tuple[list[InvoiceLine], list[InvoiceTax]]:
    """Return lines and taxes in their order: what a service has just written or read, or both in one statement."""
    if invoice.parts is None:
        rows: Any = lines_of(invoice.pk).annotate(taxes=RawSQL(_TAXES, []))  # noqa: S611  no value is in it
        lines: list[InvoiceLine] = list(rows)
        found = getattr(lines[0], "taxes", None) if lines else None
        invoice.parts = lines, [_stored_tax(invoice, values) for values in json.loads(found or "[]")]
    kept, taxes = invoice.parts
    return kept, sorted(taxes, key=lambda tax: (tax.category, tax.percentage, tax.name))


# With the first line alone. Numbers as text: JSON's would become binary fractions.
_TAXES = """
CASE WHEN billing_invoiceline.position = 1 THEN (
  SELECT jsonb_agg(jsonb_build_object(
    'id', tax.id, 'category', tax.category, 'percentage', tax.percentage::text, 'name', tax.name,
    'base_minor', tax.base_minor::text, 'tax_minor', tax.tax_minor::text, 'tax_exact', tax.tax_exact::text,
    'reason_code', tax.reason_code, 'reason', encode(tax.reason, 'hex')))
  FROM billing_invoicetax AS tax
  WHERE tax.tenant_id = billing_invoiceline.tenant_id AND tax.invoice_id = billing_invoiceline.invoice_id
) END
"""


def _stored_tax(invoice: Invoice, values: dict[str, Any]) -> InvoiceTax:
    reason, exact = values["reason"], values["tax_exact"]
    return InvoiceTax(
        id=UUID(values["id"]),
        tenant_id=invoice.tenant_id,
        invoice=invoice,
        customer_id=invoice.customer_id,
        category=values["category"],
        percentage=Decimal(values["percentage"]),
        name=values["name"],
        base_minor=int(values["base_minor"]),
        tax_minor=int(values["tax_minor"]),
        tax_exact=None if exact is None else Decimal(exact),
        reason_code=values["reason_code"],
        reason=None if reason is None else Envelope(bytes.fromhex(reason)),
    )


def with_twin(rows: "QuerySet[Invoice]") -> "QuerySet[Invoice]":
    """Read with each invoice the id of another one of its customer over the same amount (`twin_id`), within days."""
    return rows.annotate(twin_id=RawSQL(_TWIN, [TWIN_DAYS, TWIN_DAYS]))  # noqa: S611  values go as parameters


# Written out: composing it anew took longer, at each request, than PostgreSQL takes to answer it.
_TWIN = """
SELECT other.id FROM billing_invoice AS other
WHERE other.tenant_id = billing_invoice.tenant_id AND other.customer_id = billing_invoice.customer_id
  AND other.total_minor = billing_invoice.total_minor AND other.currency = billing_invoice.currency
  AND other.created_at >= billing_invoice.created_at - make_interval(days => %s)
  AND other.created_at <= billing_invoice.created_at + make_interval(days => %s)
  AND other.total_minor > 0 AND other.role = '' AND other.status <> 'voided' AND other.id <> billing_invoice.id
ORDER BY other.id DESC LIMIT 1
"""


def due_minor(invoice: Invoice) -> int:
    """Return what is still owed; the generated column is as old as the row was when it was read."""
    if invoice.status == Invoice.Status.VOIDED:
        return 0
    asked = invoice.total_minor + invoice.rounding_minor - invoice.prepaid_minor
    return asked - invoice.amount_paid_minor - invoice.credited_minor - invoice.written_off_minor


def lines_of(invoice_id: UUID) -> "QuerySet[InvoiceLine]":
    """Return the lines of an invoice in order."""
    rows: QuerySet[InvoiceLine] = InvoiceLine.objects.filter(invoice_id=invoice_id).order_by("position")
    return rows


def lines_by_invoice(invoice_ids: Iterable[UUID]) -> dict[UUID, list[LineRow]]:
    """Return the lines of several invoices by invoice, in their order, in one statement."""
    found: dict[UUID, list[LineRow]] = {}
    for line in InvoiceLine.objects.filter(invoice_id__in=list(invoice_ids)).order_by(
        "invoice_id", "position"
    ):
        found.setdefault(line.invoice_id, []).append(_line(line))
    return found


def find_by_number(number: str) -> list[InvoiceRow]:
    """Find invoices by their number, exactly; several sellers of imported documents may have used one."""
    return page(number=number.strip()).rows


def content_is_intact(invoice_id: UUID) -> bool:
    """Prove that a finalized document still says what it said, by its keyed digest.

    Raises:
        NotFound: there is no such finalized invoice.
    """
    invoice = Invoice.objects.filter(pk=invoice_id, content_digest__isnull=False).first()
    if invoice is None:
        raise NotFound
    return content.digest(invoice, *parts_of(invoice)) == bytes(invoice.content_digest)


def row_of(row: dict[str, Any], names: dict[UUID, str]) -> InvoiceRow:
    """Show one row of the columns LIST; `names` are the customers' by id."""
    return InvoiceRow(**_columns(row, names))


def _columns(row: dict[str, Any], names: dict[UUID, str]) -> dict[str, Any]:
    columns = {**row, "customer_name": names.get(row["customer_id"], "")}
    columns["amount_paid_minor"] += columns.pop("prepaid_minor")
    return columns


def _line(line: InvoiceLine) -> LineRow:
    return LineRow(
        id=line.pk,
        position=line.position,
        kind=line.kind,
        description=line.description,
        quantity=plain(line.quantity),
        unit_code=line.unit_code,
        unit_amount=plain(line.unit_amount),
        price_base_quantity=plain(line.price_base_quantity),
        net_exact=plain(line.net_exact),
        net_minor=line.net_minor,
        tax_rate_id=line.tax_rate_id,
        tax_category=line.tax_category,
        tax_percentage=plain(line.tax_percentage),
        tax_exact=None if line.tax_exact is None else plain(line.tax_exact),
        tax_components=line.tax_components or [],
        gross_minor=line.gross_minor,
        price_id=line.price_id,
        period_from=line.period_from,
        period_to=line.period_to,
        deducts_id=line.deducts_id,
        adjustments=line.adjustments or [],
    )


def _tax(tax: InvoiceTax) -> TaxRow:
    return TaxRow(
        category=tax.category,
        percentage=plain(tax.percentage),
        base_minor=tax.base_minor,
        tax_minor=tax.tax_minor,
        reason=tax.reason or "",
        name=tax.name,
        tax_exact=None if tax.tax_exact is None else plain(tax.tax_exact),
        reason_code=tax.reason_code,
    )
