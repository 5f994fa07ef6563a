"""Attacks on reports: another customer's statement, foreign ids, words that are no words, and a file too large."""

from collections.abc import Iterator
from typing import Any

import pytest

from accounts.models import Role
from tenancy.context import Scope, scope
from tests.guarantees import world
from tests.guarantees.world import Organization, RoleCode

# One worker fills its database with everything, once.
pytestmark = pytest.mark.xdist_group("reports attacked")
REPORTS = ["aging", "revenue", "tax", "cash", "mrr"]


@pytest.fixture(scope="module")
def stored(django_db_setup: None, django_db_blocker: Any) -> Iterator[tuple[Organization, Organization]]:
    roles = [RoleCode.OWNER, RoleCode.ACCOUNTANT]
    with world.kept(django_db_blocker, lambda: world.two(a=roles)) as made:
        yield made


@pytest.fixture
def ours(stored: tuple[Organization, Organization], db: None) -> Organization:
    return stored[0]


@pytest.fixture
def theirs(stored: tuple[Organization, Organization], db: None) -> Organization:
    return stored[1]


def test_a_portal_shows_one_customer_whatever_is_asked(ours: Organization) -> None:
    client = ours.people["customer"].client
    own = client.get("/p/a/statements").content
    for asked in (f"customer={ours.records['other_customer']}", f"pk={ours.records['other_customer']}"):
        answer = client.get(f"/p/a/statements?{asked}")
        assert answer.status_code == 200
        assert b"Grace Hopper" not in answer.content
        assert b'id="closing"' in own
    for path in (f"/o/a/customers/{ours.records['other_customer']}/statement", "/o/a/reports/aging"):
        assert client.get(path).status_code in (403, 404)
    for path in ("", "/statement.pdf", "/statement.csv"):
        assert client.get(f"/p/b/statements{path}").status_code in (302, 403, 404)


def test_foreign_ids_are_nobodys(ours: Organization, theirs: Organization) -> None:
    client, foreign = ours.people["owner"].client, theirs.records["customer"]
    for kind in ("", ".pdf", ".csv"):
        assert client.get(f"/o/a/customers/{foreign}/statement{kind}").status_code == 404
    assert client.get(f"/o/a/reports/aging/rows?customer={foreign}").status_code == 404
    key = ours.keys["all"].client
    assert key.get(f"/api/v1/customers/{foreign}/statement").status_code == 404
    assert theirs.people["owner"].client.get("/o/a/reports/aging").status_code == 404


@pytest.mark.parametrize("report", REPORTS)
@pytest.mark.parametrize(
    "asked",
    ["on=9999-12-31&until=9999-12-31", "on=x&since=x&until=0001-01-01", "currency=XXX", "currency='%3B--",
     "key='%20OR%201%3D1", "key=%25%28tenant%29s", "after=2026-01-01~x", "after=x", "sign=9", "customer=cus_x",
     "key=prd_x", "key=a:b", "key=S:NaN",
     "month=9999-13", "of=x&times=99999999"],
)  # fmt: skip
def test_what_is_no_question_is_no_fault(ours: Organization, report: str, asked: str) -> None:
    client = ours.people["owner"].client
    for path in (f"reports/{report}", f"reports/{report}/rows"):
        assert client.get(f"/o/a/{path}?{asked}").status_code in (200, 404, 422), path


def test_a_file_beyond_the_roles_rows_is_refused(ours: Organization) -> None:
    with scope(Scope(ours.id)):
        Role.objects.filter(code="accountant").update(limits={"export_rows": 0})
    client, customer = ours.people["accountant"].client, ours.records["customer"]
    for path in ("reports/aging.csv", f"customers/{customer}/statement.csv", "reports/revenue/rows.csv"):
        answer = client.get(f"/o/a/{path}")
        assert answer.status_code == 422, path
        assert "your role may take 0 at once" in answer.content.decode()
