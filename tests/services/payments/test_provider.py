"""Asking the provider: pages, charges, refunds and disputes against the sandbox, also on its bad days."""

from datetime import timedelta

import pytest

from billing.ledger import queries as books
from core import clock
from payments import rules, waiting
from payments.gateways.base import GatewayAway, GatewayUnsure
from payments.models import Attempt, Dispute, GatewayAccount, GatewayCustomer, PageAsk, Payment
from payments.services import collect, disputes, janitor, methods, refunding, refunds
from tenancy.context import Scope, scope
from tests.gateway import Gateway
from tests.make import billing as bill
from tests.make import payer
from tests.make import payments as make

pytestmark = pytest.mark.django_db
ACTOR = make.ACTOR
BACK = "http://localhost:8000/back"


class House:
    """One organization with an invoice and an account at the sandbox; every call opens its own scope."""

    def __init__(self, tenant, gateway: Gateway) -> None:
        self.tenant, self.gateway = tenant, gateway
        self.at = clock.now()
        with self.scope():
            make.account(secret_key=gateway.key)
            self.invoice = bill.finalized()

    def scope(self):
        return scope(Scope(self.tenant))

    def start(self, *items, **more) -> Attempt:
        with self.scope():
            return make.started(*(items or [self.invoice]), at=self.at, **more)

    def open(self, attempt, *, at=None) -> str:
        return collect.open_page(
            tenant_id=self.tenant, attempt_id=attempt.pk, return_url=BACK, cancel_url=BACK, at=at or self.at
        )

    def ask(self, attempt, *, at=None) -> Attempt:
        collect.ask(tenant_id=self.tenant, attempt_id=attempt.pk, at=at or self.at)
        return self.now(attempt)

    def now(self, row):
        with self.scope():
            return make.fresh(row)

    def pay(self, card=payer.SUCCESS, **more) -> Attempt:
        attempt = self.start()
        payer.pay(self.open(attempt), card, **more)
        return self.ask(attempt)

    def paid(self) -> tuple[str, int, int]:
        invoice = self.now(self.invoice)
        return invoice.payment_status, invoice.amount_paid_minor, invoice.attempts_open

    def events(self, subject) -> list[str]:
        with self.scope():
            return make.events_of(subject)

    def charges(self) -> list[dict]:
        """What the payer's bank would show."""
        return [one for one in self.gateway.truth()["payments"] if one["status"] == "succeeded"]


@pytest.fixture
def house(tenant_a, gateway):
    made = House(tenant_a, gateway)
    yield made
    with made.scope():
        assert books.check() == []


# --- The page ----------------------------------------------------------------------------------------


def test_a_payer_pays_on_the_page_and_the_invoice_is_paid(house):
    attempt = house.start()
    url = house.open(attempt)
    assert house.open(attempt) == url
    opened = house.now(attempt)
    assert (opened.state, opened.checkout_reference[:3]) == ("open", "cs_")
    payer.pay(url)
    attempt = house.ask(attempt)
    assert (attempt.state, attempt.reference[:3], house.paid()) == ("succeeded", "pi_", ("paid", 10_000, 0))
    with house.scope():
        payment = Payment.objects.get()
        assert (payment.brand, payment.last4, payment.method) == ("visa", "4242", "card")
        # Where the payer was to return to may be their link: it is kept no longer than needed.
        assert PageAsk.objects.count() == 0
        assert Attempt.objects.get().page_url is None
    assert house.events(payment.pk) == ["payment.started", "payment.opened", "payment.succeeded"]


def test_a_declined_payer_pays_with_another_card_on_the_same_page(house):
    attempt = house.start()
    url = house.open(attempt)
    with pytest.raises(payer.NotPaid):
        payer.pay(url, payer.DECLINED)
    assert house.ask(attempt).state == "open"
    payer.pay(url)
    assert (house.ask(attempt).state, house.paid()[0]) == ("succeeded", "paid")


def test_a_debit_is_on_its_way_until_its_bank_has_spoken(house):
    attempt = house.start(method="sepa_debit")
    payer.pay(house.open(attempt), iban=payer.DEBIT)
    assert (house.ask(attempt).state, house.paid()[0]) == ("processing", "processing")
    house.gateway.advance()
    assert (house.ask(attempt).state, house.paid()) == ("succeeded", ("paid", 10_000, 0))


