"""A page that is sent twice, by a double click or by going back: money leaves once."""

import pytest
from django.conf import settings
from django.test import Client

from core import clock, ids
from payments.models import Payment, Refund
from payments.services import collect, methods
from tenancy import context
from tenancy.context import Scope, scope
from tests.guarantees import world
from tests.make import accounts as people
from tests.make import billing, customers, paying
from tests.make import payments as make
from tests.shown import hidden

pytestmark = pytest.mark.django_db


def test_a_refund_page_that_is_sent_twice_gives_back_once(tenant_a):
    with scope(Scope(tenant_a)):
        payment = make.card_payment(billing.finalized())
        client = world.browser(people.session(people.member("owner").user).raw_key)
    path = f"/o/a/payments/{ids.encode('payment', payment.pk)}/refund"
    body = {"amount_minor": "40.00", "reason_code": "other", "reason": "Because"}
    page = client.post(path, {**body, "action": "review"}).content.decode()
    assert 'name="seen" value="0"' in page
    sent = {**body, "action": "refund", "seen": "0"}
    assert client.post(path, sent).status_code == 302
    again = client.post(path, sent)
    assert (again.status_code, "was given back meanwhile" in again.content.decode()) == (422, True)
    with scope(Scope(tenant_a)):
        assert [refund.amount_minor for refund in Refund.objects.all()] == [4_000]
        assert make.fresh(payment).refunding_minor == 4_000


def test_a_part_that_is_sent_twice_is_charged_once(tenant_a, gateway):
    """A saved card is charged without a page: nothing at the provider would notice the second press."""
    paying.organization(tenant_a)
    paying.connected(tenant_a, gateway.key)
    bill = paying.bill(tenant_a)
    with scope(Scope(tenant_a)):
        kept = methods.save(
            customer_id=bill.customer, account_id=make.the_account().pk,
            method=make.method("pm_card_visa"), actor=make.ACTOR, at=clock.now(),
        )  # fmt: skip
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = customers.signed_in(tenant_a, bill.customer)["value"]
    pk, path = ids.encode("invoice", bill.invoice), "/p/a/pay"
    page = client.get(path, {"invoice": pk}).content.decode()
    assert f'name="left-{pk}" value="10000"' in page
    sent = {
        "invoice": pk, pk: "40.00", "shown": "4000", f"left-{pk}": "10000",
        "way": ids.encode("payment_method", kept.pk),
    }  # fmt: skip
    assert client.post(path, sent).status_code == 303
    again = client.post(path, sent)
    assert (again.status_code, "The amounts have changed" in again.content.decode()) == (200, True)
    with scope(Scope(tenant_a)):
        assert [row.amount_minor for row in Payment.objects.all()] == [4_000]
        with pytest.raises(collect.AmountsChanged), context.attempt():
            # At the very same moment: what was seen is compared once more, under the invoice's lock.
            collect.start(
                customer_id=bill.customer, items=[(bill.invoice, 2_000)], account_id=make.the_account().pk,
                source="portal", saved_method_id=kept.pk, seen={bill.invoice: 10_000}, actor=make.ACTOR,
                at=clock.now(),
            )  # fmt: skip


def test_money_that_is_taken_off_an_invoice_by_one_page_is_taken_off_once(tenant_a):
    with scope(Scope(tenant_a)):
        invoice = billing.finalized()
        payment = make.bank_payment(invoice)
        client = world.browser(people.session(people.member("owner").user).raw_key)
    path = f"/o/a/payments/{ids.encode('payment', payment.pk)}/release"
    body = {"invoice": ids.encode("invoice", invoice.pk), "amount_minor": "40.00"}
    sent = {**body, "once": hidden(client.get(path).content.decode())}
    # What was refused can be mended and sent by the same page.
    wrong = client.post(path, {**sent, "amount_minor": "400.00"})
    assert (wrong.status_code, hidden(wrong.content.decode())) == (422, sent["once"])
    assert client.post(path, sent).status_code == 302
    again = client.post(path, sent)
    assert (again.status_code, "This page was sent before" in again.content.decode()) == (422, True)
    for missing in ("", "x" * 32):
        assert client.post(path, {**body, "once": missing}).status_code == 422
    with scope(Scope(tenant_a)):
        assert make.fresh(invoice).amount_paid_minor == 6_000
    assert client.post(path, {**body, "once": hidden(client.get(path).content.decode())}).status_code == 302
    with scope(Scope(tenant_a)):
        assert make.fresh(invoice).amount_paid_minor == 2_000


def test_a_second_payment_like_the_first_is_recorded_once_by_one_page(tenant_a):
    with scope(Scope(tenant_a)):
        ada = billing.customer()
        client = world.browser(people.session(people.member("owner").user).raw_key)
    path = "/o/a/payments/new"
    body = {
        "customer": ids.encode("customer", ada.pk), "amount_minor": "40.00", "currency": "EUR",
        "received_on": str(clock.now().date()), "action": "save",
    }  # fmt: skip
    assert client.post(path, body).status_code == 302
    asked = client.post(path, body)
    assert asked.status_code == 422
    sent = {**body, "again": "on", "once": hidden(asked.content.decode())}
    assert client.post(path, sent).status_code == 302
    again = client.post(path, sent)
    assert (again.status_code, "This page was sent before" in again.content.decode()) == (422, True)
    with scope(Scope(tenant_a)):
        assert [row.amount_minor for row in Payment.objects.all()] == [4_000, 4_000]


def test_credit_that_is_put_onto_an_invoice_twice_by_one_page_is_put_once(tenant_a):
    with scope(Scope(tenant_a)):
        ada = billing.customer()
        make.bank_payment(of=ada, amount_minor=9_000)
        invoice = billing.finalized(of=ada)
        client = world.browser(people.session(people.member("owner").user).raw_key)
    path = f"/o/a/customers/{ids.encode('customer', ada.pk)}/credit?currency=EUR"
    assert 'name="seen" value="9000"' in client.get(path).content.decode()
    sent = {f"put-{ids.encode('invoice', invoice.pk)}": "40.00", "action": "save", "seen": "9000"}
    assert client.post(path, sent).status_code == 302
    again = client.post(path, sent)
    assert (again.status_code, "The credit has changed" in again.content.decode()) == (422, True)
    with scope(Scope(tenant_a)):
        assert make.fresh(invoice).amount_paid_minor == 4_000
