"""Taxes on stored documents: seeded rates, groups, place of supply, discounts, tax inside, rounding by series."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from billing.customers import services as customers
from billing.invoices import queries, services
from billing.invoices.rules import Discount, LineInput
from billing.issuer import services as issuers
from billing.issuer.models import Issuer, Series
from billing.tax import place, proposals
from billing.tax import queries as tax_queries
from billing.tax import services as tax
from billing.tax.models import TaxRate
from core.errors import NotFound
from tenancy.context import attempt
from tests.make import billing as make

WHEN = {"actor": make.ACTOR, "at": make.AT}


def seller(country="DE", **more):
    row = issuers.set_issuer(name="Seller", address={"country": country}, **WHEN)
    for name, value in more.items():
        setattr(row, name, value)
    row.save()
    return row


def buyer(country="FR", tax_id="", region="", **more):
    address = {"country": country, "region": region} if region else {"country": country}
    return make.customer("Buyer", address=address, tax_id=tax_id or None, **more)


def series(rounding="document", *, e_invoice=True):
    row = issuers.create_series(
        code=f"own-{rounding}-{e_invoice}".lower(), pattern="X-{year}-{sequence}", **WHEN
    )
    Series.objects.filter(pk=row.pk).update(rounding=rounding, e_invoice=e_invoice)
    return row.pk


def new_york():
    return [
        tax.create(code=f"us-ny-{name.lower()}", name=name, category="S", percentage=Decimal(percentage),
                   valid_from=date(2020, 1, 1), about=tax.About(country="US", region="NY"), **WHEN)
        for name, percentage in (("State", "4"), ("City", "4.5"), ("District", "0.375"))
    ]  # fmt: skip


def test_the_rates_of_a_country_come_with_their_history_and_only_once(in_a):
    made = tax.add_country(country="DE", **WHEN)
    codes = {row.code for row in made}
    assert {
        "de-standard",
        "de-reduced-7",
        "eu-reverse-charge",
        "eu-intra-community",
        "eu-export",
        "exempt",
    } <= codes
    rows = TaxRate.objects.filter(code="de-standard").order_by("valid_from")
    assert [(str(row.valid_from), str(row.percentage), row.valid_to) for row in rows] == [
        ("2016-01-01", "19.000000", date(2020, 7, 1)),
        ("2020-07-01", "16.000000", date(2021, 1, 1)),
        ("2021-01-01", "19.000000", None),
    ]
    assert tax.add_country(country="DE", **WHEN) == []
    assert {row.country for row in tax.add_country(country="FR", **WHEN)} == {"FR"}
    with pytest.raises(tax.seeds.NoRatesKnown), attempt():
        tax.add_country(country="US", **WHEN)
    assert tax_queries.of_place(country="DE", region="", on=date(2020, 8, 1)).percentage == 16


def test_stacked_taxes_stand_by_themselves_on_line_and_document(in_a):
    state, city, district = new_york()
    seller("US")
    all_three = tax.create_group(code="us-ny-nyc", name="New York City", tax_rate_ids=[state.pk, city.pk, district.pk],
                                 valid_from=date(2020, 1, 1), **WHEN)  # fmt: skip
    two = tax.create_group(code="us-ny-upstate", name="Upstate", tax_rate_ids=[state.pk, city.pk],
                           valid_from=date(2020, 1, 1), **WHEN)  # fmt: skip
    assert str(all_three.percentage) == "8.875"
    lines = [make.line("100", rate=all_three), make.line("33.33", rate=two)]
    with pytest.raises(services.StackedTaxOnEInvoice), attempt():
        make.draft(lines=lines)
    made = make.draft(lines=lines, series_id=series(e_invoice=False))
    make.finalize(made.pk)
    found = queries.get(made.pk)
    assert [(row.name, str(row.percentage), row.base_minor, row.tax_minor) for row in found.taxes] == [
        ("District", "0.375", 10000, 38),
        ("State", "4", 13333, 533),
        ("City", "4.5", 13333, 600),
    ]
    assert [each["name"] for each in found.lines[0].tax_components] == ["State", "City", "District"]
    assert found.lines[0].tax_exact == Decimal("8.875")
    assert found.total_minor == 13333 + 38 + 533 + 600
    assert queries.content_is_intact(made.pk)
    assert found.number.startswith("X-2026-")


def test_replacing_one_tax_of_a_group_replaces_the_group(in_a):
    state, city, _ = new_york()
    group = tax.create_group(code="us-ny", name="NY", tax_rate_ids=[state.pk, city.pk],
                             valid_from=date(2020, 1, 1), **WHEN)  # fmt: skip
    tax.supersede(tax_rate_id=city.pk, percentage=Decimal(5), valid_from=date(2026, 7, 1), **WHEN)
    group.refresh_from_db()
    assert group.valid_to == date(2026, 7, 1)
    after = TaxRate.objects.get(code="us-ny", valid_to=None)
    assert (after.percentage, after.kind) == (9, "group")
    assert [str(row.percentage) for row in tax_queries.components(after.pk)] == ["4", "5"]
    assert [str(row.percentage) for row in tax_queries.components(group.pk)] == ["4", "4.5"]
    with pytest.raises(tax.GroupFollows), attempt():
        tax.supersede(tax_rate_id=after.pk, percentage=Decimal(1), valid_from=date(2027, 1, 1), **WHEN)


@pytest.mark.parametrize("which", [[0], [0, 0], [0, 3]])
def test_what_makes_no_group_is_refused(in_a, which):
    rates = [*new_york(), make.tax_rate("0", code="exempt", category="E")]
    with pytest.raises(tax.GroupUnfit), attempt():
        tax.create_group(code="group", name="Group", tax_rate_ids=[rates[index].pk for index in which],
                         valid_from=date(2020, 1, 1), **WHEN)  # fmt: skip
    with pytest.raises(NotFound), attempt():
        tax.create_group(code="group", name="Group", tax_rate_ids=[make.customer().pk, rates[0].pk],
                         valid_from=date(2020, 1, 1), **WHEN)  # fmt: skip


@pytest.mark.parametrize(
    ("country", "tax_id", "more", "rule", "category", "percentage"),
    [
        ("DE", "", {}, "domestic", "S", 19),
        ("FR", "FR40303265045", {}, "reverse_charge", "AE", 0),
        ("FR", "FR40303265045", {"supplies": "goods"}, "intra_community", "K", 0),
        ("FR", "", {"supplies": "digital", "uses_oss": True}, "destination", "S", 20),
        ("FR", "", {"supplies": "digital"}, "seller_rate", "S", 19),
        ("CH", "", {"supplies": "goods"}, "export", "G", 0),
    ],
)
def test_automatic_tax_is_the_places_and_says_why(in_a, country, tax_id, more, rule, category, percentage):
    seller(**more)
    for each in ("DE", "FR"):
        tax.add_country(country=each, **WHEN)
    draft = make.draft(of=buyer(country, tax_id), automatic_tax=True)
    make.finalize(draft.pk)
    found = queries.get(draft.pk)
    assert (found.tax_rule, found.lines[0].tax_category, found.lines[0].tax_percentage) == (
        rule,
        category,
        percentage,
    )
    (row,) = found.taxes
    assert row.reason == place.REASONS.get(rule, ("", ""))[0]
    assert queries.content_is_intact(draft.pk)


def test_a_chosen_rate_is_never_overridden(in_a):
    seller()
    tax.add_country(country="DE", **WHEN)
    seven = TaxRate.objects.get(code="de-reduced-7")
    lines = [make.line("100", rate=seven), make.line("100")]
    draft = make.draft(of=buyer("FR", "FR40303265045"), lines=lines, automatic_tax=True)
    assert [line.tax_category for line in draft.parts[0]] == ["S", "AE"]


def test_an_exempt_customer_has_their_reason_on_the_document(in_a):
    seller()
    tax.add_country(country="DE", **WHEN)
    who = buyer("DE")
    customers.update(customer_id=who.pk, changes={"tax_exemption": "NATO forces, form 4711"}, **WHEN)
    draft = make.draft(of=who, automatic_tax=True)
    (row,) = queries.get(draft.pk).taxes
    assert (row.category, row.reason) == ("E", "NATO forces, form 4711")


def test_without_the_rate_that_follows_automatic_tax_says_what_is_missing(in_a):
    seller()
    with pytest.raises(proposals.NoRateForThis) as refused, attempt():
        make.draft(of=buyer("FR", "FR40303265045"), automatic_tax=True)
    assert refused.value.message.startswith(
        "Reverse charge: customer in FR with VAT id. There is no tax rate"
    )
    with pytest.raises(place.CountryMissing), attempt():
        make.draft(automatic_tax=True)


def test_what_is_asked_with_tax_inside_stays_and_can_be_read_back(in_a):
    seller()
    rate = make.tax_rate("19")
    lines = [replace(make.line("9.99", rate=rate), tax_inclusive=True) for _ in range(3)]
    draft = make.draft(lines=lines, discounts=[Discount(percentage=Decimal(10), reason="Spring")])
    make.finalize(draft.pk)
    found = queries.get(draft.pk)
    assert (found.total_minor, found.subtotal_minor, found.tax_minor) == (2697, 2266, 431)
    assert [(line.kind, line.gross_minor) for line in found.lines] == [
        ("item", 999), ("item", 999), ("item", 999), ("allowance", -300),
    ]  # fmt: skip
    assert sum(line.net_minor for line in found.lines) == found.subtotal_minor
    assert queries.content_is_intact(draft.pk)


def test_line_rounding_is_the_series_policy_and_of_no_e_invoice(in_a):
    seller()
    rate = make.tax_rate("19")
    lines = [make.line("0.13", rate=rate) for _ in range(10)]
    assert make.draft(lines=lines).tax_minor == 25
    by_line = make.draft(lines=lines, series_id=series("line", e_invoice=False))
    assert (by_line.tax_minor, by_line.rounding) == (20, "line")
    Series.objects.filter(pk=by_line.series_id).update(rounding="document")
    with pytest.raises(services.RoundingChanged), attempt():
        make.finalize(by_line.pk)
    services.update_draft(invoice_id=by_line.pk, changes={"lines": lines}, **WHEN)
    assert make.finalize(by_line.pk).tax_minor == 25


def test_a_kept_draft_is_computed_anew_from_what_was_asked(in_a):
    seller()
    rate = make.tax_rate("20")
    line = LineInput(
        description="Plan", unit_amount=Decimal("99.90"), tax_rate_id=rate.pk, tax_inclusive=True,
        period_from=date(2026, 3, 1), period_to=date(2026, 4, 1), discount=Discount(amount=Decimal("9.90")),
    )  # fmt: skip
    draft = make.draft(lines=[line, line], discounts=[Discount(percentage=Decimal(50), reason="Half")])
    services.update_draft(invoice_id=draft.pk, changes={"currency": "USD"}, **WHEN)
    found = queries.get(draft.pk)
    assert (found.currency, found.total_minor) == ("USD", 9000)
    assert (found.lines[0].period_from, found.lines[0].period_to) == (date(2026, 3, 1), date(2026, 4, 1))
    services.update_draft(invoice_id=draft.pk, changes={"discounts": []}, **WHEN)
    assert queries.get(draft.pk).total_minor == 18000


def test_a_foreign_or_imported_series_is_refused(in_a):
    seller()
    with pytest.raises(NotFound), attempt():
        make.draft(series_id=make.customer().pk)
    imported = issuers.imported_series(seller="tax:DE1", at=make.AT)
    with pytest.raises(services.SeriesUnfit), attempt():
        make.draft(series_id=imported.pk)
    assert Issuer.objects.get().series_id is not None
