"""Billing from the first customer to a void invoice, in a real browser, with and without JavaScript."""

import re
from decimal import Decimal
from uuid import UUID

from playwright.sync_api import Browser, Page, expect

from audit.models import Event
from billing.invoices.models import Invoice, InvoiceLine
from billing.invoices.queries import content_is_intact
from billing.ledger import queries as books
from billing.tax.models import TaxRate
from core import ids
from tenancy.context import Scope, scope
from tests.browser.live import Live, expected_status, visit
from tests.make import billing as make
from tests.make import finance, installation


def events(live: Live, subject: UUID) -> list[str]:
    """List what was changed about a record, oldest first; reads are left out."""
    with scope(Scope(live.tenant)):
        rows = Event.objects.filter(subject_id=subject).order_by("at", "id").values_list("event", flat=True)
        return [code for code in rows if not code.endswith(".read")]


def minor(text: str) -> int:
    """Read "€1,234.50" as 123450."""
    return int(re.sub(r"[^0-9]", "", text))


def test_a_customer_is_added_billed_and_the_invoice_finalized(browser: Browser, live: Live) -> None:
    who = live.person()
    finance.books(live.tenant)
    with visit(browser, live.cookie(who)) as (page, watch):
        page.goto(live.staff("customers"))
        page.get_by_role("link", name="New customer").click()
        page.get_by_label("Name").fill("Kestrel Robotics")
        page.get_by_label("E-mail address for invoices").fill("pay@kestrel.example")
        page.get_by_label("Street").first.fill("7 Quay")
        page.get_by_label("Country").first.select_option("IE")
        page.get_by_role("button", name="Add customer").click()
        expect(page.get_by_role("heading", name="Kestrel Robotics")).to_be_visible()
        page.get_by_role("link", name="New invoice").click()
        page.get_by_label("Description").fill("Arm, type 4")
        page.get_by_label("Unit price").fill("1,250.50")
        page.get_by_label("Quantity").fill("2")
        # The server computes while somebody types: 2 × 1,250.50 and 19 % of it.
        expect(page.locator("#totals [data-total]")).to_contain_text("€2,976.19")
        page.get_by_role("button", name="Add a line").click()
        expect(page.get_by_role("group", name="Line 2")).to_be_visible()
        line = page.get_by_role("group", name="Line 2")
        expect(line.get_by_label("Description")).to_be_focused()
        line.get_by_label("Description").fill("Discount")
        line.get_by_label("Unit price").fill("-50")
        line.get_by_label("Tax").select_option("")
        expect(page.locator("#totals [data-total]")).to_contain_text("€2,926.19")
        # What is taken away is no longer counted.
        page.get_by_role("button", name="Add a line").click()
        third = page.get_by_role("group", name="Line 3")
        third.get_by_label("Description").fill("Mistake")
        third.get_by_label("Unit price").fill("1000")
        expect(page.locator("#totals [data-total]")).to_contain_text("€4,116.19")
        page.get_by_role("button", name="Remove line 3").click()
        expect(page.locator("#totals [data-total]")).to_contain_text("€2,926.19")
        page.get_by_role("button", name="Save draft").last.click()
        expect(page.get_by_role("heading", name="Draft")).to_be_visible()
        page.get_by_role("link", name="Review and finalize").click()
        expect(page.get_by_text("Goes to Kestrel Robotics")).to_be_visible()
        page.get_by_role("button", name="Finalize invoice, €2,926.19").click()
        expect(page.get_by_role("heading", name=re.compile("^Invoice INV-"))).to_be_visible()
        pk = ids.decode("invoice", page.url.rsplit("/", 1)[-1])
    assert watch.faults() == []
    with scope(Scope(live.tenant)):
        invoice = Invoice.objects.get(pk=pk)
        lines = InvoiceLine.objects.filter(invoice_id=pk).order_by("position")
        assert [(line.description, line.net_minor) for line in lines] == [
            ("Arm, type 4", 250_100),
            ("Discount", -5_000),
        ]
        assert (invoice.status, invoice.total_minor, invoice.currency) == ("finalized", 292_619, "EUR")
        assert content_is_intact(pk)
        assert books.check() == []
    assert events(live, pk) == ["invoice.created", "invoice.finalized"]


