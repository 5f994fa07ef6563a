"""One record that cannot be worked on, by chance or on purpose: everybody else's money still arrives."""

from datetime import timedelta

import pytest
from django.db import connection

from core import clock
from outbound.models import OutboxMessage
from payments import tasks
from payments.gateways.stripe import StripeGateway
from payments.models import Attempt, HookReceipt
from payments.services import collect, hooks
from tenancy.context import Scope, scope
from tests.make import billing as bill
from tests.make import payer
from tests.make import payments as make

pytestmark = pytest.mark.django_db
BACK = {"return_url": "http://localhost:8000/back", "cancel_url": "http://localhost:8000/back"}


def paid_unheard(tenant, key):
    """Pay an invoice at the provider; its webhook is lost, and it is asked about now."""
    at = clock.now() - timedelta(minutes=10)
    with scope(Scope(tenant)):
        found = make.the_account() if not key else make.account(secret_key=key)
        attempt = make.started(bill.finalized(), account_id=found.pk, at=at)
    payer.pay(collect.open_page(tenant_id=tenant, attempt_id=attempt.pk, at=at, **BACK))
    with scope(Scope(tenant)):
        Attempt.objects.filter(pk=attempt.pk).update(ask_at=at)
    return attempt


def attempt_reference(attempt):
    return Attempt.objects.values_list("checkout_reference", flat=True).get(pk=attempt.pk)


def state(tenant, attempt):
    with scope(Scope(tenant)):
        return Attempt.objects.get(pk=attempt.pk).state


@pytest.fixture
def poisoned(tenant_a, gateway, monkeypatch):
    """The first of two attempts is answered with what nobody can read."""
    first, second = paid_unheard(tenant_a, gateway.key), paid_unheard(tenant_a, "")
    with scope(Scope(tenant_a)):
        bad = attempt_reference(first)
    plain = StripeGateway.look_up

    def look_up(self, reference):
        if reference == bad:
            raise KeyError("amount")
        return plain(self, reference)

    monkeypatch.setattr(StripeGateway, "look_up", look_up)
    return first, second, bad


def test_an_attempt_that_cannot_be_asked_about_keeps_nobody_waiting(tenant_a, poisoned):
    first, second, _ = poisoned
    tasks.sweep()
    assert (state(tenant_a, first), state(tenant_a, second)) == ("open", "succeeded")


def test_a_message_that_cannot_be_applied_keeps_nobody_waiting(tenant_a, poisoned):
    first, second, bad = poisoned
    with scope(Scope(tenant_a)):
        now = clock.now()
        for number, reference in enumerate([bad, attempt_reference(second)]):
            HookReceipt(
                account_id=first.account_id, event_reference=f"evt_{number}", object_reference=reference,
                event_type="checkout.session.completed", next_try_at=now, created_at=now, received_at=now,
            ).save(force_insert=True)  # fmt: skip
    assert hooks.apply_due(tenant_id=tenant_a, actor=make.ACTOR, now=clock.now) == 1
    assert (state(tenant_a, first), state(tenant_a, second)) == ("open", "succeeded")
    with scope(Scope(tenant_a)):
        rows = HookReceipt.objects.order_by("event_reference").values_list("state", "failure", "tries")
        assert list(rows) == [("failed", "unfit", 1), ("applied", "", 1)]


def test_an_organization_whose_rows_were_touched_keeps_no_other_waiting(tenant_a, tenant_b):
    for tenant in (tenant_a, tenant_b):
        with scope(Scope(tenant)):
            now = clock.now()
            make.bank_payment(of=bill.customer(email="a@ada.example"), amount_minor=1_000, at=now)
    with scope(Scope(tenant_a)), connection.cursor() as cursor:
        # Somebody puts another's address there, to have the receipt: it does not open in that place.
        other = bill.customer(email="b@ada.example")
        cursor.execute(
            "UPDATE billing_customer SET email = (SELECT email FROM billing_customer WHERE id = %s)",
            [other.pk],
        )
    assert tasks.send_receipts() == 1
    with scope(Scope(tenant_a)):
        assert OutboxMessage.objects.filter(template="receipt").count() == 0
    with scope(Scope(tenant_b)):
        assert OutboxMessage.objects.filter(template="receipt").count() == 1
