"""Taking back what was billed, page by page: credit notes, write-offs, number series, a customer's credit."""

import re
from html import unescape
from uuid import UUID

from django.http import HttpResponse

from accounts.models import ApprovalRequest
from accounts.permissions import RoleCode
from billing.creditnotes.models import CreditNote
from billing.settlement.models import CreditEntry, WriteOff
from core import clock, ids
from payments.models import Refund
from tenancy.context import Scope, scope
from tests.journeys.staff.office import UNPROCESSABLE, bank, credit, events, invoice, member, proven
from tests.make import payments
from tests.make.finance import Books


def text(response: HttpResponse) -> str:
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode())))


def test_a_credit_note_is_reviewed_issued_and_shown(tenant: UUID, made: Books) -> None:
    payment = bank(tenant, made, 11_900, 11_900)
    total = invoice(tenant, made.open[0]).total_minor
    manager = member(tenant, RoleCode.BILLING_MANAGER)
    base = f"/o/a/invoices/{ids.encode('invoice', made.open[0])}"
    assert "Credit…" in text(manager.get(base))
    page = manager.get(f"{base}/credit")
    assert (page.status_code, "Single lines, before tax" in text(page)) == (200, True)
    body = {
        "what": "amount",
        "amount_minor": "60.00",
        "goes": "refund",
        "reason_code": "product_unsatisfactory",
        "reason": "Half of it was missing",
        "note": "We are sorry",
    }
    empty = manager.post(f"{base}/credit", {**body, "amount_minor": ""})
    assert (empty.status_code, "Enter how much is credited." in text(empty)) == (UNPROCESSABLE, True)
    review = manager.post(f"{base}/credit", {**body, "action": "review"})
    assert "Credit €60.00" in text(review)
    with scope(Scope(tenant)):
        assert CreditNote.objects.count() == 0
    done = manager.post(f"{base}/credit", {**body, "action": "credit", "seen": "0"})
    assert done.status_code == 302
    twice = manager.post(f"{base}/credit", {**body, "action": "credit", "seen": "0"})
    assert (twice.status_code, "was credited meanwhile" in text(twice)) == (UNPROCESSABLE, True)
    with scope(Scope(tenant)):
        note, refund = CreditNote.objects.get(), Refund.objects.get()
    left = total - 11_900
    assert (note.total_minor, note.offset_minor, note.refund_minor) == (6_000, left, 6_000 - left)
    assert (refund.credit_note_id, refund.payment_id, refund.amount_minor) == (
        note.pk,
        payment.pk,
        6_000 - left,
    )
    shown = manager.get(done.headers["Location"])
    for words in (
        note.number,
        "Not what was agreed",
        "Half of it was missing",
        "We are sorry",
        "Corrects invoice",
    ):
        assert words in text(shown)
    assert note.number in text(manager.get("/o/a/credit-notes"))
    assert note.number in text(manager.get(f"/o/a/credit-notes?q={note.number}"))
    assert "No credit note has this number" in text(manager.get("/o/a/credit-notes?q=zzz"))
    assert note.number in text(manager.get(base))
    assert "credited invoice" in text(manager.get(f"{base}/timeline"))
    file = manager.get(f"/o/a/credit-notes/{ids.encode('credit_note', note.pk)}/pdf")
    assert (file.status_code, file.content[:5]) == (200, b"%PDF-")
    assert [each.subject_id for each in events(tenant, "credit_note.read")][-1] == note.pk
    assert events(tenant, "credit_note.listed")
    assert proven(tenant)


