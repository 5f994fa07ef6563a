"""Where a supply is taxed, and so by whom and at which rate. Pure.

The rules of the EU's VAT directive for the plain cases (docs/decisions/0018): a proposal with its reason, for somebody
to accept. Not known here: special territories, Northern Ireland, triangular trade, services with a place of their own
(land, events, transport, restaurants) and thresholds. Who sells such things chooses the rate.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from core.errors import Refusal

EU = frozenset(
    ["AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU",
     "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"]
)  # fmt: skip
# By which letters a VAT id names its country where ISO 3166 has others.
_VAT_PREFIXES = {"GR": "EL"}


class Supply(StrEnum):
    """What is sold, as far as its place depends on it."""

    SERVICES = "services"
    GOODS = "goods"
    DIGITAL = "digital"


class Rule(StrEnum):
    """Which rule decided. Kept on the document."""

    EXEMPT_CUSTOMER = "exempt_customer"
    DOMESTIC = "domestic"
    SELLER_RATE = "seller_rate"
    REVERSE_CHARGE = "reverse_charge"
    INTRA_COMMUNITY = "intra_community"
    DESTINATION = "destination"
    EXPORT = "export"
    OUTSIDE = "outside"


# Why nothing is charged: the sentence on the document (BT-120), and its code in the EU's list (BT-121).
REASONS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "reverse_charge": (
            "Reverse charge: VAT is owed by the customer (Article 196 of Directive 2006/112/EC).",
            "VATEX-EU-AE",
        ),
        "intra_community": (
            "Intra-Community supply, exempt from VAT (Article 138 of Directive 2006/112/EC).",
            "VATEX-EU-IC",
        ),
        "export": (
            "Export outside the EU, exempt from VAT (Article 146 of Directive 2006/112/EC).",
            "VATEX-EU-G",
        ),
        "outside": ("Not subject to VAT here: the place of supply is abroad.", "VATEX-EU-O"),
    }
)


# What a rule says, for a document that followed it.
WORDS: Mapping[str, str] = MappingProxyType(
    {
        "exempt_customer": "The customer is exempt.",
        "domestic": "Seller and customer are in one country: its rate.",
        "seller_rate": "Sold abroad, and taxed where the seller is.",
        "reverse_charge": "Reverse charge: the customer is a business in another country of the EU.",
        "intra_community": "Goods to a business in another country of the EU.",
        "destination": "One Stop Shop: the rate of the customer's country.",
        "export": "Goods that leave the EU.",
        "outside": "The place of supply is abroad.",
    }
)


class CountryMissing(Refusal):
    """Where this is taxed depends on two countries, and one of them is not known."""

    code = "country_missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the place of a supply depends on. Countries are of ISO 3166-1.

    `tax_id_refused`: the authorities said that the tax id is not registered.
    """

    seller_country: str
    buyer_country: str
    buyer_region: str = ""
    buyer_tax_id: str = ""
    tax_id_refused: bool = False
    supply: Supply = Supply.SERVICES
    uses_oss: bool = False
    exemption: str = ""

    @property
    def business(self) -> bool:
        """Whether the buyer showed a tax id that can be theirs: in the EU, one of their own country."""
        if not self.buyer_tax_id or self.tax_id_refused:
            return False
        if self.buyer_country not in EU:
            return True
        prefix = _VAT_PREFIXES.get(self.buyer_country, self.buyer_country)
        return "".join(self.buyer_tax_id.split()).upper().startswith(prefix)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What follows: a standard rate of `country` (and region), or a category without tax; and why, in words."""

    rule: Rule
    category: str = "S"
    country: str = ""
    region: str = ""
    why: str

    @property
    def reason(self) -> str:
        """What the document says about it; empty where tax is charged."""
        return REASONS.get(self.rule, ("", ""))[0]


def decide(facts: Facts) -> Decision:
    """Say where a supply is taxed.

    Raises:
        CountryMissing: names whose country is not known.
    """
    if facts.exemption:
        return Decision(rule=Rule.EXEMPT_CUSTOMER, category="E", why=f"Exempt customer: {facts.exemption}")
    if not facts.seller_country:
        raise CountryMissing("Enter the country in your own address first.", field="issuer")
    if not facts.buyer_country:
        raise CountryMissing("Enter the country in the customer's address first.", field="customer")
    if facts.buyer_country == facts.seller_country:
        return _at_rate(
            Rule.DOMESTIC, facts.seller_country, f"Both in {facts.seller_country}", region=facts.buyer_region
        )
    if facts.seller_country not in EU:
        return _untaxed(Rule.OUTSIDE, "O", f"Customer in {facts.buyer_country}, abroad")
    if facts.buyer_country not in EU:
        return _beyond(facts)
    return _within(facts)


def _within(facts: Facts) -> Decision:
    """Between two countries of the EU."""
    buyer, seller = facts.buyer_country, facts.seller_country
    if facts.business and facts.supply is Supply.GOODS:
        return _untaxed(Rule.INTRA_COMMUNITY, "K", f"Goods to a customer in {buyer} with VAT id")
    if facts.business:
        return _untaxed(Rule.REVERSE_CHARGE, "AE", f"Reverse charge: customer in {buyer} with VAT id")
    who = f"consumer in {buyer}" if not facts.buyer_tax_id else f"customer in {buyer} without a valid VAT id"
    if facts.supply is Supply.SERVICES:
        return _at_rate(Rule.SELLER_RATE, seller, f"Services to a {who} are taxed in {seller}")
    if facts.uses_oss:
        return _at_rate(Rule.DESTINATION, buyer, f"One Stop Shop: rate of {buyer} for a {who}")
    return _at_rate(
        Rule.SELLER_RATE, seller, f"Rate of {seller} for a {who}, because you do not use One Stop Shop"
    )


def _beyond(facts: Facts) -> Decision:
    """From the EU to the rest of the world."""
    buyer, seller = facts.buyer_country, facts.seller_country
    if facts.supply is Supply.GOODS:
        return _untaxed(Rule.EXPORT, "G", f"Export of goods to {buyer}")
    if facts.business or facts.supply is Supply.DIGITAL:
        return _untaxed(Rule.OUTSIDE, "O", f"Place of supply is {buyer}, outside the EU")
    return _at_rate(
        Rule.SELLER_RATE, seller, f"Services to a consumer in {buyer} without tax id are taxed in {seller}"
    )


def _at_rate(rule: Rule, country: str, why: str, region: str = "") -> Decision:
    return Decision(rule=rule, country=country, region=region, why=f"{why}.")


def _untaxed(rule: Rule, category: str, why: str) -> Decision:
    return Decision(rule=rule, category=category, why=f"{why}.")
