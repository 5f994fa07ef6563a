"""What is due, as lines of an invoice. A line says in words which days of how many it is for, and of which price."""

from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

from billing.catalog.models import Price
from billing.catalog.queries import PriceRow
from billing.catalog.rules import formula, is_product
from billing.invoices.rules import DESCRIPTION_LENGTH, LineInput
from billing.subscriptions import rules
from billing.subscriptions.models import PendingCharge
from core import money


def due_line(
    due: rules.Due, price: PriceRow, name: str, units: Mapping[UUID, str], tax_rate_id: UUID | None
) -> LineInput:
    """Write days of an item: as quantity times price where that is the amount, else as one amount and its reason.

    What is given back has a quantity below zero: a price never has (EN 16931 BR-27).
    """
    plain = is_product(due.item.terms, due.quantity, due.amount_minor) and (
        due.kind == "usage" or due.is_whole
    )
    quantity, unit_amount = due.quantity, due.item.terms.unit_amount
    if not plain:
        quantity = Decimal(1 if due.amount_minor > 0 else -1)
        unit_amount = money.from_minor(abs(due.amount_minor), due.item.terms.currency)
    words = rules.explain(due, name)
    if plain:
        words = f"{name}: {rules.span(due.from_on, due.to_on)}"
    return LineInput(
        description=words[:DESCRIPTION_LENGTH],
        quantity=quantity,
        unit_amount=unit_amount,
        tax_rate_id=tax_rate_id,
        unit_code=units.get(price.product_id, "") if plain else "",
        price_id=price.id,
        period_from=due.from_on,
        period_to=due.to_on,
        tax_inclusive=price.tax_behavior == Price.TaxBehavior.INCLUSIVE,
    )


def charge_line(
    charge: PendingCharge, price: PriceRow | None, amount_minor: int | None, tax_rate_id: UUID | None
) -> LineInput | None:
    """Write a single charge: as quantity times price, or as one amount and how it came about; nothing for nothing."""
    words, quantity, unit_amount = charge.description, charge.quantity, charge.unit_amount
    unit_code = charge.unit_code
    if price is not None and amount_minor is not None:
        if amount_minor == 0:
            return None
        unit_amount = price.terms.unit_amount
        if not is_product(price.terms, quantity, amount_minor):
            if price.terms.model != "flat":
                words = f"{words} ({formula(price.terms, quantity)})"
            quantity, unit_code = Decimal(1), ""
            unit_amount = money.from_minor(amount_minor, charge.currency)
    return LineInput(
        description=words[:DESCRIPTION_LENGTH],
        quantity=quantity,
        unit_amount=unit_amount,
        tax_rate_id=tax_rate_id,
        unit_code=unit_code,
        price_id=None if price is None else price.id,
        tax_inclusive=charge.tax_behavior == Price.TaxBehavior.INCLUSIVE,
    )
