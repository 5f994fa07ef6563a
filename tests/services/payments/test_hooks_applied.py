"""What the provider tells is applied as the provider says when it is asked, in any order, once."""

from datetime import timedelta
from uuid import UUID

import pytest
import stripe

from core import clock, ids
from core.errors import NotFound
from payments.gateways.base import HookRefused
from payments.models import Attempt, Dispute, GatewayAccount, HookReceipt, Payment, Refund
from payments.services import accounts, hooks, refunding, refunds
from tenancy.context import Scope, scope
from tests.make import payer
from tests.sandbox.conftest import Receiver
from tests.services.payments.shop import ACTOR, Shop, message

pytestmark = pytest.mark.django_db


def test_a_message_that_lies_is_not_believed(shop: Shop) -> None:
    """Signed with the true secret and saying that it is paid: the provider is asked, and says that it is not."""
    attempt_id = shop.attempt()
    shop.page(attempt_id)
    with scope(Scope(shop.tenant)):
        page = Attempt.objects.get(pk=attempt_id).checkout_reference
    found = {
        "id": page, "object": "checkout.session", "payment_status": "paid", "amount_total": 10_000,
        "metadata": {"attempt": ids.encode("attempt", attempt_id)},
    }  # fmt: skip
    body = message(type="checkout.session.completed", data={"object": found})
    assert shop.post(body, shop.signed(body)) == 200
    assert shop.apply() == 1
    payment = shop.payment(attempt_id)
    assert (payment.state, payment.captured_minor) == ("pending", 0)


def test_money_of_another_amount_is_held_whatever_the_message_says(shop: Shop) -> None:
    attempt_id = shop.attempt()
    named = {"attempt": ids.encode("attempt", attempt_id)}
    client = stripe.StripeClient(shop.sandbox.key, base_addresses={"api": shop.sandbox.address})
    client.v1.payment_intents.create(
        {"amount": 1, "currency": "eur", "payment_method": "pm_card_visa", "confirm": True, "metadata": named,
         "return_url": "http://localhost/"}
    )  # fmt: skip
    assert set(shop.hand_in()) == {200}
    shop.apply()
    payment = shop.payment(attempt_id)
    assert (payment.state, payment.captured_minor) == ("held", 0)
    assert shop.count("payment.held") == 1


def test_objects_that_are_not_ours_are_ignored(shop: Shop) -> None:
    client = stripe.StripeClient(shop.sandbox.key, base_addresses={"api": shop.sandbox.address})
    theirs = {"amount": 500, "currency": "eur", "payment_method": "pm_card_visa", "confirm": True,
              "return_url": "http://localhost/"}  # fmt: skip
    made = client.v1.payment_intents.create(theirs)
    client.v1.refunds.create({"payment_intent": made.id, "amount": 100})
    shop.sandbox.dispute(client.v1.payment_intents.create(theirs).id)
    assert set(shop.hand_in()) == {200}
    for subject, kind in (
        ("pi_unknown", "payment_intent"),
        ("cs_unknown", "checkout.session"),
        ("ch_1", "charge"),
    ):
        body = message(type=f"{kind}.succeeded", data={"object": {"id": subject, "object": kind}})
        assert shop.post(body, shop.signed(body)) == 200
    assert shop.apply() == 0
    assert set(shop.receipts().values()) == {"ignored"}
    with scope(Scope(shop.tenant)):
        assert (Payment.objects.count(), Refund.objects.count(), Dispute.objects.count()) == (0, 0, 0)


def test_declines_are_noted_and_the_page_stays(shop: Shop) -> None:
    attempt_id = shop.attempt()
    url = shop.page(attempt_id)
    with pytest.raises(payer.NotPaid):
        payer.pay(url, payer.INSUFFICIENT_FUNDS)
    shop.hand_in()
    shop.apply()
    with scope(Scope(shop.tenant)):
        attempt = Attempt.objects.get(pk=attempt_id)
    assert (attempt.state, attempt.failure_code, attempt.declines) == ("open", "insufficient_funds", 1)
    payer.pay(url)
    shop.hand_in()
    shop.apply()
    assert shop.payment(attempt_id).state == "succeeded"


def test_a_debit_that_fails_after_days(shop: Shop) -> None:
    attempt_id = shop.attempt()
    payer.pay(shop.page(attempt_id), iban=payer.DEBIT_FAILS)
    shop.hand_in()
    shop.apply()
    assert shop.payment(attempt_id).state == "processing"
    shop.sandbox.advance()
    shop.hand_in()
    shop.apply()
    payment = shop.payment(attempt_id)
    assert (payment.state, payment.failure_code, payment.captured_minor) == (
        "failed",
        "debit_not_authorized",
        0,
    )


def test_a_refund_that_fails_after_it_succeeded(shop: Shop) -> None:
    attempt_id = shop.paid(payer.REFUND_FAILS)
    shop.hand_in()
    shop.apply()
    with scope(Scope(shop.tenant)):
        asked = refunds.ask(
            payment_id=shop.payment(attempt_id).pk, amount_minor=40_00, reason="Returned", actor=ACTOR,
            at=clock.now(),
        )  # fmt: skip
    refunding.send(tenant_id=shop.tenant, refund_id=asked.pk, actor=ACTOR, at=clock.now())
    shop.hand_in()
    shop.apply()
    assert (_refund(shop, asked.pk).state, shop.payment(attempt_id).refunded_minor) == ("succeeded", 40_00)
    shop.sandbox.advance()
    shop.hand_in()
    shop.apply()
    failed = _refund(shop, asked.pk)
    assert (failed.state, failed.failure_code) == ("failed", "expired_or_canceled_card")
    assert shop.payment(attempt_id).refunded_minor == 0


