"""Contacts: encrypted under their own keys, found by address, and each mail to whom it belongs."""

from datetime import date, timedelta

import pytest
from django.db import connection

from audit.models import Event
from billing.contacts import queries, services
from billing.contacts.models import Contact
from billing.customers import queries as customers
from billing.customers import services as customer_services
from core.errors import Invalid, NotFound
from outbound.models import OutboxMessage, WebhookEvent
from payments.reminders import looking
from payments.services import sending
from tenancy import context
from tests.make import api
from tests.make import billing as make
from tests.make.contacts import contact

LATER = make.AT + timedelta(days=1)


@pytest.fixture
def ada(in_a):
    return make.customer(email="own@ada.example")


def fields(refusal: Invalid) -> set[tuple[str, str]]:
    return {(error.pointer, error.code) for error in refusal.errors}


def test_a_contact_is_kept_encrypted_and_read_back(ada):
    made = contact(ada, phone="+44 1", position="Accounts payable", roles=("receipts", "billing"))
    (read,) = queries.of_customer(ada.pk)
    assert (read.name, read.email, read.phone, read.position) == (
        "Joan Clarke", "joan@ada.example", "+44 1", "Accounts payable",
    )  # fmt: skip
    assert read.roles == ("billing", "receipts")
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(c)::text FROM billing_contact c")
        ((stored,),) = cursor.fetchall()
    for text in ("Joan", "joan@", "+44 1", "payable"):
        assert text not in stored
    assert set(Event.objects.filter(subject_id=made.pk).values_list("event", flat=True)) == {"contact.added"}
    assert WebhookEvent.objects.filter(type="contact.created").exists()


def test_erasing_a_contact_leaves_the_customer_readable(ada):
    made = contact(ada)
    Contact.objects.filter(pk=made.pk).update(subject_key=None)
    (read,) = queries.of_customer(ada.pk)
    assert read.is_erased
    assert "Joan" not in read.name
    assert customers.get(ada.pk).name == "Ada Lovelace"
    assert customers.recipients(ada.pk, "billing")[0].email == "own@ada.example"


def test_a_contact_changes_and_goes(ada):
    made = contact(ada, is_primary=True)
    second = contact(ada, "Grace Hopper", is_primary=True)
    assert [row.is_primary for row in queries.of_customer(ada.pk)] == [True, False]
    services.change(contact_id=made.pk, changes={"email": "new@ada.example"}, actor=make.ACTOR, at=LATER)
    assert queries.customers_of("NEW@ada.example") == [ada.pk]
    assert [row.id for row in customers.search("new@ada.example")] == [ada.pk]
    services.remove(contact_id=second.pk, actor=make.ACTOR, at=LATER)
    assert [row.id for row in queries.of_customer(ada.pk)] == [made.pk]
    with pytest.raises(NotFound), context.attempt():
        services.remove(contact_id=second.pk, actor=make.ACTOR, at=LATER)
    assert {"contact.changed", "contact.removed"} <= set(Event.objects.values_list("event", flat=True))


def test_every_fault_is_named_and_nothing_stored(ada):
    with pytest.raises(Invalid) as caught, context.attempt():
        contact(ada, "", email="no address", roles=("chief",), phone="4111 1111 1111 1111")
    assert {
        ("/name", "required"),
        ("/email", "invalid_email"),
        ("/roles", "unknown_role"),
        ("/phone", "card_number"),
    } <= fields(caught.value)
    with pytest.raises(Invalid) as caught, context.attempt():
        contact(ada, email="", roles=("reminders",))
    assert fields(caught.value) == {("/email", "required")}
    assert not Contact.objects.exists()
    with pytest.raises(Invalid), context.attempt():
        services.change(contact_id=contact(ada).pk, changes={"salary": 1}, actor=make.ACTOR, at=LATER)


