"""Month end over HTTP: closing, the sentence a late document meets, and a second person who opens it again."""

import csv
import io
import re
from datetime import date

import pytest

from accounts.models import ApprovalRequest, Role
from accounts.permissions import RoleCode
from billing.ledger.models import LedgerAccount, LedgerTransaction
from billing.periods.models import AccountingPeriod
from billing.periods.rules import Month
from core import clock, ids
from tenancy.context import Scope, scope
from tests.guarantees import world
from tests.guarantees.world import Organization
from tests.make import billing, books

LAST = Month.of(clock.now().date()).before
ROLES = [RoleCode.OWNER, RoleCode.APPROVER, RoleCode.ACCOUNTANT, RoleCode.BILLING_CLERK]


@pytest.fixture
def ours(db: None) -> Organization:
    return world.organization("a", ROLES)


def told(answer) -> str:
    return re.sub(r"\s+", " ", answer.content.decode())


def page(ours: Organization, path: str, role: str = "owner", status: int = 200) -> str:
    answer = ours.people[role].client.get(f"/o/a/{path}")
    assert answer.status_code == status, path
    return told(answer)


def close_all_before(ours: Organization) -> None:
    """Bring the books up to the month whose turn it is to be closed last."""
    with scope(Scope(ours.id)):
        AccountingPeriod.objects.update(starts_on=LAST.before.starts_on)


def test_a_month_is_closed_refuses_and_is_opened_again_by_two(ours: Organization) -> None:
    close_all_before(ours)
    shown = page(ours, "close", "accountant")
    assert LAST.name in shown
    assert "Drafts dated in this month" in shown
    assert "Review and close" not in shown
    assert "Review and close" in page(ours, "close")

    owner = ours.people["owner"].client
    assert "Nothing more is booked in it" in page(ours, f"close/{LAST}")
    assert owner.post(f"/o/a/close/{LAST}").status_code == 302
    shown = page(ours, "close")
    assert f"{LAST.name} is closed. Nothing more is booked in it." in shown
    assert "Every month that is over is closed." in shown
    assert "period.closed" in [event.event for event in world.events_of(ours.id)]
    assert owner.post(f"/o/a/close/{LAST}").status_code == 422

    # A document of that month says since when, what to do instead, and whom to ask.
    with scope(Scope(ours.id)):
        draft = billing.draft(issued_on=LAST.ends_on)
    pk = ids.encode("invoice", draft.pk)
    answer = owner.post(f"/o/a/invoices/{pk}/finalize")
    assert answer.status_code == 422
    assert re.search(
        rf"{LAST.told(clock.now().date())} is closed since \d+ \w+( \d{{4}})?\. Date this 1 ", told(answer)
    )
    answer = ours.keys["all"].client.post(
        f"/api/v1/invoices/{pk}/finalize", {}, content_type="application/json"
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "period_closed")
    assert answer.json()["errors"][0]["pointer"] == "/issued_on"
    body = {"invoice": ours.records["finalized"], "amount_minor": 1, "method": "bank_transfer",
            "received_on": LAST.ends_on.isoformat()}  # fmt: skip
    answer = ours.keys["all"].client.post(
        "/api/v1/payments", body, content_type="application/json", headers={"Idempotency-Key": "late"}
    )
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/received_on")

    # Opening it again: a reason, and somebody else.
    reopened = f"/o/a/close/{LAST}/reopen"
    assert "Somebody else has to agree first." in page(ours, f"close/{LAST}/reopen")
    assert "Answer “Why is it opened again?”." in told(owner.post(reopened, {"reason": ""}))
    assert owner.post(reopened, {"reason": "A bill came late"}).status_code == 302
    with scope(Scope(ours.id)):
        asked = ApprovalRequest.objects.get(kind="period_reopen")
        assert AccountingPeriod.objects.get(starts_on=LAST.starts_on).state == "closed"
    request = f"approvals/{ids.encode('approval', asked.pk)}"
    shown = page(ours, request, "approver")
    assert f"Open {LAST.name} again" in shown
    assert "A bill came late" in shown
    decided = ours.people["approver"].client.post(f"/o/a/{request}", {"decision": "approve", "note": "Yes"})
    assert decided.status_code == 302
    with scope(Scope(ours.id)):
        assert AccountingPeriod.objects.get(starts_on=LAST.starts_on).state == "open"
    assert owner.post(f"/o/a/invoices/{pk}/finalize").status_code == 302
    assert "Open again" in page(ours, "close")


