"""Pages that ask for more than is due: closed at the provider as soon as an invoice got its money another way."""

import base64
import json

import pytest
from celery import current_app
from django.conf import settings

from accounts.permissions import RoleCode
from billing.invoices.models import Invoice
from billing.settlement import queries as settled
from core import clock, ids
from payments import tasks
from payments.models import Attempt
from payments.services import collect, disputes
from payments.services.collect import pages
from tenancy.context import Scope, scope
from tests.gateway import Gateway
from tests.guarantees import world
from tests.make import accounts, payer
from tests.make import api as programs
from tests.make import billing as bill
from tests.make import payments as make

BACK = "http://localhost:8000/back"
TASK = "payments.close_pages"


def waiting(tenant) -> int:
    """Count how often the worker was asked to close an organization's pages."""
    queue = settings.CELERY_BROKER_TRANSPORT_OPTIONS["global_keyprefix"] + settings.CELERY_TASK_DEFAULT_QUEUE
    with current_app.connection_for_read() as broker:
        raw = broker.default_channel.client.execute_command("LRANGE", queue, 0, -1)
    messages = [json.loads(each) for each in raw]
    asked = [
        json.loads(base64.b64decode(each["body"]))[0] for each in messages if each["headers"]["task"] == TASK
    ]
    return asked.count([str(tenant)])


class House:
    """An organization with an account at the sandbox and payers before its pages."""

    def __init__(self, tenant, gateway: Gateway) -> None:
        self.tenant, self.gateway = tenant, gateway
        with self.scope():
            make.account(secret_key=gateway.key)

    def scope(self):
        return scope(Scope(self.tenant))

    def invoice(self, of: Invoice | None = None) -> Invoice:
        with self.scope():
            return bill.finalized(of=of.customer) if of else bill.finalized()

    def page(self, *items) -> tuple[Attempt, str]:
        with self.scope():
            attempt = make.started(*items, at=clock.now())
        url = collect.open_page(
            tenant_id=self.tenant, attempt_id=attempt.pk, return_url=BACK, cancel_url=BACK, at=clock.now()
        )
        return attempt, url

    def now(self, row):
        with self.scope():
            return make.fresh(row)

    def pages(self) -> list[str]:
        """Say how its pages stand at the provider."""
        return [one["status"] for one in self.gateway.truth()["sessions"]]

    def charges(self) -> list[int]:
        paid = [one for one in self.gateway.truth()["payments"] if one["status"] == "succeeded"]
        return [one["amount"] for one in paid]

    def work(self, since: int) -> int:
        """Do what the worker was asked since then; returns how often it was asked."""
        asked = waiting(self.tenant) - since
        for _ in range(asked):
            tasks.close_pages(str(self.tenant))
        return asked


@pytest.fixture
def house(transactional_db, tenant_a, gateway):
    return House(tenant_a, gateway)


def test_a_page_is_over_at_the_provider_once_the_invoice_was_paid_by_bank(house):
    speaking = programs.ready("a")
    invoice = house.invoice()
    attempt, url = house.page(invoice)
    assert payer.look(url).forms
    before = waiting(house.tenant)
    paid = speaking.post(
        "payments",
        {"invoice": ids.encode("invoice", invoice.pk), "amount_minor": 10_000},
        Idempotency_Key="bank",
    )
    assert (paid.status_code, paid.json()["allocated_minor"]) == (201, 10_000)
    assert house.pages() == ["open"]
    assert house.work(before) == 1
    assert house.pages() == ["expired"]
    with pytest.raises(payer.NotPaid):
        payer.pay(url)
    assert house.charges() == []
    assert house.now(attempt).state == "canceled"
    assert house.now(invoice).payment_status == "paid"


def test_a_page_is_closed_when_less_is_due_than_it_asks_and_stays_while_it_fits(house):
    invoice = house.invoice()
    whole, url = house.page(invoice)
    before = waiting(house.tenant)
    with house.scope():
        make.bank_payment((invoice, 4_000))
    assert house.work(before) == 1
    with pytest.raises(payer.NotPaid):
        payer.pay(url)
    part, url = house.page((invoice, 3_000))
    before = waiting(house.tenant)
    with house.scope():
        make.bank_payment((invoice, 3_000))
    assert house.work(before) == 1
    assert (house.now(whole).state, house.now(part).state) == ("canceled", "open")
    payer.pay(url)
    collect.ask(tenant_id=house.tenant, attempt_id=part.pk, at=clock.now())
    assert (house.now(invoice).payment_status, house.charges()) == ("paid", [3_000])


