"""Reading credit notes, and what of an invoice can still be credited. Lists are keyset pages of plain rows."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import F, Sum

from billing.creditnotes import content, rules
from billing.creditnotes.models import CreditNote, CreditNoteLine, CreditNoteTax
from billing.customers import queries as customers
from billing.invoices.models import Invoice, InvoiceLine, InvoiceTax
from billing.issuer import queries as issuers
from billing.issuer.rules import coin
from billing.tallies import queries as tallies
from billing.tax.rules import plain
from core.errors import NotFound

MOST = 200
# The columns of a row in a list.
LIST = (
    "id", "customer_id", "invoice_id", "number", "imported_number", "currency", "issued_on", "reason_code",
    "subtotal_minor", "tax_minor", "total_minor", "offset_minor", "credit_minor", "refund_minor", "created_at",
    "rounding_minor",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditNoteRow:
    """One credit note in a list. Amounts are minor units, above zero where the invoice's are."""

    id: UUID
    customer_id: UUID
    customer_name: str
    invoice_id: UUID | None
    number: str
    imported_number: str | None
    currency: str
    issued_on: date
    reason_code: str
    subtotal_minor: int
    tax_minor: int
    total_minor: int
    offset_minor: int
    credit_minor: int
    refund_minor: int
    rounding_minor: int = 0
    created_at: datetime

    @property
    def payable_minor(self) -> int:
        """What it gives back, rounded to a coin where its invoice was."""
        return self.total_minor + self.rounding_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRow:
    """One line, and the line of the invoice it takes back."""

    id: UUID
    invoice_line_id: UUID | None
    position: int
    kind: str
    description: str
    quantity: Decimal
    unit_code: str
    unit_amount: Decimal
    price_base_quantity: Decimal
    net_minor: int
    tax_category: str
    tax_percentage: Decimal
    tax_components: list[dict[str, str]] = field(default_factory=list)
    adjustments: list[dict[str, Any]] = field(default_factory=list)
    period_from: date | None
    period_to: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxRow:
    """The tax of one rate."""

    category: str
    percentage: Decimal
    name: str
    base_minor: int
    tax_minor: int
    reason: str
    reason_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditNoteDetail(CreditNoteRow):
    """One credit note with its lines, taxes and parties."""

    prepaid_minor: int
    reason: str
    seller: dict[str, Any] = field(default_factory=dict)
    buyer: dict[str, Any] = field(default_factory=dict)
    references: dict[str, str] = field(default_factory=dict)
    note: str
    lines: tuple[LineRow, ...]
    taxes: tuple[TaxRow, ...]


@dataclass(frozen=True, slots=True)
class CreditNotePage:
    """One page; `next_after` is the cursor of the next one, None on the last."""

    rows: list[CreditNoteRow]
    next_after: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What of an invoice can still be credited: its lines as they stand, by line and by rate."""

    rows: tuple[InvoiceLine, ...]
    lines: tuple[rules.Line, ...]
    taxes: tuple[rules.TaxLeft, ...]
    reasons: dict[rules.TaxKey, tuple[str | None, str]] = field(default_factory=dict)

    @property
    def total_minor(self) -> int:
        """All of it, tax included."""
        return rules.left_minor(self.lines, self.taxes)


def page(
    *,
    limit: int = 50,
    after: UUID | None = None,
    customer_id: UUID | None = None,
    invoice_id: UUID | None = None,
    number: str | None = None,
    with_names: bool = True,
) -> CreditNotePage:
    """List credit notes, newest first, from behind `after`."""
    rows = CreditNote.objects.order_by("-id")
    wanted = {"customer_id": customer_id, "invoice_id": invoice_id, "number": number, "id__lt": after}
    rows = rows.filter(**{name: value for name, value in wanted.items() if value is not None})
    limit = max(1, min(limit, MOST))
    found = list(rows.values(*LIST)[: limit + 1])
    shown = found[:limit]
    names = customers.names(row["customer_id"] for row in shown) if with_names else {}
    after_last = shown[-1]["id"] if len(found) > limit else None
    made = [CreditNoteRow(**row, customer_name=names.get(row["customer_id"], "")) for row in shown]
    return CreditNotePage(made, after_last)


def sums(*, number: str | None = None) -> dict[str, tuple[int, int]] | None:
    """Add up the credit notes of a number, or all; None when they are too many."""
    rows = CreditNote.objects.all()
    amount = F("total_minor") + F("rounding_minor")
    return tallies.added(rows if number is None else rows.filter(number=number), amount=amount)


def of_invoice(invoice_id: UUID) -> list[CreditNoteRow]:
    """Return all credit notes of an invoice, the oldest first; without names."""
    rows = CreditNote.objects.filter(invoice_id=invoice_id).order_by("id").values(*LIST)
    return [CreditNoteRow(**row, customer_name="") for row in rows]


def numbers(credit_note_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Return the numbers of credit notes by id."""
    rows = CreditNote.objects.filter(pk__in=set(credit_note_ids))
    return dict(rows.values_list("id", "number"))


def get(credit_note_id: UUID, *, within: Collection[UUID] | None = None) -> CreditNoteDetail:
    """Return one credit note with its lines and taxes.

    Raises:
        NotFound: there is none, or it is another's, or of no customer in `within`.
    """
    note = CreditNote.objects.filter(pk=credit_note_id).first()
    if note is None or (within is not None and note.customer_id not in within):
        raise NotFound
    return detail(note)


