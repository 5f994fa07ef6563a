"""Lists as somebody works with them: views, columns, a selection and what is done to it, wide, narrow and dark."""

import re

from playwright.sync_api import Browser, Page, expect

from accounts.lists import services as lists
from accounts.models import Selection
from core import clock, ids
from outbound.models import OutboxMessage
from payments.bulk import running
from payments.models import Reminder
from tenancy.context import Scope, scope
from tests.browser import harness
from tests.browser.live import Live, judge, visit
from tests.make import accounts, finance

WIDTHS = (320, 360, 768, 1440)


def fits(page: Page) -> list[str]:
    """Return what is wrong at every width and in both themes: what axe finds, and what sticks out to the side."""
    found = []
    for number, width in enumerate(WIDTHS):
        found += harness.turn(page, size=(width, 800), dark=bool(number % 2))
    return found


def test_many_are_reminded_in_four_acts(browser: Browser, live: Live) -> None:
    """From the overview: what is overdue, the box of the page, remind, send (screens 1.1, job 5)."""
    who = live.person()
    finance.books(live.tenant)
    acts: list[str] = []
    with visit(browser, live.cookie(who)) as (page, watch):
        page.goto(live.staff())

        def act(name: str, step: object) -> None:
            acts.append(name)
            assert callable(step)
            step()

        act("overdue", page.get_by_role("link", name="Overdue").first.click)
        expect(page).to_have_url(re.compile("view=overdue"))
        act("the page's box", page.locator("[data-all]").check)
        expect(page.locator("[data-count]")).to_have_text("6 on this page selected.")
        assert fits(page) == []
        act("remind", page.get_by_role("button", name="Remind…").click)
        # How many is said twice before anything leaves: in the sentence and on the button.
        expect(page.get_by_text("2 reminders about 6 invoices go to 2 people.")).to_be_visible()
        assert fits(page) == []
        act("send", page.get_by_role("button", name="Send to 2 people").click)
        page.wait_for_url("**/jobs/*")
        expect(page.get_by_role("button", name="Undo")).to_be_visible()
        assert len(acts) == 4
        with scope(Scope(live.tenant)):
            assert OutboxMessage.objects.count() == 0  # held until it can no longer be called back
            chosen = Selection.objects.get()
        running.work(tenant_id=live.tenant, selection_id=chosen.pk, now=clock.now)
        page.reload()
        expect(page.get_by_text("Finished", exact=True).first).to_be_visible()
        with scope(Scope(live.tenant)):
            assert (OutboxMessage.objects.count(), Reminder.objects.count()) == (2, 6)
        assert watch.faults() == []


def test_a_list_is_narrowed_chosen_from_and_saved(browser: Browser, live: Live) -> None:
    who = live.person()
    finance.books(live.tenant)
    with visit(browser, live.cookie(who)) as (page, watch):
        page.goto(live.staff("invoices?view=open"))
        boxes = page.locator('tr[data-row] input[type=checkbox][name="selected"]')
        boxes.nth(1).click()
        boxes.nth(4).click(modifiers=["Shift"])
        expect(page.locator("[data-count]")).to_have_text("4 selected.")
        # Narrowing anew forgets the ticks and says so; the address is the state.
        page.get_by_label("Number or customer").fill("Blue Mill")
        page.wait_for_url("**q=Blue*")
        page.get_by_text("nothing is chosen any more").wait_for(state="visible")
        expect(page.locator('[name="selected"]:checked')).to_have_count(0)
        page.get_by_role("link", name="Save view…").click()
        page.get_by_label("Name").fill("Bakery, open")
        page.get_by_label("Everybody in this organization").check()
        page.get_by_role("button", name="Save view").click()
        assert page.get_by_role("link", name="Bakery, open").get_attribute("aria-current") == "page"
        page.get_by_label("Due from").fill("2020-01-01")
        page.get_by_role("button", name="Apply").click()
        for name in ("Save as…", "Reset"):
            page.get_by_role("link", name=name).wait_for(state="visible")
        assert fits(page) == []
        page.get_by_role("button", name="Save", exact=True).click()
        page.get_by_role("link", name="Edit view…").click()
        page.get_by_label("Name").fill("Bakery")
        page.get_by_role("button", name="Save view").click()
        page.get_by_role("link", name="Edit view…").click()
        page.get_by_role("button", name="Delete view").click()
        expect(page.get_by_role("link", name="Bakery")).to_have_count(0)
        page.get_by_text("Columns", exact=True).click()
        page.get_by_label("Issued").uncheck()
        page.get_by_label("Currency").check()
        page.get_by_role("button", name="Show these").click()
        expect(page.get_by_role("columnheader", name="Currency")).to_be_visible()
        heads = page.locator("thead th").all_inner_texts()
        assert "Issued" not in heads
        assert "Currency" in heads
        assert watch.faults() == []