def test_the_ledger_the_account_and_the_transaction(ours: Organization) -> None:
    shown = page(ours, "ledger")
    assert "Debits and credits are equal in every currency and in EUR." in shown
    assert "Receivables from customers" in shown
    assert "No account of this kind holds anything" in page(ours, "ledger?type=equity")
    with scope(Scope(ours.id)):
        receivable = ids.encode("ledger_account", LedgerAccount.objects.get(code="receivable").pk)
        booked = LedgerTransaction.objects.get(kind="invoice_finalized")
    shown = page(ours, f"ledger/accounts/{receivable}")
    assert "Invoice finalized" in shown
    shown = page(ours, f"ledger/transactions/{ids.encode('ledger_transaction', booked.pk)}")
    assert "INV-2026-00001" in shown
    assert "Revenue" in shown
    answer = ours.people["accountant"].client.get("/o/a/ledger/trial.csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert {row["account"] for row in rows} >= {"receivable", "revenue", "bank"}
    assert ours.people["billing_clerk"].client.get("/o/a/ledger/trial.csv").status_code == 403


def test_accounts_take_their_numbers_and_the_journal_names_them(ours: Organization) -> None:
    owner = ours.people["owner"].client
    assert owner.post("/o/a/ledger/accounts", {"chart": "skr04"}).status_code == 302
    given = {"code": "tax:S:20", "name": "Umsatzsteuer 20 %", "external_code": "3806"}
    assert owner.post("/o/a/ledger/accounts/new", given).status_code == 302
    assert "There is an account of this code already" in told(owner.post("/o/a/ledger/accounts/new", given))
    assert "is written tax:S:19" in told(owner.post("/o/a/ledger/accounts/new", {**given, "code": "tax"}))
    with scope(Scope(ours.id)):
        revenue = LedgerAccount.objects.get(code="revenue")
        rate = billing.tax_rate("20", code="at20")
        books.invoice("2026-03-02", "10.00", of=billing.customer(), currency="EUR", rate=rate)
    path = f"/o/a/ledger/accounts/{ids.encode('ledger_account', revenue.pk)}/edit"
    assert owner.post(path, {"name": "=Erlöse", "external_code": "4400"}).status_code == 302
    assert "at most 20" in told(owner.post(path, {"name": "Erlöse", "external_code": "44 00"}))
    shown = page(ours, "ledger/journal?month=2026-03", "accountant")
    assert "Download March 2026" in shown
    answer = ours.people["accountant"].client.get("/o/a/ledger/journal.csv?month=2026-03")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="journal-2026-03.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    tax = next(row for row in rows if row["account"] == "tax:S:20")
    assert (tax["credit"], tax["base_credit"], tax["external_code"], tax["tax_rate"]) == (
        "2.00",
        "2.00",
        "3806",
        "S:20",
    )
    assert {row["account_name"] for row in rows if row["account"] == "revenue"} == {"'=Erlöse"}
    assert "ledger.exported" in [event.event for event in world.events_of(ours.id)]
    assert owner.get("/o/a/ledger/journal.csv?month=2026-13").status_code == 404


def test_who_may_take_fewer_rows_takes_none(ours: Organization) -> None:
    with scope(Scope(ours.id)):
        Role.objects.filter(code="accountant").update(limits={"export_rows": 1})
    this = Month.of(clock.now().date())
    answer = ours.people["accountant"].client.get(f"/o/a/ledger/journal.csv?month={this}")
    assert answer.status_code == 422
    assert "your role may take 1 at once" in told(answer)


def test_rates_by_hand_and_from_the_central_bank(ours: Organization) -> None:
    owner = ours.people["owner"].client
    given = {"valid_on": "2026-03-02", "from_currency": "usd", "rate": "0.9", "to_currency": "EUR"}
    assert owner.post("/o/a/exchange-rates/new", given).status_code == 302
    answer = owner.post("/o/a/exchange-rates/new", {**given, "rate": "0,9"})
    assert (answer.status_code, "Enter the rate as a number" in told(answer)) == (422, True)
    assert "between two currencies" in told(
        owner.post("/o/a/exchange-rates/new", {**given, "to_currency": "USD"})
    )
    file = io.BytesIO(b"Date,USD,JPY\n2026-03-03,1.25,160\n")
    file.name = "eurofxref-hist.csv"
    assert owner.post("/o/a/exchange-rates/upload", {"file": file}).status_code == 302
    shown = page(ours, "exchange-rates?currency=JPY")
    assert "2 rates read, 2 of them new." in shown
    assert "160 JPY" in shown
    assert "No rate matches" in page(ours, "exchange-rates?currency=CHF")
    bad = io.BytesIO(b"Date,USD\nsoon,1\n")
    bad.name = "bad.csv"
    answer = owner.post("/o/a/exchange-rates/upload", {"file": bad})
    assert (answer.status_code, "not a day written as 2026-08-31" in told(answer)) == (422, True)
    assert owner.get("/o/a/exchange-rates?cursor=nowhere").status_code == 404


def test_the_books_over_the_api(ours: Organization) -> None:
    key = ours.keys["all"].client
    accounts = key.get("/api/v1/ledger_accounts?limit=2").json()
    assert [row["code"] for row in accounts["data"]] == ["bad_debt", "bank"]
    more = key.get(f"/api/v1/ledger_accounts?limit=2&cursor={accounts['next_cursor']}").json()
    assert more["data"][0]["code"] == "customer_credit"
    found = key.get("/api/v1/ledger_transactions?kind=invoice_finalized").json()["data"][0]
    assert sum(entry["base_minor"] for entry in found["entries"]) == 0
    assert (found["invoice"], found["exchange_rate"]) == (ours.records["finalized"], None)
    assert key.get("/api/v1/periods").json()["data"][0]["month"] == "2019-01"
    body = {"valid_on": "2026-03-02", "from_currency": "USD", "to_currency": "EUR", "rate": "0.9"}
    answer = key.post("/api/v1/exchange_rates", body, content_type="application/json")
    assert (answer.status_code, answer.json()["rate"], answer.json()["source"]) == (201, "0.9", "manual")
    answer = key.post("/api/v1/exchange_rates", {**body, "rate": "0"}, content_type="application/json")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/rate")
    listed = key.get("/api/v1/exchange_rates?currency=USD&limit=1").json()
    assert (len(listed["data"]), listed["has_more"]) == (1, True)
    assert date.fromisoformat(listed["data"][0]["valid_on"]) == date(2026, 3, 2)