def detail(note: CreditNote) -> CreditNoteDetail:
    """Show a credit note; what a service has just written is shown without asking the database again."""
    if note.parts is None:
        taxes = list(CreditNoteTax.objects.filter(credit_note_id=note.pk))
        note.parts = list(lines_of(note.pk)), taxes
    lines, taxes = note.parts
    return CreditNoteDetail(
        **{name: getattr(note, name) for name in LIST},
        customer_name=customers.names([note.customer_id]).get(note.customer_id, ""),
        prepaid_minor=note.prepaid_minor,
        reason=note.reason or "",
        seller=note.seller,
        buyer=note.buyer,
        references=note.references or {},
        note=note.note or "",
        lines=tuple(_line(line) for line in lines),
        taxes=tuple(
            sorted((_tax(tax) for tax in taxes), key=lambda tax: (tax.category, tax.percentage, tax.name))
        ),
    )


def lines_of(credit_note_id: UUID) -> list[CreditNoteLine]:
    """Return the lines of a credit note in order."""
    return list(CreditNoteLine.objects.filter(credit_note_id=credit_note_id).order_by("position"))


def left(invoice: Invoice) -> Left:
    """Return what of a finalized invoice can still be credited; true as long as the caller holds its lock."""
    rows = tuple(InvoiceLine.objects.filter(invoice_id=invoice.pk).order_by("position"))
    before = dict(
        CreditNoteLine.objects.filter(invoice_line_id__in=[row.pk for row in rows])
        .values_list("invoice_line_id")
        .annotate(net=Sum("net_minor"))
    )
    taken: dict[rules.TaxKey, tuple[int, int]] = {}
    sums = CreditNoteTax.objects.filter(credit_note__invoice_id=invoice.pk, credit_note__imported_number=None)
    grouped = sums.values("category", "percentage", "name")
    for row in grouped.annotate(base=Sum("base_minor"), tax=Sum("tax_minor")):
        taken[rules.TaxKey(row["category"], row["percentage"], row["name"])] = row["base"], row["tax"]
    taxes, reasons = [], {}
    for tax in InvoiceTax.objects.filter(invoice_id=invoice.pk).order_by("category", "percentage", "name"):
        key = rules.TaxKey(tax.category, tax.percentage, tax.name)
        base, gone = taken.get(key, (0, 0))
        taxes.append(rules.TaxLeft(key=key, base_minor=tax.base_minor - base, tax_minor=tax.tax_minor - gone))
        reasons[key] = tax.reason, tax.reason_code
    lines = tuple(
        rules.Line(
            id=row.pk,
            taxes=_keys(row),
            net_minor=row.net_minor,
            credited_minor=before.get(row.pk, 0),
            is_allowance=row.kind == InvoiceLine.Kind.ALLOWANCE,
            is_apart=row.kind == InvoiceLine.Kind.CHARGE or row.deducts_id is not None,
            tax_inclusive=row.gross_minor is not None,
            is_deducted=row.deducts_id is not None,
        )
        for row in rows
    )
    return Left(rows=rows, lines=lines, taxes=tuple(taxes), reasons=reasons)


def rounded(invoice: Invoice) -> rules.Rounded:
    """Return how an invoice was rounded and what of that its credit notes took back."""
    before = CreditNote.objects.filter(invoice_id=invoice.pk).aggregate(sum=Sum("rounding_minor"))["sum"]
    return rules.Rounded(
        total_minor=invoice.total_minor,
        rounding_minor=invoice.rounding_minor,
        noted_minor=invoice.noted_minor,
        rounded_minor=before or 0,
        coin_minor=coin(invoice.currency, issuers.rounded_currencies()),
    )


def _keys(row: InvoiceLine) -> frozenset[rules.TaxKey]:
    if not row.tax_components:
        return frozenset({rules.TaxKey(row.tax_category, row.tax_percentage)})
    return frozenset(
        rules.TaxKey(row.tax_category, Decimal(part["percentage"]), part["name"])
        for part in row.tax_components
    )


def content_is_intact(credit_note_id: UUID) -> bool:
    """Prove that a credit note still says what it said, by its keyed digest.

    Raises:
        NotFound: there is no such credit note.
    """
    note = CreditNote.objects.filter(pk=credit_note_id).first()
    if note is None:
        raise NotFound
    taxes: Iterable[CreditNoteTax] = CreditNoteTax.objects.filter(credit_note_id=credit_note_id)
    return content.digest(note, lines_of(credit_note_id), taxes) == bytes(note.content_digest)


def _line(line: CreditNoteLine) -> LineRow:
    return LineRow(
        id=line.pk,
        invoice_line_id=line.invoice_line_id,
        position=line.position,
        kind=line.kind,
        description=line.description,
        quantity=plain(line.quantity),
        unit_code=line.unit_code,
        unit_amount=plain(line.unit_amount),
        price_base_quantity=plain(line.price_base_quantity),
        net_minor=line.net_minor,
        tax_category=line.tax_category,
        tax_percentage=plain(line.tax_percentage),
        tax_components=line.tax_components or [],
        adjustments=line.adjustments or [],
        period_from=line.period_from,
        period_to=line.period_to,
    )


def _tax(tax: CreditNoteTax) -> TaxRow:
    return TaxRow(
        category=tax.category,
        percentage=plain(tax.percentage),
        name=tax.name,
        base_minor=tax.base_minor,
        tax_minor=tax.tax_minor,
        reason=tax.reason or "",
        reason_code=tax.reason_code,
    )
