"""Tax is computed once per rate on the whole document (EN 16931 BR-CO-17), from exact numbers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

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
TAXED = frozenset({"S", "L", "M", "B"})


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
class Rate:
    """What decides the tax of an amount: the category and the percentage, nothing else."""

    category: str
    percentage: Decimal

    def __post_init__(self) -> None:
        # 19, 19.0 and 19.00 are one rate: they must be equal and print the same.
        object.__setattr__(self, "percentage", plain(self.percentage))


NO_TAX = Rate("O", Decimal(0))


@dataclass(frozen=True, slots=True)
class AppliedTax:
    """One rate on one document: its base and its tax in minor units."""

    rate: Rate
    base_minor: int
    tax_minor: int


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


def tax_minor(base_minor: int, percentage: Decimal, currency: str) -> int:
    """Return the tax on a base, rounded once to minor units (EN 16931 BR-CO-17)."""
    base = money.from_minor(base_minor, currency)
    return money.to_minor(money.multiply(base, percentage, Decimal("0.01")), currency)


def per_rate(amounts: Iterable[tuple[Rate, int]], currency: str) -> list[AppliedTax]:
    """Add the amounts (minor units) of each rate and tax each sum once, in the order of the rates."""
    bases: dict[Rate, int] = {}
    for rate, amount_minor in amounts:
        bases[rate] = bases.get(rate, 0) + amount_minor
    return [
        AppliedTax(rate, base_minor, tax_minor(base_minor, rate.percentage, currency))
        for rate, base_minor in sorted(bases.items())
    ]
