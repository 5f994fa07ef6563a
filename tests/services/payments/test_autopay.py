"""Autopay: told before, charged once, within the limit, and ended when the customer says so."""

from datetime import date, timedelta

import pytest

from billing.ledger import queries as books
from core import ids
from core.actor import Actor, ActorKind, SignInMethod, Via
from core.errors import NotFound
from outbound.models import OutboxMessage
from payments.models import Autopay, AutopayRun, GatewayAccount, Payment, PaymentMethod
from payments.services import accounts, autopay, methods, payers
from tenancy import context
from tenancy.context import Scope, scope
from tests.make import billing as bill
from tests.make import payments as make

pytestmark = pytest.mark.django_db
AT = make.AT
DUE = date(2026, 3, 20)
ON_THE_DAY = AT + timedelta(days=19)


def customer_actor() -> Actor:
    return Actor(
        kind=ActorKind.CUSTOMER, via=Via.WEB, request_id=ids.uuid7(), id=ids.uuid7(),
        method=SignInMethod.PORTAL_FRESH,
    )  # fmt: skip


class House:
    """A customer with a saved card at the sandbox who lets invoices be collected."""

    def __init__(self, tenant, gateway, card="pm_card_visa", **agreed) -> None:
        self.tenant, self.gateway = tenant, gateway
        with self.scope():
            account = make.account(secret_key=gateway.key)
            self.ada = bill.customer(email="ada@pay.example")
            gateway_of_account = methods.accounts.for_account(account)
        payers.known(
            tenant_id=tenant, account=account, gateway=gateway_of_account, customer_id=self.ada.pk, at=AT
        )
        with self.scope():
            self.method = methods.save(
                customer_id=self.ada.pk, account_id=account.pk, method=make.method(card),
                actor=customer_actor(), at=AT,
            )  # fmt: skip
            self.agree(**agreed)
            self.invoice = self.bill()

    def scope(self):
        return scope(Scope(self.tenant))

    def agree(self, **agreed):
        return autopay.set(
            customer_id=self.ada.pk, payment_method_id=self.method.pk, currency="EUR",
            limit_minor=agreed.pop("limit_minor", 20_000), actor=customer_actor(),
            at=agreed.pop("at", AT - timedelta(days=1)), **agreed,
        )  # fmt: skip

    def bill(self, amount="100.00"):
        return bill.finalized(of=self.ada, lines=[bill.line(amount)], due_on=DUE)

    def run(self, at) -> int:
        return autopay.charge_due(tenant_id=self.tenant, actor=make.ACTOR, at=at)

    def state(self, invoice=None) -> tuple[str, str]:
        with self.scope():
            run = AutopayRun.objects.filter(invoice=invoice or self.invoice).first()
            return ("", "") if run is None else (run.state, run.reason_code)

    def paid(self) -> str:
        with self.scope():
            return make.fresh(self.invoice).payment_status

    def mails(self, template) -> list[str]:
        with self.scope():
            rows = OutboxMessage.objects.filter(template=template).order_by("id")
            return [row.body["text"] for row in rows]

    def events(self) -> list[str]:
        with self.scope():
            return [one for one in make.events_of(self.invoice.pk) if one.startswith("autopay")]


@pytest.fixture
def house(tenant_a, gateway):
    made = House(tenant_a, gateway)
    yield made
    with made.scope():
        assert books.check() == []


def test_an_invoice_is_announced_then_charged_on_its_day_once(house):
    assert house.run(AT) == 0
    assert (house.state(), house.mails("autopay_notice")) == (("", ""), [])
    for _ in range(2):
        assert house.run(ON_THE_DAY - timedelta(days=3)) == 0
    assert house.state() == ("announced", "")
    (mail,) = house.mails("autopay_notice")
    assert "we will collect €100.00 for invoice INV-2026-00001 on" in mail
    assert "Visa ending 4242" in mail
    assert [house.run(ON_THE_DAY), house.run(ON_THE_DAY)] == [1, 0]
    assert (house.state(), house.paid()) == (("charged", ""), "paid")
    assert house.events() == ["autopay.announced", "autopay.charged"]
    assert [one["status"] for one in house.gateway.truth()["payments"]] == ["succeeded"]
    with house.scope():
        assert Payment.objects.get().source == "autopay"