def test_single_lines_and_all_that_is_left(tenant: UUID, made: Books) -> None:
    manager = member(tenant, RoleCode.BILLING_MANAGER)
    path = f"/o/a/invoices/{ids.encode('invoice', made.open[1])}/credit"
    why = {"reason_code": "other", "reason": "As agreed"}
    lines = {"what": "lines", "goes": "credit", "line_0": "50.00", "action": "credit", **why}
    nothing = manager.post(path, {**lines, "line_0": ""})
    assert "Enter an amount for at least one line." in text(nothing)
    too_much = manager.post(path, {**lines, "line_0": "5000"})
    assert (too_much.status_code, "less than that left" in text(too_much)) == (UNPROCESSABLE, True)
    assert manager.post(path, lines).status_code == 302
    assert credit(tenant, made.other) == {"EUR": 5_950}
    assert manager.post(path, {"what": "all", "goes": "open", "action": "credit", **why}).status_code == 302
    after = invoice(tenant, made.open[1])
    assert (after.noted_minor, after.amount_due_minor) == (after.total_minor, 5_950)
    assert "It cannot be credited" in text(manager.get(path))
    assert proven(tenant)


def test_a_write_off_waits_for_a_second_person(tenant: UUID, made: Books) -> None:
    manager, owner = member(tenant, RoleCode.BILLING_MANAGER), member(tenant, RoleCode.OWNER)
    base = f"/o/a/invoices/{ids.encode('invoice', made.open[7])}"
    due = invoice(tenant, made.open[7]).amount_due_minor
    page = manager.get(f"{base}/write-off")
    assert "A second person agrees first" in text(page)
    assert manager.post(f"{base}/write-off", {"reason": "", "seen": str(due)}).status_code == UNPROCESSABLE
    assert (
        manager.post(f"{base}/write-off", {"reason": "Insolvent", "seen": "1"}).status_code == UNPROCESSABLE
    )
    asked = manager.post(f"{base}/write-off", {"reason": "Insolvent", "seen": str(due)})
    assert asked.status_code == 302
    with scope(Scope(tenant)):
        waiting = ApprovalRequest.objects.get()
        assert WriteOff.objects.count() == 0
    path = f"/o/a/approvals/{ids.encode('approval', waiting.pk)}"
    assert "Write off" in text(owner.get(path))
    own = manager.post(path, {"decision": "approve", "note": "Yes"})
    assert own.status_code != 302
    assert owner.post(path, {"decision": "approve", "note": "The court says so"}).status_code == 302
    after = invoice(tenant, made.open[7])
    assert (after.written_off_minor, after.amount_due_minor) == (due, 0)
    assert "Written off" in text(manager.get(base))
    assert after.number in text(manager.get("/o/a/invoices?view=written_off"))
    assert "It cannot be written off" in text(manager.get(f"{base}/write-off"))
    assert proven(tenant)


def test_series_are_opened_chosen_changed_and_closed(tenant: UUID, made: Books) -> None:
    owner = member(tenant, RoleCode.OWNER)
    assert "invoices" in text(owner.get("/o/a/settings/series"))
    new = {
        "code": "shop",
        "purpose": "invoice",
        "pattern": "S{year}/{sequence}",
        "digits": "4",
        "fiscal_year_starts_in": "1",
    }
    bad = owner.post("/o/a/settings/series/new", {**new, "pattern": "S{sequence}"})
    assert bad.status_code == UNPROCESSABLE
    assert owner.post("/o/a/settings/series/new", new).status_code == 302
    listed = owner.get("/o/a/settings/series")
    year = clock.now().year
    assert f"S{year}/0001" in text(listed)
    (path,) = set(re.findall(r'href="(/o/a/settings/series/ser_[a-z0-9]+)">shop', listed.content.decode()))
    assert "no electronic invoices" not in text(owner.get(path))
    plain = {**new, "code": "states", "pattern": "US{year}/{sequence}", "no_e_invoice": "on"}
    assert owner.post("/o/a/settings/series/new", plain).status_code == 302
    shown = owner.get("/o/a/settings/series").content.decode()
    (states,) = set(re.findall(r'href="(/o/a/settings/series/ser_[a-z0-9]+)">states', shown))
    assert "no electronic invoices" in text(owner.get(states))
    assert "rounded on every line" not in text(owner.get(states))
    numbering = {"pattern": "T{year}/{sequence}", "digits": "3", "fiscal_year_starts_in": "1"}
    assert owner.post(path, numbering).status_code == 302
    assert f"T{year}/001" in text(owner.get("/o/a/settings/series"))
    usual = re.findall(r'href="(/o/a/settings/series/ser_[a-z0-9]+)">invoices', listed.content.decode())[0]
    blocked = owner.post(usual, numbering)
    assert (blocked.status_code, "in this fiscal year" in text(blocked)) == (UNPROCESSABLE, True)
    assert "new documents are numbered" in text(owner.post(f"{usual}/close")).lower()
    assert owner.post(path, {"action": "choose"}).status_code == 302
    assert "It will give no numbers any more" in text(owner.get(f"{usual}/close"))
    assert owner.post(f"{usual}/close").status_code == 302
    assert "This series is closed" in text(owner.get(usual))
    assert owner.get("/o/a/settings/series/ser_00000000000000000000000000").status_code == 404
    clerk = member(tenant, RoleCode.BILLING_CLERK)
    assert clerk.get("/o/a/settings/series").status_code == 200
    assert clerk.post(path, {"action": "choose"}).status_code == 403


