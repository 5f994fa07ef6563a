"""Deposits on a planned total without a quote: the draft of an invoice is the plan, and its final invoice.

Promise kept: the deposits never come to more than the draft, and when it becomes final it takes off exactly what stands
of them, as it was taxed (`billing.invoices.deductions`). From the first deposit on the draft's lines stay as they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from audit import services as audit
from billing import events
from billing.invoices import deductions, pricing
from billing.invoices import services as invoices
from billing.invoices.models import Invoice, InvoiceLine, InvoiceTax
from billing.invoices.services.drafts import replace_lines
from billing.invoices.services.rows import asked, change_of, locked_draft
from billing.quotes import parts, progress
from billing.tallies import services as tallies
from billing.tax.rules import Component, Rate
from core.actor import Actor
from core.errors import Conflict, NotFound
from tenancy.context import use_case
from tenancy.models import only

_DEPOSIT, _FINAL = Invoice.Role.DEPOSIT, Invoice.Role.FINAL


class NotPlanned(Conflict):
    """A deposit is billed on the draft of an ordinary invoice; deposits on a quote are billed from the quote."""

    code = "not_planned"


class DepositsAreDrafts(Conflict):
    """A deposit on this draft is a draft itself. Finalize or discard it first."""

    code = "deposits_are_drafts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a draft comes to with nothing taken off, its deposits, and what they leave; minor units, tax included."""

    planned_minor: int
    left_minor: int
    deposits: tuple[Invoice, ...]
    # What of them the draft takes off so far, and what stands.
    is_taken_off: bool


@use_case
def bill(
    *,
    invoice_id: UUID,
    actor: Actor,
    at: datetime,
    percentage: Decimal | None = None,
    amount_minor: int | None = None,
    due_on: date | None = None,
) -> Invoice:
    """Draft a deposit on a draft: so much, tax included, or so many per cent of its total.

    Raises:
        NotFound: there is no such invoice.
        InvoiceNotDraft: it is final already.
        NotPlanned: it is imported, a deposit itself, or bills a quote.
        ExceedsQuote: more than its deposits leave of it, other drafts counted.
        Invalid: names the field that cannot be used.
    """
    plan = locked_draft(invoice_id)
    if plan.imported_number is not None or (plan.role and plan.plan_id != plan.pk):
        raise NotPlanned
    lines = _lines(plan)
    whole, said = _whole(plan, lines), parts.words_for(plan.customer_id)
    made = invoices.create_draft(
        customer_id=plan.customer_id,
        currency=plan.currency,
        series_id=plan.series_id,
        lines=progress.lines_of(
            deductions.left_of(whole, [row.pk for row in _deposits(plan.pk)]),
            of_minor=sum(deductions.gross_of(each) for each in whole.values()),
            currency=plan.currency,
            rates={pricing.rate_of(line): line.tax_rate_id for line in lines},
            words=said["ahead"],
            point=said["point"],
            percentage=percentage,
            amount_minor=amount_minor,
        ),
        due_on=due_on,
        role=_DEPOSIT,
        plan_id=plan.pk,
        actor=actor,
        at=at,
    )
    plan.role, plan.plan_id, plan.updated_at = _FINAL, plan.pk, at
    plan.save(update_fields=["role", "plan_id", "updated_at"])
    audit.record(events.DEPOSIT_BILLED, actor=actor, subject=("invoice", plan.pk))
    return made


@use_case
def take_off(*, invoice_id: UUID, actor: Actor, at: datetime) -> Invoice:
    """Have a draft take off what stands of its deposits; with none of them left it is an ordinary draft again.

    Raises:
        NotFound, InvoiceNotDraft.
        NotPlanned: there are no deposits on it.
        DepositsAreDrafts: one of them has no number yet.
    """
    plan = locked_draft(invoice_id)
    if plan.plan_id != plan.pk:
        raise NotPlanned
    deposits = _deposits(plan.pk)
    if any(each.status == Invoice.Status.DRAFT for each in deposits):
        raise DepositsAreDrafts
    before, kept = change_of(plan), _lines(plan)
    said = parts.words_for(plan.customer_id)["less_deposit"]
    words = {each.pk: said.format(number=each.number) for each in deposits}
    rates = {pricing.rate_of(line): line.tax_rate_id for line in kept}
    less = deductions.lines_for(deposits, rates=rates, words=words)
    if not less:
        plan.role, plan.plan_id = "", None
    changes = {"lines": [*asked(kept, plan.currency), *less], "tax_rule": plan.tax_rule}
    replace_lines(plan, changes, at)
    plan.updated_at = at
    plan.save()
    tallies.add([before.taken_back(), change_of(plan)])
    audit.record(events.INVOICE_UPDATED, actor=actor, subject=("invoice", plan.pk), fields=["lines"])
    return plan


def standing(invoice_id: UUID) -> Standing:
    """Return how far a draft is billed ahead.

    Raises:
        NotFound
    """
    plan: Invoice | None = only(Invoice.objects.filter(pk=invoice_id))
    if plan is None:
        raise NotFound
    lines, deposits = _lines(plan), _deposits(plan.pk)
    whole = _whole(plan, lines)
    done = [each for each in deposits if each.status == Invoice.Status.FINALIZED]
    return Standing(
        planned_minor=sum(deductions.gross_of(each) for each in whole.values()),
        left_minor=sum(deductions.left_of(whole, [each.pk for each in deposits]).values()),
        deposits=tuple(deposits),
        is_taken_off=deductions.is_exact(plan, InvoiceLine.objects.filter(invoice_id=plan.pk), done),
    )


def _deposits(plan_id: UUID) -> list[Invoice]:
    rows = Invoice.objects.filter(plan_id=plan_id, role=_DEPOSIT).exclude(status=Invoice.Status.VOIDED)
    return list(rows.order_by("id"))


def _lines(plan: Invoice) -> list[InvoiceLine]:
    """Return the lines of a draft without those that take deposits off."""
    return list(InvoiceLine.objects.filter(invoice_id=plan.pk, deducts=None).order_by("position"))


def _whole(plan: Invoice, lines: Sequence[InvoiceLine]) -> dict[Rate, deductions.Charged]:
    """Return what a draft comes to by rate with nothing taken off."""
    nets: dict[Rate, int] = {}
    for line in lines:
        rate = pricing.rate_of(line)
        nets[rate] = nets.get(rate, 0) + line.net_minor
    taxes: dict[deductions.Part, int] = {}
    for tax in InvoiceTax.objects.filter(invoice_id=plan.pk):
        taxes[tax.category, Component(tax.name, tax.percentage)] = tax.tax_minor
    for line in InvoiceLine.objects.filter(invoice_id=plan.pk, deducts__isnull=False):
        settled = pricing.settled_of(line, plan.currency)
        for part, minor in zip(pricing.rate_of(line).parts, settled, strict=True):
            taxes[line.tax_category, part] -= minor
    return deductions.by_rate(nets, taxes)
