"""Quotes: numbered when opened, ended once, billed once and as they were offered."""

from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, transaction

from billing.invoices import queries as invoice_queries
from billing.invoices import services as invoices
from billing.invoices.models import Invoice
from billing.invoices.rules import Discount
from billing.ledger import queries as ledger
from billing.quotes import queries, services
from billing.quotes.models import Quote, QuoteLine
from billing.quotes.tasks import expire_quotes
from billing.tax.models import TaxRate
from core.errors import Conflict, Invalid, NotFound, Refusal
from outbound.models import WebhookEvent
from tenancy.context import attempt
from tests.make import billing as make


def quote(**values) -> Quote:
    rate = TaxRate.objects.first() or make.tax_rate()
    given = {
        "customer_id": make.customer().pk,
        "currency": "EUR",
        "lines": [make.line("100", rate=rate, quantity="2"), make.line("10", rate=rate, text="Travel")],
        "discounts": [Discount(percentage=Decimal(10), reason="Because it is you")],
        "valid_until": date(2026, 3, 31),
        "note": "As talked about",
        **values,
    }
    return services.create(actor=make.ACTOR, at=make.AT, **given)


def act(what, found: Quote, at=make.AT):
    return what(quote_id=found.pk, actor=make.ACTOR, at=at)


def opened(**values) -> Quote:
    return act(services.open_quote, quote(**values))


def test_a_quote_becomes_the_invoice_that_was_offered(in_a: UUID) -> None:
    made = opened()
    assert (made.number, made.status, made.total_minor) == ("Q-2026-00001", "open", 22_680)
    act(services.accept, made)
    draft = act(services.convert, made)
    assert (draft.total_minor, draft.tax_minor, draft.note, draft.status) == (
        22_680, 3_780, "As talked about", "draft"
    )  # fmt: skip
    assert [(line.description, line.net_minor) for line in draft.parts[0]] == [
        (line.description, line.net_minor) for line in queries.get(made.pk).lines
    ]
    with pytest.raises(services.QuoteConverted), attempt():
        act(services.convert, made)
    with pytest.raises(services.QuoteConverted), attempt():
        act(services.cancel, made)
    assert Invoice.objects.count() == 1
    assert queries.of_invoice(draft.pk) == (made.pk, "Q-2026-00001")
    assert ledger.check() == []
    types = list(WebhookEvent.objects.filter(type__startswith="quote.").order_by("id").values_list("type"))
    assert [each for (each,) in types] in (
        [],
        [f"quote.{x}" for x in ("created", "opened", "accepted", "converted")],
    )


def test_a_discarded_draft_sets_the_quote_free(in_a: UUID) -> None:
    made = opened()
    act(services.accept, made)
    draft = act(services.convert, made)
    invoices.discard_draft(invoice_id=draft.pk, actor=make.ACTOR, at=make.AT)
    assert queries.get(made.pk).invoice_id is None
    assert act(services.convert, made).total_minor == 22_680