def test_the_same_way_without_javascript(browser: Browser, live: Live) -> None:
    who = live.person("billing_manager")
    made = finance.books(live.tenant)
    with visit(browser, live.cookie(who), javascript=False) as (page, watch):
        page.goto(live.staff("invoices/new"))
        page.get_by_label("Name, e-mail address, tax id or number").fill("mill")
        page.get_by_role("button", name="Apply").click()
        page.get_by_role("link", name="Blue Mill Bakery").click()
        page.get_by_label("Description").fill("Flour")
        page.get_by_label("Unit price").fill("10.00")
        page.get_by_role("button", name="Add a line").click()
        second = page.get_by_role("group", name="Line 2")
        second.get_by_label("Description").fill("Salt")
        second.get_by_label("Unit price").fill("3.00")
        page.get_by_role("button", name="Add a line").click()
        page.get_by_role("button", name="Remove line 3").click()
        page.get_by_role("button", name="Compute totals").click()
        expect(page.locator("#totals [data-total]")).to_contain_text("€15.47")
        page.get_by_role("button", name="Save draft").last.click()
        expect(page.get_by_role("heading", name="Draft")).to_be_visible()
        page.get_by_role("link", name="Review and finalize").click()
        page.get_by_role("button", name="Finalize invoice, €15.47").click()
        expect(page.get_by_role("heading", name=re.compile("^Invoice INV-"))).to_be_visible()
    assert watch.faults() == []
    with scope(Scope(live.tenant)):
        newest = Invoice.objects.order_by("-id").first()
        assert newest is not None
        assert (newest.customer_id, newest.total_minor, newest.status) == (made.customer, 1_547, "finalized")


def test_what_looks_like_a_card_number_is_refused_and_not_sent_back(browser: Browser, live: Live) -> None:
    who = live.person()
    made = finance.books(live.tenant)
    with visit(browser, live.cookie(who)) as (page, watch):
        page.goto(live.staff(f"invoices/new?customer={ids.encode('customer', made.customer)}"))
        page.get_by_label("Description").fill("Paid with 4242 4242 4242 4242")
        page.get_by_label("Unit price").fill("12.00")
        page.get_by_role("button", name="Save draft").last.click()
        expect(page.locator(".error-summary")).to_contain_text("Line 1: This looks like a card number")
        expect(page.get_by_label("Description")).to_have_value("")
        assert "4242 4242" not in page.content()
    assert expected_status(watch, 422) == []
    with scope(Scope(live.tenant)):
        assert Invoice.objects.filter(status="draft").count() == 2


def test_voiding_asks_why_and_keeps_the_number(browser: Browser, live: Live) -> None:
    who = live.person()
    made = finance.books(live.tenant)
    pk = made.open[3]
    with visit(browser, live.cookie(who)) as (page, watch):
        page.goto(live.staff(f"invoices/{ids.encode('invoice', pk)}"))
        page.get_by_role("link", name="Void…").click()
        page.get_by_role("button", name=re.compile("^Void INV-")).click()
        expect(page.locator(".error-summary")).to_contain_text("Answer “Why is it void?”.")
        with scope(Scope(live.tenant)):
            assert Invoice.objects.get(pk=pk).status == "finalized"
        page.get_by_label("Why is it void?").fill("Billed to the wrong company")
        page.get_by_role("button", name=re.compile("^Void INV-")).click()
        expect(page.get_by_role("heading", name=re.compile("^Invoice INV-"))).to_contain_text("Void")
        expect(page.get_by_text("Billed to the wrong company")).to_be_visible()
        page.get_by_role("link", name="Timeline").click()
        expect(page.get_by_text("Ana Ruiz voided invoice")).to_be_visible()
    assert expected_status(watch, 422) == []
    assert events(live, pk) == ["invoice.created", "invoice.finalized", "invoice.voided"]
    with scope(Scope(live.tenant)):
        assert Invoice.objects.get(pk=pk).number
        assert books.check() == []