def test_what_is_on_its_way_is_named_by_what_was_chosen_on_the_page(house):
    attempt = house.start()
    payer.pay(house.open(attempt), iban=payer.DEBIT)
    assert house.ask(attempt).state == "processing"
    with house.scope():
        payment = Payment.objects.get()
        assert (payment.method, payment.brand, payment.last4) == (
            "sepa_debit",
            "sepa_debit",
            payer.DEBIT[-4:],
        )


def test_a_debit_that_its_bank_refuses_opens_the_invoice_again(house):
    attempt = house.start(method="sepa_debit")
    payer.pay(house.open(attempt), iban=payer.DEBIT_FAILS)
    house.ask(attempt)
    house.gateway.advance()
    assert (house.ask(attempt).state, house.paid()) == ("failed", ("unpaid", 0, 0))


@pytest.mark.parametrize("fault", ["reset_after", "error_after"])
def test_a_page_nobody_knows_of_is_asked_for_again_under_the_same_key(house, fault):
    attempt = house.start()
    house.gateway.fault(fault, next=9, path="POST /v1/checkout/sessions")
    with pytest.raises(GatewayUnsure):
        house.open(attempt)
    unsure = house.now(attempt)
    assert (unsure.state, unsure.ask_at > house.at) == ("unknown", True)
    assert house.events(attempt.payment_id)[-1] == "payment.unsure"
    house.gateway.calm()
    with house.scope():
        assert collect.asking.due(at=unsure.ask_at) == [attempt.pk]
    asked = janitor.ask_unsure(tenant_id=house.tenant, actor=ACTOR, at=unsure.ask_at)
    # It is known now, and closed: nobody has seen it, and who comes back begins anew.
    assert (asked, house.now(attempt).state, house.paid()) == (1, "canceled", ("unpaid", 0, 0))
    attempt = house.start()
    payer.pay(house.open(attempt))
    assert (house.ask(attempt).state, len(house.charges())) == ("succeeded", 1)


def test_a_provider_that_is_away_fails_the_attempt_and_says_so(house, settings):
    attempt = house.start()
    settings.GATEWAY_ADDRESS = "http://127.0.0.1:9"
    settings.OUTBOUND_PRIVATE_ORIGINS = [settings.GATEWAY_ADDRESS]
    with pytest.raises(GatewayAway):
        house.open(attempt)
    failed = house.now(attempt)
    assert (failed.state, failed.failure_code, house.paid()) == ("failed", "no_answer", ("unpaid", 0, 0))
    with pytest.raises(collect.PageClosed):
        house.open(attempt)
    assert house.events(attempt.payment_id)[-1] == "payment.failed"


def test_no_payer_is_sent_to_the_page_of_an_attempt_that_ended_meanwhile(house):
    attempt = house.start()
    with house.scope():
        asked = collect.pages.prepare(
            attempt_id=attempt.pk, return_url=BACK, cancel_url=BACK, locale="en", at=house.at
        )
        there = collect.pages.accounts.for_account(asked.account)
        # Of two who ask at once, one was told no.
        collect.pages.fail(attempt_id=attempt.pk, code="too_many_requests", actor=ACTOR, at=house.at)
    checkout = there.open_checkout(asked.ask)
    with house.scope():
        assert collect.pages.opened(
            attempt_id=attempt.pk, checkout=checkout, actor=ACTOR, at=house.at
        ) == ""  # fmt: skip
    # Should it be paid all the same, that is seen when the page has ended.
    payer.pay(checkout.url)
    last = house.now(attempt).ask_at
    assert janitor.ask_unsure(tenant_id=house.tenant, actor=ACTOR, at=last) == 1
    assert (house.now(attempt).state, house.paid()) == ("succeeded", ("paid", 10_000, 0))
    assert janitor.ask_unsure(tenant_id=house.tenant, actor=ACTOR, at=last) == 0


def test_a_page_whose_time_is_over_ends_its_attempt(house):
    attempt = house.start()
    house.open(attempt)
    with house.scope():
        later = Attempt.objects.get().ask_at
    house.gateway.control("POST", "advance")
    collect.close_page(tenant_id=house.tenant, attempt_id=attempt.pk, actor=ACTOR, at=later)
    assert (house.now(attempt).state, house.paid()) == ("canceled", ("unpaid", 0, 0))


