"""What a document comes to: every line, its discounts, its taxes, and their sums. Pure.

A line is its quantity times its price, rounded to minor units once; its discount is taken from that. Allowances and
charges of the document are lines of their own, one a rate. All of them are then taxed together (billing.tax.rules).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from billing.invoices.rules import Discount, DiscountExceedsLine, LineInput, NegativeTotal
from billing.issuer.rules import to_coin
from billing.tax import rules as tax
from core import money
from core.errors import NotFound, Refusal

ITEM, ALLOWANCE, CHARGE = "item", "allowance", "charge"
# UNCL5189: why something was taken off, where nobody says more.
DISCOUNT = "95"
EXACT = Decimal(1).scaleb(-24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """A line of a document, whole: what was asked, what it comes to, what tax it carries."""

    kind: str
    description: str
    quantity: Decimal
    unit_amount: Decimal
    unit_code: str = ""
    tax_rate_id: UUID | None = None
    rate: tax.Rate
    price_id: UUID | None = None
    period_from: date | None = None
    period_to: date | None = None
    # After discounts and before rounding, without tax or with it, as it was asked.
    asked_exact: Decimal
    asked_minor: int
    tax_inclusive: bool = False
    adjustments: tuple[dict[str, Any], ...] = ()
    net_minor: int = 0
    # The earlier invoice that it takes off, and the taxes that were charged there.
    deducts_id: UUID | None = None
    settled: tuple[int, ...] = ()

    @property
    def gross_minor(self) -> int | None:
        """What was asked with the tax inside; None where the price is without tax."""
        return self.asked_minor if self.tax_inclusive else None

    @property
    def net_exact(self) -> Decimal:
        """Without tax, before rounding, in major units."""
        if not self.tax_inclusive:
            return self.asked_exact.quantize(EXACT, context=money.EXACT)
        net = money.divide(money.multiply(self.asked_exact, Decimal(100)), 100 + self.rate.percentage)
        return net.quantize(EXACT, context=money.EXACT)

    def taxes(self, currency: str) -> list[tuple[tax.Component, Decimal]]:
        """Return each tax of this line before rounding, in major units."""
        if self.settled:
            return [
                (part, money.from_minor(minor, currency).quantize(EXACT, context=money.EXACT))
                for part, minor in zip(self.rate.parts, self.settled, strict=True)
            ]
        asked = money.from_minor(self.asked_minor, currency)
        return [
            (part, self._tax(asked, part).quantize(EXACT, context=money.EXACT)) for part in self.rate.parts
        ]

    def _tax(self, asked: Decimal, part: tax.Component) -> Decimal:
        if self.tax_inclusive:
            return tax.inside(asked, part.percentage, self.rate.percentage)
        return money.multiply(asked, part.percentage, Decimal("0.01"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What a document comes to, in minor units."""

    subtotal_minor: int
    taxes: tuple[tax.AppliedTax, ...]
    # What is added so that a smallest coin can pay it (EN 16931 BT-114); below zero it is taken off.
    rounding_minor: int = 0

    @property
    def tax_minor(self) -> int:
        """All taxes together."""
        return sum(item.tax_minor for item in self.taxes)

    @property
    def total_minor(self) -> int:
        """With tax, before it is rounded to a coin."""
        return self.subtotal_minor + self.tax_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """A document with everything computed: lines first, then what is taken off or put on top of all of them."""

    lines: tuple[Priced, ...]
    totals: Totals


@dataclass(slots=True)
class _Group:
    """All lines of one rate that are asked in one way."""

    rate: tax.Rate
    tax_inclusive: bool
    tax_rate_id: UUID | None
    asked_minor: int = 0
    rows: list[Priced] = field(default_factory=list)


