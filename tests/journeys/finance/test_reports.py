"""Reports over HTTP: every number's link leads to rows that come to it, and each report leaves as a file."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any

import pypdf
import pytest

from core import clock, ids
from tenancy.context import Scope, scope
from tests.guarantees import world
from tests.guarantees.world import Organization, RoleCode
from tests.make import billing, payments, recurring

# One worker fills its database with everything, once.
pytestmark = pytest.mark.xdist_group("reports")
REPORTS = ["aging", "revenue", "mrr", "tax", "cash", "dso"]
_LINK = re.compile(
    r'<a href="([^"]+)">\s*(?:<span>[^<]*</span>\s*<strong class="number">)?<data value="(-?\d+)">'
)
_NEXT = re.compile(r'href="([^"]+)"[^>]*>(?:(?!</a>).)*Next (?:rows|customers)', re.S)
_ROW = re.compile(r'class="row-amount" value="(-?\d+)"')
_SUM = re.compile(r'id="sum" value="(-?\d+)"')


def shop() -> Organization:
    made = world.organization("a", [RoleCode.OWNER, RoleCode.ACCOUNTANT, RoleCode.BILLING_CLERK])
    today = clock.now().date()
    with scope(Scope(made.id)):
        rate, product = billing.tax_rate("7", code="reduced"), recurring.product("seats", "Seats")
        seats = recurring.price(of=product)
        for days in (5, 40, 80, 100, 200):
            on = today - timedelta(days=days)
            customer = billing.customer(f"=Late by {days}")
            recurring.subscription(seats, of=customer, quantity=str(days), on=on)
            invoice = billing.finalized(
                of=customer,
                issued_on=on,
                due_on=on + timedelta(days=10),
                lines=[billing.line("99.99", rate=rate)],
            )
            payments.bank_payment((invoice, 100 + days), received_on=on, at=clock.now())
    return made


@pytest.fixture(scope="module")
def stored(django_db_setup: None, django_db_blocker: Any) -> Iterator[Organization]:
    with world.kept(django_db_blocker, shop) as made:
        yield made


@pytest.fixture
def ours(stored: Organization, db: None) -> Organization:
    return stored


def get(ours: Organization, url: str, role: str = "accountant"):
    return ours.people[role].client.get(url)


def followed(ours: Organization, url: str) -> tuple[int, int]:
    """Return what the rows behind a link come to, and what their page says they do."""
    rows, said, url = 0, None, unescape(url)
    while url:
        page = get(ours, url).content.decode()
        rows += sum(int(value) for value in _ROW.findall(page))
        said = int(_SUM.search(page)[1])
        more = _NEXT.search(page)
        url = url.split("?")[0] + unescape(more[1]) if more else ""
    return rows, said


@pytest.mark.parametrize("report", REPORTS)
def test_every_number_is_the_sum_of_the_rows_behind_its_link(ours: Organization, report: str) -> None:
    page = get(ours, f"/o/a/reports/{report}")
    assert page.status_code == 200
    links = _LINK.findall(page.content.decode())
    numbers = re.findall(r'<data value="(-?\d+)">', page.content.decode())
    # What has no link is nothing.
    assert len([value for value in numbers if int(value)]) == len([value for _, value in links if int(value)])
    assert len(links) > 3
    for url, value in dict(links).items():
        assert followed(ours, url) == (int(value), int(value)), url
    (event,) = world.events_of(ours.id, actor_id=ours.people["accountant"].id, event="report.read")[:1]
    assert event.event == "report.read"


@pytest.mark.parametrize("report", REPORTS)
def test_each_report_leaves_as_csv_and_pdf(ours: Organization, report: str) -> None:
    made = get(ours, f"/o/a/reports/{report}.csv", "owner")
    table = list(csv.reader(io.StringIO(made.content.decode("utf-8-sig"))))
    assert len(table) > 2
    assert len({len(row) for row in table}) == 1
    assert not any(cell.startswith(("=", "@")) for row in table for cell in row)
    made = get(ours, f"/o/a/reports/{report}.pdf")
    assert made.headers["Content-Type"] == "application/pdf"
    assert pypdf.PdfReader(io.BytesIO(made.content)).pages[0].extract_text().strip()
    if report != "dso":
        rows = get(ours, f"/o/a/reports/{report}/rows.csv", "owner")
        assert len(rows.content.decode().splitlines()) > 2
    assert "report.exported" in [event.event for event in world.events_of(ours.id)]


def test_a_report_of_days_in_which_nothing_was(ours: Organization) -> None:
    for report in REPORTS:
        page = get(
            ours, f"/o/a/reports/{report}?on=2001-01-01&since=2001-01-01&until=2001-03-01&currency=EUR"
        )
        assert "Choose other days or another currency." in page.content.decode()
    page = get(ours, "/o/a/reports/cash?since=2026-03-01&until=2026-02-01").content.decode()
    assert "This day is before the first." in page


def test_a_statement_for_staff_as_page_pdf_and_csv(ours: Organization) -> None:
    pk = ours.records["customer"]
    page = get(ours, f"/o/a/customers/{pk}/statement").content.decode()
    assert "Opening balance" in page
    assert "Invoice INV" in page or "Invoice " in page
    made = get(ours, f"/o/a/customers/{pk}/statement.csv", "owner")
    table = list(csv.reader(io.StringIO(made.content.decode("utf-8-sig"))))
    assert table[1][1], table[-1][1] == ("Opening balance", "Closing balance")
    closing = int(re.search(r'id="closing" value="(-?\d+)"', page)[1])
    assert table[-1][4] == f"{closing / 100:.2f}"
    made = get(ours, f"/o/a/customers/{pk}/statement.pdf")
    text = pypdf.PdfReader(io.BytesIO(made.content)).pages[0].extract_text()
    assert "Statement of account" in text
    assert "Closing balance" in text
    events = [event.event for event in world.events_of(ours.id)]
    assert events.count("account_statement.read") == 2


def test_the_portal_shows_its_own_statement(ours: Organization) -> None:
    customer = ours.people["customer"].client
    page = customer.get("/p/a/statements")
    assert page.status_code == 200
    assert "Closing balance" in page.content.decode()
    assert customer.get("/p/a/statements/statement.pdf").headers["Content-Type"] == "application/pdf"
    assert "Closing balance" in customer.get("/p/a/statements/statement.csv").content.decode()


def test_what_is_far_away_is_asked_for_in_parts(ours: Organization) -> None:
    page = get(
        ours, f"/o/a/reports/revenue?since=2015-01-01&until={clock.now().date().isoformat()}"
    ).content.decode()
    assert "A report holds fewer than" in page
    assert (
        ids.encode("customer", ids.decode("customer", ours.records["customer"])) == ours.records["customer"]
    )