def test_a_page_that_a_newer_one_replaces_is_closed(house):
    first = house.start((house.invoice, 4_000))
    url = house.open(first)
    second = house.start()
    house.open(second)
    assert janitor.close_pages(tenant_id=house.tenant, actor=ACTOR, at=house.at) == 1
    assert (house.now(first).state, house.now(second).state) == ("canceled", "open")
    with pytest.raises(payer.NotPaid):
        payer.pay(url)


def test_a_page_stays_while_others_pay_other_invoices(house):
    attempt = house.start()
    house.open(attempt)
    with house.scope():
        other = bill.finalized()
    house.open(house.start(other))
    assert janitor.close_pages(tenant_id=house.tenant, actor=ACTOR, at=house.at) == 0
    assert house.now(attempt).state == "open"


def test_a_page_of_an_invoice_that_was_paid_otherwise_is_closed(house):
    attempt = house.start()
    house.open(attempt)
    with house.scope():
        make.bank_payment(house.invoice)
    assert janitor.close_pages(tenant_id=house.tenant, actor=ACTOR, at=house.at) == 1
    assert (house.now(attempt).state, house.paid()) == ("canceled", ("paid", 10_000, 0))


def test_money_that_came_while_its_page_was_being_closed_is_credit(house):
    attempt = house.start()
    payer.pay(house.open(attempt))
    with house.scope():
        make.bank_payment(house.invoice)
    janitor.close_pages(tenant_id=house.tenant, actor=ACTOR, at=house.at)
    assert (house.now(attempt).state, house.paid()) == ("succeeded", ("paid", 10_000, 0))
    with house.scope():
        from billing.settlement import queries

        assert queries.credit(customer_id=house.invoice.customer_id) == {"EUR": 10_000}


# --- Stopping ----------------------------------------------------------------------------------------


def cancel(house, attempt):
    collect.cancel(tenant_id=house.tenant, payment_id=attempt.payment_id, actor=ACTOR, at=house.at)


def test_a_payment_nobody_has_paid_can_be_stopped(house):
    attempt = house.start()
    url = house.open(attempt)
    cancel(house, attempt)
    assert (house.now(attempt).state, house.paid()) == ("canceled", ("unpaid", 0, 0))
    with pytest.raises(payer.NotPaid):
        payer.pay(url)
    with pytest.raises(collect.PaymentMovedOn):
        cancel(house, attempt)
    unopened = house.start()
    cancel(house, unopened)
    assert house.events(unopened.payment_id) == ["payment.started", "payment.canceled"]


def test_a_payment_that_arrived_or_is_on_its_way_cannot_be_stopped(house):
    attempt = house.start((house.invoice, 4_000))
    payer.pay(house.open(attempt))
    with pytest.raises(collect.PaymentArrived):
        cancel(house, attempt)
    debit = house.start((house.invoice, 6_000), method="sepa_debit")
    payer.pay(house.open(debit), iban=payer.DEBIT)
    with pytest.raises(collect.PaymentCannotBeStopped):
        cancel(house, debit)
    assert house.paid()[:2] == ("processing", 4_000)


# --- Saved methods -----------------------------------------------------------------------------------


def saved(house, card=payer.SUCCESS):
    """Pay a part and save the card with it; return the method."""
    attempt = house.start((house.invoice, 1_000), save_method=True)
    payer.pay(house.open(attempt), card)
    house.ask(attempt)
    with house.scope():
        from payments.models import PaymentMethod

        return PaymentMethod.objects.get()


def charge(house, attempt, *, at=None):
    collect.charge_saved(tenant_id=house.tenant, attempt_id=attempt.pk, at=at or house.at)
    return house.now(attempt)


def test_a_card_that_was_saved_is_charged_without_its_holder(house):
    method = saved(house)
    assert (method.last4, method.is_default, method.state) == ("4242", True, "active")
    assert house.events(method.pk) == ["payment_method.saved"]
    attempt = charge(house, house.start((house.invoice, 9_000), saved_method_id=method.pk))
    assert (attempt.state, house.paid()) == ("succeeded", ("paid", 10_000, 0))
    with house.scope():
        assert GatewayCustomer.objects.count() == 1
    with pytest.raises(collect.NotToBeCharged):
        charge(house, attempt)