def bill(
    lines: Sequence[LineInput],
    *,
    rates: Mapping[UUID, tax.Rate],
    currency: str,
    discounts: Sequence[Discount] = (),
    by_line: bool = False,
    coin_minor: int = 1,
) -> Bill:
    """Compute a document from lines that `rules.check_lines` let pass; what is to be paid ends in whole coins.

    Raises:
        NotFound: a line's tax rate is not among the rates; names the line.
        DiscountExceedsLine: names the line.
        AmountTooLarge, AmountTooPrecise: names the line or discount.
        NegativeTotal: it comes to less than nothing.
    """
    priced: list[Priced] = []
    for index, line in enumerate(lines):
        rate = tax.NO_TAX if line.tax_rate_id is None else rates.get(line.tax_rate_id)
        if rate is None:
            raise NotFound("There is no such tax rate.", field=f"lines/{index}/tax_rate")
        with _naming(f"lines/{index}"):
            priced.append(price(line, rate, currency))
    deducted = [item for item in priced if item.deducts_id is not None]
    priced = [item for item in priced if item.deducts_id is None]
    groups = _groups(priced)
    for index, discount in enumerate(discounts):
        with _naming(f"discounts/{index}"):
            priced += _spread(discount, index, groups, currency)
    return settle([*priced, *deducted], currency, by_line=by_line, coin_minor=coin_minor)


def settle(priced: Sequence[Priced], currency: str, *, by_line: bool = False, coin_minor: int = 1) -> Bill:
    """Tax all lines together and add up.

    Raises:
        NegativeTotal: it comes to less than nothing.
        AmountTooLarge: it comes to more than can be booked.
    """
    amounts = [tax.Amount(item.rate, item.asked_minor, item.tax_inclusive, item.settled) for item in priced]
    computed = tax.compute(amounts, currency, by_line=by_line)
    totals = Totals(subtotal_minor=sum(computed.nets), taxes=computed.taxes)
    if max(abs(totals.subtotal_minor), abs(totals.total_minor)) > money.MAX_MINOR:
        raise money.AmountTooLarge(field="lines")
    if totals.total_minor < 0:
        raise NegativeTotal(field="lines")
    rounding = to_coin(totals.total_minor, coin_minor) - totals.total_minor
    totals = replace(totals, rounding_minor=rounding)
    done = tuple(replace(item, net_minor=net) for item, net in zip(priced, computed.nets, strict=True))
    return Bill(lines=done, totals=totals)


def price(line: LineInput, rate: tax.Rate, currency: str) -> Priced:
    """Compute what a line asks: quantity times price rounded once, less its discount.

    Raises:
        DiscountExceedsLine: the discount is more than the line.
        AmountTooLarge: it cannot be booked.
        AmountTooPrecise: the discount's amount has decimals that its currency does not.
    """
    exact = money.multiply(line.quantity, line.unit_amount)
    asked = money.to_minor(exact, currency)
    adjustments: tuple[dict[str, Any], ...] = ()
    if line.discount is not None:
        with _naming("discount"):
            entry = _adjustment(line.discount, asked, currency)
        off = int(entry["amount_minor"])
        if line.discount.amount is not None and off > asked:
            raise DiscountExceedsLine(field="discount/amount")
        asked -= off
        exact = money.add(exact, -money.from_minor(off, currency))
        adjustments = (entry,)
    return Priced(
        kind=ITEM,
        description=line.description.strip(),
        quantity=line.quantity,
        unit_amount=line.unit_amount,
        unit_code=line.unit_code,
        tax_rate_id=line.tax_rate_id,
        rate=rate,
        price_id=line.price_id,
        period_from=line.period_from,
        period_to=line.period_to,
        asked_exact=exact,
        asked_minor=asked,
        tax_inclusive=line.tax_inclusive,
        adjustments=adjustments,
        net_minor=asked - sum(line.settled),
        deducts_id=line.deducts_id,
        settled=line.settled,
    )


def rate_of(line: Any) -> tax.Rate:
    """Return the rate that a kept line was taxed by."""
    parts = tuple(
        tax.Component(part["name"], Decimal(part["percentage"])) for part in line.tax_components or ()
    )
    return tax.Rate(line.tax_category, line.tax_percentage, parts)


def settled_of(line: Any, currency: str) -> tuple[int, ...]:
    """Return the taxes that a kept line takes over from an earlier invoice, one for each part of its rate."""
    if getattr(line, "deducts_id", None) is None:
        return ()
    if not line.tax_components:
        return ((line.gross_minor or 0) - line.net_minor,)
    return tuple(money.to_minor(Decimal(part["tax_exact"]), currency) for part in line.tax_components)


