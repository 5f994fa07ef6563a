"""What a final invoice takes off: the deposits and parts of its quote that were billed before, as they were taxed.

Promise kept: each earlier invoice is taken off once, to the cent and by rate, or nothing is finalized. Whoever takes
one off and whoever credits or voids it wait for each other at its row.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from django.db.models import F, Q, QuerySet, Sum

from billing.creditnotes.models import CreditNoteLine, CreditNoteTax
from billing.creditnotes.rules import shares
from billing.invoices.models import Invoice, InvoiceLine, InvoiceTax
from billing.invoices.pricing import rate_of, settled_of
from billing.invoices.rules import LineInput
from billing.quotes.models import Quote
from billing.tax.rules import Component, Rate
from core import money
from core.errors import Conflict

PARTS = (Invoice.Role.DEPOSIT, Invoice.Role.PROGRESS)
# One tax: its category, name and percentage.
Part = tuple[str, Component]
# What was charged of a rate without tax, and each of its taxes.
Charged = tuple[int, tuple[int, ...]]


class InvoiceDeducted(Conflict):
    """A final invoice takes this one off. Credit or void that one first."""

    code = "invoice_deducted"


class DeductionsChanged(Conflict):
    """What was billed before has changed since this draft was written. Take it off anew, or bill the quote again."""

    code = "deductions_changed"


class QuoteFinallyBilled(Conflict):
    """The final invoice was issued without this part, or is no more. Discard the draft."""

    code = "quote_finally_billed"


class BilledAhead(Conflict):
    """A deposit on this draft stands. Credit or void it first."""

    code = "billed_ahead"


def charged(invoice_ids: Iterable[UUID]) -> dict[UUID, dict[Rate, Charged]]:
    """Return what invoices still charge by rate: what they said, less what was credited of them."""
    listed = list(invoice_ids)
    nets: dict[UUID, dict[Rate, int]] = {key: {} for key in listed}
    back = dict(
        CreditNoteLine.objects.filter(invoice_line__invoice_id__in=listed)
        .values_list("invoice_line_id")
        .annotate(net=Sum("net_minor"))
    )
    for line in InvoiceLine.objects.filter(invoice_id__in=listed).order_by("position"):
        rates, rate = nets[line.invoice_id], rate_of(line)
        rates[rate] = rates.get(rate, 0) + line.net_minor - back.get(line.pk, 0)
    taxes: dict[UUID, dict[Part, int]] = {key: {} for key in listed}
    said = InvoiceTax.objects.filter(invoice_id__in=listed).values_list(
        "invoice_id", "category", "percentage", "name", "tax_minor"
    )
    taken = CreditNoteTax.objects.filter(credit_note__invoice_id__in=listed).values_list(
        "credit_note__invoice_id", "category", "percentage", "name", "tax_minor"
    )
    for sign, rows in ((1, said), (-1, taken)):
        for of, category, percentage, name, minor in rows:
            part = (category, Component(name, percentage))
            taxes[of][part] = taxes[of].get(part, 0) + sign * minor
    found = {of: by_rate(nets[of], taxes[of]) for of in listed}
    return {
        of: {rate: each for rate, each in rates.items() if each[0] or any(each[1])}
        for of, rates in found.items()
    }


def by_rate(nets: Mapping[Rate, int], taxes: Mapping[Part, int]) -> dict[Rate, Charged]:
    """Give each rate its taxes: one that several stacked rates have in common is shared out by their net amounts.

    Nothing is lost: the shares of a tax come to the tax.
    """
    found: dict[Rate, dict[Component, int]] = {rate: {} for rate in nets}
    for (category, part), minor in taxes.items():
        of = [rate for rate in nets if rate.category == category and part in rate.parts]
        weights = [nets[rate] for rate in of]
        whole = sum(weights)
        if len(of) > 1 and 0 <= minor * (1 if whole > 0 else -1) <= abs(whole):
            split = shares(minor, weights)
        else:
            split = [minor, *[0] * (len(of) - 1)]
        for rate, share in zip(of, split, strict=True):
            found[rate][part] = share
    return {rate: (net, tuple(found[rate].get(part, 0) for part in rate.parts)) for rate, net in nets.items()}


def left_of(whole: Mapping[Rate, Charged], invoice_ids: Iterable[UUID]) -> dict[Rate, int]:
    """Return what of a whole no invoice bills yet, by rate, tax included."""
    left = {rate: gross_of(each) for rate, each in whole.items()}
    for rates in charged(invoice_ids).values():
        for rate, each in rates.items():
            left[rate] = left.get(rate, 0) - gross_of(each)
    return left


def gross_of(each: Charged) -> int:
    """Return what was charged with its taxes."""
    return each[0] + sum(each[1])


def lines_for(
    parts: Sequence[Invoice], *, rates: Mapping[Rate, UUID | None], words: Mapping[UUID, str]
) -> list[LineInput]:
    """Write the lines that take invoices off, one a rate; their words by the invoices' ids."""
    found = charged(part.pk for part in parts)
    return [
        LineInput(
            description=words[part.pk],
            # A price is never below zero (EN 16931 BR-27).
            quantity=Decimal(-1 if gross_of(each) > 0 else 1),
            unit_amount=money.from_minor(abs(gross_of(each)), part.currency),
            tax_rate_id=rates[rate],
            tax_inclusive=True,
            deducts_id=part.pk,
            settled=tuple(-minor for minor in each[1]),
        )
        for part in parts
        for rate, each in sorted(found[part.pk].items())
    ]


