"""The portal in a real browser: what is due, several at once and in part, ways to pay, and the way in."""

from datetime import timedelta

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Page, expect

from accounts.models import PortalAccess
from audit.models import Event
from billing.invoices.models import Invoice
from core import clock, ids
from core.actor import Actor
from outbound.models import OutboxMessage
from payments.models import Autopay, Payment, PaymentItem, PaymentMethod
from payments.services import autopay
from tenancy.context import Scope, scope
from tests.browser.live import Live, visit
from tests.gateway import Gateway
from tests.journeys.payer.test_paying import charged, rows
from tests.make import accounts as make
from tests.make import customers, payer, paying
from tests.make.paying import Bill

pytestmark = pytest.mark.usefixtures("selling")


@pytest.fixture
def bills(live: Live) -> list[Bill]:
    first = paying.bill(live.tenant, amount="100.00", due_in=20)
    late = paying.bill(live.tenant, amount="200.50", due_in=-12, of=first.customer)
    third = paying.bill(live.tenant, amount="1,119.50".replace(",", ""), due_in=5, of=first.customer)
    return [first, late, third]


def portal(live: Live, path: str = "") -> str:
    return live.at(f"/p/{live.slug}/{path}")


def type_card(page: Page, number: str) -> None:
    page.get_by_label("Card number").fill(number)
    page.get_by_label("Expires").fill("12/34")
    page.get_by_label("Security code").fill("123")
    page.locator("form:has(#number)").get_by_role("button").click()


def test_several_invoices_are_paid_at_once_and_the_sum_is_always_in_sight(
    browser: Browser, live: Live, gateway: Gateway, bills: list[Bill]
) -> None:
    cookie = customers.signed_in(live.tenant, bills[0].customer, url=live.url)
    with visit(browser, cookie) as (page, watch):
        page.goto(portal(live))
        listed = page.get_by_role("table", name="Open invoices").get_by_role("rowheader")
        expect(listed.first).to_contain_text(bills[1].number)  # what is late stands first
        for bill in (bills[0], bills[1]):
            page.get_by_label(f"Pay {bill.number}").check()
        expect(page.locator(".pay-bar")).to_contain_text("Pay 2 invoices · €300.50")
        page.get_by_role("button", name="Pay 2 invoices · €300.50").click()
        page.get_by_role("button", name="Pay 2 invoices · €300.50").click()
        type_card(page, payer.SUCCESS)
        expect(page.get_by_role("heading", name="Paid")).to_be_visible()
        expect(page.locator("#payment")).to_contain_text("€300.50")
        with page.expect_download() as receipt:
            page.get_by_role("link", name="Receipt").click()
        assert receipt.value.suggested_filename.startswith("receipt-pay_")
        page.goto(portal(live))
        expect(page.get_by_label(f"Pay {bills[2].number}")).to_be_visible()
        expect(page.get_by_label(f"Pay {bills[0].number}")).to_have_count(0)
        assert watch.faults() == []
    assert charged(gateway) == [30_050]
    assert len(rows(live, PaymentItem)) == 2
    states = {invoice.pk: invoice.payment_status for invoice in rows(live, Invoice)}
    assert [states[bill.invoice] for bill in bills] == ["paid", "paid", "unpaid"]


def test_a_part_is_paid_and_never_more_than_is_due(
    browser: Browser, live: Live, gateway: Gateway, bills: list[Bill]
) -> None:
    cookie = customers.signed_in(live.tenant, bills[0].customer, url=live.url)
    with visit(browser, cookie) as (page, _watch):
        page.goto(portal(live, f"invoices/{ids.encode('invoice', bills[0].invoice)}"))
        page.get_by_role("button", name="Pay this invoice").click()
        amount = page.get_by_label(f"Amount for {bills[0].number}")
        amount.fill("0.50")
        page.locator("#pay-ways button").click()
        expect(page.get_by_text("The smallest part is €1.00.").first).to_be_visible()
        page.get_by_label(f"Amount for {bills[0].number}").fill("100.01")
        page.locator("#pay-ways button").click()
        expect(page.get_by_text(f"At most €100.00 can be paid on {bills[0].number}.").first).to_be_visible()
        page.get_by_label(f"Amount for {bills[0].number}").fill("40")
        expect(page.locator("#pay-ways")).to_contain_text("Pay €40.00")
        page.get_by_role("button", name="Pay €40.00").click()
        type_card(page, payer.SUCCESS)
        expect(page.get_by_role("heading", name="Paid")).to_be_visible()
    assert charged(gateway) == [4_000]
    with scope(Scope(live.tenant)):
        assert Invoice.objects.get(pk=bills[0].invoice).amount_due_minor == 6_000


