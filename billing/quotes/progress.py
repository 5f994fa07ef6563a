"""Billing a quote in parts: deposits ahead, progress invoices as work goes on, and a final invoice that takes them off.

Promise kept: of every rate of tax, all invoices of a quote together come to what was offered, to the cent, and never to
more. A part is an amount with its tax inside, spread over the rates by what is left of each; the final invoice bills
every line as it was offered and takes off each part exactly as it was taxed.
"""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from audit import services as audit
from billing import events
from billing.creditnotes.rules import shares
from billing.invoices import deductions
from billing.invoices import services as invoices
from billing.invoices.models import Invoice
from billing.invoices.rules import LineInput
from billing.quotes import parts, services
from billing.quotes.models import Quote
from billing.tax.rules import plain
from core import money
from core.actor import Actor
from core.errors import FieldError, Invalid, Refusal
from tenancy.context import use_case


class ExceedsQuote(Refusal):
    """That is more than is left of the quote."""

    code = "exceeds_quote"


class PartNotPossible(Refusal):
    """A quote with several taxes on one line is billed at once."""

    code = "part_not_possible"


@use_case
def bill_part(
    *,
    quote_id: UUID,
    role: str,
    actor: Actor,
    at: datetime,
    percentage: Decimal | None = None,
    amount_minor: int | None = None,
    due_on: date | None = None,
) -> Invoice:
    """Draft the invoice of a part of an accepted quote: so much, tax included, or so many per cent of its total.

    `role` is `deposit` for what is paid ahead, `progress` for what has been done.

    Raises:
        NotFound: there is no such quote.
        QuoteNotAccepted, QuoteConverted: it is not agreed, or its final invoice is drafted.
        ExceedsQuote: more than is left of it, other drafts counted.
        PartNotPossible: it has stacked taxes.
        Invalid: names the field that cannot be used.
    """
    quote = services.locked(quote_id)
    services.check_billable(quote)
    if any(tax["name"] for tax in quote.taxes):
        raise PartNotPossible
    amount = _asked(quote, role, percentage, amount_minor)
    left = parts.left_of(quote)
    if amount > sum(left.values()):
        raise ExceedsQuote(
            f"Of the quote {money.from_minor(max(0, sum(left.values())), quote.currency)} {quote.currency} "
            "is left, tax included.",
            field="percentage" if amount_minor is None else "amount_minor",
        )
    rates = parts.rates_of(quote)
    said = parts.words_for(quote)
    percent = "" if percentage is None else f": {str(plain(percentage)).replace('.', said['point'])} %"
    text = said[role].format(number=quote.number, percent=percent)
    split = zip(left, shares(amount, list(left.values())), strict=True)
    invoice = invoices.create_draft(
        customer_id=quote.customer_id,
        currency=quote.currency,
        lines=[
            LineInput(
                description=text,
                quantity=Decimal(1 if minor > 0 else -1),
                unit_amount=money.from_minor(abs(minor), quote.currency),
                tax_rate_id=rates[key],
                tax_inclusive=True,
            )
            for key, minor in split
            if minor
        ],
        due_on=due_on,
        role=role,
        quote_id=quote.pk,
        actor=actor,
        at=at,
    )
    audit.record(
        events.QUOTE_PART_BILLED, actor=actor, subject=("quote", quote.pk), facts={"role": str(role)}
    )
    return invoice


def _asked(quote: Quote, role: str, percentage: Decimal | None, amount_minor: int | None) -> int:
    errors: list[FieldError] = []
    if role not in deductions.PARTS:
        errors.append(FieldError("/role", "unknown_choice", "A part is a deposit or a progress invoice."))
    if (percentage is None) == (amount_minor is None):
        errors.append(FieldError("/percentage", "one_of_two", "Give either a percentage or an amount."))
    elif percentage is not None and not (percentage.is_finite() and 0 < percentage <= 100):
        errors.append(
            FieldError("/percentage", "out_of_range", "A percentage is more than 0 and at most 100.")
        )
    if errors:
        raise Invalid(errors)
    if amount_minor is None:
        share = money.multiply(Decimal(quote.total_minor), percentage or Decimal(0), Decimal("0.01"))
        amount_minor = int(share.quantize(Decimal(1), context=money.EXACT))
    if amount_minor < 1:
        field = "/percentage" if percentage is not None else "/amount_minor"
        raise Invalid([FieldError(field, "not_positive", "This must come to more than nothing.")])
    return amount_minor
