"""Money that came, as staff handle it: recorded, put onto invoices, given back with a second person, taken back."""

import re
from uuid import UUID

import pytest
from playwright.sync_api import Browser, expect

from accounts.permissions import RoleCode
from billing.settlement import queries as settled
from core import clock, ids
from payments.models import Payment, PaymentNote
from payments.services import collect
from tenancy.context import Scope, scope
from tests.browser.live import Live, visit
from tests.journeys.staff.office import UNPROCESSABLE, bank, credit, events, invoice, member, proven, sentence
from tests.make import finance, installation
from tests.make import payments as make
from tests.make.finance import Books
from tests.shown import hidden


def test_a_bank_payment_is_recorded_with_the_proposal_changed(browser: Browser, live: Live) -> None:
    who = live.person("billing_clerk")
    made = finance.books(live.tenant)
    oldest = invoice(live.tenant, made.open[6])
    assert oldest.customer_id == made.customer
    with visit(browser, live.cookie(who)) as (page, watch):
        page.goto(live.staff("payments"))
        page.get_by_role("link", name="Record payment").first.click()
        page.get_by_role("link", name="Blue Mill Bakery").click()
        page.get_by_label("Amount received").fill("500.00")
        page.get_by_label("Written beside it").fill("INV 7, thank you")
        # The oldest debt first, as far as it is due; the rest onto the next ones.
        expect(page.get_by_label(f"Onto {oldest.number}")).to_have_value(re.compile(r"\d+\.\d\d"))
        expect(page.locator("#left")).to_contain_text("Left to allocate: €0.00")
        page.get_by_label(f"Onto {oldest.number}").fill("100.00")
        expect(page.locator("#left")).to_contain_text("It becomes credit of Blue Mill Bakery")
        page.get_by_role("button", name="Record payment").last.click()
        expect(page.get_by_role("heading", name=re.compile("^Payment of €500.00"))).to_be_visible()
        expect(page.get_by_text("of it is credit of the customer.")).to_be_visible()
        expect(page.get_by_text("INV 7, thank you")).to_be_visible()
    assert watch.faults() == []
    with scope(Scope(live.tenant)):
        payment = Payment.objects.get()
        assert (payment.amount_minor, payment.source, payment.state) == (50_000, "staff", "succeeded")
        on = {row.invoice_id: row.amount_minor for row in settled.allocations(payment_id=payment.pk)}
    assert on[oldest.pk] == 10_000
    assert credit(live.tenant, made.customer) == {"EUR": 50_000 - sum(on.values())}
    assert proven(live.tenant)
    assert len(events(live.tenant, "payment.recorded")) == 1


def test_the_same_way_without_javascript_from_the_invoice(browser: Browser, live: Live) -> None:
    who = live.person("billing_clerk")
    made = finance.books(live.tenant)
    due = invoice(live.tenant, made.open[2])
    with visit(browser, live.cookie(who), javascript=False) as (page, watch):
        page.goto(live.staff(f"invoices/{ids.encode('invoice', due.pk)}"))
        page.get_by_role("link", name="Record payment").click()
        field = page.get_by_label(f"Onto {due.number}")
        assert float(field.input_value()) * 100 == pytest.approx(due.amount_due_minor)
        page.get_by_label("Amount received").fill("50.00")
        page.get_by_role("button", name="Propose again").click()
        expect(page.get_by_label(f"Onto {due.number}")).to_have_value("50.00")
        page.get_by_label(f"Onto {due.number}").fill("20.00")
        page.get_by_role("button", name="Compute what is left").click()
        expect(page.locator("#left")).to_contain_text("Left to allocate: €30.00")
        page.get_by_role("button", name="Record payment").last.click()
        expect(page.get_by_role("heading", name=re.compile("^Payment of €50.00"))).to_be_visible()
    assert watch.faults() == []
    assert invoice(live.tenant, due.pk).amount_paid_minor == 2_000
    assert credit(live.tenant, made.customer) == {"EUR": 3_000}


def test_what_does_not_fit_is_refused_beside_its_field(tenant: UUID, made: Books) -> None:
    clerk, due = member(tenant, RoleCode.BILLING_CLERK), invoice(tenant, made.open[0])
    put = f"put-{ids.encode('invoice', due.pk)}"
    body = {
        "customer": ids.encode("customer", made.customer),
        "currency": "EUR",
        "amount_minor": "500.00",
        "received_on": clock.now().date().isoformat(),
        put: "",
        "action": "save",
    }
    for change, said in (
        ({"amount_minor": ""}, "Enter the amount received."),
        ({"amount_minor": "12x"}, "Enter an amount in EUR"),
        ({"amount_minor": "-5"}, "Enter an amount above zero."),
        ({"received_on": "2099-01-01"}, "Money cannot have been received on a day that has not come."),
        ({"reference": "4242 4242 4242 4242"}, "This looks like a card number."),
        ({put: "99999.00"}, f"{due.number} is due"),
        ({"amount_minor": "1.00", put: "2.00"}, "The invoices get €1.00 more than came."),
        ({"currency": "XXX"}, "Choose an answer that is offered"),
    ):
        refused = clerk.post("/o/a/payments/new", {**body, **change})
        assert refused.status_code == UNPROCESSABLE, change
        assert said in sentence(refused), change
        assert "4242 4242" not in refused.content.decode()
    with scope(Scope(tenant)):
        assert Payment.objects.count() == 0
    assert invoice(tenant, due.pk).amount_paid_minor == 0
    assert events(tenant, "payment.recorded") == []


