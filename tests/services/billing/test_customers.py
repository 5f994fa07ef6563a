"""Customers: encrypted where they lie, found by blind index, never with a card number."""

from datetime import timedelta

import pytest
from django.db import connection

from billing import events
from billing.customers import queries, services
from billing.customers.models import Customer
from billing.tallies import queries as tallies
from core.errors import Invalid, NotFound
from tenancy import context
from tests.make import billing as make

FULL = {
    "email": "Ada@Example.com",
    "phone": "+44 20 7946 0000",
    "address": {"line1": "12 St James's Square", "city": "London", "postal_code": "SW1", "country": "GB"},
    "tax_id": "GB 980 7806 84",
    "reference": "C-0001",
    "notes": "Prefers post",
    "metadata": {"segment": "science"},
}


def test_a_customer_is_kept_and_read_back(in_a):
    made = make.customer(**FULL)
    read = queries.get(made.pk)
    assert (read.name, read.email, read.phone, read.tax_id) == (
        "Ada Lovelace",
        *(FULL[k] for k in ("email", "phone", "tax_id")),
    )
    assert (read.address, read.metadata, read.notes) == (FULL["address"], FULL["metadata"], FULL["notes"])
    assert (read.currency, read.state, read.is_erased) == ("EUR", "active", False)
    assert make.events_of(made.pk) == ["customer.created"]


def test_nothing_of_a_customer_lies_in_clear(in_a):
    make.customer(**FULL)
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(c)::text FROM billing_customer c")
        ((stored,),) = cursor.fetchall()
    for text in (
        "Ada",
        "Example",
        "7946 0",
        "James",
        "London",
        "0 7806",
        "C-0001",
        "post",
        "science",
        "segment",
    ):
        assert text not in stored


@pytest.mark.parametrize(
    ("detail", "text"),
    [
        ("email", " ada@EXAMPLE.com "),
        ("tax_id", "gb980780684"),
        ("reference", "c-0001"),
        ("name", "ADA  lovelace"),
    ],
)
def test_a_customer_is_found_by_any_spelling_of_one_detail(in_a, detail, text):
    made = make.customer(**FULL)
    make.customer("Grace Hopper", email="grace@example.com")
    assert [row.id for row in queries.find(**{detail: text})] == [made.pk]


def test_type_ahead_finds_names_from_a_words_start_and_exact_details(in_a):
    ada = make.customer(**FULL)
    make.customer("Grace Hopper")
    assert [row.id for row in queries.search("love")] == [ada.pk]
    assert [row.id for row in queries.search("ADA L")] == [ada.pk]
    assert [row.id for row in queries.search("ada@example.com")] == [ada.pk]
    assert [row.id for row in queries.search("C-0001")] == [ada.pk]
    assert queries.search("ovelace") == []
    assert queries.search("  ") == []


def test_changes_reach_the_index_and_the_trail(in_a):
    made = make.customer(**FULL)
    later = make.AT + timedelta(days=1)
    services.update(
        customer_id=made.pk, changes={"email": "ada@new.example", "notes": ""}, actor=make.ACTOR, at=later
    )
    read = queries.get(made.pk)
    assert (read.email, read.notes, read.updated_at) == ("ada@new.example", "", later)
    assert queries.find(email="ada@example.com") == []
    assert [row.id for row in queries.find(email="ada@new.example")] == [made.pk]
    assert make.events_of(made.pk) == ["customer.created", "customer.updated"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT fields FROM audit_event WHERE event = 'customer.updated'")
        assert sorted(cursor.fetchone()[0]) == ["email", "notes"]


def test_a_change_that_changes_nothing_leaves_no_event(in_a):
    made = make.customer(**FULL)
    services.update(customer_id=made.pk, changes={"notes": FULL["notes"]}, actor=make.ACTOR, at=make.AT)
    assert make.events_of(made.pk) == ["customer.created"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "4111 1111 1111 1111"),
        ("notes", "card 5555-5555-5555-4444"),
        ("phone", "4111111111111111"),
        ("tax_id", "378282246310005"),
        ("reference", "4242 4242 4242 4242"),
        ("address", {"line2": "4111111111111111"}),
        ("metadata", {"card": "4111111111111111"}),
    ],
)
def test_a_card_number_is_refused_by_field_and_stored_nowhere(in_a, field, value):
    values = {"name": "Ada", "currency": "EUR", field: value}
    with pytest.raises(Invalid) as refused, context.attempt():
        services.create(actor=make.ACTOR, at=make.AT, **values)
    assert [error.code for error in refused.value.errors] == ["card_number"]
    assert refused.value.errors[0].pointer.startswith(f"/{field}")
    assert Customer.objects.count() == 0
    assert make.recorded() == []
    assert "1111" not in str(refused.value.errors)


def test_a_card_number_in_a_change_leaves_the_row_as_it_was(in_a):
    made = make.customer(**FULL)
    with pytest.raises(Invalid), context.attempt():
        services.update(
            customer_id=made.pk, changes={"notes": "4111 1111 1111 1111"}, actor=make.ACTOR, at=make.AT
        )
    assert queries.get(made.pk).notes == "Prefers post"
    assert make.events_of(made.pk) == ["customer.created"]


