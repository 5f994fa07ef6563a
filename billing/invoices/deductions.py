"""What a final invoice takes off: the deposits and parts of its quote that were billed before, as they were taxed.

Promise kept: each earlier invoice is taken off once, to the cent and by rate, or nothing is finalized. Whoever takes
one off and whoever credits or voids it wait for each other at its row.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from django.db.models import F, Q, Sum

from billing.creditnotes.models import CreditNoteTax
from billing.invoices.models import Invoice, InvoiceLine, InvoiceTax
from billing.invoices.rules import LineInput
from billing.quotes.models import Quote
from billing.tax.rules import plain
from core import money
from core.errors import Conflict

PARTS = (Invoice.Role.DEPOSIT, Invoice.Role.PROGRESS)
# Category and percentage; what was charged of it, without tax and with it.
Key = tuple[str, Decimal]
Charged = tuple[int, int]


class InvoiceDeducted(Conflict):
    """A final invoice takes this one off. Credit or void that one first."""

    code = "invoice_deducted"


class DeductionsChanged(Conflict):
    """What was billed of the quote has changed since this draft was written. Discard it and bill the quote again."""

    code = "deductions_changed"


class QuoteFinallyBilled(Conflict):
    """The final invoice of this quote was issued without this part. Discard the draft."""

    code = "quote_finally_billed"


def charged(invoice_ids: Iterable[UUID]) -> dict[UUID, dict[Key, Charged]]:
    """Return what invoices still charge by rate: what they said, less what was credited of them."""
    listed = list(invoice_ids)
    found: dict[UUID, dict[Key, Charged]] = {key: {} for key in listed}
    said = InvoiceTax.objects.filter(invoice_id__in=listed).values_list(
        "invoice_id", "category", "percentage", "base_minor", "tax_minor"
    )
    back = (
        CreditNoteTax.objects.filter(credit_note__invoice_id__in=listed)
        .values("credit_note__invoice_id", "category", "percentage")
        .annotate(base=Sum("base_minor"), tax=Sum("tax_minor"))
        .values_list("credit_note__invoice_id", "category", "percentage", "base", "tax")
    )
    for sign, rows in ((1, said), (-1, back)):
        for of, category, percentage, base, tax in rows:
            key = (category, plain(percentage))
            net, gross = found[of].get(key, (0, 0))
            found[of][key] = net + sign * base, gross + sign * (base + tax)
    return {of: {key: each for key, each in rates.items() if any(each)} for of, rates in found.items()}


def lines_for(
    parts: Sequence[Invoice], *, rates: Mapping[Key, UUID | None], words: Mapping[UUID, str]
) -> list[LineInput]:
    """Write the lines that take invoices off, one a rate; their words by the invoices' ids."""
    found = charged(part.pk for part in parts)
    return [
        LineInput(
            description=words[part.pk],
            # A price is never below zero (EN 16931 BR-27).
            quantity=Decimal(-1 if gross > 0 else 1),
            unit_amount=money.from_minor(abs(gross), part.currency),
            tax_rate_id=rates[key],
            tax_inclusive=True,
            deducts_id=part.pk,
            net_minor=-net,
        )
        for part in parts
        for key, (net, gross) in sorted(found[part.pk].items())
    ]


def check_final(invoice: Invoice, lines: Sequence[InvoiceLine]) -> None:
    """Let an invoice of a quote be finalized that takes off exactly what was billed before.

    Raises:
        DeductionsChanged, QuoteFinallyBilled.
    """
    if not invoice.role:
        return
    # Who drafts another part waits here, and finds that there is nothing left.
    quote = Quote.objects.select_for_update(no_key=True).get(pk=invoice.quote_id)
    if invoice.role in PARTS:
        billed = Invoice.objects.filter(pk=quote.invoice_id).exclude(status=Invoice.Status.DRAFT)
        if quote.invoice_id is not None and billed.exists():
            raise QuoteFinallyBilled
        return
    rows = Invoice.objects.filter(quote_id=invoice.quote_id, role__in=PARTS).order_by("pk")
    parts = list(rows.filter(status=Invoice.Status.FINALIZED).select_for_update(no_key=True))
    taken: dict[UUID, dict[Key, Charged]] = {}
    for line in lines:
        if line.deducts_id is not None:
            rate = (line.tax_category, plain(line.tax_percentage))
            taken.setdefault(line.deducts_id, {})[rate] = -line.net_minor, -(line.gross_minor or 0)
    if taken != {of: rates for of, rates in charged(part.pk for part in parts).items() if rates}:
        raise DeductionsChanged


def refuse_deducted(invoice: Invoice) -> None:
    """Refuse to take back what a final invoice has taken off; the invoice's row is locked.

    Raises:
        InvoiceDeducted
    """
    if invoice.role not in PARTS:
        return
    standing = Q(invoice__status=Invoice.Status.FINALIZED) & (
        Q(invoice__total_minor=0) | Q(invoice__noted_minor__lt=F("invoice__total_minor"))
    )
    if InvoiceLine.objects.filter(standing, deducts_id=invoice.pk).exists():
        raise InvoiceDeducted


def deposit_lines(invoice: Invoice, lines: Iterable[InvoiceLine]) -> set[UUID]:
    """Return the lines that are not earned: all of a deposit, and of a final invoice those that take one off."""
    if invoice.role == Invoice.Role.DEPOSIT:
        return {line.pk for line in lines}
    taken = {line.pk: line.deducts_id for line in lines if line.deducts_id is not None}
    if not taken:
        return set()
    deposits = set(
        Invoice.objects.filter(pk__in=set(taken.values()), role=Invoice.Role.DEPOSIT).values_list(
            "pk", flat=True
        )
    )
    return {line_id for line_id, of in taken.items() if of in deposits}