def test_a_page_of_two_invoices_is_closed_when_one_of_them_is_paid(house):
    first = house.invoice()
    second = house.invoice(of=first)
    attempt, url = house.page(first, second)
    before = waiting(house.tenant)
    with house.scope():
        make.bank_payment(first)
    assert house.work(before) == 1
    with pytest.raises(payer.NotPaid):
        payer.pay(url)
    assert (house.now(attempt).state, house.charges()) == ("canceled", [])


def test_nobody_is_asked_to_close_anything_where_no_payment_is_under_way(house):
    paid, other = house.invoice(), house.invoice()
    attempt, _ = house.page(other)
    before = waiting(house.tenant)
    with house.scope():
        make.bank_payment(paid)
    assert house.work(before) == 0
    assert house.now(attempt).state == "open"


def test_a_page_is_closed_when_credit_pays_the_invoice(house):
    speaking = programs.ready("a")
    invoice = house.invoice()
    with house.scope():
        make.bank_payment(of=invoice.customer, amount_minor=10_000)
    attempt, url = house.page(invoice)
    before = waiting(house.tenant)
    made = speaking.post(
        "allocations",
        {"invoice": ids.encode("invoice", invoice.pk), "amount_minor": 10_000},
        Idempotency_Key="credit",
    )
    assert made.status_code == 201
    assert house.work(before) == 1
    with pytest.raises(payer.NotPaid):
        payer.pay(url)
    assert (house.now(attempt).state, house.charges()) == ("canceled", [])


def test_a_page_is_closed_when_a_person_puts_credit_onto_its_invoice(house):
    invoice = house.invoice()
    with house.scope():
        make.bank_payment(of=invoice.customer, amount_minor=10_000)
        opened = accounts.session(accounts.member(RoleCode.BILLING_CLERK).user)
    attempt, url = house.page(invoice)
    before = waiting(house.tenant)
    named = ids.encode("invoice", invoice.pk)
    saved = world.browser(opened.raw_key).post(
        f"/o/a/customers/{ids.encode('customer', invoice.customer_id)}/credit",
        {f"put-{named}": "100.00", "action": "save"},
    )
    assert (saved.status_code, house.now(invoice).payment_status) == (302, "paid")
    assert house.work(before) == 1
    with pytest.raises(payer.NotPaid):
        payer.pay(url)
    assert (house.now(attempt).state, house.charges()) == ("canceled", [])


def test_a_page_is_closed_when_a_bank_gives_back_what_a_dispute_took(house):
    invoice = house.invoice()
    with house.scope():
        payment = make.card_payment(invoice)
        for state in ("needs_response", "lost"):
            disputes.apply_facts(facts=make.dispute_says(payment, state), actor=make.ACTOR, at=clock.now())
    attempt, url = house.page(invoice)
    before = waiting(house.tenant)
    with house.scope():
        disputes.apply_facts(facts=make.dispute_says(payment, "won"), actor=make.ACTOR, at=clock.now())
    assert house.now(invoice).payment_status == "paid"
    assert house.work(before) == 1
    with pytest.raises(payer.NotPaid):
        payer.pay(url)
    assert (house.now(attempt).state, house.charges()) == ("canceled", [])


def test_a_page_that_opens_while_the_bank_pays_is_closed_too(house):
    """The invoice got its money while the provider was being asked: there was no page yet to close."""
    invoice = house.invoice()
    with house.scope():
        attempt = make.started(invoice, at=clock.now())
        asked = pages.prepare(
            attempt_id=attempt.pk, return_url=BACK, cancel_url=BACK, locale="en", at=clock.now()
        )
        make.bank_payment(invoice)
    tasks.close_pages(str(house.tenant))
    assert house.now(attempt).state == "created"
    before = waiting(house.tenant)
    url = collect.open_page(
        tenant_id=house.tenant, attempt_id=attempt.pk, return_url=BACK, cancel_url=BACK, at=clock.now()
    )
    assert asked.ask.amount.amount_minor == 10_000
    assert house.work(before) == 1
    with pytest.raises(payer.NotPaid):
        payer.pay(url)
    assert (house.now(attempt).state, house.charges()) == ("canceled", [])


def test_what_was_paid_in_the_same_second_is_credit(house):
    invoice = house.invoice()
    attempt, url = house.page(invoice)
    payer.pay(url)
    before = waiting(house.tenant)
    with house.scope():
        make.bank_payment(invoice)
    assert house.work(before) == 1
    assert (house.now(attempt).state, house.charges()) == ("succeeded", [10_000])
    with house.scope():
        assert settled.credit(customer_id=invoice.customer_id) == {"EUR": 10_000}
