"""The speed of the hand: the palette, the keys, and how many acts a job takes; and by links alone."""

import re
from uuid import UUID

from playwright.sync_api import Browser, Page, Route, expect

from billing.customers import queries as customers
from billing.invoices import queries
from core import ids
from tenancy.context import Scope, scope
from tests.browser import harness
from tests.browser.keys import Keys
from tests.browser.live import Live, visit
from tests.make import finance
from tests.make.people import house


class Hand:
    """Presses keys and counts the acts; what is typed does not count (screens, 1.1)."""

    def __init__(self, page: Page) -> None:
        self.page, self.acts = page, 0

    def press(self, *keys: str) -> None:
        """Press one chord after the other."""
        for key in keys:
            self.page.keyboard.press(key)
        self.acts += len(keys)


def test_an_invoice_is_found_by_one_chord_and_enter(browser: Browser, live: Live) -> None:
    who = live.person()
    made = finance.books(live.tenant)
    with scope(Scope(live.tenant)):
        invoice = queries.get(made.open[3])
    number = invoice.number or ""
    address = re.compile(f"/invoices/{ids.encode('invoice', invoice.id)}$")
    with visit(browser, live.cookie(who)) as (page, watch):
        page.goto(live.staff("customers"))
        hand = Hand(page)
        hand.press("Control+k")
        field = page.get_by_role("combobox", name="Find anything")
        expect(field).to_be_focused()
        expect(page.get_by_role("option", name="New invoice")).to_be_visible()
        # The field is sent whole, and Enter waits for the answer to it.
        page.keyboard.insert_text(number)
        hand.press("Enter")
        expect(page).to_have_url(address)
        assert hand.acts == 2

        # What was last open is offered first; the arrows choose, Escape closes, the focus goes back.
        page.keyboard.press("Control+k")
        first = page.get_by_role("option").first
        expect(first).to_contain_text(number)
        expect(first).to_have_attribute("aria-selected", "true")
        expect(field).to_have_attribute("aria-activedescendant", str(first.get_attribute("id")))
        page.keyboard.press("ArrowDown")
        expect(first).to_have_attribute("aria-selected", "false")
        for dark in (False, True):
            page.emulate_media(color_scheme="dark" if dark else "light")
            assert harness.axe(page) + harness.small_targets(page) == []
        page.set_viewport_size({"width": 320, "height": 640})
        assert harness.axe(page) + harness.overflowing(page) == []
        page.set_viewport_size({"width": 1280, "height": 900})
        page.keyboard.insert_text("qqqq")
        expect(page.locator("#palette")).to_contain_text("No exact match")
        expect(page.locator("#palette [role=status]")).to_have_text("No exact match")
        page.keyboard.press("Escape")
        expect(field).to_be_hidden()
        assert watch.faults() == []

        # The answer to the empty field may come when somebody has typed already: it is not taken for theirs.
        with scope(Scope(live.tenant)):
            another = queries.get(made.open[0])
        page.goto(live.staff("customers"))
        late: list[Route] = []
        page.route("**/o/a/search*", lambda route: route.continue_() if late else late.append(route))
        page.keyboard.press("Control+k")
        while not late:
            page.wait_for_timeout(10)
        page.keyboard.insert_text(another.number or "")
        page.keyboard.press("Enter")
        late[0].continue_()
        expect(page).to_have_url(re.compile(f"/invoices/{ids.encode('invoice', another.id)}$"))


