"""A draft written by hand: rows from a spreadsheet, Enter for the next line, kept by itself, and in few acts."""

from playwright.sync_api import Browser, expect

from billing.invoices.models import Invoice
from core import ids
from tenancy.context import Scope, scope
from tests.browser.live import Live, visit
from tests.make import finance

PASTE = """(field) => {
  const data = new DataTransfer();
  data.setData("text/plain", "Item\\tPieces\\tPrice\\nCare plan\\t2\\t249,00 €\\nSupport\\t1\\t99,50");
  field.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true}));
}"""


def test_an_invoice_is_written_pasted_kept_and_finalized_in_five_acts(browser: Browser, live: Live) -> None:
    who, made = live.person(), finance.books(live.tenant)
    customer = ids.encode("customer", made.customer)
    with visit(browser, live.cookie(who)) as (page, watch):
        page.goto(live.staff("invoices"))
        page.get_by_role("link", name="New invoice").click()  # 1
        page.locator(f'a[href*="{customer}"]').first.click()  # 2
        first = page.get_by_role("group", name="Line 1")
        first.get_by_label("Quantity").evaluate(PASTE)
        expect(page.get_by_role("group", name="Line 2").get_by_label("Unit price")).to_have_value("99,50")
        expect(first.get_by_label("Description")).to_have_value("Care plan")
        page.get_by_role("group", name="Line 2").get_by_label("Unit price").press("Enter")
        third = page.get_by_role("group", name="Line 3")
        expect(third.get_by_label("Description")).to_be_focused()
        third.get_by_label("Description").fill("Set-up")
        third.get_by_label("Unit price").fill("10")
        expect(page.get_by_text("Saved by itself at")).to_be_visible()
        assert "/edit" in page.url
        third.get_by_label("Unit price").fill("20")
        page.get_by_role("button", name="Save and review").click()  # 3
        expect(page.get_by_role("heading", name="Review and finalize")).to_be_visible()
        page.get_by_role("button", name="Finalize invoice").click()  # 4
        expect(page.get_by_text("is final.")).to_be_visible()
        assert watch.faults() == []
    with scope(Scope(live.tenant)):
        kept = Invoice.objects.exclude(number=None).order_by("-pk").first()
        found = [(row.description, row.net_minor) for row in kept.lines.order_by("position")]
        assert found == [("Care plan", 49800), ("Support", 9950), ("Set-up", 2000)]
        assert Invoice.objects.filter(customer_id=made.customer, created_at__gte=kept.created_at).count() == 1


def test_rows_are_pasted_without_a_script_and_what_is_no_row_stays(browser: Browser, live: Live) -> None:
    who, made = live.person(), finance.books(live.tenant)
    customer = ids.encode("customer", made.customer)
    with visit(browser, live.cookie(who), javascript=False) as (page, watch):
        page.goto(live.staff(f"invoices/new?customer={customer}"))
        page.get_by_text("Paste from a spreadsheet").click()
        page.get_by_label("Rows").fill("Care plan;2;9,50;77 %")
        page.get_by_role("button", name="Make lines of them").click()
        expect(page.get_by_text("Row 1: there is no tax rate of 77 %.")).to_be_visible()
        expect(page.get_by_label("Rows")).to_have_value("Care plan;2;9,50;77 %")
        page.get_by_label("Rows").fill("Care plan;2;9,50")
        page.get_by_role("button", name="Make lines of them").click()
        expect(page.get_by_role("group", name="Line 1").get_by_label("Quantity")).to_have_value("2")
        page.get_by_role("button", name="Save draft").last.click()
        expect(page.get_by_text("The draft is saved.")).to_be_visible()
        assert watch.faults() == []