def test_who_agreed_late_is_told_before_all_the_same(house):
    assert house.run(ON_THE_DAY) == 0
    with house.scope():
        assert AutopayRun.objects.get().charge_on == DUE + timedelta(days=3)
    assert house.run(ON_THE_DAY + timedelta(days=3)) == 1


def test_above_the_limit_nothing_is_collected(house):
    with house.scope():
        large = house.bill("200.01")
    house.run(ON_THE_DAY)
    assert house.state(large) == ("skipped", "over_limit")
    assert len(house.mails("autopay_notice")) == 1


def test_what_was_stopped_after_it_was_announced_is_not_collected(house):
    house.run(ON_THE_DAY - timedelta(days=3))
    with house.scope():
        autopay.stop(customer_id=house.ada.pk, currency="EUR", actor=customer_actor(), at=AT)
        autopay.stop(customer_id=house.ada.pk, currency="EUR", actor=customer_actor(), at=AT)
        assert autopay.of(house.ada.pk) == []
        assert make.events_of(house.ada.pk).count("autopay.stopped") == 1
    assert house.run(ON_THE_DAY) == 0
    assert (house.state(), house.paid()) == (("skipped", "stopped"), "unpaid")
    assert house.events() == ["autopay.announced", "autopay.skipped"]


def test_who_paid_themselves_is_not_charged(house):
    house.run(ON_THE_DAY - timedelta(days=3))
    with house.scope():
        make.bank_payment(house.invoice)
    assert house.run(ON_THE_DAY) == 0
    assert house.state() == ("skipped", "nothing_due")


def test_what_is_on_its_way_is_waited_for(house):
    house.run(ON_THE_DAY - timedelta(days=3))
    with house.scope():
        attempt = make.apply(make.started(house.invoice), "processing")
    assert house.run(ON_THE_DAY) == 0
    assert house.state() == ("announced", "")
    with house.scope():
        make.apply(attempt, "failed")
    assert house.run(ON_THE_DAY) == 1
    assert house.paid() == "paid"


def test_who_has_a_page_before_them_is_not_charged_beside_it(house):
    house.run(ON_THE_DAY - timedelta(days=3))
    with house.scope():
        attempt = make.started(house.invoice)
    assert house.run(ON_THE_DAY) == 0
    assert house.state() == ("announced", "")
    with house.scope():
        make.apply(attempt)
    assert (house.run(ON_THE_DAY), house.state()) == (0, ("skipped", "nothing_due"))


def test_a_customer_without_an_address_is_not_charged(house):
    with house.scope():
        from billing.customers import services as customers

        customers.update(customer_id=house.ada.pk, changes={"email": ""}, actor=make.ACTOR, at=AT)
    house.run(ON_THE_DAY)
    assert house.state() == ("skipped", "no_email_address")


@pytest.mark.parametrize("card", ["pm_card_chargeCustomerFail", "pm_card_authenticationRequired"])
def test_a_card_that_does_not_work_sends_its_holder_a_way_to_pay(tenant_a, gateway, card):
    house = House(tenant_a, gateway, card)
    house.run(ON_THE_DAY - timedelta(days=3))
    assert house.run(ON_THE_DAY) == 1
    assert (house.state(), house.paid()) == (("charged", ""), "unpaid")
    (mail,) = house.mails("payment_needs_action")
    assert "/pay/" in mail
    assert house.run(ON_THE_DAY + timedelta(days=1)) == 0
    assert [one["status"] for one in house.gateway.truth()["payments"]] == ["requires_payment_method"]