def test_every_fault_is_named(in_a):
    with pytest.raises(Invalid) as refused, context.attempt():
        services.create(
            name=" ", currency="eur", email="nobody", address={"country": "Germany", "x": "y"},
            metadata={"": "x"}, notes="x" * 5001, actor=make.ACTOR, at=make.AT,
        )  # fmt: skip
    assert sorted((error.pointer, error.code) for error in refused.value.errors) == [
        ("/address", "unknown_field"),
        ("/address/country", "invalid_country"),
        ("/currency", "unknown_currency"),
        ("/email", "invalid_email"),
        ("/metadata", "invalid"),
        ("/name", "required"),
        ("/notes", "too_long"),
    ]


def test_a_number_belongs_to_one_customer(in_a):
    make.customer(reference="C-1")
    with pytest.raises(services.ReferenceTaken), context.attempt():
        make.customer("Other", reference=" c-1 ")
    other = make.customer("Other")
    with pytest.raises(services.ReferenceTaken) as refused, context.attempt():
        services.update(customer_id=other.pk, changes={"reference": "C-1"}, actor=make.ACTOR, at=make.AT)
    assert (refused.value.code, refused.value.field) == ("reference_taken", "reference")
    assert sorted(row.reference for row in queries.page().rows) == ["", "C-1"]


def test_archiving_moves_between_the_totals_and_back(in_a):
    made = make.customer()
    assert [(t.state, t.count) for t in tallies.totals("customer")] == [("active", 1)]
    services.archive(customer_id=made.pk, actor=make.ACTOR, at=make.AT)
    assert [(t.state, t.count) for t in tallies.totals("customer")] == [("archived", 1)]
    with pytest.raises(services.CustomerArchived), context.attempt():
        services.archive(customer_id=made.pk, actor=make.ACTOR, at=make.AT)
    services.restore(customer_id=made.pk, actor=make.ACTOR, at=make.AT)
    assert [(t.state, t.count) for t in tallies.totals("customer")] == [("active", 1)]
    assert make.events_of(made.pk) == ["customer.created", "customer.archived", "customer.restored"]


def test_pages_follow_each_other_without_gap_or_repeat(in_a):
    made = [make.customer(f"Customer {number}").pk for number in range(7)]
    seen, after = [], None
    while True:
        page = queries.page(limit=3, after=after)
        seen += [row.id for row in page.rows]
        after = page.next_after
        if after is None:
            break
    assert seen == sorted(made, reverse=True)


def test_an_erased_customer_reads_as_erased_and_can_no_longer_be_changed(in_a):
    made = make.customer(**FULL)
    Customer.objects.filter(pk=made.pk).update(subject_key=None)
    read = queries.get(made.pk)
    assert (read.name, read.is_erased, read.address) == ("[erased]", True, {})
    with pytest.raises(services.CustomerErased), context.attempt():
        services.update(customer_id=made.pk, changes={"notes": "x"}, actor=make.ACTOR, at=make.AT)


@pytest.mark.django_db(transaction=True)
def test_a_neighbours_customer_does_not_exist_here(tenant_a, tenant_b):
    with context.scope(context.Scope(tenant_a)):
        made = make.customer(**FULL)
    with context.scope(context.Scope(tenant_b)):
        assert queries.page().rows == []
        assert queries.find(email=FULL["email"]) == []
        for act in (
            lambda: queries.get(made.pk),
            lambda: services.update(
                customer_id=made.pk, changes={"notes": "x"}, actor=make.ACTOR, at=make.AT
            ),
            lambda: services.archive(customer_id=made.pk, actor=make.ACTOR, at=make.AT),
            lambda: make.draft(of=made),
        ):
            with pytest.raises(NotFound), context.attempt():
                act()
        assert make.recorded() == []
    with context.scope(context.Scope(tenant_a)):
        assert queries.get(made.pk).notes == "Prefers post"


@pytest.mark.django_db(transaction=True)
def test_two_customers_of_one_organization_never_meet(tenant_a):
    with context.scope(context.Scope(tenant_a)):
        ada, grace = make.customer(**FULL), make.customer("Grace Hopper")
        bill = make.finalized(of=ada)
    with context.scope(context.Scope(tenant_a, customer=grace.pk)):
        assert [row.id for row in queries.page().rows] == [grace.pk]
        with pytest.raises(NotFound):
            queries.get(ada.pk)
        with connection.cursor() as cursor:
            for table in ("invoice", "invoiceline", "invoicetax", "ledgertransaction", "ledgerentry"):
                cursor.execute(f"SELECT count(*) FROM billing_{table}")
                assert cursor.fetchone() == (0,)
    with context.scope(context.Scope(tenant_a, customer=ada.pk)), connection.cursor() as cursor:
        cursor.execute("SELECT id FROM billing_invoice")
        assert cursor.fetchall() == [(bill.pk,)]


def test_every_change_has_its_event_type():
    assert events.CUSTOMER_READ.code == "customer.read"
    assert events.CUSTOMER_LISTED.code == "customer.listed"