def test_without_javascript_a_changed_amount_is_shown_before_it_is_paid(
    browser: Browser, live: Live, gateway: Gateway, bills: list[Bill]
) -> None:
    cookie = customers.signed_in(live.tenant, bills[0].customer, url=live.url)
    with visit(browser, cookie, javascript=False) as (page, _watch):
        page.goto(portal(live, f"pay?invoice={ids.encode('invoice', bills[0].invoice)}"))
        page.get_by_label(f"Amount for {bills[0].number}").fill("25")
        page.get_by_role("button", name="Pay €100.00").click()
        expect(page.get_by_text("The button shows the new sum")).to_be_visible()
        page.get_by_role("button", name="Pay €25.00").click()
        type_card(page, payer.SUCCESS)
        expect(page.get_by_role("heading", name="Paid")).to_be_visible()
    assert charged(gateway) == [2_500]


def test_a_card_is_added_made_usual_used_and_removed(
    browser: Browser, live: Live, gateway: Gateway, bills: list[Bill]
) -> None:
    cookie = customers.signed_in(live.tenant, bills[0].customer, url=live.url)
    with visit(browser, cookie) as (page, watch):
        for number in (payer.SUCCESS, "5555555555554444"):
            page.goto(portal(live, "methods"))
            page.get_by_role("link", name="Add a card or account").click()
            expect(page.get_by_text("I allow Strongbox Tests GmbH to save this card")).to_be_visible()
            page.get_by_role("button", name="Go on to the payment provider").click()
            expect(page.get_by_text("Tick “I agree” to go on.").first).to_be_visible()
            page.get_by_label("I agree").check()
            page.get_by_role("button", name="Go on to the payment provider").click()
            type_card(page, number)
            expect(page.get_by_text("It is saved.")).to_be_visible()
        expect(page.get_by_role("rowheader", name="Visa ending 4242")).to_contain_text("usual")
        page.get_by_role("button", name="Make usual Mastercard ending 4444").click()
        expect(page.get_by_role("rowheader", name="Mastercard ending 4444")).to_contain_text("usual")
        # Two presses: the saved card is charged without the provider's page.
        page.goto(portal(live, f"pay?invoice={ids.encode('invoice', bills[0].invoice)}"))
        expect(page.get_by_label("Mastercard ending 4444")).to_be_checked()
        page.get_by_role("button", name="Pay €100.00").click()
        expect(page.get_by_role("heading", name="Paid")).to_be_visible()
        expect(page.locator("#payment")).to_contain_text("Mastercard ending 4444")
        page.goto(portal(live, "methods"))
        page.get_by_role("link", name="Remove… Mastercard ending 4444").click()
        page.get_by_role("button", name="Remove it").click()
        expect(page.get_by_text("It is removed and will not be charged again.")).to_be_visible()
        expect(page.get_by_role("rowheader", name="Mastercard")).to_have_count(0)
        assert [fault for fault in watch.faults() if "422" not in fault] == []
    assert charged(gateway) == [10_000]
    with scope(Scope(live.tenant)):
        saved = list(PaymentMethod.objects.order_by("id"))
        assert [(row.last4, row.state) for row in saved] == [("4242", "active"), ("4444", "removed")]
        assert "to save this card" in saved[0].mandate_text
        assert saved[0].agreed_by is not None