def asked_discount(entry: Mapping[str, Any]) -> Discount:
    """Return the discount that a line's kept adjustment came from."""
    percentage, amount = entry.get("percentage"), entry.get("amount")
    return Discount(
        percentage=None if percentage is None else Decimal(str(percentage)),
        amount=None if percentage is not None else Decimal(str(amount)),
        reason=str(entry.get("reason") or ""),
        is_charge=bool(entry.get("is_charge")),
    )


def asked_discounts(lines: Iterable[tuple[str, Sequence[Mapping[str, Any]]]]) -> list[Discount]:
    """Return the discounts of a document that its kept lines (kind, adjustments) came from, in their order."""
    found = {
        int(entry["number"]): asked_discount(entry)
        for kind, entries in lines
        if kind != ITEM
        for entry in entries
        if "number" in entry
    }
    return [found[number] for number in sorted(found)]


def _adjustment(discount: Discount, base_minor: int, currency: str) -> dict[str, Any]:
    """Return a discount as it is kept, in the words of EN 16931 (BT-136 to BT-140)."""
    if discount.amount is not None:
        with _naming("amount"):
            amount = money.exact_minor(discount.amount, currency)
    else:
        base = money.from_minor(base_minor, currency)
        amount = money.to_minor(
            money.multiply(base, discount.percentage or Decimal(0), Decimal("0.01")), currency
        )
    return {
        "is_charge": discount.is_charge,
        "amount_minor": amount,
        "reason": discount.reason.strip(),
        "reason_code": "" if discount.is_charge else DISCOUNT,
        "percentage": None if discount.percentage is None else str(tax.plain(discount.percentage)),
        "base_minor": None if discount.percentage is None else base_minor,
        # As it was asked, of all rates together.
        "amount": None if discount.amount is None else str(discount.amount),
    }


def _groups(priced: Iterable[Priced]) -> list[_Group]:
    found: dict[tuple[tax.Rate, bool], _Group] = {}
    for item in priced:
        key = (item.rate, item.tax_inclusive)
        group = found.setdefault(key, _Group(item.rate, item.tax_inclusive, item.tax_rate_id))
        group.asked_minor += item.asked_minor
    return list(found.values())


def _spread(discount: Discount, number: int, groups: Sequence[_Group], currency: str) -> list[Priced]:
    """Make the lines of one allowance or charge: one a rate; a percentage of each, an amount by their sizes."""
    if discount.amount is not None:
        with _naming("amount"):
            whole = money.exact_minor(discount.amount, currency)
        parts = money.allocate(whole, [max(0, group.asked_minor) for group in groups])
        shares = [replace(discount, amount=money.from_minor(part, currency)) for part in parts]
    else:
        shares = [discount] * len(groups)
    rows: list[Priced] = []
    for share, group in zip(shares, groups, strict=True):
        entry = _adjustment(share, group.asked_minor, currency)
        entry |= {"amount": None if discount.amount is None else str(discount.amount), "number": number}
        signed = int(entry["amount_minor"]) * (1 if discount.is_charge else -1)
        exact = money.from_minor(signed, currency)
        rows.append(
            Priced(
                kind=CHARGE if discount.is_charge else ALLOWANCE,
                description=discount.reason.strip() or ("Charge" if discount.is_charge else "Discount"),
                quantity=Decimal(1),
                unit_amount=exact,
                tax_rate_id=group.tax_rate_id,
                rate=group.rate,
                asked_exact=exact,
                asked_minor=signed,
                tax_inclusive=group.tax_inclusive,
                adjustments=(entry,),
                net_minor=signed,
            )
        )
    # Of a rate to which nothing falls no row is needed; one stays, so that the document says what was asked.
    return [row for row in rows if row.asked_minor] or rows[:1]


class _naming:  # noqa: N801  reads as a statement
    """Give a refusal raised inside the place it belongs to."""

    def __init__(self, pointer: str) -> None:
        self.pointer = pointer

    def __enter__(self) -> None:
        """Nothing to do."""

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Name the place."""
        if isinstance(error, Refusal):
            error.field = f"{self.pointer}/{error.field}".rstrip("/")