def test_a_draft_is_discarded(browser: Browser, live: Live) -> None:
    who = live.person()
    made = finance.books(live.tenant)
    with visit(browser, live.cookie(who)) as (page, watch):
        page.goto(live.staff(f"invoices/{ids.encode('invoice', made.draft)}/discard"))
        page.get_by_role("button", name="Discard the draft").click()
        expect(page.get_by_role("heading", name="Invoices")).to_be_visible()
    assert watch.faults() == []
    with scope(Scope(live.tenant)):
        assert not Invoice.objects.filter(pk=made.draft).exists()
    assert events(live, made.draft)[-1] == "invoice.discarded"


def test_the_list_is_narrowed_by_its_address(browser: Browser, live: Live) -> None:
    who = live.person()
    made = finance.books(live.tenant)
    with scope(Scope(live.tenant)):
        number = Invoice.objects.get(pk=made.open[2]).number or ""
    with visit(browser, live.cookie(who)) as (page, watch):
        page.goto(live.staff("invoices"))
        rows = page.locator("#results tbody tr")
        expect(rows).to_have_count(11)
        page.get_by_label("Number or customer").fill(number)
        expect(rows).to_have_count(1)
        expect(page.locator('[data-behaviour="announce"]')).to_have_text("1 invoice")
        assert f"q={number}" in page.url
        page.get_by_label("Number or customer").fill("kilk")
        expect(rows).to_have_count(5)
        page.get_by_role("link", name="Overdue").click()
        expect(page.locator("#results tbody tr")).to_have_count(3)
        there = page.url
        # Longest overdue first, and the same rows for whoever opens the address.
        assert page.locator("#results tbody tr td.numeric:last-child").first.inner_text() == "400 days"
        page.goto(there)
        expect(page.locator("#results tbody tr")).to_have_count(3)
        page.goto(live.staff("invoices?view=paid"))
        expect(page.get_by_role("heading", name="Nothing is paid yet")).to_be_visible()
        page.goto(live.staff("invoices?view=paid&q=zzz"))
        expect(page.get_by_role("heading", name="No paid invoice matches these filters")).to_be_visible()
    assert watch.faults() == []


def test_pages_follow_each_other_in_both_directions(browser: Browser, live: Live) -> None:
    who = live.person()
    with scope(Scope(live.tenant)):
        customer = make.customer()
        for _ in range(120):
            make.draft(of=customer)
    with visit(browser, live.cookie(who)) as (page, _):
        page.goto(live.staff("invoices"))
        seen = [_links(page)]
        for shown in ("Showing 51–100 of 120", "Showing 101–120 of 120"):
            page.get_by_role("navigation", name="Pages").get_by_role("link", name="Next").click()
            expect(page.get_by_text(shown)).to_be_visible()
            seen.append(_links(page))
        assert len({link for links in seen for link in links}) == 120
        page.get_by_role("link", name="Previous").click()
        expect(page.get_by_text("Showing 51–100 of 120")).to_be_visible()
        assert _links(page) == seen[1]
        page.get_by_role("link", name="Previous").click()
        assert _links(page) == seen[0]


def _links(page: Page) -> list[str]:
    return [link.get_attribute("href") or "" for link in page.locator("tbody th a").all()]


def test_who_opened_an_invoice_stands_beside_it(browser: Browser, live: Live) -> None:
    owner, clerk = live.person(), live.person("billing_clerk", name="Dev Patel")
    made = finance.books(live.tenant)
    path = f"invoices/{ids.encode('invoice', made.open[0])}"
    with visit(browser, live.cookie(clerk)) as (page, _):
        page.goto(live.staff(path))
    with visit(browser, live.cookie(owner)) as (page, _):
        page.goto(live.staff(f"{path}/access"))
        expect(page.get_by_role("row", name=re.compile("Dev Patel.*Read invoice"))).to_have_count(1)
    with scope(Scope(live.tenant)):
        (read,) = Event.objects.filter(event="audit.read", actor_id=owner.user.pk)
    assert read.subject_id == made.open[0]