def test_a_saved_account_is_debited_and_is_on_its_way(
    browser: Browser, live: Live, gateway: Gateway, bills: list[Bill]
) -> None:
    cookie = customers.signed_in(live.tenant, bills[0].customer, url=live.url)
    with visit(browser, cookie) as (page, watch):
        page.goto(portal(live, "methods/new/sepa_debit"))
        expect(page.get_by_text("to send instructions to my bank")).to_be_visible()
        page.get_by_label("I agree").check()
        page.get_by_role("button", name="Go on to the payment provider").click()
        page.get_by_label("IBAN").fill(payer.DEBIT)
        page.get_by_label("Account holder").fill("Paula Payer")
        page.locator("form:has(#iban)").get_by_role("button").click()
        expect(page.get_by_text("It is saved.")).to_be_visible()
        page.goto(portal(live, f"pay?invoice={ids.encode('invoice', bills[0].invoice)}"))
        page.get_by_role("button", name="Pay €100.00").click()
        expect(page.get_by_role("heading", name="On its way")).to_be_visible()
        page.goto(portal(live))
        expect(page.get_by_text("100.00 on its way")).to_be_visible()
        expect(page.get_by_label(f"Pay {bills[0].number}")).to_have_count(0)
        assert watch.faults() == []
    (payment,) = rows(live, Payment)
    assert (payment.state, payment.method) == ("processing", "sepa_debit")


def test_a_saved_card_that_is_declined_says_so_and_charges_nothing(
    browser: Browser, live: Live, gateway: Gateway, bills: list[Bill]
) -> None:
    cookie = customers.signed_in(live.tenant, bills[0].customer, url=live.url)
    with visit(browser, cookie) as (page, _watch):
        page.goto(portal(live, "methods/new/card"))
        page.get_by_label("I agree").check()
        page.get_by_role("button", name="Go on to the payment provider").click()
        type_card(page, payer.DECLINES_LATER)
        page.goto(portal(live, f"pay?invoice={ids.encode('invoice', bills[0].invoice)}"))
        page.get_by_role("button", name="Pay €100.00").click()
        expect(page.get_by_role("heading", name="Not paid")).to_be_visible()
        expect(page.get_by_text("Nothing was charged").first).to_be_visible()
    assert charged(gateway) == []


def test_automatic_payment_is_agreed_to_in_words_collects_and_ends(
    browser: Browser, live: Live, gateway: Gateway, bills: list[Bill]
) -> None:
    cookie = customers.signed_in(live.tenant, bills[0].customer, url=live.url)
    with visit(browser, cookie) as (page, watch):
        page.goto(portal(live, "methods/new/card"))
        page.get_by_label("I agree").check()
        page.get_by_role("button", name="Go on to the payment provider").click()
        type_card(page, payer.SUCCESS)
        expect(page.get_by_text("It is saved.")).to_be_visible()
        page.goto(portal(live, "automatic-payment"))
        expect(page.get_by_text("Automatic payment is off")).to_be_visible()
        page.get_by_role("link", name="Turn it on").click()
        page.get_by_label("At most, for one invoice").fill("250")
        page.get_by_role("button", name="Read what you agree to").click()
        expect(page.get_by_text("up to 250.00 EUR an invoice")).to_be_visible()
        # Other words than those that were read are shown first.
        page.get_by_label("At most, for one invoice").fill("150")
        page.get_by_label("I agree").check()
        page.get_by_role("button", name="Turn automatic payment on").click()
        expect(page.get_by_text("up to 150.00 EUR an invoice")).to_be_visible()
        page.get_by_label("I agree").check()
        page.get_by_role("button", name="Turn automatic payment on").click()
        expect(page.get_by_text("Automatic payment is on.")).to_be_visible()
        expect(page.get_by_text("up to 150.00 EUR an invoice")).to_be_visible()
        # An invoice that comes now is announced, and charged on its day.
        new = paying.bill(live.tenant, amount="99.00", due_in=1, of=bills[0].customer)
        run = {"tenant_id": live.tenant, "actor": Actor.system("tests")}
        assert autopay.charge_due(**run, at=clock.now()) == 0
        assert len(rows(live, OutboxMessage, template="autopay_notice")) == 1
        assert autopay.charge_due(**run, at=clock.now() + timedelta(days=4)) == 1
        page.goto(portal(live, f"invoices/{ids.encode('invoice', new.invoice)}"))
        expect(page.get_by_text("Visa ending 4242")).to_be_visible()
        page.goto(portal(live, "automatic-payment"))
        page.get_by_role("link", name="Turn it off…").click()
        page.get_by_role("button", name="Turn it off").click()
        expect(page.get_by_role("heading", name="Automatic payment is off")).to_be_visible()
        assert watch.faults() == []
    assert charged(gateway) == [9_900]
    with scope(Scope(live.tenant)):
        (agreed,) = Autopay.objects.all()
        assert (agreed.limit_minor, agreed.ended_at is not None) == (15_000, True)
        assert "up to 150.00 EUR an invoice" in agreed.mandate_text