def test_a_dispute_that_is_heard_of_before_its_payment(shop: Shop) -> None:
    attempt_id = shop.paid(payer.DISPUTED)
    shop.sandbox.advance()
    fresh = [(headers, body) for headers, body in shop.messages() if b"charge.dispute" in body]
    for headers, body in fresh:
        assert shop.post(body, headers["Stripe-Signature"]) == 200
    assert shop.apply() == 2
    assert shop.payment(attempt_id).state == "succeeded"
    with scope(Scope(shop.tenant)):
        [dispute] = Dispute.objects.all()
    assert (dispute.state, dispute.amount_minor, dispute.reason_code) == (
        "needs_response",
        100_00,
        "fraudulent",
    )
    shop.sandbox.close_dispute(dispute.reference, won=False)
    shop.hand_in()
    shop.apply()
    with scope(Scope(shop.tenant)):
        assert Dispute.objects.get().state == "lost"


def test_a_provider_that_is_silent_is_asked_again_later(shop: Shop) -> None:
    attempt_id = shop.paid()
    shop.hand_in()
    shop.sandbox.fault("error_before", chance=1, path="GET /v1/")
    at = clock.now()
    assert shop.apply(at=lambda: at) == 0
    # The first was asked about; the other waits untried, and no worker with it.
    assert sorted(shop.receipts().values()) == ["failed", "received"]
    with scope(Scope(shop.tenant)):
        failed, other = HookReceipt.objects.order_by("state")
        assert (failed.failure, failed.tries, failed.next_try_at) == (
            "status_500", 1, at + timedelta(seconds=2),
        )  # fmt: skip
        assert (other.failure, other.tries, other.next_try_at) == ("", 0, at + timedelta(seconds=5))
        assert not hooks.is_due(at=at)
    shop.sandbox.calm()
    assert shop.apply(at=lambda: at + timedelta(seconds=5)) == 2
    assert shop.payment(attempt_id).state == "succeeded"


def test_what_cannot_be_applied_is_given_up_in_the_end_and_says_so(shop: Shop) -> None:
    shop.paid()
    shop.hand_in()
    shop.sandbox.fault("error_before", chance=1, path="GET /v1/")
    at = clock.now()
    for _ in range(2 * hooks.MOST_TRIES):
        shop.apply(at=lambda at=at: at)
        at += timedelta(hours=3)
    assert shop.count("hook.given_up") == 2
    assert set(shop.receipts().values()) == {"ignored"}
    with scope(Scope(shop.tenant)):
        assert not hooks.is_due(at=at + timedelta(days=1))


def test_two_workers_do_not_apply_the_same_message(shop: Shop) -> None:
    shop.paid()
    shop.hand_in()
    with scope(Scope(shop.tenant)):
        assert len(hooks.claim(at=clock.now())) == 2
        assert hooks.claim(at=clock.now()) == []
        assert len(hooks.claim(at=clock.now() + hooks.LEASE)) == 2


def test_a_message_of_an_account_that_was_replaced_goes_to_its_own_attempts_only(
    shop: Shop, tenant_a: UUID, caught: Receiver
) -> None:
    """The same provider account connected anew: both hooks are told, each answers for its own attempts."""
    attempt_id = shop.paid()
    first = shop.messages()
    with scope(Scope(tenant_a)):
        accounts.disconnect(account_id=shop.account_id, actor=ACTOR)
    again = accounts.connect(tenant_id=tenant_a, secret_key=shop.sandbox.key, actor=ACTOR, at=clock.now())
    with scope(Scope(tenant_a)):
        account = GatewayAccount.objects.get(pk=again)
        for _, body in first:
            signature = shop.signed(body, secret=str(account.hook_secret))
            hooks.take(account=account, body=body, signature=signature, actor=ACTOR, at=clock.now())
    assert shop.apply() == 0
    assert shop.payment(attempt_id).state == "pending"
    for headers, body in first:
        assert shop.post(body, headers["Stripe-Signature"]) == 200
    assert shop.apply() == 2
    assert shop.payment(attempt_id).state == "succeeded"


def test_messages_go_after_180_days(shop: Shop) -> None:
    body = message()
    assert shop.post(body, shop.signed(body)) == 200
    with scope(Scope(shop.tenant)):
        assert hooks.remove_old(at=clock.now() + timedelta(days=179)) == 0
        assert hooks.remove_old(at=clock.now() + timedelta(days=181)) == 1
        assert HookReceipt.objects.count() == 0


def test_a_closed_door_is_told_as_nothing(shop: Shop) -> None:
    with scope(Scope(shop.tenant)):
        with pytest.raises(NotFound):
            hooks.account_of("unknown")
        with pytest.raises(HookRefused) as refused:
            hooks.take(
                account=GatewayAccount.objects.get(), body=b"", signature="", actor=ACTOR, at=clock.now()
            )
    assert refused.value.status == 400


def _refund(shop: Shop, refund_id: UUID) -> Refund:
    with scope(Scope(shop.tenant)):
        return Refund.objects.get(pk=refund_id)
