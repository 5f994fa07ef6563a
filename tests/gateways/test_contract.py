"""What every payment gateway has to do: one suite for all adapters, against the real sandbox process."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from core import clock
from core.money import Money
from payments.gateways.base import (
    Can,
    CannotDo,
    DisputeState,
    Evidence,
    GatewayRefused,
    OutcomeState,
    RefundState,
    SavedMethod,
)
from tests.gateways.benches import BENCHES, EUR, REFERENCE, Bench, needs
from tests.make import payer


def test_a_checkout_leads_to_a_page_or_says_what_to_do(bench: Bench) -> None:
    made = bench.gateway.open_checkout(bench.ask())
    assert made.reference
    if Can.HOSTED_PAGE in bench.gateway.can:
        assert made.url.startswith("http")
        assert made.instructions is None
        assert made.expires_at is not None
        assert timedelta(minutes=59) < made.expires_at - clock.now() <= timedelta(hours=1)
    else:
        assert (made.url, made.expires_at) == ("", None)
        assert made.instructions is not None
        assert (made.instructions.reference, made.instructions.iban) == (REFERENCE, "DE89370400440532013000")
        assert made.instructions.epc.split("\n")[-4:] == [
            "DE89370400440532013000", "EUR19.99", "", REFERENCE,
        ]  # fmt: skip


@pytest.mark.parametrize("minor", [0, -1])
def test_nothing_is_asked_for_that_is_no_amount(bench: Bench, minor: int) -> None:
    with pytest.raises(GatewayRefused) as refused:
        bench.gateway.open_checkout(bench.ask(Money(minor, "EUR")))
    assert refused.value.reason == "amount_not_positive"


def test_closing_is_harmless_however_often(bench: Bench) -> None:
    made = bench.gateway.open_checkout(bench.ask())
    bench.gateway.close_checkout(made.reference)
    bench.gateway.close_checkout(made.reference)
    bench.gateway.close_checkout("cs_test_never_there")


@needs(Can.HOSTED_PAGE, Can.LOOK_UP)
def test_a_page_is_open_until_it_is_paid(bench: Bench) -> None:
    ask = bench.ask()
    page = bench.gateway.open_checkout(ask)
    before = bench.gateway.look_up(page.reference)
    assert (before.state, before.amount, before.attempt) == (OutcomeState.OPEN, EUR, ask.attempt)
    payer.pay(page.url)
    after = bench.gateway.look_up(page.reference)
    assert (after.state, after.amount, after.attempt, after.code) == (
        OutcomeState.SUCCEEDED, EUR, ask.attempt, "",
    )  # fmt: skip
    assert after.method is not None
    assert (after.method.kind, after.method.brand, after.method.last4) == ("card", "visa", "4242")
    assert (after.method.expires_month, after.method.expires_year) == (12, 2034)
    assert after.method.customer == ""
    assert bench.gateway.look_up(after.reference) == after
    bench.gateway.close_checkout(page.reference)
    assert bench.gateway.look_up(page.reference).state is OutcomeState.SUCCEEDED


@needs(Can.HOSTED_PAGE, Can.LOOK_UP)
def test_a_closed_page_is_canceled(bench: Bench) -> None:
    ask = bench.ask()
    page = bench.gateway.open_checkout(ask)
    bench.gateway.close_checkout(page.reference)
    found = bench.gateway.look_up(page.reference)
    assert (found.state, found.reference, found.attempt) == (OutcomeState.CANCELED, "", ask.attempt)
    with pytest.raises(payer.NotPaid):
        payer.pay(page.url)
    assert bench.sandbox.truth()["sums"]["charges"] == 0


@needs(Can.HOSTED_PAGE, Can.LOOK_UP)
@pytest.mark.parametrize(
    ("card", "code"),
    [
        ("4000000000000002", "generic_decline"),
        ("4000000000009995", "insufficient_funds"),
        ("4000000000009987", "lost_card"),
        ("4000000000009979", "stolen_card"),
        ("4100000000000019", "fraudulent"),
        ("4000000000000069", "expired_card"),
        ("4000000000000127", "incorrect_cvc"),
        ("4000000000000119", "processing_error"),
    ],
)
def test_each_decline_leaves_the_page_open_and_says_why(bench: Bench, card: str, code: str) -> None:
    page = bench.page()
    with pytest.raises(payer.NotPaid):
        payer.pay(page.url, card)
    found = bench.gateway.look_up(page.reference)
    assert (found.state, found.code) == (OutcomeState.OPEN, code)
    payer.pay(page.url)
    paid = bench.gateway.look_up(page.reference)
    assert (paid.state, paid.code, paid.reference) == (OutcomeState.SUCCEEDED, "", found.reference)


@needs(Can.HOSTED_PAGE, Can.LOOK_UP)
def test_a_declined_page_that_is_closed_is_canceled(bench: Bench) -> None:
    page = bench.page()
    with pytest.raises(payer.NotPaid):
        payer.pay(page.url, payer.DECLINED)
    bench.gateway.close_checkout(page.reference)
    assert bench.gateway.look_up(page.reference).state is OutcomeState.CANCELED


@needs(Can.HOSTED_PAGE, Can.LOOK_UP)
def test_three_d_secure_passed_and_refused(bench: Bench) -> None:
    assert bench.paid(payer.AUTHENTICATE_ALWAYS).state is OutcomeState.SUCCEEDED
    page = bench.page()
    with pytest.raises(payer.NotPaid):
        payer.pay(page.url, payer.AUTHENTICATE_ALWAYS, authenticate=False)
    found = bench.gateway.look_up(page.reference)
    assert (found.state, found.code) == (OutcomeState.OPEN, "payment_intent_authentication_failure")


@needs(Can.HOSTED_PAGE, Can.LOOK_UP)
def test_a_challenge_that_waits_is_neither_paid_nor_failed(bench: Bench) -> None:
    page = bench.page()
    shown = payer.look(page.url)
    form = next(form for form in shown.forms if "number" in form.names)
    typed = {"number": payer.AUTHENTICATE_ALWAYS, "expiry": "12/34", "cvc": "123", "name": "P", "email": ""}
    assert "/3ds/" in payer.look(form.action, form.fields | typed).url
    assert bench.gateway.look_up(page.reference).state is OutcomeState.REQUIRES_ACTION


@needs(Can.HOSTED_PAGE, Can.LOOK_UP)
@pytest.mark.parametrize(
    ("iban", "end", "code"),
    [
        (payer.DEBIT, OutcomeState.SUCCEEDED, ""),
        (payer.DEBIT_FAILS, OutcomeState.FAILED, "debit_not_authorized"),
    ],
)
def test_a_debit_is_on_its_way_and_ends_either_way(
    bench: Bench, iban: str, end: OutcomeState, code: str
) -> None:
    page = bench.page()
    payer.pay(page.url, iban=iban)
    waiting = bench.gateway.look_up(page.reference)
    assert (waiting.state, waiting.amount) == (OutcomeState.PROCESSING, EUR)
    assert waiting.method is not None
    assert (waiting.method.kind, waiting.method.last4) == ("sepa_debit", iban[-4:])
    bench.sandbox.advance()
    found = bench.gateway.look_up(page.reference)
    assert (found.state, found.code, found.amount) == (end, code, EUR)


@needs(Can.HOSTED_PAGE)
def test_a_page_offers_one_way_of_paying_when_asked_to(bench: Bench) -> None:
    card = payer.look(bench.page(method="card").url)
    debit = payer.look(bench.page(method="sepa_debit").url)
    assert [any("number" in form.names for form in page.forms) for page in (card, debit)] == [True, False]


@needs(Can.SAVE_METHODS, Can.CHARGE_SAVED)
def test_a_method_saved_while_paying_is_charged_later(bench: Bench) -> None:
    customer = bench.customer()
    first = bench.paid(customer=customer, save_method=True)
    assert first.method is not None
    assert first.method.customer == customer
    ask = bench.charge_of(first.method, Money(500, "EUR"))
    found = bench.gateway.charge(ask)
    assert (found.state, found.amount, found.attempt) == (
        OutcomeState.SUCCEEDED, Money(500, "EUR"), ask.attempt,
    )  # fmt: skip
    assert bench.gateway.look_up(found.reference) == found


@needs(Can.SAVE_METHODS, Can.CHARGE_SAVED)
def test_a_method_saved_without_paying(bench: Bench) -> None:
    page = bench.gateway.open_setup(bench.setup(bench.customer()))
    assert bench.gateway.setup_result(page.reference) is None
    with pytest.raises(GatewayRefused) as refused:
        bench.gateway.look_up(page.reference)
    assert refused.value.reason == "not_a_payment"
    payer.pay(page.url)
    saved = bench.gateway.setup_result(page.reference)
    assert saved is not None
    assert (saved.kind, saved.brand, saved.last4, saved.expires_year) == ("card", "visa", "4242", 2034)
    assert bench.gateway.charge(bench.charge_of(saved)).state is OutcomeState.SUCCEEDED
    assert bench.sandbox.truth()["sums"] == {"taken": 19_99, "refunded": 0, "charges": 1}


@needs(Can.CHARGE_SAVED)
def test_a_saved_card_that_declines_is_an_outcome(bench: Bench) -> None:
    ask = bench.charge_of(bench.saved(payer.DECLINES_LATER))
    found = bench.gateway.charge(ask)
    assert (found.state, found.code, found.attempt, found.amount) == (
        OutcomeState.FAILED, "generic_decline", ask.attempt, EUR,
    )  # fmt: skip
    assert bench.gateway.look_up(found.reference).state is OutcomeState.FAILED


@needs(Can.CHARGE_SAVED)
def test_off_session_authentication_is_a_failure_with_its_code(bench: Bench) -> None:
    found = bench.gateway.charge(bench.charge_of(bench.saved(payer.AUTHENTICATE_ALWAYS)))
    assert (found.state, found.code) == (OutcomeState.FAILED, "authentication_required")
    assert bench.sandbox.truth()["sums"]["charges"] == 0


@needs(Can.CHARGE_SAVED)
def test_a_saved_debit_is_on_its_way(bench: Bench) -> None:
    found = bench.gateway.charge(bench.charge_of(bench.saved(iban=payer.DEBIT)))
    assert found.state is OutcomeState.PROCESSING
    bench.sandbox.advance()
    assert bench.gateway.look_up(found.reference).state is OutcomeState.SUCCEEDED


@needs(Can.SAVE_METHODS)
def test_a_detached_method_is_charged_no_more_and_detaching_is_harmless(bench: Bench) -> None:
    saved = bench.saved()
    bench.gateway.detach(saved.reference)
    bench.gateway.detach(saved.reference)
    bench.gateway.detach("pm_never_there")
    with pytest.raises(GatewayRefused):
        bench.gateway.charge(bench.charge_of(saved))
    assert bench.sandbox.truth()["sums"]["charges"] == 0


@needs(Can.CHARGE_SAVED)
def test_asking_twice_with_one_key_charges_once(bench: Bench) -> None:
    ask = bench.charge_of(bench.saved())
    first, second = bench.gateway.charge(ask), bench.gateway.charge(ask)
    assert first == second
    assert bench.sandbox.truth()["sums"] == {"taken": 19_99, "refunded": 0, "charges": 1}


@needs(Can.HOSTED_PAGE)
def test_asking_twice_with_one_key_opens_one_page(bench: Bench) -> None:
    ask = bench.ask()
    assert bench.gateway.open_checkout(ask) == bench.gateway.open_checkout(ask)
    assert len(bench.sandbox.truth()["sessions"]) == 1


def test_a_refund_is_taken_on(bench: Bench) -> None:
    """Where asking moves nothing, the refund waits for the person who pays it out."""
    sends = Can.SEND_REFUNDS in bench.gateway.can
    paid = bench.paid().reference if sends else "pay_1"
    ask = bench.refund_of(paid, 7_00)
    found = bench.gateway.refund(ask)
    assert (found.amount, found.payment, found.refund) == (Money(7_00, "EUR"), paid, ask.refund)
    assert found.state is (RefundState.SUCCEEDED if sends else RefundState.PENDING)
    assert bool(found.reference) is sends


@needs(Can.SEND_REFUNDS)
def test_a_refund_is_found_by_its_name_and_by_ours(bench: Bench) -> None:
    paid = bench.paid().reference
    asks = [bench.refund_of(paid, amount) for amount in (1_00, 2_00)]
    made = [bench.gateway.refund(ask) for ask in asks]
    for ask, found in zip(asks, made, strict=True):
        assert bench.gateway.look_up_refund(found.reference) == found
        assert bench.gateway.find_refund(payment=paid, refund=ask.refund) == found
    assert bench.gateway.find_refund(payment=paid, refund="rfn_unknown") is None
    assert bench.gateway.refund(asks[0]) == made[0]
    assert bench.sandbox.truth()["sums"]["refunded"] == 3_00


@needs(Can.SEND_REFUNDS)
def test_a_refund_may_end_later_or_fail_after_all(bench: Bench) -> None:
    later = bench.gateway.refund(bench.refund_of(bench.paid(payer.REFUND_LATER).reference, 19_99))
    assert later.state is RefundState.PENDING
    fails = bench.gateway.refund(bench.refund_of(bench.paid(payer.REFUND_FAILS).reference, 19_99))
    assert fails.state is RefundState.SUCCEEDED
    bench.sandbox.advance()
    assert bench.gateway.look_up_refund(later.reference).state is RefundState.SUCCEEDED
    failed = bench.gateway.look_up_refund(fails.reference)
    assert (failed.state, failed.code) == (RefundState.FAILED, "expired_or_canceled_card")


@needs(Can.SEND_REFUNDS)
def test_more_than_came_is_not_given_back(bench: Bench) -> None:
    paid = bench.paid().reference
    bench.gateway.refund(bench.refund_of(paid, 12_00))
    for amount, reason in ((8_00, "amount_too_large"), (19_99, "amount_too_large")):
        with pytest.raises(GatewayRefused) as refused:
            bench.gateway.refund(bench.refund_of(paid, amount))
        assert refused.value.reason == reason
    bench.gateway.refund(bench.refund_of(paid, 7_99))
    with pytest.raises(GatewayRefused) as refused:
        bench.gateway.refund(bench.refund_of(paid, 1))
    assert refused.value.reason == "charge_already_refunded"
    assert bench.sandbox.truth()["sums"]["refunded"] == 19_99


@needs(Can.DISPUTES)
@pytest.mark.parametrize(
    ("said", "end"), [("winning_evidence", DisputeState.WON), ("losing_evidence", DisputeState.LOST)]
)
def test_a_dispute_is_seen_answered_and_decided(bench: Bench, said: str, end: DisputeState) -> None:
    paid = bench.paid(payer.DISPUTED)
    bench.sandbox.advance()
    [reference] = [dispute["id"] for dispute in bench.sandbox.truth()["disputes"]]
    found = bench.gateway.look_up_dispute(reference)
    assert (found.state, found.payment, found.amount, found.reason) == (
        DisputeState.NEEDS_RESPONSE, paid.reference, EUR, "fraudulent",
    )  # fmt: skip
    assert found.answer_by is not None
    assert found.answer_by - found.opened_at == timedelta(days=9)
    evidence = {
        Evidence.TEXT: said,
        Evidence.CUSTOMER_NAME: "Paula Payer",
        Evidence.REFUND_REFUSAL: "It was delivered.",
        Evidence.REFUND_POLICY: "Within 14 days.",
    }
    answered = bench.gateway.answer_dispute(key=uuid4().hex, reference=reference, evidence=evidence)
    assert answered == replace(found, state=DisputeState.UNDER_REVIEW)
    with pytest.raises(GatewayRefused):
        bench.gateway.answer_dispute(key=uuid4().hex, reference=reference, evidence=evidence)
    bench.sandbox.advance()
    assert bench.gateway.look_up_dispute(reference).state is end


@needs(Can.DISPUTES)
def test_a_dispute_is_given_up(bench: Bench) -> None:
    reference = bench.sandbox.dispute(bench.paid().reference, reason="product_not_received")
    given_up = bench.gateway.accept_dispute(key=uuid4().hex, reference=reference)
    assert (given_up.state, given_up.reason) == (DisputeState.LOST, "product_not_received")


@needs(Can.LOOK_UP)
@pytest.mark.parametrize("reference", ["cs_test_unknown", "pi_unknown"])
def test_what_is_not_there_is_refused(bench: Bench, reference: str) -> None:
    with pytest.raises(GatewayRefused) as refused:
        bench.gateway.look_up(reference)
    assert refused.value.reason == "resource_missing"


@needs(Can.LOOK_UP)
def test_an_account_sees_nothing_of_another(bench: Bench) -> None:
    paid = bench.paid()
    other = type(bench.gateway)(secret_key=f"sk_test_{uuid4().hex}", address=bench.sandbox.address)
    with pytest.raises(GatewayRefused) as refused:
        other.look_up(paid.reference)
    assert refused.value.reason == "resource_missing"


def test_what_an_adapter_cannot_do_it_refuses_by_name(bench: Bench) -> None:
    """Nothing is done half and nothing is silently ignored."""
    method = SavedMethod(reference="pm_1", kind="card", brand="visa", last4="4242", customer="cus_1")
    at = datetime(2026, 11, 25, tzinfo=UTC)
    calls = {
        Can.SAVE_METHODS: [
            lambda: bench.gateway.open_setup(bench.setup("cus_1")),
            lambda: bench.gateway.setup_result("cs_1"),
            lambda: bench.gateway.create_customer(key="k", customer="cus_1"),
            lambda: bench.gateway.detach("pm_1"),
        ],
        Can.CHARGE_SAVED: [lambda: bench.gateway.charge(bench.charge_of(method))],
        Can.LOOK_UP: [lambda: bench.gateway.look_up("pi_1")],
        Can.SEND_REFUNDS: [
            lambda: bench.gateway.look_up_refund("re_1"),
            lambda: bench.gateway.find_refund(payment="pi_1", refund="rfn_1"),
        ],
        Can.DISPUTES: [
            lambda: bench.gateway.look_up_dispute("du_1"),
            lambda: bench.gateway.answer_dispute(key="k", reference="du_1", evidence={}),
            lambda: bench.gateway.accept_dispute(key="k", reference="du_1"),
        ],
        Can.HOOKS: [
            lambda: bench.gateway.read_hook(body=b"{}", signature="", secrets=[], at=at),
            lambda: bench.gateway.register_hook(key="k", url="http://localhost/hooks"),
            lambda: bench.gateway.hook_url("we_1"),
            lambda: bench.gateway.remove_hook("we_1"),
        ],
    }
    for can, asked in calls.items():
        if can not in bench.gateway.can:
            for call in asked:
                with pytest.raises(CannotDo) as refused:
                    call()
                assert refused.value.reason == f"cannot_{can}"
    assert set(calls) | {Can.HOSTED_PAGE} == set(Can)


def test_every_adapter_says_who_it_is_and_what_it_can() -> None:
    assert {name: can for name, (_, can) in BENCHES.items()} == {
        "stripe": frozenset(Can),
        "bank_transfer": frozenset(),
    }
