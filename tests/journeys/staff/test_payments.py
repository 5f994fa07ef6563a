"""Money that came, as staff handle it: recorded, put onto invoices, given back with a second person, taken back."""

import re
from uuid import UUID

import pytest
from django.http import HttpResponse
from django.test import Client
from playwright.sync_api import Browser, expect

from accounts.models import ApprovalRequest
from accounts.permissions import RoleCode
from audit.models import Event
from billing.invoices.models import Invoice
from billing.ledger import queries as books
from billing.settlement import queries as settled
from core import clock, ids
from payments.models import Dispute, Payment, PaymentNote, Refund
from payments.services import collect
from tenancy.context import Scope, scope
from tests.browser.live import Live, visit
from tests.guarantees import world
from tests.make import accounts, finance, installation
from tests.make import payments as make
from tests.make.finance import Books

UNPROCESSABLE = 422


@pytest.fixture
def tenant(transactional_db: None) -> UUID:
    return installation.tenant("a")


@pytest.fixture
def made(tenant: UUID) -> Books:
    return finance.books(tenant)


def member(tenant: UUID, role: RoleCode, *, fresh: bool = True) -> Client:
    """Speak as a member past the pages, as an attacker would."""
    with scope(Scope(tenant)):
        opened = accounts.session(accounts.member(role).user)
        if not fresh:
            opened.session.step_up_at = None
            opened.session.save(update_fields=["step_up_at"])
    return world.browser(opened.raw_key)


def events(tenant: UUID, code: str) -> list[Event]:
    with scope(Scope(tenant)):
        return list(Event.objects.filter(event=code).order_by("at", "id"))


def invoice(tenant: UUID, pk: UUID) -> Invoice:
    with scope(Scope(tenant)):
        return Invoice.objects.get(pk=pk)


def credit(tenant: UUID, customer: UUID) -> dict[str, int]:
    with scope(Scope(tenant)):
        return settled.credit(customer_id=customer)


def proven(tenant: UUID) -> bool:
    with scope(Scope(tenant)):
        return books.check() == []


def bank(tenant: UUID, made: Books, amount: int, onto: int) -> Payment:
    """Record a payment of the first customer, some of it onto their first invoice."""
    with scope(Scope(tenant)):
        return make.bank(made.customer, amount, onto=((made.open[0], onto),))


def sentence(response: HttpResponse) -> str:
    return re.sub(r"<[^>]+>|\s+", " ", response.content.decode())


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
    also = {**body, "again": "on", "once": again.context["once"]}
    assert clerk.post("/o/a/payments/new", also).status_code == 302
    assert credit(tenant, made.customer) == {"EUR": 15_000}


def test_a_payment_is_taken_off_an_invoice_and_its_credit_put_onto_another(tenant: UUID, made: Books) -> None:
    clerk = member(tenant, RoleCode.BILLING_CLERK)
    payment = bank(tenant, made, 10_000, 10_000)
    first, second = ids.encode("invoice", made.open[0]), ids.encode("invoice", made.open[2])
    path = f"/o/a/payments/{ids.encode('payment', payment.pk)}/release"
    once = clerk.get(path).context["once"]
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


def test_a_refund_over_the_limit_takes_two_people(browser: Browser, live: Live) -> None:
    clerk, boss = live.person("billing_clerk", name="Mira Clerk"), live.person("owner", name="Tom Okafor")
    made = finance.books(live.tenant)
    payment = bank(live.tenant, made, 12_000, 10_000)
    pk = ids.encode("payment", payment.pk)
    with visit(browser, live.cookie(clerk)) as (page, watch):
        page.goto(live.staff(f"payments/{pk}"))
        page.get_by_role("link", name="Refund…").click()
        page.get_by_label("Amount").fill("50.00")
        page.get_by_label("Why?").select_option("duplicate")
        page.get_by_label("What happened?").fill("Paid twice by mistake")
        page.get_by_role("button", name="Review refund").click()
        expect(page.get_by_text("A second person agrees first")).to_be_visible()
        page.get_by_role("button", name="Refund €50.00").click()
        expect(
            page.get_by_text("You asked for this refund, so someone else has to approve it.")
        ).to_be_visible()
        page.goto(live.staff("refunds"))
        expect(page.get_by_role("row", name=re.compile("Mira Clerk"))).to_contain_text("you")
    assert watch.faults() == []
    with scope(Scope(live.tenant)):
        refund = Refund.objects.get()
        assert (refund.state, refund.amount_minor, refund.reason) == (
            "pending_approval",
            5_000,
            "Paid twice by mistake",
        )
        assert Payment.objects.get().refunding_minor == 5_000
    with visit(browser, live.cookie(boss)) as (page, watch):
        page.goto(live.staff("refunds"))
        page.get_by_role("link", name="Blue Mill Bakery").click()
        page.get_by_role("link", name="To the approval").click()
        expect(page.get_by_role("heading", name="Refund €50.00 to Blue Mill Bakery")).to_be_visible()
        expect(page.get_by_text("1 refund, €50.00")).to_be_visible()
        page.get_by_label("Reason").fill("The bank statement shows both")
        page.get_by_role("button", name="Approve €50.00").click()
        expect(page.get_by_text("Approved and carried out.")).to_be_visible()
        page.goto(live.staff(f"refunds/{ids.encode('refund', refund.pk)}"))
        page.get_by_role("link", name="Record payout").click()
        page.get_by_role("button", name="Record payout of €50.00").click()
        expect(page.get_by_text("€50.00 is booked as paid out.")).to_be_visible()
    assert watch.faults() == []
    with scope(Scope(live.tenant)):
        assert Refund.objects.get().state == "succeeded"
        assert (Payment.objects.get().refunding_minor, Payment.objects.get().refunded_minor) == (0, 5_000)
        assert ApprovalRequest.objects.get().state == "approved"
    # What the customer had in credit went first; the invoice stays paid.
    assert credit(live.tenant, made.customer) == {}
    assert invoice(live.tenant, made.open[0]).amount_paid_minor == 10_000
    assert proven(live.tenant)