def test_keys_lead_everywhere_and_are_off_while_typing(browser: Browser, live: Live) -> None:
    who = live.person()
    finance.books(live.tenant)
    with visit(browser, live.cookie(who)) as (page, watch):
        page.goto(live.staff())
        hand = Hand(page)
        hand.press("g", "i")
        # An address is there before the page: keys are heard when it has loaded.
        page.wait_for_url(re.compile("/invoices$"))
        hand.press("j", "j")
        second = page.locator("main tbody tr").nth(1)
        expect(second.get_by_role("link").first).to_be_focused()
        # A choice of rows is nothing that could be lost: leaving asks nothing.
        hand.press("k", "j", "x")
        expect(second.get_by_role("checkbox")).to_be_checked()
        hand.press("g", "c")
        page.wait_for_url(re.compile("/customers$"))
        hand.press("g", "i")
        page.wait_for_url(re.compile("/invoices$"))
        hand.press("/")
        search = page.get_by_role("searchbox")
        expect(search).to_be_focused()
        page.keyboard.type("gccx?")
        expect(page).to_have_url(re.compile("/invoices"))
        expect(search).to_have_value("gccx?")
        page.goto(live.staff("invoices"))
        hand.press("?")
        expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
        for dark in (False, True):
            page.emulate_media(color_scheme="dark" if dark else "light")
            assert harness.axe(page) == []
        page.keyboard.press("j")
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()
        hand.press("c")
        expect(page).to_have_url(re.compile("/invoices/new"))

        # What is typed and not saved is asked about before it is left; sending it is no loss.
        page.goto(live.staff("customers/new"))
        page.get_by_label("Name").first.fill("Harbour Light")
        asked: list[str] = []
        page.once("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
        page.evaluate("document.querySelector('[data-go=i]').click()")
        page.wait_for_timeout(200)
        assert asked == ["beforeunload"]
        expect(page).to_have_url(re.compile("customers/new"))
        page.get_by_label("Name").first.focus()
        page.keyboard.press("Control+Enter")
        expect(page).to_have_url(re.compile(r"customers/cus_\w+$"))
        page.goto(page.url + "/archive")
        page.get_by_role("main").get_by_role("button", name="Archive").click()
        expect(page.get_by_role("button", name="Undo")).to_be_visible()
        page.wait_for_load_state()
        page.keyboard.press("Control+z")
        expect(page.get_by_text("back in the lists")).to_be_visible()

        # One switch for all that act alone; the profile is applied at once.
        page.goto(live.at("/me/"))
        page.get_by_label("Dark").check()
        page.get_by_label("Time zone").select_option("Asia/Tokyo")
        page.get_by_label("Shortcuts of a single key").uncheck()
        page.keyboard.press("Control+Enter")
        expect(page.get_by_text("Your profile is saved.")).to_be_visible()
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        page.goto(live.staff("invoices"))
        page.keyboard.press("?")
        page.keyboard.press("g")
        page.keyboard.press("o")
        expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()
        page.wait_for_url(re.compile("/invoices$"))
        page.keyboard.press("Control+k")
        expect(page.get_by_role("combobox")).to_be_focused()
        assert watch.faults() == []

        # Somebody ended the session meanwhile: a page of its own never lands inside this one, and what is typed stays.
        page.goto(live.staff("invoices"))
        page.context.clear_cookies()
        page.get_by_role("searchbox").fill("harbour")
        expect(page.get_by_role("alert")).to_contain_text("not up to date")
        expect(page.locator("main")).to_have_count(1)
        expect(page.get_by_role("searchbox")).to_have_value("harbour")
        assert harness.axe(page) == []


def test_an_invoice_is_written_and_a_request_approved_by_keys_alone(browser: Browser, live: Live) -> None:
    who = live.person()
    finance.books(live.tenant)
    made = house(live.tenant, who.member)
    with visit(browser, live.cookie(who)) as (page, watch):
        keys = Keys(page)
        page.goto(live.staff())
        keys.press("c")
        expect(page).to_have_url(re.compile("/invoices/new"))
        keys.go("Blue Mill Bakery")
        keys.type("lines-0-description", "Care plan")
        keys.to("lines-0-unit_amount")
        page.keyboard.insert_text("249.00")
        keys.press("Tab")
        expect(page.locator("#totals")).to_contain_text("249.00")
        # What the server answered took nothing away from under the hands.
        assert keys.at() != ""
        with page.expect_navigation():
            keys.press("Control+Enter")
        expect(page.get_by_role("heading", name="Review and finalize")).to_be_visible()
        keys.go("Finalize invoice")
        expect(page.get_by_text("is final.")).to_be_visible()

        # A head is a link that puts the rows into its order.
        people = page.locator("main tbody tr > th > a")
        page.goto(live.staff("settings/members"))
        named = people.all_inner_texts()
        keys.go("Person")
        keys.go("Person")
        expect(people).to_have_text(named[::-1])
        page.goto(live.staff("customers"))
        found = people.all_inner_texts()
        keys.go("Added")
        expect(people).to_have_text(found[::-1])
        expect(page.locator("th[aria-sort=ascending]")).to_have_text("Added")

        page.goto(live.staff("approvals"))
        keys.go("Invite auditor")
        keys.type("note=", "She connects the shop")
        keys.go("Approve and carry out")
        assert watch.faults() + keys.faults == []
    with scope(Scope(live.tenant)):
        made.theirs.refresh_from_db()
        walked, after = list[UUID](), None
        while found_page := customers.page(limit=1, after=after, state="active", oldest=True):
            walked += [row.id for row in found_page.rows]
            if (after := found_page.next_after) is None:
                break
        assert walked == [row.id for row in customers.page(state="active").rows][::-1]
        assert made.theirs.state == "approved"


def test_the_search_needs_no_script(browser: Browser, live: Live) -> None:
    who = live.person()
    made = finance.books(live.tenant)
    with visit(browser, live.cookie(who), javascript=False) as (page, _):
        page.goto(live.staff())
        page.get_by_role("link", name="Search").first.click()
        page.get_by_role("searchbox").fill("mill")
        page.get_by_role("button", name="Search").click()
        page.get_by_role("main").get_by_role("link", name="Blue Mill Bakery").click()
        expect(page).to_have_url(re.compile(ids.encode("customer", made.customer)))
