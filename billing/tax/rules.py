"""Tax is computed once per rate on the whole document (EN 16931 BR-CO-17), from exact numbers.

Only a series that issues no electronic invoices may round on every line instead.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from types import MappingProxyType
from uuid import UUID

from billing.tax import place
from core import money
from core.errors import Refusal

# UNCL5305 as EN 16931 allows it, with the words people read. Only the taxed ones carry a percentage.
CATEGORIES: Mapping[str, str] = MappingProxyType(
    {
        "S": "Standard or reduced rate",
        "Z": "Zero rate",
        "E": "Exempt",
        "AE": "Reverse charge",
        "K": "Intra-community supply",
        "G": "Export outside the EU",
        "O": "Outside the scope of tax",
        "L": "Canary Islands (IGIC)",
        "M": "Ceuta and Melilla (IPSI)",
        "B": "Transferred VAT (Italy)",
    }
)
# Why nothing is charged (BT-120), and its code in the EU's list (BT-121), where a category has one reason only.
USUAL_REASONS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "AE": place.REASONS["reverse_charge"],
        "K": place.REASONS["intra_community"],
        "G": place.REASONS["export"],
        "O": ("Not subject to VAT.", "VATEX-EU-O"),
        "E": ("Exempt from VAT.", ""),
    }
)
_CODES = {category: code for category, (_, code) in USUAL_REASONS.items()}
TAXED = frozenset({"S", "L", "M", "B"})
_PERCENT = Decimal("0.01")


class UnknownTaxCategory(Refusal):
    """The tax category is not one of UNCL5305 that EN 16931 allows."""

    code = "unknown_tax_category"


class PercentageNotAllowed(Refusal):
    """This tax category does not go with this percentage."""

    code = "percentage_not_allowed"


def plain(number: Decimal) -> Decimal:
    """Drop trailing zeros without falling into exponents."""
    reduced = number.normalize(money.EXACT)
    whole = reduced == reduced.to_integral_value()
    return reduced.quantize(Decimal(1), context=money.EXACT) if whole else reduced


@dataclass(frozen=True, slots=True, order=True)
class Component:
    """One of several taxes on one line, such as a county's."""

    name: str
    percentage: Decimal

    def __post_init__(self) -> None:
        object.__setattr__(self, "percentage", plain(self.percentage))


@dataclass(frozen=True, slots=True, order=True)
class Rate:
    """What decides the tax of an amount: the category and the percentage, and of what that is made up if stacked.

    Why nothing is charged goes with it, as text (BT-120) and code (BT-121), and decides nothing.
    """

    category: str
    percentage: Decimal
    components: tuple[Component, ...] = ()
    reason: str = field(default="", compare=False)
    reason_code: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        # 19, 19.0 and 19.00 are one rate: they must be equal and print the same.
        object.__setattr__(self, "percentage", plain(self.percentage))

    @property
    def parts(self) -> tuple[Component, ...]:
        """The taxes it is made up of; of most rates one without a name."""
        return self.components or (Component("", self.percentage),)


NO_TAX = Rate("O", Decimal(0))  # without a reason: who sells without tax at all says nothing of it


@dataclass(frozen=True, slots=True)
class AppliedTax:
    """One tax on one document: its base and its tax in minor units, and the tax before it was rounded (major)."""

    rate: Rate
    base_minor: int
    tax_minor: int
    name: str = ""
    exact: Decimal = field(default=Decimal(0), compare=False)


def check(rate: Rate) -> Rate:
    """Let a rate pass that a document may carry (EN 16931 BR-S-05, BR-Z-05, BR-E-05, BR-AE-05, BR-O-05).

    Raises:
        UnknownTaxCategory: not in the list.
        PercentageNotAllowed: taxed without a percentage, or untaxed with one.
    """
    if rate.category not in CATEGORIES:
        raise UnknownTaxCategory(field="category")
    if rate.category in ("S", "B") and rate.percentage <= 0:
        raise PercentageNotAllowed("A taxed category needs a percentage above zero.", field="percentage")
    if rate.category not in TAXED and rate.percentage != 0:
        raise PercentageNotAllowed(f"Category {rate.category} carries no percentage.", field="percentage")
    if not 0 <= rate.percentage <= 100:
        raise PercentageNotAllowed("A percentage lies between 0 and 100.", field="percentage")
    return rate


def reason_of(category: str, reason: str, reason_code: str) -> tuple[str, str]:
    """Return why nothing is charged, with its code; where nobody says it, what the law says of the category.

    A taxed or zero-rated supply says nothing (EN 16931 BR-S-10, BR-Z-10).
    """
    if category in TAXED or category == "Z":
        return "", ""
    usual = USUAL_REASONS.get(category, ("", ""))
    return (
        reason.strip() or usual[0],
        reason_code or (usual[1] if not reason.strip() else _CODES.get(category, "")),
    )


def for_customer(rates: Mapping[UUID, Rate], *, exemption: str) -> dict[UUID, Rate]:
    """Return rates as they stand on a customer's documents: an exemption is theirs, in their words."""
    if not exemption:
        return dict(rates)
    return {
        key: replace(rate, reason=exemption, reason_code="") if rate.category == "E" else rate
        for key, rate in rates.items()
    }


def tax_minor(base_minor: int, percentage: Decimal, currency: str) -> int:
    """Return the tax on a base, rounded once to minor units (EN 16931 BR-CO-17)."""
    base = money.from_minor(base_minor, currency)
    return money.to_minor(money.multiply(base, percentage, _PERCENT), currency)


