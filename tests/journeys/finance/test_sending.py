"""Staff send an invoice and copy, make and withdraw its payment link, in a real browser."""

from datetime import timedelta

from playwright.sync_api import Browser, expect

from accounts.models import Selection
from audit.models import Event
from core import clock, ids
from outbound.models import OutboxMessage
from payments.bulk import running
from tenancy.context import Scope, scope
from tenancy.models import Job
from tests.browser.live import Live, visit
from tests.make import paying


def test_an_invoice_is_read_as_a_mail_and_sent(browser: Browser, live: Live) -> None:
    who = live.person("billing_clerk")
    paying.organization(live.tenant)
    bill = paying.bill(live.tenant)
    with visit(browser, live.cookie(who)) as (page, watch):
        page.goto(live.staff(f"invoices/{ids.encode('invoice', bill.invoice)}"))
        page.get_by_role("link", name="Send").click()
        expect(page.get_by_text(f"Invoice {bill.number} from Strongbox Tests GmbH: €100.00")).to_be_visible()
        expect(page.get_by_text("We never change bank details by e-mail")).to_be_visible()
        page.get_by_role("button", name=f"Send to {paying.EMAIL}").click()
        expect(page.get_by_text(f"Invoice {bill.number} goes out in 20 seconds.")).to_be_visible()
        # Called back, nothing has left; without JavaScript the page of the invoice offers the same.
        page.locator(".toast").get_by_role("button", name="Undo").click()
        expect(page.get_by_text("Nothing was sent.")).to_be_visible()
        page.goto(live.staff(f"invoices/{ids.encode('invoice', bill.invoice)}/send"))
        page.get_by_role("button", name=f"Send to {paying.EMAIL}").click()
        expect(page.locator("main").get_by_role("button", name="Undo")).to_be_visible()
        assert watch.faults() == []
    with scope(Scope(live.tenant)):
        assert OutboxMessage.objects.filter(template="invoice").count() == 0
        assert sorted(Job.objects.values_list("state", flat=True)) == ["cancelled", "queued"]
        late = clock.now() + timedelta(minutes=3)
        assert running.hand_out_again(at=late) == 1
        handed = [(chosen.pk, chosen.job_id) for chosen in Selection.objects.order_by("id")]
    for key, _ in handed:
        running.work(tenant_id=live.tenant, selection_id=key, now=clock.now)
    with scope(Scope(live.tenant)):
        (message,) = OutboxMessage.objects.filter(template="invoice")
        assert message.body["to"] == paying.EMAIL
        assert Event.objects.filter(event="invoice.sent", actor_id=who.user.pk).count() == 1


def test_without_an_address_the_page_says_what_to_do(browser: Browser, live: Live) -> None:
    who = live.person("billing_clerk")
    paying.organization(live.tenant)
    bill = paying.bill(live.tenant, email="")
    with visit(browser, live.cookie(who)) as (page, _watch):
        page.goto(live.staff(f"invoices/{ids.encode('invoice', bill.invoice)}/send"))
        expect(page.get_by_text("This customer has no e-mail address")).to_be_visible()
        expect(page.get_by_role("button", name="Send to")).to_have_count(0)


def test_a_payment_link_is_copied_withdrawn_and_made_anew(browser: Browser, live: Live) -> None:
    who = live.person("billing_clerk")
    paying.organization(live.tenant)
    bill = paying.bill(live.tenant)
    with visit(browser, live.cookie(who)) as (page, watch):
        page.goto(live.staff(f"invoices/{ids.encode('invoice', bill.invoice)}"))
        page.get_by_role("link", name="Copy pay link").click()
        expect(page.get_by_text(live.at(bill.path))).to_be_visible()
        page.get_by_role("button", name="Withdraw every link").click()
        expect(page.get_by_text("withdrawn")).to_be_visible()
        expect(page.get_by_text(live.at(bill.path))).to_have_count(0)
        page.get_by_role("button", name="Make a payment link").click()
        expect(page.get_by_role("button", name="Copy payment link")).to_be_visible()
        assert watch.faults() == []
        assert page.request.get(live.at(bill.path)).status == 410
    with scope(Scope(live.tenant)):
        codes = set(Event.objects.filter(subject_id=bill.invoice).values_list("event", flat=True))
    assert {"pay_link.made", "pay_link.revoked", "pay_link.refused"} <= codes