@pytest.mark.parametrize(
    ("card", "code"),
    [(payer.DECLINES_LATER, "generic_decline"), (payer.AUTHENTICATE_ALWAYS, "authentication_required")],
)
def test_a_charge_that_is_refused_fails_with_its_code(house, card, code):
    with house.scope():
        account = GatewayAccount.objects.get()
    ready = {
        payer.DECLINES_LATER: "pm_card_chargeCustomerFail",
        payer.AUTHENTICATE_ALWAYS: "pm_card_authenticationRequired",
    }[card]
    with house.scope():
        method = methods.save(
            customer_id=house.invoice.customer_id, account_id=account.pk, method=make.method(ready),
            actor=ACTOR, at=house.at,
        )  # fmt: skip
    attempt = charge(house, house.start(saved_method_id=method.pk))
    assert (attempt.state, attempt.failure_code) == ("failed", code)
    assert house.paid() == ("unpaid", 0, 0)


@pytest.mark.parametrize("fault", ["reset_after", "error_after", "error_before"])
def test_a_charge_nobody_knows_of_is_asked_for_again_and_charged_once(house, fault):
    method = saved(house)
    attempt = house.start((house.invoice, 9_000), saved_method_id=method.pk)
    house.gateway.fault(fault, next=9, path="POST /v1/payment_intents")
    with pytest.raises(GatewayUnsure):
        charge(house, attempt)
    assert house.now(attempt).state == "unknown"
    house.gateway.calm()
    asked_at = house.now(attempt).ask_at
    janitor.ask_unsure(tenant_id=house.tenant, actor=ACTOR, at=asked_at)
    assert (house.now(attempt).state, house.paid()) == ("succeeded", ("paid", 10_000, 0))
    assert len(house.charges()) == 2


def test_a_worker_that_died_between_asking_and_noting_charges_once(house):
    method = saved(house)
    attempt = house.start((house.invoice, 9_000), saved_method_id=method.pk)
    with house.scope():
        collect.charging.prepare_charge(attempt_id=attempt.pk, at=house.at)
    janitor.ask_unsure(tenant_id=house.tenant, actor=ACTOR, at=house.at + rules.LEASE)
    assert (house.now(attempt).state, len(house.charges())) == ("succeeded", 2)


def test_after_a_day_a_charge_is_not_repeated_and_a_person_is_told(house):
    method = saved(house)
    attempt = house.start((house.invoice, 9_000), saved_method_id=method.pk)
    house.gateway.fault("error_after", next=9, path="POST /v1/payment_intents")
    with pytest.raises(GatewayUnsure):
        charge(house, attempt)
    house.gateway.calm()
    for later in (timedelta(days=1), timedelta(days=4), timedelta(days=5)):
        house.ask(attempt, at=house.at + later)
    assert house.now(attempt).state == "unknown"
    assert house.events(attempt.payment_id).count("payment.unresolved") == 1
    with house.scope():
        assert waiting.waiting().unresolved == 1
    with pytest.raises(collect.NotToBeCharged):
        charge(house, attempt, at=house.at + timedelta(days=2))


def test_that_a_second_call_was_not_sent_does_not_say_the_first_did_nothing(house, settings):
    method = saved(house)
    attempt = house.start((house.invoice, 9_000), saved_method_id=method.pk)
    house.gateway.fault("error_after", next=9, path="POST /v1/payment_intents")
    with pytest.raises(GatewayUnsure):
        charge(house, attempt)
    house.gateway.calm()
    there = settings.GATEWAY_ADDRESS
    settings.GATEWAY_ADDRESS = "http://127.0.0.1:9"
    settings.OUTBOUND_PRIVATE_ORIGINS = [settings.GATEWAY_ADDRESS]
    asked_at = house.now(attempt).ask_at
    assert house.ask(attempt, at=asked_at).state == "unknown"
    settings.GATEWAY_ADDRESS = there
    settings.OUTBOUND_PRIVATE_ORIGINS = [there]
    assert house.ask(attempt, at=asked_at + timedelta(hours=1)).state == "succeeded"
    assert len(house.charges()) == 2


