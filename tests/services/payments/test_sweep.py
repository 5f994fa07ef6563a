"""The sweep finds in every organization what nobody came back to."""

from datetime import timedelta

import pytest

from billing.ledger import queries as books
from core import clock
from payments import tasks
from payments.models import Attempt, Refund
from payments.services import collect, methods, refunds
from tenancy.context import Scope, scope
from tests.make import billing as bill
from tests.make import payer
from tests.make import payments as make

pytestmark = pytest.mark.django_db
BACK = "http://localhost:8000/back"


@pytest.fixture
def account(tenant_a, gateway):
    with scope(Scope(tenant_a)):
        return make.account(secret_key=gateway.key)


def test_what_a_process_that_died_left_behind_is_finished(tenant_a, account):
    long_ago = clock.now() - timedelta(minutes=10)
    with scope(Scope(tenant_a)):
        invoice = bill.finalized()
        attempt = make.started(invoice, at=long_ago)
    url = collect.open_page(
        tenant_id=tenant_a, attempt_id=attempt.pk, return_url=BACK, cancel_url=BACK, at=long_ago
    )
    payer.pay(url)
    with scope(Scope(tenant_a)):
        # The webhook was lost, and the page's time is over.
        Attempt.objects.update(ask_at=long_ago)
    assert tasks.sweep() == 1
    with scope(Scope(tenant_a)):
        assert make.fresh(invoice).payment_status == "paid"
        refund = refunds.ask(
            payment_id=attempt.payment_id, amount_minor=5_000, reason="", actor=make.ACTOR, at=long_ago
        )
    assert tasks.sweep() == 1
    with scope(Scope(tenant_a)):
        assert Refund.objects.get(pk=refund.pk).state == "succeeded"
        assert books.check() == []
    assert tasks.sweep() == 0


def test_one_organization_is_looked_after_by_its_own_tasks(tenant_a, account):
    now = clock.now()
    with scope(Scope(tenant_a)):
        ada = bill.customer()
        first, second = bill.finalized(of=ada), bill.finalized(of=ada)
        attempt = make.started(first, at=now)
        kept = methods.save(
            customer_id=ada.pk, account_id=account.pk, method=make.method("pm_card_visa"),
            actor=make.ACTOR, at=now,
        )  # fmt: skip
        methods.remove(method_id=kept.pk, actor=make.ACTOR, at=now)
        make.bank_payment(first)
        make.bank_payment(second)
    tenant = str(tenant_a)
    assert (tasks.close_pages(tenant), tasks.ask_unsure(tenant), tasks.send_refunds(tenant)) == (1, 0, 0)
    assert (tasks.answer_disputes(tenant), tasks.forget_methods(tenant)) == (0, 1)
    assert (tasks.forget_removed_methods(), tasks.autopay_due()) == (1, 0)
    with scope(Scope(tenant_a)):
        assert make.fresh(attempt).state == "canceled"
