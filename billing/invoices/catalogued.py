"""Lines that name a price of the catalogue: what they do not say themselves, the price and its product say."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from billing.catalog import queries as catalog
from billing.catalog.models import Price
from billing.catalog.queries import PriceRow
from billing.catalog.rules import formula, is_product, of_period
from billing.invoices.rules import DESCRIPTION_LENGTH, Discount, LineInput
from billing.tax import queries as tax_rates
from core import money
from core.errors import FieldError, Invalid, NotFound, Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceLine:
    """A line as somebody asks for it by a price. What is None is as the price says.

    `is_taxed` says that `tax_rate_id` was named, were it to name none.
    """

    price_id: UUID
    quantity: Decimal = Decimal(1)
    description: str | None = None
    unit_amount: Decimal | None = None
    tax_rate_id: UUID | None = None
    is_taxed: bool = False
    unit_code: str | None = None
    period_from: date | None = None
    period_to: date | None = None
    discount: Discount | None = None
    tax_inclusive: bool | None = None


Asked = LineInput | PriceLine


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shelf:
    """The prices that lines name, and what belongs to them."""

    prices: dict[UUID, PriceRow]
    products: dict[UUID, tuple[str, str]]
    retired: set[UUID]
    rates: dict[str, UUID]


def written(lines: Sequence[Asked], *, currency: str, on: date, automatic_tax: bool) -> list[LineInput]:
    """Write out the lines that name a price; without one nothing is read.

    A new line takes what is sold on the day. A line that has its price already keeps it, whatever became of it.
    With `automatic_tax` the place of supply decides, not the price.

    Raises:
        NotFound: there is no such price; names the line.
        Invalid: names every field that the price does not go with.
    """
    named = {line.price_id for line in lines if line.price_id is not None}
    if not named:
        return [line for line in lines if isinstance(line, LineInput)]
    shelf = _shelf(named, lines, on)
    errors: list[FieldError] = []
    done: list[LineInput] = []
    for index, line in enumerate(lines):
        if line.price_id is not None:
            price = shelf.prices.get(line.price_id)
            if price is None:
                raise NotFound("There is no such price.", field=f"lines/{index}/price")
            found = _faults(line, price, shelf, currency=currency, on=on)
            if not found and isinstance(line, PriceLine):
                try:
                    line = _line(line, price, shelf, automatic_tax=automatic_tax)
                except Refusal as refusal:
                    found = [FieldError("/quantity", refusal.code, refusal.message)]
            errors += [FieldError(f"/lines/{index}{each.pointer}", each.code, each.detail) for each in found]
        if isinstance(line, LineInput):
            done.append(line)
    if errors:
        raise Invalid(errors)
    return done


def _shelf(named: Iterable[UUID], lines: Sequence[Asked], on: date) -> _Shelf:
    prices = catalog.by_ids(named)
    asked = {line.price_id for line in lines if isinstance(line, PriceLine)}
    fresh = [price for key, price in prices.items() if key in asked]
    owners = {price.product_id for price in fresh}
    codes = {price.tax_code for price in fresh} - {""}
    return _Shelf(
        prices=prices,
        products={key: (name, unit) for key, name, unit in catalog.named(owners)} if owners else {},
        retired=catalog.retired(owners) if owners else set(),
        rates={row.code: row.id for row in tax_rates.rates(valid_on=on) if row.code in codes}
        if codes
        else {},
    )


def _faults(line: Asked, price: PriceRow, shelf: _Shelf, *, currency: str, on: date) -> list[FieldError]:
    errors: list[FieldError] = []
    if price.currency != currency:
        errors.append(FieldError("/price", "other_currency", f"This price is in {price.currency}."))
    if isinstance(line, LineInput):
        return errors
    if price.product_id in shelf.retired or not price.is_sold_on(on):
        errors.append(FieldError("/price", "not_sold", "This price is not sold on that day."))
    if not line.is_taxed and price.tax_code and price.tax_code not in shelf.rates:
        sentence = "The tax rate of this price is not valid on that day. Name one."
        errors.append(FieldError("/tax_rate", "no_such_rate", sentence))
    if line.unit_amount is not None:
        return errors
    if line.tax_inclusive not in (None, _is_inclusive(price)):
        sentence = "The price says whether tax is inside. Give a unit_amount of your own, or leave this out."
        errors.append(FieldError("/tax_inclusive", "not_allowed", sentence))
    if price.terms.model == "flat" and line.quantity != 1:
        errors.append(FieldError("/quantity", "not_allowed", "A flat price has no quantity of its own."))
    elif line.quantity <= 0 and not _is_plain(price):
        errors.append(FieldError("/quantity", "too_small", "This is more than nothing."))
    return errors


def _line(line: PriceLine, price: PriceRow, shelf: _Shelf, *, automatic_tax: bool) -> LineInput:
    name, unit = shelf.products[price.product_id]
    words = line.description if (line.description or "").strip() else name
    values: dict[str, Any] = {"quantity": line.quantity, "unit_amount": line.unit_amount}
    inclusive = line.tax_inclusive
    if line.unit_amount is None:
        inclusive = _is_inclusive(price)
        values["unit_amount"] = price.terms.unit_amount
        if not _is_plain(price):
            amount_minor = of_period(price.terms, line.quantity)
            if not is_product(price.terms, line.quantity, amount_minor):
                if price.terms.model != "flat":
                    words = f"{words} ({formula(price.terms, line.quantity)})"
                unit = ""
                values = {
                    "quantity": Decimal(1),
                    "unit_amount": money.from_minor(amount_minor, price.currency),
                }
    rate = line.tax_rate_id
    if not line.is_taxed and not automatic_tax:
        rate = shelf.rates.get(price.tax_code)
    return LineInput(
        description=str(words)[:DESCRIPTION_LENGTH],
        tax_rate_id=rate,
        unit_code=unit if line.unit_code is None else line.unit_code,
        price_id=price.id,
        period_from=line.period_from,
        period_to=line.period_to,
        discount=line.discount,
        tax_inclusive=bool(inclusive),
        **values,
    )


def _is_plain(price: PriceRow) -> bool:
    """Tell whether any quantity of a price is that quantity times its amount."""
    terms = price.terms
    return terms.model == "per_unit" and not terms.flat_minor and not terms.minimum_minor


def _is_inclusive(price: PriceRow) -> bool:
    return price.tax_behavior == Price.TaxBehavior.INCLUSIVE