@pytest.mark.parametrize("announced", [False, True], ids=["before it is announced", "after"])
def test_a_method_of_a_disconnected_account_collects_nothing_and_its_holder_is_told_once(
    tenant_a, gateway, announced
):
    house = House(tenant_a, gateway)
    if announced:
        house.run(ON_THE_DAY - timedelta(days=3))
        assert house.state() == ("announced", "")
    with house.scope():
        accounts.disconnect(account_id=house.method.account_id, actor=make.ACTOR)
        second = house.bill("50.00")
    for _ in range(2):
        assert house.run(ON_THE_DAY) == 0
    assert house.state() == ("skipped", "not_connected")
    assert house.state(second) == ("skipped", "not_connected")
    assert house.events() == [*(["autopay.announced"] if announced else []), "autopay.skipped"]
    (mail,) = house.mails("payment_needs_action")
    assert "This way to pay cannot be used any more. Nothing was charged" in mail
    assert "/pay/" in mail
    assert house.gateway.truth()["payments"] == []
    with house.scope(), pytest.raises(methods.MethodUnusable), context.attempt():
        house.agree()
    with house.scope():
        assert Autopay.objects.count() == 1
        with pytest.raises(methods.MethodUnusable), context.attempt():
            methods.make_default(method_id=house.method.pk, actor=make.ACTOR, at=AT)


def test_a_method_added_after_connecting_again_becomes_the_usual_one(house):
    account_id = house.method.account_id
    with house.scope():
        accounts.disconnect(account_id=account_id, actor=make.ACTOR)
        assert methods.gone(house.ada.pk) == {house.method.pk}
    now = accounts.connect(tenant_id=house.tenant, secret_key=house.gateway.key, actor=make.ACTOR, at=AT)
    assert now != account_id
    with house.scope():
        added = methods.save(
            customer_id=house.ada.pk, account_id=now, method=make.method("pm_card_mastercard"),
            actor=customer_actor(), at=AT,
        )  # fmt: skip
        usual = PaymentMethod.objects.filter(is_default=True).values_list("pk", flat=True)
        assert list(usual) == [added.pk]
        assert methods.gone(house.ada.pk) == {house.method.pk}


def test_a_new_agreement_ends_the_one_before_and_keeps_its_words(house):
    with house.scope():
        house.agree(limit_minor=500_00, notice_days=7, at=AT)
        old, new = Autopay.objects.order_by("id")
        assert (old.ended_at, new.ended_at) == (AT, None)
        assert "up to 500.00 EUR an invoice, after telling me by mail 7 days before" in new.mandate_text
        assert make.events_of(house.ada.pk).count("autopay.set") == 2


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"limit_minor": 0}, autopay.LimitNotPositive),
        ({"notice_days": 0}, autopay.NoticeOutOfRange),
        ({"notice_days": 31}, autopay.NoticeOutOfRange),
        ({"actor": make.ACTOR}, autopay.OnlyThemselves),
        ({"customer_id": ids.uuid7()}, NotFound),
    ],
    ids=["nothing", "no notice", "long notice", "nobody", "another's"],
)
def test_what_cannot_be_agreed_to_is_refused(house, change, refusal):
    named = {
        "customer_id": house.ada.pk, "payment_method_id": house.method.pk, "currency": "EUR",
        "limit_minor": 1_000, "actor": customer_actor(), "at": AT,
    } | change  # fmt: skip
    with house.scope():
        with pytest.raises(refusal), context.attempt():
            autopay.set(**named)
        assert Autopay.objects.count() == 1


def test_removing_the_method_ends_what_it_was_agreed_for(house):
    with house.scope():
        methods.remove(method_id=house.method.pk, actor=customer_actor(), at=AT)
        assert autopay.of(house.ada.pk) == []
        assert "autopay.stopped" in make.events_of(house.ada.pk)


def test_a_second_method_can_become_the_usual_one(house):
    with house.scope():
        account = GatewayAccount.objects.get()
        second = methods.save(
            customer_id=house.ada.pk, account_id=account.pk, method=make.method(), actor=customer_actor(),
            at=AT,
        )  # fmt: skip
        assert second.is_default is False
        for _ in range(2):
            methods.make_default(method_id=second.pk, actor=customer_actor(), at=AT)
        assert (make.fresh(second).is_default, make.fresh(house.method).is_default) == (True, False)
        assert make.events_of(second.pk) == ["payment_method.saved", "payment_method.made_default"]
        with pytest.raises(NotFound), context.attempt():
            methods.save(
                customer_id=bill.customer("Bob").pk, account_id=account.pk,
                method=make.method(second.reference), actor=customer_actor(), at=AT,
            )  # fmt: skip