def test_a_refund_is_refused_where_it_must_be(tenant: UUID, made: Books) -> None:
    payment = bank(tenant, made, 10_000, 10_000)
    path = f"/o/a/payments/{ids.encode('payment', payment.pk)}/refund"
    body = {"amount_minor": "20.00", "reason_code": "other", "reason": "Because", "action": "refund"}
    stale = member(tenant, RoleCode.OWNER, fresh=False)
    sent_away = stale.post(path, body)
    assert (sent_away.status_code, sent_away.headers["Location"].partition("?")[0]) == (302, "/step-up")
    (event,) = events(tenant, "access.refused")
    assert (event.reason, event.facts["route"]) == ("step_up_required", "payments:new_refund")
    reader = member(tenant, RoleCode.ACCOUNTANT)
    assert reader.post(path, body).status_code == 403
    owner = member(tenant, RoleCode.OWNER)
    for change, said in (
        ({"amount_minor": "100.01"}, "Enter at most €100.00: more cannot be given back."),
        ({"reason": ""}, "Answer “What happened?”."),
        ({"reason_code": ""}, "Choose one answer under"),
    ):
        refused = owner.post(path, {**body, **change})
        assert (refused.status_code, said in sentence(refused)) == (422, True), change
    with scope(Scope(tenant)):
        assert Refund.objects.count() == 0
        assert Payment.objects.get().refunding_minor == 0
    assert owner.post(path, body).status_code == 302
    with scope(Scope(tenant)):
        assert (Refund.objects.get().state, Refund.objects.get().requested_by is None) == ("pending", False)
        refund = ids.encode("refund", Refund.objects.get().pk)
    assert len(events(tenant, "refund.requested")) == 1
    canceled = f"/o/a/refunds/{refund}/cancel"
    assert (owner.post(canceled).status_code, owner.post(canceled).status_code) == (302, 422)
    with scope(Scope(tenant)):
        assert (Refund.objects.get().state, Payment.objects.get().refunding_minor) == ("canceled", 0)
    assert len(events(tenant, "refund.canceled")) == 1


def test_a_dispute_shows_its_deadline_and_is_answered_once(tenant: UUID, made: Books) -> None:
    with scope(Scope(tenant)):
        payment = make.card(made.customer, made.open[0], 3_000)
        dispute = make.disputed(payment, hours=47)
        later = make.disputed(make.card(made.customer, made.open[0], 1_000), hours=49)
    manager = member(tenant, RoleCode.BILLING_MANAGER)
    listed = manager.get("/o/a/disputes").content.decode()
    assert listed.count("less than 48 hours left") == 1
    pk = ids.encode("dispute", dispute.pk)
    empty = manager.post(f"/o/a/disputes/{pk}/answer", {"evidence": ""})
    assert empty.status_code == UNPROCESSABLE
    assert manager.post(f"/o/a/disputes/{pk}/answer", {"evidence": "Signed for"}).status_code == 302
    again = manager.post(f"/o/a/disputes/{pk}/accept")
    assert (again.status_code, "answered already" in sentence(again)) == (422, True)
    given_up = f"/o/a/disputes/{ids.encode('dispute', later.pk)}/accept"
    assert manager.post(given_up).status_code == 302
    with scope(Scope(tenant)):
        assert Dispute.objects.get(pk=dispute.pk).evidence == "Signed for"
        assert Dispute.objects.get(pk=later.pk).answered_at is not None
    clerk = member(tenant, RoleCode.BILLING_CLERK)
    assert clerk.post(f"/o/a/disputes/{pk}/answer", {"evidence": "x"}).status_code == 403
    assert [len(events(tenant, f"dispute.{code}")) for code in ("answered", "accepted")] == [1, 1]


def test_somebody_decides_about_held_money(tenant: UUID, made: Books) -> None:
    with scope(Scope(tenant)):
        held = make.card(made.customer, made.open[0], 3_000, state=Payment.State.HELD)
    pk = ids.encode("payment", held.pk)
    path = f"/o/a/payments/{pk}/resolve"
    clerk = member(tenant, RoleCode.BILLING_CLERK)
    assert pk in clerk.get("/o/a/payments/unmatched").content.decode()
    stale = member(tenant, RoleCode.BILLING_CLERK, fresh=False)
    refused = stale.post(path, {"how": "refund", "reason": "No"})
    assert refused.status_code == UNPROCESSABLE
    unknown = clerk.post(path, {"how": "credit", "reason": "It is theirs"})
    assert unknown.headers["Location"].startswith(f"{path}?refused=")
    assert "Nothing is decided" in sentence(clerk.get(unknown.headers["Location"]))
    with scope(Scope(tenant)):
        assert (Payment.objects.get().state, PaymentNote.objects.count()) == ("held", 0)
    done = clerk.post(path, {"how": "dismiss", "reason": "A test of the provider"})
    assert (done.status_code, done.headers["Location"]) == (302, f"/o/a/payments/{pk}")
    with scope(Scope(tenant)):
        assert (Payment.objects.get().state, PaymentNote.objects.get().text) == (
            "canceled",
            "A test of the provider",
        )
    (event,) = events(tenant, "payment.resolved")
    assert event.facts["how"] == "dismiss"


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
