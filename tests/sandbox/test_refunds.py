"""Refunds and disputes: never more than was taken, whatever asks at once; late endings; who may answer when."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import stripe

from tests.sandbox.conftest import client_of


def test_a_refund_in_parts_ends_with_nothing_left(gateway, client, charge):
    paid = charge()
    first = client.v1.refunds.create(
        {
            "payment_intent": paid.id,
            "amount": 400,
            "reason": "requested_by_customer",
            "metadata": {"ours": "rfn_1"},
        }
    )
    assert (first.status, first.amount, first.metadata.to_dict()) == ("succeeded", 400, {"ours": "rfn_1"})
    rest = client.v1.refunds.create({"payment_intent": paid.id})
    assert rest.amount == 600
    whole = client.v1.charges.retrieve(paid.latest_charge)
    assert (whole.amount_refunded, whole.refunded) == (1000, True)
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.refunds.create({"payment_intent": paid.id})
    assert (refusal.value.http_status, refusal.value.code) == (400, "charge_already_refunded")
    found = client.v1.refunds.list({"payment_intent": paid.id}).data
    assert [refund.id for refund in found] == [rest.id, first.id]


def test_more_than_what_is_left_is_refused(gateway, client, charge):
    paid = charge()
    client.v1.refunds.create({"payment_intent": paid.id, "amount": 700})
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.refunds.create({"payment_intent": paid.id, "amount": 301})
    assert (refusal.value.code, refusal.value.param) == ("amount_too_large", "amount")
    assert gateway.truth()["sums"]["refunded"] == 700


def test_of_twenty_refunds_at_once_only_what_was_taken_goes_back(gateway, charge):
    paid = charge(amount=1000)

    def ask(number: int) -> str:
        try:
            return client_of(gateway).v1.refunds.create({"payment_intent": paid.id, "amount": 300}).status
        except stripe.InvalidRequestError as refusal:
            return str(refusal.code)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(20)))
    assert sorted(answers) == ["amount_too_large"] * 17 + ["succeeded"] * 3
    assert gateway.truth()["sums"]["refunded"] == 900


def test_a_refund_that_is_pending_first(gateway, client, charge):
    refund = client.v1.refunds.create({"payment_intent": charge("pm_card_pendingRefund").id})
    assert refund.status == "pending"
    gateway.advance()
    assert client.v1.refunds.retrieve(refund.id).status == "succeeded"


def test_a_refund_that_fails_after_it_looked_good_gives_the_money_back(gateway, client, charge):
    paid = charge("pm_card_refundFail")
    refund = client.v1.refunds.create({"payment_intent": paid.id})
    assert refund.status == "succeeded"
    gateway.advance()
    failed = client.v1.refunds.retrieve(refund.id)
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
    whole = client.v1.charges.retrieve(paid.latest_charge)
    assert (whole.amount_refunded, whole.refunded) == (0, False)


def test_a_pending_refund_can_be_made_to_fail(gateway, client, charge):
    refund = client.v1.refunds.create({"payment_intent": charge("pm_card_pendingRefund").id})
    gateway.fail_refund(refund.id)
    gateway.advance()
    assert client.v1.refunds.retrieve(refund.id).status == "failed"


def test_what_was_not_paid_is_not_refunded(client, customer):
    unpaid = client.v1.payment_intents.create({"amount": 500, "currency": "eur", "customer": customer.id})
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.refunds.create({"payment_intent": unpaid.id})
    assert refusal.value.code == "payment_intent_unexpected_state"


def test_a_capture_takes_no_more_than_was_authorized(gateway, client, charge):
    held = charge(capture_method="manual")
    assert (held.status, held.amount_capturable) == ("requires_capture", 1000)
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.payment_intents.capture(held.id, {"amount_to_capture": 1001})
    assert refusal.value.code == "amount_too_large"
    taken = client.v1.payment_intents.capture(held.id, {"amount_to_capture": 800})
    assert (taken.status, taken.amount_received) == ("succeeded", 800)
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.capture(held.id)
    with pytest.raises(stripe.InvalidRequestError) as over:
        client.v1.refunds.create({"payment_intent": held.id, "amount": 801})
    assert over.value.code == "amount_too_large"


def test_a_dispute_is_answered_and_won(gateway, client, charge):
    paid = charge()
    dispute = gateway.dispute(paid.id, reason="product_not_received")
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.refunds.create({"payment_intent": paid.id})
    assert refusal.value.code == "charge_disputed"
    draft = client.v1.disputes.update(
        dispute, {"evidence": {"product_description": "Calibration"}, "submit": False}
    )
    assert (draft.status, draft.evidence_details.has_evidence) == ("needs_response", True)
    sent = client.v1.disputes.update(
        dispute, {"evidence": {"uncategorized_text": "winning_evidence"}, "submit": True}
    )
    assert (sent.status, sent.evidence_details.submission_count) == ("under_review", 1)
    assert sent.evidence.product_description == "Calibration"
    gateway.advance()
    assert client.v1.disputes.retrieve(dispute).status == "won"
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.disputes.update(dispute, {"evidence": {"customer_name": "Late"}})


def test_a_dispute_that_is_accepted_is_lost(gateway, client, charge):
    dispute = gateway.dispute(charge().id)
    assert client.v1.disputes.close(dispute).status == "lost"
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.disputes.close(dispute)


@pytest.mark.parametrize(("won", "status"), [(True, "won"), (False, "lost")])
def test_a_dispute_is_decided_on_demand(gateway, client, charge, won, status):
    dispute = gateway.dispute(charge().id)
    gateway.close_dispute(dispute, won=won)
    assert client.v1.disputes.retrieve(dispute).status == status