def test_credit_is_shown_with_its_causes_and_expires_by_hand(tenant: UUID, made: Books) -> None:
    manager = member(tenant, RoleCode.BILLING_MANAGER)
    path = f"/o/a/customers/{ids.encode('customer', made.customer)}/credit-entries"
    assert "No credit yet" in text(manager.get(path))
    assert manager.get(f"{path}/expire?currency=EUR").status_code == 404
    with scope(Scope(tenant)):
        payments.bank(made.customer, 500)
    assert "Paid beyond what was due" in text(manager.get(path))
    body = {"currency": "EUR", "amount_minor": "2.00", "reason": "Lapsed by law"}
    assert "Let €2.00 expire" in text(manager.post(f"{path}/expire", {**body, "action": "review"}))
    wrong = manager.post(f"{path}/expire", {**body, "action": "expire", "seen": "499"})
    assert wrong.status_code == UNPROCESSABLE
    assert manager.post(f"{path}/expire", {**body, "action": "expire", "seen": "500"}).status_code == 302
    assert credit(tenant, made.customer) == {"EUR": 300}
    with scope(Scope(tenant)):
        assert CreditEntry.objects.filter(cause="expired").count() == 1
    assert "Lapsed by law" in text(manager.get(path))
    assert events(tenant, "credit.read")


def test_a_draft_names_its_series_and_the_organization_its_expiry(tenant: UUID, made: Books) -> None:
    owner = member(tenant, RoleCode.OWNER)
    path = f"/o/a/invoices/{ids.encode('invoice', made.draft)}/edit"
    assert "Number series" not in text(owner.get(path)).partition("Currency")[2]
    new = {
        "code": "shop",
        "purpose": "invoice",
        "pattern": "S{year}/{sequence}",
        "digits": "4",
        "fiscal_year_starts_in": "1",
    }
    assert owner.post("/o/a/settings/series/new", new).status_code == 302
    page = owner.get(path).content.decode()
    (shop,) = re.findall(r'value="(ser_[a-z0-9]+)"[^>]*>\s*shop', page)
    fields = {
        "currency": "EUR",
        "series": shop,
        "lines-0-description": "Work",
        "description": "Work",
        "quantity": "1",
        "unit_amount": "10",
    }
    assert shop in page
    assert fields["series"] == shop
    body = {
        "name": "Organization A",
        "currency": "EUR",
        "payment_days": "14",
        "time_zone": "UTC",
        "country": "IE",
        "credit_expires_days": "365",
    }
    assert owner.post("/o/a/settings/organization", body).status_code == 302
    assert 'value="365"' in owner.get("/o/a/settings/organization").content.decode()
    bad = owner.post("/o/a/settings/organization", {**body, "credit_expires_days": "1"})
    assert bad.status_code == UNPROCESSABLE