def test_a_hundred_contacts_are_enough(ada, monkeypatch):
    monkeypatch.setattr("billing.contacts.rules.MOST_CONTACTS", 1)
    contact(ada)
    with pytest.raises(services.TooManyContacts), context.attempt():
        contact(ada, "Grace Hopper")


def test_who_gets_what(ada):
    assert [one.email for one in customers.recipients(ada.pk, "billing")] == ["own@ada.example"]
    contact(ada, language="de")
    contact(ada, "Grace Hopper", roles=("billing", "reminders"))
    contact(ada, "Same Again", roles=("billing",), email="JOAN@ada.example")
    assert [one.email for one in customers.recipients(ada.pk, "billing")] == [
        "joan@ada.example",
        "grace@ada.example",
    ]
    assert [one.language for one in customers.recipients(ada.pk, "billing")] == ["de", ""]
    assert [one.email for one in customers.recipients(ada.pk, "reminders")] == ["grace@ada.example"]
    assert [one.email for one in customers.recipients(ada.pk, "receipts")] == ["own@ada.example"]


def test_an_invoice_goes_to_each_billing_contact_apart(db, tenant_a):
    api.set_issuer(tenant_a)
    with context.scope(context.Scope(tenant_a)):
        ada = make.customer()
        found = make.finalized(of=ada, due_on=date(2026, 3, 20))
        with pytest.raises(sending.NoAddress), context.attempt():
            sending.send(invoice_id=found.pk, actor=make.ACTOR, at=make.AT)
        contact(ada)
        contact(ada, "Grace Hopper")
        assert sending.preview(found.pk, at=make.AT).to == "joan@ada.example, grace@ada.example"
        sending.send(invoice_id=found.pk, actor=make.ACTOR, at=make.AT)
        sending.send(invoice_id=found.pk, actor=make.ACTOR, at=make.AT)
        sent = [row.body["to"] for row in OutboxMessage.objects.filter(template="invoice").order_by("id")]
        assert sent == ["joan@ada.example", "grace@ada.example"]
        contact(ada, "Alan Turing", roles=("reminders",))
        (debtor,) = looking.debtors([ada.pk], on=date(2026, 5, 1))
        assert debtor.emails == ("alan@ada.example",)


def test_terms_of_the_customer_come_before_the_issuers(db, tenant_a):
    api.set_issuer(tenant_a)
    with context.scope(context.Scope(tenant_a)):
        of = make.customer(payment_days=30, language="de", delivery_address={"city": "Graz", "country": "AT"})
        read = customers.get(of.pk)
        assert (read.payment_days, read.language, read.delivery_address["city"]) == (30, "de", "Graz")
        found = make.finalized(of=of)
        assert (found.due_on - found.issued_on).days == 30
        customer_services.update(
            customer_id=of.pk, changes={"payment_days": None, "language": ""}, actor=make.ACTOR, at=LATER
        )
        assert (make.finalized(of=of).due_on - found.issued_on).days == 14
        for wrong in (
            {"payment_days": 366},
            {"payment_days": True},
            {"language": "fr"},
            {"delivery_address": {"country": "Graz"}},
        ):
            with pytest.raises(Invalid), context.attempt():
                customer_services.update(customer_id=of.pk, changes=wrong, actor=make.ACTOR, at=LATER)


def test_a_parent_never_goes_round(in_a):
    top, middle, low = make.customer("Top"), make.customer("Middle"), make.customer("Low")

    def below(child, parent):
        customer_services.update(
            customer_id=child.pk, changes={"parent_id": parent}, actor=make.ACTOR, at=LATER
        )

    below(middle, top.pk)
    below(low, middle.pk)
    for child, parent in ((top, low.pk), (top, top.pk)):
        with pytest.raises(customer_services.ParentGoesRound), context.attempt():
            below(child, parent)
    with pytest.raises(NotFound), context.attempt():
        below(top, make.ACTOR.request_id)
    below(middle, None)
    below(top, low.pk)
    assert customers.get(top.pk).parent_id == low.pk