def test_another_organizations_invoice_is_not_there(browser: Browser, live: Live) -> None:
    who = live.person()
    theirs = finance.books(installation.tenant("b"))
    with visit(browser, live.cookie(who)) as (page, _):
        for path in ("", "/timeline", "/access", "/edit", "/finalize", "/void", "/discard"):
            answer = page.goto(live.staff(f"invoices/{ids.encode('invoice', theirs.open[0])}{path}"))
            assert answer is not None
            assert answer.status == 404
        answer = page.goto(live.staff(f"customers/{ids.encode('customer', theirs.customer)}"))
        assert answer is not None
        assert answer.status == 404
    with scope(Scope(live.tenant)):
        assert Event.objects.filter(event="access.refused", actor_id=who.user.pk).count() == 8


def test_another_invoice_than_the_checked_one_is_not_imported(browser: Browser, live: Live) -> None:
    who = live.person()
    files = [
        {
            "name": "invoice.xml",
            "mimeType": "application/xml",
            "buffer": make.einvoice("xrechnung/01.01a-INVOICE_ubl.xml") + ending,
        }
        for ending in (b"", b"\n")
    ]
    with visit(browser, live.cookie(who)) as (page, _):
        page.goto(live.staff("import"))
        page.get_by_role("link", name="An electronic invoice…").click()
        page.get_by_label("File").set_input_files(files[0])
        page.get_by_role("button", name="Check the file").click()
        expect(page.get_by_text("One invoice over €336.90 can be imported.")).to_be_visible()
        page.get_by_label("File").set_input_files(files[1])
        page.get_by_role("button", name="Import the invoice, €336.90").click()
        expect(page.get_by_text("This is not the file that was checked")).to_be_visible()
    with scope(Scope(live.tenant)):
        assert Invoice.objects.count() == 0


def test_an_invoice_from_outside_keeps_its_number(browser: Browser, live: Live) -> None:
    who = live.person()
    document = make.einvoice("xrechnung/01.01a-INVOICE_ubl.xml")
    file = {"name": "invoice.xml", "mimeType": "application/xml", "buffer": document}
    with visit(browser, live.cookie(who), javascript=False) as (page, watch):
        page.goto(live.staff("import/invoice"))
        page.get_by_label("File").set_input_files(file)
        page.get_by_label("Finalize the invoice at once").check()
        page.get_by_role("button", name="Check the file").click()
        # Without JavaScript the browser forgets the file; its fingerprint says that it is the same one.
        page.get_by_label("File").set_input_files(file)
        page.get_by_role("button", name="Import the invoice, €336.90").click()
        page.get_by_role("link", name="Open 123456XX").click()
        expect(page.get_by_role("heading", name="Invoice 123456XX")).to_be_visible()
    assert watch.faults() == []
    with scope(Scope(live.tenant)):
        invoice = Invoice.objects.get(imported_number="123456XX")
        assert (invoice.status, invoice.total_minor) == ("finalized", 33_690)


def test_a_tax_rate_is_replaced_and_the_change_is_shown(browser: Browser, live: Live) -> None:
    who = live.person()
    made = finance.books(live.tenant)
    with visit(browser, live.cookie(who)) as (page, watch):
        page.goto(live.staff(f"settings/tax-rates/{ids.encode('tax_rate', made.rate)}/supersede"))
        page.get_by_label("Percentage").fill("20.5")
        page.get_by_label("Valid from").fill("2030-01-01")
        page.get_by_role("button", name="Replace tax rate").click()
        expect(page.get_by_role("heading", name=re.compile("Standard rate, 20.5"))).to_be_visible()
        expect(page.get_by_role("row", name=re.compile("Ana Ruiz Ends on – 1 Jan 2030"))).to_be_visible()
    assert watch.faults() == []
    with scope(Scope(live.tenant)):
        old = TaxRate.objects.get(pk=made.rate)
        assert (old.percentage, str(old.valid_to)) == (Decimal("19"), "2030-01-01")
