"""The provider tells a running product over HTTP what happened: whoever pays and does not come back has paid."""

import time
from uuid import UUID

from core import clock
from core.actor import Actor
from payments.models import HookReceipt, Payment
from payments.services import collect, hooks
from tenancy.context import Scope, scope
from tests.browser.live import Live
from tests.gateway import Gateway
from tests.make import billing, payer, payments


def test_a_payer_who_does_not_come_back_has_paid(live: Live, selling: UUID, gateway: Gateway) -> None:
    with scope(Scope(live.tenant)):
        invoice = billing.finalized()
        attempt = payments.started(invoice, account_id=selling, at=clock.now())
    url = collect.open_page(
        tenant_id=live.tenant, attempt_id=attempt.pk, return_url=live.at("/back"), cancel_url=live.at("/left"),
        at=clock.now(),
    )  # fmt: skip
    gateway.fault("webhook_duplicate", chance=1)
    gateway.fault("webhook_reorder", chance=1, seconds=0.3)
    payer.pay(url)
    limit = time.monotonic() + 60
    while gateway.truth()["webhooks"] != {"delivered": 4}:
        assert time.monotonic() < limit, gateway.truth()["webhooks"]
    with scope(Scope(live.tenant)):
        assert set(HookReceipt.objects.values_list("event_type", flat=True)) == {
            "checkout.session.completed", "payment_intent.succeeded",
        }  # fmt: skip
        assert HookReceipt.objects.count() == 2
    hooks.apply_due(tenant_id=live.tenant, actor=Actor.system("tests"), now=clock.now)
    with scope(Scope(live.tenant)):
        invoice.refresh_from_db()
        assert (invoice.payment_status, invoice.amount_due_minor) == ("paid", 0)
        assert Payment.objects.get(pk=attempt.payment_id).captured_minor == 100_00
        assert set(HookReceipt.objects.values_list("state", flat=True)) == {"applied"}
    assert gateway.truth()["sums"] == {"taken": 100_00, "refunded": 0, "charges": 1}
