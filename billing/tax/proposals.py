"""Which tax rate a customer's lines should have, and why: offered to whoever drafts, who may choose another."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from billing.customers.models import Customer
from billing.issuer.models import Issuer
from billing.tax import place, queries
from billing.tax.queries import TaxRateRow
from billing.taxids import rules as tax_ids
from billing.taxids.models import TaxIdCheck
from core.errors import NotFound, Refusal
from tenancy.models import only


class NoRateForThis(Refusal):
    """There is no tax rate for this yet. Add it, or choose one yourself."""

    code = "no_rate_for_this"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A rate with its reason. `rule` is kept on the document that follows it."""

    rule: str
    why: str
    rate: TaxRateRow


def propose(*, customer_id: UUID, on: date, supply: str = "") -> Proposal:
    """Say which rate a customer's lines should have on a day; `supply` is what the organization usually sells.

    Raises:
        NotFound: there is no such customer.
        CountryMissing: the seller's or the customer's country is not known.
        NoRateForThis: the rate that follows has not been added; names which.
    """
    customer: Customer | None = only(Customer.objects.filter(pk=customer_id))
    if customer is None:
        raise NotFound("There is no such customer.", field="customer")
    issuer: Issuer | None = only(Issuer.objects.all())
    decision = place.decide(_facts(customer, issuer, supply))
    if decision.category == "S":
        rate = queries.of_place(country=decision.country, region=decision.region, on=on)
        where = "-".join(part for part in (decision.country, decision.region) if part)
        missing = (
            f"There is no standard rate of {where} valid on that day. Add it, or choose a rate yourself."
        )
    else:
        rate = queries.of_category(decision.category, on=on)
        missing = (
            f"There is no tax rate of category {decision.category} yet. Add one, or choose a rate yourself."
        )
    if rate is None:
        raise NoRateForThis(f"{decision.why} {missing}", field="tax")
    return Proposal(rule=decision.rule, why=decision.why, rate=rate)


def _facts(customer: Customer, issuer: Issuer | None, supply: str) -> place.Facts:
    seller = (issuer.address or {}) if issuer is not None else {}
    buyer = customer.address or {}
    tax_id = customer.tax_id or ""
    return place.Facts(
        seller_country=str(seller.get("country") or ""),
        buyer_country=str(buyer.get("country") or ""),
        buyer_region=str(buyer.get("region") or ""),
        buyer_tax_id=tax_id,
        tax_id_refused=bool(tax_id)
        and (not _can_be(tax_id, str(buyer.get("country") or "")) or _refused(customer.pk, tax_id)),
        supply=place.Supply(supply or (issuer.supplies if issuer is not None else place.Supply.SERVICES)),
        uses_oss=issuer is not None and issuer.uses_oss,
        exemption=customer.tax_exemption or "",
    )


def _can_be(tax_id: str, country: str) -> bool:
    """Whether a tax id can make a business of its holder: in the EU, only one that VIES could know."""
    if country not in place.EU:
        return True
    verdict = tax_ids.judge(tax_id)
    return verdict is not None and verdict.in_vies


def _refused(customer_id: UUID, tax_id: str) -> bool:
    """Whether the authorities' last word on this very tax id was that it is not registered."""
    told = TaxIdCheck.objects.filter(customer_id=customer_id).exclude(result=TaxIdCheck.Result.UNAVAILABLE)
    last: TaxIdCheck | None = told.order_by("-asked_at").first()
    return last is not None and last.result == TaxIdCheck.Result.INVALID and _same(last.tax_id, tax_id)


def _same(one: str, other: str) -> bool:
    first, second = ("".join(char for char in text.upper() if char.isalnum()) for text in (one, other))
    return first == second
