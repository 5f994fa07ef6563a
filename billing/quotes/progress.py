"""Billing a quote in parts: deposits ahead, progress invoices as work goes on, and a final invoice that takes them off.

Promise kept: of every rate of tax, all invoices of a quote together come to what was offered, to the cent, and never to
more. A part is an amount with its tax inside, spread over the rates by what is left of each; the final invoice bills
every line as it was offered and takes off each part exactly as it was taxed.
"""

from collections.abc import Mapping
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
from billing.tax.rules import Rate, plain
from core import money
from core.actor import Actor
from core.errors import FieldError, Invalid, Refusal
from tenancy.context import use_case


class ExceedsQuote(Refusal):
    """That is more than is left to bill."""

    code = "exceeds_quote"


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
        Invalid: names the field that cannot be used.
    """
    quote = services.locked(quote_id)
    services.check_billable(quote)
    if role not in deductions.PARTS:
        sentence = "A part is a deposit or a progress invoice."
        raise Invalid([FieldError("/role", "unknown_choice", sentence)])
    said = parts.words_for(quote.customer_id)
    lines = lines_of(
        parts.left_of(quote),
        of_minor=quote.total_minor,
        currency=quote.currency,
        rates=parts.rates_of(quote),
        words=said[role].replace("{number}", str(quote.number)),
        point=said["point"],
        percentage=percentage,
        amount_minor=amount_minor,
    )
    invoice = invoices.create_draft(
        customer_id=quote.customer_id,
        currency=quote.currency,
        lines=lines,
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


def lines_of(
    left: Mapping[Rate, int],
    *,
    of_minor: int,
    currency: str,
    rates: Mapping[Rate, UUID | None],
    words: str,
    point: str,
    percentage: Decimal | None,
    amount_minor: int | None,
) -> list[LineInput]:
    """Write the lines of a part: so much, or so many per cent of a total, spread over what is left of each rate.

    `words` has a place for {percent}, which is written with the `point` of its language.

    Raises:
        ExceedsQuote: more than is left.
        Invalid: names the field that cannot be used.
    """
    amount = _asked(of_minor, percentage, amount_minor)
    if amount > sum(left.values()):
        raise ExceedsQuote(
            f"Only {money.from_minor(max(0, sum(left.values())), currency)} {currency} is left, tax included.",
            field="percentage" if amount_minor is None else "amount_minor",
        )
    percent = "" if percentage is None else f": {str(plain(percentage)).replace('.', point)} %"
    return [
        LineInput(
            description=words.replace("{percent}", percent),
            quantity=Decimal(1 if minor > 0 else -1),
            unit_amount=money.from_minor(abs(minor), currency),
            tax_rate_id=rates[rate],
            tax_inclusive=True,
        )
        for rate, minor in zip(left, shares(amount, list(left.values())), strict=True)
        if minor
    ]


def _asked(of_minor: int, percentage: Decimal | None, amount_minor: int | None) -> int:
    errors: list[FieldError] = []
    if (percentage is None) == (amount_minor is None):
        errors.append(FieldError("/percentage", "one_of_two", "Give either a percentage or an amount."))
    elif percentage is not None and not (percentage.is_finite() and 0 < percentage <= 100):
        errors.append(
            FieldError("/percentage", "out_of_range", "A percentage is more than 0 and at most 100.")
        )
    if errors:
        raise Invalid(errors)
    if amount_minor is None:
        share = money.multiply(Decimal(of_minor), percentage or Decimal(0), Decimal("0.01"))
        amount_minor = int(share.quantize(Decimal(1), context=money.EXACT))
    if amount_minor < 1:
        field = "/percentage" if percentage is not None else "/amount_minor"
        raise Invalid([FieldError(field, "not_positive", "This must come to more than nothing.")])
    return amount_minor