def check_final(invoice: Invoice, lines: Sequence[InvoiceLine]) -> None:
    """Let an invoice of a quote be finalized that takes off exactly what was billed before.

    Raises:
        DeductionsChanged, QuoteFinallyBilled.
    """
    if not invoice.role:
        return
    if invoice.plan_id is not None:
        _check_plan(invoice, lines)
        return
    # Who drafts another part waits here, and finds that there is nothing left.
    quote = Quote.objects.select_for_update(no_key=True).get(pk=invoice.quote_id)
    if invoice.role in PARTS:
        billed = Invoice.objects.filter(pk=quote.invoice_id).exclude(status=Invoice.Status.DRAFT)
        if quote.invoice_id is not None and billed.exists():
            raise QuoteFinallyBilled
        return
    _check_exact(invoice, lines, Invoice.objects.filter(quote_id=invoice.quote_id, role__in=PARTS))


def _check_plan(invoice: Invoice, lines: Sequence[InvoiceLine]) -> None:
    if invoice.role == Invoice.Role.FINAL:
        _check_exact(invoice, lines, Invoice.objects.filter(plan_id=invoice.pk, role__in=PARTS))
        return
    # Who makes the draft final waits for this, or has done it.
    plan = Invoice.objects.select_for_update(no_key=True).filter(pk=invoice.plan_id).first()
    if plan is None or plan.status != Invoice.Status.DRAFT:
        raise QuoteFinallyBilled


def _check_exact(invoice: Invoice, lines: Sequence[InvoiceLine], rows: "QuerySet[Invoice]") -> None:
    standing = rows.filter(status=Invoice.Status.FINALIZED).order_by("pk")
    if not is_exact(invoice, lines, list(standing.select_for_update(no_key=True))):
        raise DeductionsChanged


def is_exact(invoice: Invoice, lines: Iterable[InvoiceLine], parts: Sequence[Invoice]) -> bool:
    """Tell whether an invoice takes off exactly what these still charge."""
    taken: dict[UUID, dict[Rate, Charged]] = {}
    for line in lines:
        if line.deducts_id is not None:
            settled = tuple(-minor for minor in settled_of(line, invoice.currency))
            taken.setdefault(line.deducts_id, {})[rate_of(line)] = -line.net_minor, settled
    return taken == {of: rates for of, rates in charged(part.pk for part in parts).items() if rates}


def refuse_billed_ahead(invoice: Invoice) -> None:
    """Refuse to discard a draft on which a deposit stands.

    Raises:
        BilledAhead
    """
    if invoice.plan_id != invoice.pk:
        return
    rows = Invoice.objects.filter(plan_id=invoice.pk, role=Invoice.Role.DEPOSIT)
    if rows.filter(status=Invoice.Status.FINALIZED, noted_minor__lt=F("total_minor")).exists():
        raise BilledAhead


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
