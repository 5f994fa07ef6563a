"""Tax by API: discounts, prices with tax inside, days of service, automatic tax, stacked rates, explanations."""

import pytest

from billing.issuer import services as issuers
from billing.issuer.models import Series
from tenancy.context import Scope, scope
from tests.make import billing


@pytest.fixture
def seller(api):
    with scope(Scope(api.tenant)):
        issuers.set_issuer(name="Seller", address={"country": "DE"}, actor=billing.ACTOR, at=billing.AT)
    return api


def buyer(api, **values):
    body = {"name": "Buyer", "currency": "EUR", "address": {"country": "FR"}, **values}
    return api.post("customers", body).json()["id"]


def draft(api, lines, **values):
    return api.post("invoices", {"currency": "EUR", "lines": lines, **values})


def line(amount="100.00", **values):
    return {"description": "Work", "unit_amount": amount, **values}


def test_an_invoice_with_everything_on_it(seller):
    rate = seller.post("tax_rates", {"name": "19", "percentage": "19"}).json()["id"]
    lines = [
        line(
            "9.99", quantity="3", tax_rate=rate, period_from="2026-03-01", period_to="2026-04-01",
            discount={"percentage": "10", "reason": "First order"},
        ),
        line("100.00", tax_rate=rate, tax_inclusive=False),
    ]  # fmt: skip
    off = [
        {"amount": "5.00", "reason": "Spring"},
        {"kind": "charge", "percentage": "1", "reason": "Handling"},
    ]
    answer = draft(seller, lines, customer=buyer(seller), tax_inclusive=True, discounts=off)
    assert answer.status_code == 201, answer.content
    made = answer.json()
    first = made["lines"][0]
    assert (first["tax_inclusive"], first["gross_minor"], first["period_to"]) == (True, 2697, "2026-04-01")
    assert first["discount"] == {
        "kind": "allowance", "percentage": "10", "amount_minor": 300, "reason": "First order",
    }  # fmt: skip
    assert made["subtotal_minor"] == sum(each["net_minor"] for each in made["lines"])
    assert made["tax_minor"] == sum(each["tax_minor"] for each in made["taxes"])
    told = seller.get(f"invoices/{made['id']}/explanation").json()
    assert told["holds"] is True and told["rounding"] == "document"
    assert told["steps"][0]["how"] == "3 × 9.99, with tax"
    assert told["steps"][-1]["result_minor"] == made["total_minor"]
    # What is not named stays; an empty list takes all discounts off.
    changed = seller.patch(f"invoices/{made['id']}", {"discounts": []}).json()
    assert changed["total_minor"] == 2697 + 11900


def test_automatic_tax_with_its_legal_text(seller):
    assert len(seller.post("tax_rates/countries", {"country": "de"}).json()["tax_rates"]) >= 6
    made = draft(seller, [line()], customer=buyer(seller, tax_id="FR40303265045"), tax="automatic").json()
    assert made["tax_rule"] == "reverse_charge"
    (row,) = made["taxes"]
    assert (row["category"], row["reason_code"]) == ("AE", "VATEX-EU-AE")
    assert "Article 196" in row["reason"]
    again = seller.get(f"invoices/{made['id']}").json()
    assert again["taxes"] == made["taxes"]
    goods = draft(
        seller, [line()], customer=buyer(seller, tax_id="FR40303265045"), tax="automatic", supply="goods"
    )
    assert goods.json()["taxes"][0]["category"] == "K"


def test_what_is_missing_for_automatic_tax_is_said(seller):
    answer = draft(seller, [line()], customer=buyer(seller), tax="automatic")
    assert (answer.status_code, answer.json()["code"]) == (422, "no_rate_for_this")
    answer = draft(seller, [line()], customer=buyer(seller, address=None), tax="automatic")
    assert (answer.status_code, answer.json()["code"]) == (422, "country_missing")


def test_stacked_rates(seller):
    parts = [
        {"tax_rate": seller.post("tax_rates", {"name": name, "percentage": percentage}).json()["id"]}
        for name, percentage in (("State", "4"), ("City", "4.5"))
    ]
    group = seller.post("tax_rates", {"name": "New York", "components": parts, "country": "US"}).json()
    assert (group["kind"], group["percentage"]) == ("group", "8.5")
    refused = draft(seller, [line(tax_rate=group["id"])], customer=buyer(seller))
    assert (refused.status_code, refused.json()["code"]) == (422, "stacked_tax_on_e_invoice")
    with scope(Scope(seller.tenant)):
        Series.objects.filter(kind="own").update(e_invoice=False)
    made = draft(seller, [line(tax_rate=group["id"])], customer=buyer(seller)).json()
    assert [(row["name"], row["tax_minor"]) for row in made["taxes"]] == [("State", 400), ("City", 450)]


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"discount": {"percentage": "100.5"}}, "/lines/0/discount/percentage", "out_of_range"),
        ({"discount": {"percentage": "1.1234567"}}, "/lines/0/discount/percentage", "too_precise"),
        ({"discount": {}}, "/lines/0/discount/percentage", "one_of_two"),
        ({"discount": {"amount": "100.01"}}, "/lines/0/discount/amount", "discount_exceeds_line"),
        ({"discount": {"amount": "0.001"}}, "/lines/0/discount/amount", "amount_too_precise"),
        ({"period_from": "2026-03-01"}, "/lines/0/period_to", "required"),
        ({"period_from": "2026-03-01", "period_to": "2026-03-01"}, "/lines/0/period_to", "period_is_empty"),
        ({"tax_inclusive": "yes"}, "/lines/0/tax_inclusive", "not_a_flag"),
        ({"unit_amount": "0.1234567890123"}, "/lines/0/unit_amount", "not_a_decimal"),
    ],
)
def test_what_cannot_be_used_is_named(seller, fields, pointer, code):
    answer = draft(seller, [line(**fields)], customer=buyer(seller))
    assert answer.status_code == 422
    assert (pointer, code) in [(error["pointer"], error["code"]) for error in answer.json()["errors"]]


@pytest.mark.parametrize(
    ("currency", "amount", "total"), [("JPY", "100.5", 111), ("KWD", "100.0005", 110001), ("UGX", "0.4", 0)]
)
def test_currencies_without_cents_and_with_more(seller, currency, amount, total):
    rate = seller.post("tax_rates", {"name": "10", "percentage": "10"}).json()["id"]
    body = [line(amount, tax_rate=rate)]
    made = draft(seller, body, customer=buyer(seller), currency=currency).json()
    assert made["total_minor"] == total


def test_rates_are_refused_that_are_none(seller):
    for body, code in (
        ({"name": "x", "percentage": "1", "components": []}, "invalid"),
        ({"name": "x"}, "invalid"),
        ({"name": "x", "percentage": "1", "country": "Germany"}, "bad_country"),
    ):
        answer = seller.post("tax_rates", body)
        assert (answer.status_code, answer.json()["code"]) == (422, code), body
    assert seller.post("tax_rates/countries", {"country": "US"}).json()["code"] == "no_rates_known"
