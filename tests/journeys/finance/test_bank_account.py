"""Changing where customers pay, over HTTP: two people, 72 hours, and one who can stop it; and the PDF for staff."""

import io
import re
from datetime import timedelta

import pypdf
import pytest

from accounts.models import ApprovalRequest
from billing.bankaccounts import queries
from billing.bankaccounts.models import BankAccount
from core import clock, ids
from tenancy.context import Scope, scope
from tests.guarantees import world
from tests.guarantees.world import Organization
from tests.make import bank
from tests.make.bank import FIRST, OTHER

PAGE = "/o/a/settings/bank-account"
ROLES = [world.RoleCode.OWNER, world.RoleCode.ADMIN, world.RoleCode.APPROVER, world.RoleCode.BILLING_CLERK]


@pytest.fixture
def ours(db: None) -> Organization:
    return world.organization("a", ROLES)


def page(ours: Organization, role: str, path: str = PAGE) -> str:
    answer = ours.people[role].client.get(path)
    assert answer.status_code == 200, (role, path, answer.status_code)
    return re.sub(r"\s+", " ", answer.content.decode())


def agreed(ours: Organization, details: dict[str, str]) -> None:
    """Let the owner ask and the approver agree, on their pages."""
    asked = ours.people["owner"].client.post(f"{PAGE}/change", {**details, "reason": "The bank has moved"})
    assert (asked.status_code, asked.headers["Location"]) == (302, PAGE)
    with scope(Scope(ours.id)):
        waiting = ApprovalRequest.objects.get(kind="bank_details_change", state="pending")
    pk = ids.encode("approval", waiting.pk)
    shown = page(ours, "approver", f"/o/a/approvals/{pk}")
    for said in ("where customers pay", details["holder"], details["iban"], "The bank has moved"):
        assert said in shown
    decided = ours.people["approver"].client.post(
        f"/o/a/approvals/{pk}", {"decision": "approve", "note": "Called back"}
    )
    assert decided.status_code == 302


def test_two_people_set_change_and_stop(ours: Organization) -> None:
    assert "No bank account yet" in page(ours, "billing_clerk")
    agreed(ours, FIRST)
    shown = page(ours, "billing_clerk")
    assert "DE89 3704 0044 0532 0130 00" in shown
    assert "We never change bank details by e-mail." in shown
    assert "Stop the change" not in shown

    agreed(ours, OTHER)
    shown = page(ours, "billing_clerk")
    assert "New bank details are announced" in shown
    assert "AT61 •••• 3201" in shown
    assert "in 3 days" in shown
    assert "Stop the change" not in shown
    assert "Stop the change" in page(ours, "admin")
    again = ours.people["owner"].client.post(f"{PAGE}/change", {**OTHER, "iban": "GB33BUKB20201555555555"})
    assert again.status_code == 422
    assert "A change of the bank details is under way already." in again.content.decode()

    stopped = ours.people["admin"].client.post(f"{PAGE}/cancel")
    assert (stopped.status_code, stopped.headers["Location"]) == (302, PAGE)
    shown = page(ours, "owner")
    assert "New bank details are announced" not in shown
    assert "Stopped" in shown
    with scope(Scope(ours.id)):
        assert queries.current(clock.now() + timedelta(days=9)).iban == "DE89370400440532013000"
    done = [event.event for event in world.events_of(ours.id) if event.event.startswith("bank_account.")]
    changes = [code for code in done if code != "bank_account.read"]
    assert sorted(changes) == ["bank_account.announced", "bank_account.canceled", "bank_account.set"]


def test_a_wrong_iban_is_named_and_nothing_is_asked(ours: Organization) -> None:
    answer = ours.people["owner"].client.post(
        f"{PAGE}/change", {**FIRST, "iban": "DE89 3704 0044 0532 0130 01"}
    )
    assert answer.status_code == 422
    assert "This is no IBAN" in answer.content.decode()
    with scope(Scope(ours.id)):
        assert not ApprovalRequest.objects.filter(kind="bank_details_change").exists()
        assert not BankAccount.objects.exists()


@pytest.mark.parametrize("path", ["change", "cancel"])
def test_a_clerk_changes_and_stops_nothing(ours: Organization, path: str) -> None:
    clerk = ours.people["billing_clerk"]
    assert clerk.client.post(f"{PAGE}/{path}", FIRST).status_code == 403
    refused = world.events_of(ours.id, actor_id=clerk.id, event="access.refused")
    assert len(refused) == 1
    with scope(Scope(ours.id)):
        assert not ApprovalRequest.objects.filter(kind="bank_details_change").exists()


def test_looking_is_recorded(ours: Organization) -> None:
    with scope(Scope(ours.id)):
        made = BankAccount.objects.filter(pk=bank.set_first(clock.now()).pk).get()
    page(ours, "billing_clerk")
    (seen,) = world.events_of(ours.id, actor_id=ours.people["billing_clerk"].id, event="bank_account.read")
    assert list(seen.subject_ids) == [made.pk]


def test_stopping_what_is_not_announced_leads_back(ours: Organization) -> None:
    answer = ours.people["owner"].client.get(f"{PAGE}/cancel")
    assert (answer.status_code, answer.headers["Location"]) == (302, PAGE)


def test_staff_download_the_document(ours: Organization) -> None:
    pk = ours.records["finalized"]
    clerk = ours.people["billing_clerk"]
    assert f"/o/a/invoices/{pk}/pdf" in page(ours, "billing_clerk", f"/o/a/invoices/{pk}")
    answer = clerk.client.get(f"/o/a/invoices/{pk}/pdf")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/pdf")
    assert re.fullmatch(r'attachment; filename="INV-\d{4}-\d{5}\.pdf"', answer.headers["Content-Disposition"])
    text = pypdf.PdfReader(io.BytesIO(answer.content)).pages[0].extract_text()
    assert "Ada Lovelace" in text
    read = world.events_of(ours.id, actor_id=clerk.id, event="invoice.read")
    assert len(read) == 2
