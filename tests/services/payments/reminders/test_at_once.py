"""Whoever reminds at once sends one mail, and the invoice's timeline says so."""

import threading
from datetime import date

import pytest
from django.db import connections

from accounts.permissions import RoleCode
from core import ids
from outbound.models import OutboxMessage
from payments.models import LateFee, Reminder
from payments.reminders import plans, sending
from payments.reminders.rules import Fee
from tenancy.context import Scope, scope
from tests.guarantees import world
from tests.make import accounts
from tests.make import billing as make

WHO = {"actor": make.ACTOR, "at": make.AT}
ON = date(2026, 3, 14)


@pytest.mark.django_db(transaction=True)
def test_twelve_who_remind_at_once_send_one_mail_and_draft_one_fee(tenant_a):
    with scope(Scope(tenant_a)):
        invoice = make.finalized(
            of=make.customer(email="pay@ada.example"), issued_on=date(2026, 1, 1), due_on=date(2026, 3, 10)
        )
        fee = Fee(kind="fixed", currency="EUR", amount_minor=500)
        plan = plans.default_plan(**WHO)
        steps = [plans.StepInput(days=3, words="friendly", fee=fee)]
        plans.change(plan_id=plan.pk, name="Fees", steps=steps, **WHO)
        plans.start(plan_id=plan.pk, on=date(2026, 1, 1), **WHO)
        client = world.browser(accounts.session(accounts.member(RoleCode.ACCOUNTANT).user).raw_key)
    sent: list[int] = []

    def remind(number: int) -> None:
        try:
            with scope(Scope(tenant_a)):
                if number % 3:
                    done = sending.send_due(customer_id=invoice.customer_id, on=ON, **WHO)
                else:
                    done = sending.remind(invoice_ids=[invoice.pk], on=ON, **WHO)
            sent.append(done.mails)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=remind, args=[number]) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sent) == 12
    with scope(Scope(tenant_a)):
        # By hand and by plan are two reminders where the hand came first; each of them is sent once.
        by_plan = Reminder.objects.filter(step__isnull=False, state="sent").count()
        by_hand = Reminder.objects.filter(step__isnull=True).count()
        assert (by_plan, by_hand in (0, 1)) == (1, True)
        assert (
            sum(sent) == by_plan + by_hand == OutboxMessage.objects.filter(template__startswith="rem").count()
        )
        assert LateFee.objects.count() == 1
    page = client.get(f"/o/a/invoices/{ids.encode('invoice', invoice.pk)}/timeline").content.decode()
    assert "reminded of" in page
