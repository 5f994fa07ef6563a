"""Messages about an invoice: between its customer and the organization, kept from everybody else, never changed."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from accounts.models import User
from billing import events
from billing.issuer import services as issuers
from billing.messages import queries, services
from billing.messages.models import InvoiceMessage
from core import clock
from core.cardnumbers import CardNumberRefused
from core.errors import NotFound
from outbound.models import OutboxMessage
from tenancy.context import Scope, attempt, scope
from tests.make import accounts, billing

pytestmark = pytest.mark.django_db


def write(invoice, text="Why this sum?", *, by, objects=False, customer=None, at=None):
    return services.write(
        invoice_id=invoice.pk,
        customer_id=customer or invoice.customer_id,
        text=text,
        objects=objects,
        actor=by,
        at=at or clock.now(),
    )


@pytest.fixture
def ada(in_a):
    return accounts.actor(accounts.person(name="Ada", email="ada@example.com"))


def test_a_question_is_answered_and_both_are_told_without_the_words(in_a, ada):
    issuers.set_issuer(
        name="Issuer", address={"line1": "Ringstraße 1", "city": "Wien", "postal_code": "1010", "country": "AT"},
        email="billing@issuer.example", currency="EUR", actor=billing.ACTOR, at=clock.now(),
    )  # fmt: skip
    invoice = billing.finalized(of=billing.customer(language="de"))
    access = accounts.portal_access(invoice.customer_id, user=User.objects.get(pk=ada.id))
    write(invoice, by=ada, objects=True)
    assert queries.contested([invoice.pk]) == {invoice.pk}
    services.answer(invoice_id=invoice.pk, text="As agreed in May.", actor=billing_clerk(), at=clock.now())
    assert queries.contested([invoice.pk]) == set()
    said = [(one.text, one.answers) for one in queries.of_invoice(invoice.pk)]
    assert said == [("Why this sum?", False), ("As agreed in May.", True)]
    mails = {row.template: row.body for row in OutboxMessage.objects.all()}
    assert mails["message_written"]["to"] == "billing@issuer.example"
    assert mails["message_answered"]["to"] == "ada@example.com"
    assert mails["message_answered"]["subject"].endswith(f"hat zur Rechnung {invoice.number} geantwortet")
    assert not any("sum" in str(body) or "May" in str(body) for body in mails.values())
    assert billing.events_of(invoice.pk)[-2:] == [events.MESSAGE_WRITTEN.code, events.MESSAGE_ANSWERED.code]
    # Shut out of the portal, she is told nothing more.
    access.ended_at = clock.now()
    access.save(update_fields=["ended_at"])
    services.answer(invoice_id=invoice.pk, text="And again.", actor=billing_clerk(), at=clock.now())
    assert OutboxMessage.objects.filter(template="message_answered").count() == 1


def billing_clerk():
    return accounts.actor(accounts.member("billing_clerk").user)


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("  ", services.NothingWritten),
        ("x" * 2_001, services.MessageTooLong),
        ("Take 4242 4242 4242 4242", CardNumberRefused),
    ],
)
def test_what_cannot_be_kept_is_not(in_a, ada, text, refusal):
    invoice = billing.finalized()
    with pytest.raises(refusal), attempt():
        write(invoice, text, by=ada)
    assert InvoiceMessage.objects.count() == 0


def test_nobody_writes_about_what_is_not_theirs_nor_about_a_draft(in_a, ada):
    invoice, other = billing.finalized(), billing.customer("Grace Hopper")
    for asked in (invoice, billing.draft(of=other)):
        with pytest.raises(NotFound), attempt():
            write(asked, by=ada, customer=other.pk)
    with pytest.raises(services.NothingToAnswer), attempt():
        services.answer(invoice_id=invoice.pk, text="Hello?", actor=ada, at=clock.now())
    assert InvoiceMessage.objects.count() == 0


def test_a_day_holds_a_conversation_and_no_flood(in_a, ada):
    invoice, at = billing.finalized(), clock.now()
    for _ in range(services.MOST_A_DAY):
        write(invoice, by=ada, at=at)
    with pytest.raises(services.TooManyMessages), attempt():
        write(invoice, by=ada, at=at)
    assert InvoiceMessage.objects.count() == services.MOST_A_DAY
    write(invoice, by=ada, at=at + timedelta(days=1, minutes=1))


def test_another_customer_sees_none_and_nobody_changes_one(in_a, ada):
    invoice, other = billing.finalized(), billing.customer("Grace Hopper")
    row = write(invoice, by=ada)
    with scope(Scope(in_a, customer=other.pk)):
        assert queries.of_invoice(invoice.pk) == []
    for change in (
        lambda: InvoiceMessage.objects.filter(pk=row.pk).update(kind="answer"),
        lambda: InvoiceMessage.objects.filter(pk=row.pk).delete(),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()
    assert [one.text for one in queries.of_invoice(invoice.pk)] == ["Why this sum?"]
