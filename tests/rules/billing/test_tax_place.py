"""Where a supply is taxed, and why: the plain cases of the EU's rules, and what is said about each."""

import pytest

from billing.tax import place, rules, seeds
from billing.tax.place import Facts, Rule, Supply

GOODS, SERVICES, DIGITAL = Supply.GOODS, Supply.SERVICES, Supply.DIGITAL


def decide(seller, buyer, supply=SERVICES, tax_id="", **more):
    return place.decide(
        Facts(seller_country=seller, buyer_country=buyer, supply=supply, buyer_tax_id=tax_id, **more)
    )


@pytest.mark.parametrize(
    ("seller", "buyer", "supply", "tax_id", "oss", "rule", "category", "country"),
    [
        ("DE", "DE", SERVICES, "", False, Rule.DOMESTIC, "S", "DE"),
        ("DE", "DE", GOODS, "DE123456789", True, Rule.DOMESTIC, "S", "DE"),
        ("DE", "FR", SERVICES, "FR40303265045", False, Rule.REVERSE_CHARGE, "AE", ""),
        ("DE", "FR", DIGITAL, "FR40303265045", True, Rule.REVERSE_CHARGE, "AE", ""),
        ("DE", "FR", GOODS, "FR40303265045", True, Rule.INTRA_COMMUNITY, "K", ""),
        ("DE", "GR", SERVICES, "el 094259216", False, Rule.REVERSE_CHARGE, "AE", ""),
        ("DE", "GR", SERVICES, "GR094259216", False, Rule.SELLER_RATE, "S", "DE"),
        # a tax id of another country proves nothing of a business in this one
        ("DE", "FR", SERVICES, "DE123456789", False, Rule.SELLER_RATE, "S", "DE"),
        ("DE", "FR", SERVICES, "", True, Rule.SELLER_RATE, "S", "DE"),
        ("DE", "FR", DIGITAL, "", True, Rule.DESTINATION, "S", "FR"),
        ("DE", "FR", GOODS, "", True, Rule.DESTINATION, "S", "FR"),
        ("DE", "FR", DIGITAL, "", False, Rule.SELLER_RATE, "S", "DE"),
        ("DE", "CH", GOODS, "", True, Rule.EXPORT, "G", ""),
        ("DE", "GB", GOODS, "GB123456789", False, Rule.EXPORT, "G", ""),
        ("DE", "CH", SERVICES, "CHE-123.456.788", False, Rule.OUTSIDE, "O", ""),
        ("DE", "US", DIGITAL, "", True, Rule.OUTSIDE, "O", ""),
        ("DE", "US", SERVICES, "", True, Rule.SELLER_RATE, "S", "DE"),
        ("US", "US", SERVICES, "", False, Rule.DOMESTIC, "S", "US"),
        ("US", "DE", DIGITAL, "DE123456789", False, Rule.OUTSIDE, "O", ""),
    ],
)
def test_the_place_decides(seller, buyer, supply, tax_id, oss, rule, category, country):
    found = decide(seller, buyer, supply, tax_id, uses_oss=oss)
    assert (found.rule, found.category, found.country) == (rule, category, country)
    assert found.why.endswith(".") and len(found.why) < 100
    assert bool(found.reason) is (category != "S")


def test_the_reason_is_said_in_words():
    assert decide("DE", "FR", tax_id="FR40303265045").why == "Reverse charge: customer in FR with VAT id."
    assert "Article 196" in decide("DE", "FR", tax_id="FR40303265045").reason
    assert "Article 138" in decide("DE", "FR", GOODS, "FR40303265045").reason


def test_a_tax_id_that_the_authorities_refused_makes_no_business():
    found = decide("DE", "FR", tax_id="FR40303265045", tax_id_refused=True)
    assert (found.rule, found.country) == (Rule.SELLER_RATE, "DE")
    assert "without a valid VAT id" in found.why


def test_an_exemption_comes_first_and_the_region_goes_along():
    found = decide("DE", "FR", tax_id="FR40303265045", exemption="Embassy, certificate 7")
    assert (found.rule, found.category, found.why) == (
        Rule.EXEMPT_CUSTOMER, "E", "Exempt customer: Embassy, certificate 7",
    )  # fmt: skip
    assert decide("US", "US", buyer_region="NY").region == "NY"


@pytest.mark.parametrize(("seller", "buyer", "field"), [("", "FR", "issuer"), ("DE", "", "customer")])
def test_without_a_country_nothing_is_guessed(seller, buyer, field):
    with pytest.raises(place.CountryMissing) as refused:
        decide(seller, buyer)
    assert refused.value.field == field


def test_every_member_state_has_rates_that_a_document_may_carry():
    assert set(seeds.countries()) == set(place.EU)
    for country in place.EU:
        found = seeds.rates(country)
        assert len({seed.code for seed in found}) == len(found)
        for seed in found:
            days = [day for day, _ in seed.windows]
            assert days == sorted(set(days))
            for _, percentage in seed.windows:
                rules.check(rules.Rate(seed.category, percentage))
    for seed in seeds.untaxed():
        assert rules.reason_of(seed.category, seed.reason, seed.reason_code)[0]
    assert any("CC BY 4.0" in line for line in seeds.credit())


def test_germanys_half_year_of_16_percent_is_there():
    (standard,) = [seed for seed in seeds.rates("DE") if seed.kind == "standard"]
    assert [(day.isoformat(), str(percentage)) for day, percentage in standard.windows] == [
        ("2016-01-01", "19"), ("2020-07-01", "16"), ("2021-01-01", "19"),
    ]  # fmt: skip


def test_why_nothing_is_charged_goes_with_the_category():
    assert rules.reason_of("S", "x", "y") == ("", "")
    assert rules.reason_of("Z", "x", "y") == ("", "")
    assert rules.reason_of("AE", "", "")[1] == "VATEX-EU-AE"
    assert rules.reason_of("E", "Small business", "") == ("Small business", "")
    assert rules.reason_of("G", "Shipped by us", "") == ("Shipped by us", "VATEX-EU-G")