def test_a_removed_method_is_charged_no_more_and_forgotten(house):
    method = saved(house)
    with house.scope():
        methods.remove(method_id=method.pk, actor=ACTOR, at=house.at)
        methods.remove(method_id=method.pk, actor=ACTOR, at=house.at)
    assert janitor.forget_methods(tenant_id=house.tenant, at=house.at) == 1
    assert house.events(method.pk) == ["payment_method.saved", "payment_method.removed"]
    with pytest.raises(Exception, match="nothing here"):
        house.start((house.invoice, 9_000), saved_method_id=method.pk)
    with house.scope(), pytest.raises(methods.MethodRemoved):
        from tenancy import context

        with context.attempt():
            methods.make_default(method_id=method.pk, actor=ACTOR, at=house.at)


# --- Refunds and disputes ------------------------------------------------------------------------------


def refund(house, attempt, amount=5_000):
    with house.scope():
        return refunds.ask(
            payment_id=attempt.payment_id, amount_minor=amount, reason="", actor=ACTOR, at=house.at
        )


def send(house, row, *, at=None):
    refunding.send(tenant_id=house.tenant, refund_id=row.pk, actor=ACTOR, at=at or house.at)
    return house.now(row)


def test_half_goes_back_the_way_it_came(house):
    row = send(house, refund(house, house.pay()))
    assert (row.state, row.reference[:3], house.paid()[0]) == ("succeeded", "re_", "paid")
    assert send(house, row).state == "succeeded"
    assert len(house.gateway.truth()["refunds"]) == 1


@pytest.mark.parametrize("fault", ["reset_after", "error_after", "error_before"])
def test_a_refund_nobody_knows_of_is_looked_for_and_given_once(house, fault):
    row = refund(house, house.pay())
    house.gateway.fault(fault, next=9, path="POST /v1/refunds")
    unsure = send(house, row)
    assert unsure.state == "unknown"
    assert house.events(row.pk)[-1] == "refund.unsure"
    house.gateway.calm()
    # The provider has forgotten the key; ours is found by our id.
    janitor.ask_unsure(tenant_id=house.tenant, actor=ACTOR, at=unsure.ask_at)
    assert house.now(row).state == "succeeded"
    assert len(house.gateway.truth()["refunds"]) == 1


def test_a_provider_that_is_away_is_asked_again_for_the_refund(house, settings):
    row = refund(house, house.pay())
    there = settings.GATEWAY_ADDRESS
    settings.GATEWAY_ADDRESS = "http://127.0.0.1:9"
    settings.OUTBOUND_PRIVATE_ORIGINS = [settings.GATEWAY_ADDRESS]
    waits = send(house, row)
    assert (waits.state, waits.ask_at > house.at) == ("pending", True)
    settings.GATEWAY_ADDRESS = there
    settings.OUTBOUND_PRIVATE_ORIGINS = [there]
    assert janitor.send_refunds(tenant_id=house.tenant, actor=ACTOR, at=waits.ask_at) == 1
    assert house.now(row).state == "succeeded"


def test_after_days_a_person_is_told_of_a_refund_nobody_can_say_the_end_of(house):
    row = refund(house, house.pay())
    house.gateway.fault("error_after", next=9, path="POST /v1/refunds")
    send(house, row)
    house.gateway.fault("error_before", next=9, path="GET /v1/refunds")
    for later in (timedelta(days=3, hours=1), timedelta(days=4)):
        assert send(house, row, at=house.at + later).state == "unknown"
    assert house.events(row.pk).count("refund.unresolved") == 1
    with house.scope():
        assert waiting.waiting().unresolved == 1
    house.gateway.calm()
    assert send(house, row, at=house.at + timedelta(days=5)).state == "succeeded"


def test_a_refund_that_the_provider_refuses_is_free_again(house):
    row = refund(house, attempt := house.pay())
    with house.scope():
        Payment.objects.filter(pk=attempt.payment_id).update(reference="pi_gone")
    assert send(house, row).state == "failed"
    with house.scope():
        Payment.objects.filter(pk=attempt.payment_id).update(reference=attempt.reference)
        assert make.fresh(attempt.payment).refunding_minor == 0