def test_a_list_works_without_javascript(browser: Browser, live: Live) -> None:
    who = live.person()
    finance.books(live.tenant)
    with visit(browser, live.cookie(who), javascript=False) as (page, _):
        page.goto(live.staff("invoices?view=draft"))
        page.locator('[name="selected"]').first.check()
        page.get_by_role("button", name="Discard…").click()
        expect(page.get_by_role("button", name="Discard 1 draft")).to_be_visible()
        page.get_by_role("button", name="Discard 1 draft").click()
        expect(page).to_have_url(re.compile("/jobs/"))
        page.goto(live.staff("invoices?view=open"))
        page.locator('[name="selected"]').first.check()
        page.get_by_role("button", name="PDFs…").click()
        expect(page.get_by_role("button", name="Export 1 invoice")).to_be_visible()
        page.goto(live.staff("invoices?view=overdue"))
        page.get_by_role("button", name="Export view…").click()
        expect(page.get_by_role("button", name="Export 6 invoices")).to_be_visible()
        page.goto(live.staff("customers"))
        page.locator('[name="selected"]').first.check()
        page.get_by_role("button", name="Export…", exact=True).click()
        expect(page.get_by_text("The rows that you chose.")).to_be_visible()


def test_a_view_of_another_organization_is_pointed_to(browser: Browser, live: Live) -> None:
    """To whoever is a member of both; to anybody else there is nothing."""
    who, stranger = live.person(), live.person(email="other@example.com")
    other = Live(live.url, "b")
    with scope(Scope(other.tenant)):
        accounts.member("owner", user=who.user)
        keeper = accounts.actor(accounts.member("owner").user)
        view = lists.save_view(
            listing="invoices", name="Theirs", query="view=open", is_shared=True, actor=keeper, at=clock.now()
        )
    path = f"invoices?view=open&saved={ids.encode('saved_view', view.pk)}"
    with visit(browser, live.cookie(who)) as (page, _):
        page.goto(live.staff(path))
        expect(page.get_by_role("heading", name="This belongs to b")).to_be_visible()
        page.get_by_role("link", name="Switch to b").click()
        assert page.get_by_role("link", name="Theirs").get_attribute("aria-current") == "page"
    with visit(browser, live.cookie(stranger)) as (page, _):
        answer = page.goto(live.staff(path))
        assert answer is not None
        assert answer.status == 404
        assert "This belongs to" not in page.content()
        assert "Theirs" not in page.content()


def test_nothing_is_wrong_with_the_pages_of_lists(browser: Browser, live: Live) -> None:
    who = live.person()
    made = finance.books(live.tenant)
    me = accounts.actor(who.user)
    with scope(Scope(live.tenant)):
        view = lists.save_view(
            listing="invoices", name="Open", query="view=open", is_shared=False, actor=me, at=clock.now()
        )
        chosen = lists.choose(
            listing="invoices",
            action="send",
            ids=[*made.open[:2], made.voided],
            count=3,
            actor=me,
            at=clock.now(),
        )
    named = ids.encode("saved_view", view.pk)
    paths = [
        f"invoices?view=paid&saved={named}",
        "invoices?q=zzz",
        "lists/invoices/views/new?query=view%3Dopen",
        f"lists/invoices/views/{named}",
        f"invoices/selected/{ids.encode('selection', chosen.pk)}",
        f"exports/new/invoice_pdfs?chosen={ids.encode('selection', chosen.pk)}",
    ]
    assert judge(browser, live, [f"/o/{live.slug}/{path}" for path in paths], [live.cookie(who)]) == {}