def per_rate(amounts: Iterable[tuple[Rate, int]], currency: str) -> list[AppliedTax]:
    """Add the net amounts (minor units) of each rate and tax each sum once, in the order of the rates."""
    return list(compute([Amount(rate, minor) for rate, minor in amounts], currency).taxes)


@dataclass(frozen=True, slots=True)
class Amount:
    """What one line comes to in minor units: without tax, or with the tax inside.

    With `settled` its taxes, one for each part of the rate, were settled on another document and are taken over.
    """

    rate: Rate
    asked_minor: int
    inclusive: bool = False
    settled: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Computed:
    """Net amounts in the order of what was asked, and the taxes; both together are what the customer owes."""

    nets: tuple[int, ...]
    taxes: tuple[AppliedTax, ...]


def inside(gross: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """Return a tax that is inside of an amount: of all percentages together, the share of one."""
    return money.divide(money.multiply(gross, part), Decimal(100) + whole)


def compute(amounts: Sequence[Amount], currency: str, *, by_line: bool = False) -> Computed:
    """Tax a document.

    Tax on top is the percentage of all net amounts of a rate, rounded once. Where it is inside, it is the share of
    all gross amounts of a rate, rounded once, and what is left is net: so the gross stays what was asked. The lines
    of that rate share the net amount by largest remainder. By line, each line is its own document in all of this.
    """
    groups: dict[tuple[Rate, bool, int], list[int]] = {}
    for index, amount in enumerate(amounts):
        alone = by_line or bool(amount.settled)
        key = (amount.rate, amount.inclusive, index if alone else -1)
        groups.setdefault(key, []).append(index)
    nets = [amount.asked_minor for amount in amounts]
    taxes = _Taxes(currency)
    for (rate, inclusive, _), indexes in groups.items():
        asked = sum(nets[index] for index in indexes)
        if settled := amounts[indexes[0]].settled:
            nets[indexes[0]] = taxes.settled(rate, asked, settled)
            continue
        if not inclusive:
            taxes.on_top(rate, asked, at_once=by_line)
            continue
        left = taxes.inside(rate, asked)
        parts = [
            money.divide(money.multiply(Decimal(nets[index]), Decimal(100)), Decimal(100) + rate.percentage)
            for index in indexes
        ]
        for index, part in zip(indexes, money.spread(left, parts), strict=True):
            nets[index] = part
    return Computed(tuple(nets), taxes.rows())


class _Taxes:
    """Taxes while they add up: what is on top waits until all of its base is known."""

    def __init__(self, currency: str) -> None:
        self.currency = currency
        self._rates: dict[tuple[Rate, str], Rate] = {}
        self._top: dict[tuple[Rate, str], int] = {}
        self._bases: dict[tuple[Rate, str], int] = {}
        self._done: dict[tuple[Rate, str], int] = {}
        self._exact: dict[tuple[Rate, str], Decimal] = {}

    def on_top(self, rate: Rate, base_minor: int, *, at_once: bool) -> None:
        for part in rate.parts:
            key = self._key(rate, part, base_minor)
            exact = money.multiply(self._major(base_minor), part.percentage, _PERCENT)
            if at_once:
                self._done[key] += money.to_minor(exact, self.currency)
            else:
                self._top[key] += base_minor
            self._exact[key] = money.add(self._exact[key], exact)

    def inside(self, rate: Rate, gross_minor: int) -> int:
        """Take the taxes out of a gross amount and return what is left."""
        found = [inside(self._major(gross_minor), part.percentage, rate.percentage) for part in rate.parts]
        rounded = [money.to_minor(exact, self.currency) for exact in found]
        left = gross_minor - sum(rounded)
        for part, exact, minor in zip(rate.parts, found, rounded, strict=True):
            key = self._key(rate, part, left)
            self._done[key] += minor
            self._exact[key] = money.add(self._exact[key], exact)
        return left

    def settled(self, rate: Rate, gross_minor: int, charged: Sequence[int]) -> int:
        """Take over taxes as another document charged them, and return what is left."""
        left = gross_minor - sum(charged)
        for part, minor in zip(rate.parts, charged, strict=True):
            key = self._key(rate, part, left)
            self._done[key] += minor
            self._exact[key] = money.add(self._exact[key], self._major(minor))
        return left

    def rows(self) -> tuple[AppliedTax, ...]:
        return tuple(
            AppliedTax(
                rate=self._rates[key],
                base_minor=self._bases[key],
                tax_minor=self._done[key] + tax_minor(self._top[key], key[0].percentage, self.currency),
                name=key[1],
                exact=self._exact[key],
            )
            for key in sorted(self._bases)
        )

    def _key(self, rate: Rate, part: Component, base_minor: int) -> tuple[Rate, str]:
        one = rate if not rate.components else Rate(rate.category, part.percentage)
        key = (one, part.name)
        if key not in self._bases:
            self._rates[key], self._bases[key], self._top[key], self._done[key] = one, 0, 0, 0
            self._exact[key] = Decimal(0)
        self._bases[key] += base_minor
        known = self._rates[key]
        if rate.reason and rate.reason not in known.reason.split("\n"):
            # Two reasons of one rate stand under each other (EN 16931 has one row a rate).
            reason = f"{known.reason}\n{rate.reason}".strip()
            self._rates[key] = replace(
                known, reason=reason, reason_code=known.reason_code or rate.reason_code
            )
        return key

    def _major(self, minor: int) -> Decimal:
        return money.from_minor(minor, self.currency)