def test_a_refund_that_comes_back_later_is_booked_back(house):
    row = send(house, refund(house, house.pay(payer.REFUND_LATER)))
    assert row.state == "sent"
    house.gateway.fail_refund(row.reference)
    assert send(house, row).state == "failed"


def test_a_dispute_is_answered_after_the_commit_and_won(house):
    attempt = house.pay()
    reference = house.gateway.dispute(attempt.reference)
    with house.scope():
        account = GatewayAccount.objects.get()
        gateway = collect.asking.accounts.for_account(account)
    facts = gateway.look_up_dispute(reference)
    with house.scope():
        dispute = disputes.apply_facts(facts=facts, actor=ACTOR, at=house.at)
        assert dispute.answer_by is not None
        disputes.answer(dispute_id=dispute.pk, evidence="Signed for", actor=ACTOR, at=house.at)
    assert janitor.answer_disputes(tenant_id=house.tenant, actor=ACTOR, at=house.at) == 1
    assert house.now(dispute).state == "under_review"
    assert janitor.answer_disputes(tenant_id=house.tenant, actor=ACTOR, at=house.at) == 0
    house.gateway.close_dispute(reference, won=True)
    later = house.at + timedelta(hours=7)
    assert janitor.look_up_disputes(tenant_id=house.tenant, actor=ACTOR, at=later) == 1
    assert (house.now(dispute).state, house.now(house.invoice).disputes_open) == ("won", 0)


def test_a_dispute_that_is_given_up_is_lost(house):
    attempt = house.pay()
    reference = house.gateway.dispute(attempt.reference)
    with house.scope():
        gateway = collect.asking.accounts.for_account(GatewayAccount.objects.get())
    facts = gateway.look_up_dispute(reference)
    with house.scope():
        dispute = disputes.apply_facts(facts=facts, actor=ACTOR, at=house.at)
        disputes.accept(dispute_id=dispute.pk, actor=ACTOR, at=house.at)
    janitor.answer_disputes(tenant_id=house.tenant, actor=ACTOR, at=house.at)
    with house.scope():
        assert Dispute.objects.get().state == "lost"
    assert house.paid() == ("unpaid", 0, 0)


# --- Held money ---------------------------------------------------------------------------------------


def held(house):
    """A payment for which the provider took another amount than we asked for."""
    attempt = house.start()
    payer.pay(house.open(attempt))
    with house.scope():
        Payment.objects.update(amount_minor=12_000)
    attempt = house.ask(attempt)
    with house.scope():
        Payment.objects.update(amount_minor=10_000)
    assert attempt.state == "held"
    return attempt


def resolve(house, attempt, how, reason="The payer typed it"):
    collect.resolve_held(
        tenant_id=house.tenant, payment_id=attempt.payment_id, how=how, reason=reason, actor=ACTOR,
        at=house.at,
    )  # fmt: skip


def test_held_money_becomes_credit_when_somebody_says_so(house):
    attempt = held(house)
    resolve(house, attempt, collect.Resolution.CREDIT)
    with house.scope():
        from billing.settlement import queries

        payment = make.fresh(attempt.payment)
        assert (payment.state, payment.captured_minor) == ("succeeded", 10_000)
        assert queries.credit(customer_id=payment.customer_id) == {"EUR": 10_000}
        assert [note.text for note in payment.notes.all()] == ["The payer typed it"]
    assert house.events(payment.pk)[-1] == "payment.resolved"
    with pytest.raises(collect.PaymentMovedOn):
        resolve(house, attempt, collect.Resolution.REFUND)


def test_held_money_goes_back_when_somebody_says_so(house):
    attempt = held(house)
    resolve(house, attempt, collect.Resolution.REFUND)
    assert house.now(attempt).state == "canceled"
    assert [one["amount"] for one in house.gateway.truth()["refunds"]] == [10_000]
    assert house.paid() == ("unpaid", 0, 0)


def test_money_that_is_none_of_ours_is_dismissed(house):
    attempt = held(house)
    with house.scope():
        Attempt.objects.update(reference="")
    with pytest.raises(collect.NothingKnownOfIt):
        resolve(house, attempt, collect.Resolution.CREDIT)
    resolve(house, attempt, collect.Resolution.DISMISS)
    assert (house.now(attempt).state, house.paid()) == ("canceled", ("unpaid", 0, 0))