def test_the_same_money_is_not_recorded_twice_by_mistake(tenant: UUID, made: Books) -> None:
    clerk = member(tenant, RoleCode.BILLING_CLERK)
    body = {
        "customer": ids.encode("customer", made.customer),
        "currency": "EUR",
        "amount_minor": "75.00",
        "received_on": clock.now().date().isoformat(),
        "action": "save",
    }
    assert clerk.post("/o/a/payments/new", body).status_code == 302
    again = clerk.post("/o/a/payments/new", body)
    assert again.status_code == UNPROCESSABLE
    assert "is recorded already" in sentence(again)
    assert credit(tenant, made.customer) == {"EUR": 7_500}
    also = {**body, "again": "on", "once": hidden(again.content.decode())}
    assert clerk.post("/o/a/payments/new", also).status_code == 302
    assert credit(tenant, made.customer) == {"EUR": 15_000}


def test_a_payment_is_taken_off_an_invoice_and_its_credit_put_onto_another(tenant: UUID, made: Books) -> None:
    clerk = member(tenant, RoleCode.BILLING_CLERK)
    payment = bank(tenant, made, 10_000, 10_000)
    first, second = ids.encode("invoice", made.open[0]), ids.encode("invoice", made.open[2])
    path = f"/o/a/payments/{ids.encode('payment', payment.pk)}/release"
    once = hidden(clerk.get(path).content.decode())
    more = clerk.post(path, {"invoice": first, "amount_minor": "100.01", "once": once})
    assert more.status_code == UNPROCESSABLE
    assert "The payment has put less than that on the invoice." in sentence(
        more
    ) or "less than that" in sentence(more)
    assert clerk.post(path, {"invoice": first, "amount_minor": "40.00", "once": once}).status_code == 302
    assert invoice(tenant, made.open[0]).amount_paid_minor == 6_000
    assert credit(tenant, made.customer) == {"EUR": 4_000}

    use = f"/o/a/customers/{ids.encode('customer', made.customer)}/credit"
    shown = clerk.get(f"{use}?invoice={second}")
    assert 'value="40.00"' in shown.content.decode()
    nothing = clerk.post(use, {"action": "save"})
    assert (nothing.status_code, "Say how much goes onto which invoice." in sentence(nothing)) == (422, True)
    over = clerk.post(use, {f"put-{second}": "40.01", "action": "save"})
    assert (over.status_code, "less credit than that" in sentence(over)) == (422, True)
    assert credit(tenant, made.customer) == {"EUR": 4_000}
    assert (
        clerk.post(use, {f"put-{second}": "25.00", f"put-{first}": "15.00", "action": "save"}).status_code
        == 302
    )
    assert (invoice(tenant, made.open[0]).amount_paid_minor, credit(tenant, made.customer)) == (7_500, {})
    assert invoice(tenant, made.open[2]).amount_paid_minor == 2_500
    assert proven(tenant)
    assert len(events(tenant, "credit.applied")) == 2


def test_a_reversal_needs_a_reason_and_opens_the_invoice_again(tenant: UUID, made: Books) -> None:
    clerk = member(tenant, RoleCode.BILLING_CLERK)
    payment = bank(tenant, made, 12_000, 10_000)
    path = f"/o/a/payments/{ids.encode('payment', payment.pk)}/reverse"
    due = invoice(tenant, made.open[0]).amount_due_minor
    assert "Reverse payment of €120.00" in sentence(clerk.get(path))
    empty = clerk.post(path, {"reason": ""})
    assert (empty.status_code, "Why is it reversed?" in sentence(empty)) == (422, True)
    assert invoice(tenant, made.open[0]).amount_paid_minor == 10_000
    assert clerk.post(path, {"reason": "The bank took it back"}).status_code == 302
    assert invoice(tenant, made.open[0]).amount_due_minor == due + 10_000
    assert credit(tenant, made.customer) == {}
    with scope(Scope(tenant)):
        assert Payment.objects.get().state == "reversed"
        assert PaymentNote.objects.get().text == "The bank took it back"
    assert "The bank took it back" in sentence(clerk.get(path.removesuffix("/reverse")))
    again = clerk.post(path, {"reason": "Again"})
    assert again.status_code == UNPROCESSABLE
    assert len(events(tenant, "payment.reversed")) == 1
    assert proven(tenant)


