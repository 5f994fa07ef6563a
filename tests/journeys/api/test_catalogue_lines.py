"""Lines of an invoice that name a price of the catalogue, and a number series named, over the API."""

from datetime import date

import pytest

from core import ids
from tenancy.context import Scope, scope
from tests.make import installation, recurring

GRADUATED = [recurring.tier("10", "5.00"), recurring.tier(None, "4.00")]


@pytest.fixture
def sold(api):
    """Return a key whose organization sells a plan, with the ids of its prices and its tax rate."""
    rate = api.post("tax_rates", {"name": "USt 20 %", "percentage": "20", "code": "standard"}).json()
    assert rate.get("code") == "standard", rate
    with scope(Scope(api.tenant)):
        plan = recurring.product("care", "Care plan", unit_code="MON")
        made = {
            "plain": recurring.price("29.50", of=plan, tax_code="standard"),
            "tiers": recurring.price("0", of=plan, code="tiers", model="graduated", tiers=GRADUATED),
            "flat": recurring.price("0", of=plan, code="flat", model="flat", flat_minor=9900),
            "packed": recurring.price("3.00", of=plan, code="packed", model="package", package_size="10"),
            "inside": recurring.price(
                "12.00", of=plan, code="inside", tax_behavior="inclusive", tax_code="standard"
            ),
            "dollars": recurring.price("1.00", of=plan, code="dollars", currency="USD"),
            "past": recurring.price("1.00", of=plan, code="past"),
        }
        type(made["past"]).objects.filter(pk=made["past"].pk).update(valid_to=date(2021, 1, 1))
    api.prices = {name: ids.encode("price", row.pk) for name, row in made.items()}
    api.rate = rate["id"]
    api.customer = api.post("customers", {"name": "Ada", "currency": "EUR"}).json()["id"]
    return api


def draft(api, *lines, **values):
    return api.post("invoices", {"customer": api.customer, "currency": "EUR", "lines": list(lines), **values})


def test_a_price_says_what_the_line_does_not(sold):
    answer = draft(
        sold,
        {"price": sold.prices["plain"], "quantity": "3"},
        {
            "price": sold.prices["plain"],
            "description": "Care, by hand",
            "unit_amount": "10",
            "unit_code": "C62",
            "tax_rate": None,
        },
        {"description": "Other", "unit_amount": "1"},
    )
    assert answer.status_code == 201, answer.content
    by_price, own, other = answer.json()["lines"]
    assert (by_price["description"], by_price["unit_amount"], by_price["unit_code"]) == (
        "Care plan", "29.5", "MON",
    )  # fmt: skip
    assert (by_price["net_minor"], by_price["tax_rate"]) == (8850, sold.rate)
    assert by_price["price"] == own["price"] == sold.prices["plain"]
    assert (own["description"], own["net_minor"], own["unit_code"]) == ("Care, by hand", 1000, "C62")
    assert (own["tax_rate"], other["price"]) == (None, None)
    assert answer.json()["total_minor"] == 8850 + 1770 + 1000 + 100
    read = sold.get(f"invoices/{answer.json()['id']}").json()
    assert read["lines"] == answer.json()["lines"]


def test_a_quantity_goes_through_the_model_of_the_price(sold):
    answer = draft(
        sold,
        {"price": sold.prices["tiers"], "quantity": "12"},
        {"price": sold.prices["flat"]},
        {"price": sold.prices["packed"], "quantity": "21"},
        {"price": sold.prices["inside"], "quantity": "2"},
    )
    assert answer.status_code == 201, answer.content
    tiers, flat, packed, inside = answer.json()["lines"]
    assert (tiers["quantity"], tiers["net_minor"]) == ("1", 5800)
    assert tiers["description"] == "Care plan (10 × 5; 2 × 4)"
    assert (flat["description"], flat["net_minor"]) == ("Care plan", 9900)
    assert (packed["description"], packed["net_minor"]) == (
        "Care plan (21 in 3 packages of 10 × 3)", 900,
    )  # fmt: skip
    assert (inside["tax_inclusive"], inside["gross_minor"], inside["net_minor"]) == (True, 2400, 2000)


@pytest.mark.parametrize(
    ("line", "field", "code"),
    [
        ({"price": "dollars"}, "price", "other_currency"),
        ({"price": "past"}, "price", "not_sold"),
        ({"price": "flat", "quantity": "2"}, "quantity", "not_allowed"),
        ({"price": "tiers", "quantity": "0"}, "quantity", "too_small"),
        ({"price": "plain", "tax_inclusive": True}, "tax_inclusive", "not_allowed"),
        ({"price": None}, "unit_amount", "required"),
    ],
)
def test_what_a_price_does_not_go_with_is_named(sold, line, field, code):
    line = {**line, "price": sold.prices.get(line["price"])}
    answer = draft(sold, {"description": "x", "unit_amount": "1"}, line)
    assert answer.status_code == 422
    assert (f"/lines/1/{field}", code) in [
        (each["pointer"], each["code"]) for each in answer.json()["errors"]
    ]


def test_a_retired_product_is_sold_to_nobody(sold):
    product = sold.get(f"prices/{sold.prices['plain']}").json()["product"]
    made = draft(sold, {"price": sold.prices["plain"]}).json()
    assert sold.post(f"products/{product}/retire").status_code == 200
    answer = draft(sold, {"price": sold.prices["plain"]})
    assert [each["code"] for each in answer.json()["errors"]] == ["not_sold"]
    # Who has it keeps it.
    kept = sold.patch(f"invoices/{made['id']}", {"discounts": [{"percentage": "10"}]})
    assert kept.status_code == 200, kept.content
    assert kept.json()["lines"][0]["price"] == sold.prices["plain"]


def test_a_foreign_price_is_not_there(sold):
    with scope(Scope(installation.tenant("b"))):
        theirs = ids.encode("price", recurring.price("1.00").pk)
    for price in (theirs, "prc_01j9z3k4m5n6p7q8r9s0t1v2w3"):
        answer = draft(sold, {"price": price})
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_draft_is_changed_to_a_price_of_its_own_currency(sold):
    made = draft(sold, {"description": "x", "unit_amount": "1"}).json()
    path = f"invoices/{made['id']}"
    wrong = sold.patch(path, {"lines": [{"price": sold.prices["dollars"]}]})
    assert [each["code"] for each in wrong.json()["errors"]] == ["other_currency"]
    both = sold.patch(path, {"currency": "USD", "lines": [{"price": sold.prices["dollars"]}]})
    assert (both.status_code, both.json()["total_minor"]) == (200, 100)
    back = sold.patch(path, {"currency": "EUR"})
    assert [each["pointer"] for each in back.json()["errors"]] == ["/lines/0/price"]


def test_an_invoice_is_numbered_in_the_series_it_names(sold):
    series = sold.get("series").json()["data"]
    own = [each for each in series if each["purpose"] == "invoice"]
    notes = [each for each in series if each["purpose"] == "credit_note"]
    line = {"price": sold.prices["plain"]}
    assert draft(sold, line).json()["series"] is None
    if own:
        named = draft(sold, line, series=own[0]["id"])
        assert (named.status_code, named.json()["series"]) == (201, own[0]["id"])
    if notes:
        assert draft(sold, line, series=notes[0]["id"]).json()["code"] == "series_unfit"
    assert draft(sold, line, series="ser_01j9z3k4m5n6p7q8r9s0t1v2w3").status_code == 404
