"""Money that goes back or is contested, as staff handle it: refunds with a second person, disputes, held money."""

import re
from uuid import UUID

from playwright.sync_api import Browser, expect

from accounts.models import ApprovalRequest
from accounts.permissions import RoleCode
from core import ids
from payments.models import Dispute, Payment, PaymentNote, Refund
from tenancy.context import Scope, scope
from tests.browser.live import Live, visit
from tests.journeys.staff.office import UNPROCESSABLE, bank, credit, events, invoice, member, proven, sentence
from tests.make import finance
from tests.make import payments as make
from tests.make.finance import Books


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
