"""Who bills: set by people, copied onto documents, never a hole or a twin in its numbers."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import connection

from billing.issuer import queries, services
from billing.issuer.models import Issuer, Series
from billing.issuer.rules import BadPattern
from billing.ledger.models import LedgerAccount
from billing.tax import queries as rates
from billing.tax import services as tax
from billing.tax.rules import PercentageNotAllowed
from core.errors import Invalid, NotFound
from tenancy import context
from tests import databases
from tests.make import billing as make


def set_issuer(**values):
    return services.set_issuer(**{"name": "Acme Ltd", "actor": make.ACTOR, "at": make.AT, **values})


def test_an_organization_is_founded_ready_to_bill(in_a):
    assert queries.get().name == "Organization A"
    assert [(row.code, row.pattern) for row in queries.series()] == [
        ("credit-notes", "CN-{year}-{sequence}"),
        ("invoices", "INV-{year}-{sequence}"),
        ("quotes", "Q-{year}-{sequence}"),
    ]
    codes = sorted(LedgerAccount.objects.values_list("code", flat=True))
    assert codes == [
        "bad_debt", "bank", "customer_credit", "customer_deposits", "disputed", "fx_gain_loss", "fx_valuation",
        "gateway", "opening_balance", "other_income",
        "receivable", "refunds", "revenue", "rounding", "tax",
    ]  # fmt: skip


def test_what_is_set_stands_on_the_next_document(in_a):
    set_issuer(
        address={"line1": "Street 1", "city": "Berlin", "country": "DE"}, tax_id="DE123456789", tax_number="12/345",
        email="billing@acme.example", phone="+49 30 1", time_zone="Europe/Berlin", currency="CHF", payment_days=30,
    )  # fmt: skip
    row = queries.get()
    assert (row.name, row.tax_id, row.tax_number, row.time_zone) == (
        "Acme Ltd",
        "DE123456789",
        "12/345",
        "Europe/Berlin",
    )
    assert (row.currency, row.payment_days, row.address["city"]) == ("CHF", 30, "Berlin")
    final = make.finalized()
    assert final.due_on == date(2026, 3, 31)
    assert (final.seller["name"], final.seller["tax_id"]) == ("Acme Ltd", "DE123456789")
    set_issuer(tax_number="")
    assert (queries.get().tax_number, queries.get().tax_id) == ("", "DE123456789")


def test_setting_it_is_recorded_by_field_names(in_a):
    set_issuer(email="billing@acme.example")
    with connection.cursor() as cursor:
        cursor.execute("SELECT fields FROM audit_event WHERE event = 'issuer.updated' ORDER BY at, id")
        assert sorted(cursor.fetchall()[-1][0]) == ["email", "name"]


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ({"time_zone": "Mars/Base"}, services.UnknownTimeZone),
        ({"currency": "XXX"}, Invalid),
        ({"name": ""}, Invalid),
        ({"tax_number": "4111 1111 1111 1111"}, Invalid),
    ],
)
def test_what_cannot_stand_on_a_document_is_refused(in_a, values, refusal):
    with pytest.raises(refusal), context.attempt():
        set_issuer(**values)
    assert Issuer.objects.get().name == "Organization A"


@pytest.mark.django_db(transaction=True)
def test_without_an_issuer_nothing_is_finalized(tenant_a):
    with context.scope(context.Scope(tenant_a)):
        draft = make.draft()
    databases.as_owner("DELETE FROM billing_issuer")
    with context.scope(context.Scope(tenant_a)):
        with pytest.raises(services.IssuerMissing), context.attempt():
            make.finalize(draft.pk)
        assert make.events_of(draft.pk) == ["invoice.created"]


def test_series_are_opened_with_patterns_that_cannot_repeat_a_number(in_a):
    made = services.create_series(
        code="shop",
        pattern="S{year}/{sequence}",
        digits=3,
        fiscal_year_starts_in=4,
        actor=make.ACTOR,
        at=make.AT,
    )
    assert make.events_of(made.pk) == ["series.created"]
    with pytest.raises(BadPattern), context.attempt():
        services.create_series(code="bad", pattern="S{sequence}", actor=make.ACTOR, at=make.AT)
    with pytest.raises(services.SeriesExists), context.attempt():
        services.create_series(code="shop", pattern="T{year}/{sequence}", actor=make.ACTOR, at=make.AT)
    assert sorted(Series.objects.values_list("code", flat=True)) == [
        "credit-notes",
        "invoices",
        "quotes",
        "shop",
    ]


def test_tax_rates_are_listed_by_the_day_they_are_valid_on(in_a):
    old = make.tax_rate("19")
    new = tax.supersede(
        tax_rate_id=old.pk,
        percentage=Decimal("21"),
        valid_from=date(2026, 4, 1),
        actor=make.ACTOR,
        at=make.AT,
    )
    assert [row.percentage for row in rates.rates(valid_on=date(2026, 3, 31))] == [Decimal(19)]
    assert [row.percentage for row in rates.rates(valid_on=date(2026, 4, 1))] == [Decimal(21)]
    assert [row.id for row in rates.rates()] == [new.pk, old.pk]
    assert rates.get(new.pk).percentage == Decimal(21)
    assert make.events_of(old.pk) == ["tax_rate.created", "tax_rate.superseded"]


def test_a_rate_no_document_may_carry_is_refused(in_a):
    with pytest.raises(PercentageNotAllowed), context.attempt():
        make.tax_rate("19", category="AE")
    with pytest.raises(tax.BadTaxRateCode), context.attempt():
        make.tax_rate("19", code="Not A Code")
    with pytest.raises(NotFound), context.attempt():
        rates.get(make.ACTOR.request_id)
    old = make.tax_rate()
    with pytest.raises(tax.TaxRateWouldOverlap), context.attempt():
        tax.supersede(
            tax_rate_id=old.pk, percentage=Decimal(1), valid_from=old.valid_from, actor=make.ACTOR, at=make.AT
        )
    assert len(rates.rates()) == 1


def test_a_rate_is_never_edited_even_by_sql(in_a):
    rate = make.tax_rate()
    with (
        pytest.raises(Exception, match="permission denied"),
        context.attempt(),
        connection.cursor() as cursor,
    ):
        cursor.execute("UPDATE billing_taxrate SET percentage = 1 WHERE id = %s", [rate.pk])
    assert rates.get(rate.pk).percentage == Decimal(20)