def test_a_draft_is_changed_and_an_open_quote_is_not(in_a: UUID) -> None:
    made = quote()
    changed = services.update(
        quote_id=made.pk, changes={"lines": [make.line("50")], "note": "New"}, actor=make.ACTOR, at=make.AT
    )
    # The discount of the whole quote stays.
    assert (changed.total_minor, changed.note) == (4_500, "New")
    changed = services.update(quote_id=made.pk, changes={"discounts": []}, actor=make.ACTOR, at=make.AT)
    assert changed.total_minor == 5_000
    act(services.open_quote, made)
    with pytest.raises(services.QuoteNotDraft), attempt():
        services.update(quote_id=made.pk, changes={"note": "x"}, actor=make.ACTOR, at=make.AT)
    with pytest.raises(services.QuoteNotDraft), attempt():
        act(services.open_quote, made)
    with pytest.raises(Invalid), attempt():
        services.update(quote_id=made.pk, changes={"number": "1"}, actor=make.ACTOR, at=make.AT)
    for statement in (
        "UPDATE billing_quote SET total_minor = 1, subtotal_minor = 1",
        "UPDATE billing_quote SET number = 'X'",
        "UPDATE billing_quote SET status = 'draft'",
        "DELETE FROM billing_quoteline",
        "DELETE FROM billing_quote",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    with pytest.raises(DatabaseError), transaction.atomic():
        QuoteLine(
            quote=made, customer_id=made.customer_id, position=99, description="More", quantity=1,
            unit_amount=1, net_exact=1, net_minor=100, tax_category="O", tax_percentage=0,
        ).save(force_insert=True)  # fmt: skip


def test_each_end_is_an_end(in_a: UUID) -> None:
    refused = {
        services.accept: services.QuoteNotOpen,
        services.decline: services.QuoteNotOpen,
        services.convert: services.QuoteNotAccepted,
        services.open_quote: services.QuoteNotDraft,
    }
    for end in (services.decline, services.cancel):
        made = opened()
        act(end, made)
        for again, refusal in refused.items():
            with pytest.raises(refusal), attempt():
                act(again, made)


def test_a_quote_ends_with_its_last_day(in_a: UUID) -> None:
    made = opened(valid_until=date(2026, 3, 2))
    assert services.expire_due(actor=make.ACTOR, at=make.AT + timedelta(days=1)) == 0
    late = make.AT + timedelta(days=2)
    with pytest.raises(services.QuoteOver), attempt():
        act(services.accept, made, at=late)
    assert services.expire_due(actor=make.ACTOR, at=late) == 1
    assert queries.get(made.pk).status == "expired"
    with pytest.raises(Conflict), attempt():
        act(services.accept, made)


def test_what_cannot_be_offered_is_refused(in_a: UUID) -> None:
    empty = quote(lines=[], discounts=[])
    with pytest.raises(services.QuoteWithoutLines), attempt():
        act(services.open_quote, empty)
    act(services.cancel, empty)
    with pytest.raises(Refusal), attempt():
        services.create(customer_id=empty.pk, currency="EUR", actor=make.ACTOR, at=make.AT)
    with pytest.raises(NotFound), attempt():
        services.accept(quote_id=made_up(), actor=make.ACTOR, at=make.AT)


def made_up() -> UUID:
    return UUID("01900000-0000-7000-8000-000000000000")


def test_lists_are_pages_by_state_and_customer(in_a: UUID) -> None:
    made = quote()
    other = services.create(
        customer_id=make.customer("Grace").pk, currency="EUR", actor=make.ACTOR, at=make.AT
    )
    assert [row.id for row in queries.page(limit=1).rows] == [other.pk]
    assert [row.id for row in queries.page(after=other.pk).rows] == [made.pk]
    assert queries.page(status="open").rows == []
    assert [row.id for row in queries.page(customer_id=made.customer_id).rows] == [made.pk]


def test_an_invoice_is_copied_to_a_new_draft(in_a: UUID) -> None:
    rate = make.tax_rate()
    first = make.finalized(
        lines=[make.line("10", rate=rate)], note="Hello", discounts=[Discount(percentage=Decimal(5))]
    )
    made = invoices.copy(invoice_id=first.pk, actor=make.ACTOR, at=make.AT)
    assert (made.status, made.total_minor, made.note, made.issued_on) == (
        "draft",
        first.total_minor,
        "Hello",
        None,
    )
    assert made.pk != first.pk


def test_a_twin_is_suspected(in_a: UUID) -> None:
    customer = make.customer()
    first, second = make.draft(of=customer), make.draft(of=customer)
    make.draft()
    assert invoice_queries.with_twin(Invoice.objects.filter(pk=second.pk)).get().twin_id == first.pk
    assert make.finalize(second.pk).twin_id == first.pk


@pytest.mark.django_db(transaction=True)
def test_the_task_goes_through_all_organizations() -> None:
    assert expire_quotes() == 0