def test_the_list_is_narrowed_by_its_address(tenant: UUID, made: Books) -> None:
    payment = bank(tenant, made, 10_000, 10_000)
    with scope(Scope(tenant)):
        arrived = make.card(made.customer, made.open[2], 500)
        failed = make.card(made.customer, made.open[2], 1_000, state=Payment.State.FAILED)
        make.bank(made.other, 500)
    reader = member(tenant, RoleCode.ACCOUNTANT)
    bank_pk, failed_pk = ids.encode("payment", payment.pk), ids.encode("payment", failed.pk)
    one, other = ids.encode("customer", made.customer), ids.encode("invoice", made.open[2])
    for query, wanted in (
        ("", 4),
        ("view=received", 3),
        ("view=failed", 1),
        ("view=held", 0),
        (f"customer={one}", 3),
        (f"invoice={other}", 2),
        ("method=card", 2),
        ("q=Blue", 3),
        (f"q={arrived.reference}", 1),
        (f"received_from={clock.now().date()}", 3),
        ("received_to=2020-01-01", 0),
    ):
        shown = reader.get(f"/o/a/payments?{query}")
        assert shown.content.decode().count("data-row-url") == wanted, query
    page = reader.get("/o/a/payments").content.decode()
    assert bank_pk in page and failed_pk in page and "Record payment" not in page
    for query in ("view=paid", "customer=cus_x", "cursor=zzz"):
        assert reader.get(f"/o/a/payments?{query}").status_code == 404, query
    listed = events(tenant, "payment.listed")
    assert set(listed[0].subject_ids) >= {payment.pk, failed.pk}


def test_an_invoice_and_a_customer_show_their_payments(tenant: UUID, made: Books) -> None:
    payment = bank(tenant, made, 10_000, 9_000)
    with scope(Scope(tenant)):
        make.saved(made.customer)
    reader = member(tenant, RoleCode.ACCOUNTANT)
    on_invoice = sentence(reader.get(f"/o/a/invoices/{ids.encode('invoice', made.open[0])}/payments"))
    assert "€90.00" in on_invoice and "€100.00" in on_invoice
    assert "No payment yet" in sentence(
        reader.get(f"/o/a/invoices/{ids.encode('invoice', made.open[2])}/payments")
    )
    of_customer = reader.get(f"/o/a/customers/{ids.encode('customer', made.customer)}/payments")
    text = sentence(of_customer)
    assert "Visa ending 4242" in text and "12/2030" in text and "€10.00" in text
    assert ids.encode("payment", payment.pk) in of_customer.content.decode()
    assert len(events(tenant, "payment_method.listed")) == 1
    other = reader.get(f"/o/a/customers/{ids.encode('customer', made.other)}/payments")
    assert (
        "No saved method" in sentence(other)
        and ids.encode("payment", payment.pk) not in other.content.decode()
    )


def test_a_payment_names_who_looked(tenant: UUID, made: Books) -> None:
    payment = bank(tenant, made, 10_000, 10_000)
    reader = member(tenant, RoleCode.ACCOUNTANT)
    path = f"/o/a/payments/{ids.encode('payment', payment.pk)}"
    assert reader.get(path).status_code == 200
    assert "Read payment" in sentence(reader.get(f"{path}/access"))
    theirs = installation.tenant("b")
    stranger = member(theirs, RoleCode.OWNER)
    assert stranger.get(path).status_code == 404
    assert stranger.get(path.replace("/o/a/", "/o/b/")).status_code == 404
    assert [event.facts["status"] for event in events(theirs, "access.refused")] == [404]


def test_a_payment_that_nobody_has_paid_is_stopped(tenant: UUID, made: Books) -> None:
    with scope(Scope(tenant)):
        attempt = collect.start(
            customer_id=made.customer,
            items=[(made.open[0], 1_000)],
            account_id=make.the_account().pk,
            source=Payment.Source.PAY_LINK,
            actor=make.ACTOR,
            at=clock.now(),
        )
    assert invoice(tenant, made.open[0]).attempts_open == 1
    path = f"/o/a/payments/{ids.encode('payment', attempt.payment_id)}/stop"
    assert member(tenant, RoleCode.ACCOUNTANT).post(path).status_code == 403
    clerk = member(tenant, RoleCode.BILLING_CLERK)
    assert "Stop payment of €10.00" in sentence(clerk.get(path))
    assert clerk.post(path).headers["Location"] == path.removesuffix("/stop")
    assert invoice(tenant, made.open[0]).attempts_open == 0
    with scope(Scope(tenant)):
        assert Payment.objects.get().state == "canceled"
    assert "There is nothing to stop" in sentence(clerk.post(path))