def test_bank_details_say_since_when_they_hold(browser: Browser, live: Live, bills: list[Bill]) -> None:
    cookie = customers.signed_in(live.tenant, bills[0].customer, url=live.url)
    with visit(browser, cookie) as (page, _watch):
        page.goto(portal(live, "bank-details"))
        expect(page.get_by_text("AT61 1904 3002 3457 3201")).to_be_visible()
        expect(page.get_by_text("Last changed")).to_be_visible()
        expect(page.get_by_text("We never change bank details by e-mail. If a mail")).to_be_visible()


def test_staff_invite_a_person_who_lands_in_the_portal_and_close_it_again(
    browser: Browser, live: Live, bills: list[Bill]
) -> None:
    clerk = live.person("billing_clerk")
    page_of_staff = live.staff(f"customers/{ids.encode('customer', bills[0].customer)}/portal")
    with visit(browser, live.cookie(clerk)) as (page, watch):
        page.goto(page_of_staff)
        page.get_by_label("E-mail address").fill("nina@ada.example")
        page.get_by_role("button", name="Send the invitation").click()
        expect(page.get_by_text("The invitation is on its way.")).to_be_visible()
        expect(page.get_by_role("rowheader", name="nina@ada.example")).to_be_visible()
        assert watch.faults() == []
    (message,) = rows(live, OutboxMessage, template="portal_invitation")
    with scope(Scope(live.tenant)):
        url = next(word for word in message.body["text"].split() if "/invite/" in word)
    with visit(browser) as (page, _watch):
        page.goto(url)
        page.get_by_label("Your name").fill("Nina Payer")
        page.get_by_label("Password").first.fill(make.PASSWORD)
        page.get_by_role("button").first.click()
        # Nothing is seen before the second factor; behind it lies the portal.
        expect(page).to_have_url(live.at(f"/login/mfa?next=%2Fp%2F{live.slug}%2F"))
        page.goto(portal(live))
        expect(page.get_by_text(bills[0].number)).to_have_count(0)
    with scope(Scope(live.tenant)):
        (access,) = PortalAccess.objects.all()
        user = access.user
    assert access.customer_id == bills[0].customer
    with scope(Scope(user=user.pk)):
        key = make.session(user).raw_key
    cookie = {"name": settings.SESSION_COOKIE_NAME, "value": key, "url": live.url}
    with visit(browser, cookie) as (page, _watch):
        page.goto(live.at("/select"))
        expect(page.get_by_role("heading", name="Your invoices")).to_be_visible()
        with visit(browser, live.cookie(clerk)) as (office, _):
            office.goto(page_of_staff)
            office.get_by_role("button", name="Close it to Nina Payer").click()
            expect(office.get_by_text("The portal is closed to them")).to_be_visible()
        assert page.goto(portal(live)).status == 404


def test_nobody_sees_another_customers_things(browser: Browser, live: Live, bills: list[Bill]) -> None:
    other = paying.bill(live.tenant, amount="55.00", email="grace@hopper.example")
    payment = paying.arrived(live.tenant, (other.invoice, 5_500))
    cookie = customers.signed_in(live.tenant, bills[0].customer, url=live.url)
    with visit(browser, cookie) as (page, _watch):
        for path in (
            f"invoices/{ids.encode('invoice', other.invoice)}",
            f"invoices/{ids.encode('invoice', other.invoice)}/invoice.pdf",
            f"payments/{ids.encode('payment', payment)}",
            f"payments/{ids.encode('payment', payment)}/receipt.pdf",
            f"payments/{ids.encode('payment', payment)}/state",
            f"pay?invoice={ids.encode('invoice', other.invoice)}",
        ):
            assert page.request.get(portal(live, path)).status == 404, path
        assert other.number not in page.request.get(portal(live)).text()
    with scope(Scope(live.tenant)):
        assert Event.objects.filter(event="access.refused").count() == 6
    assert rows(live, OutboxMessage, template="receipt") == []
    assert len(rows(live, Payment)) == 1
