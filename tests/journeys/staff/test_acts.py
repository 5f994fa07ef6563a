"""How many acts the daily jobs of those who watch and manage take: clicks and choices, without typing."""

import re

from playwright.sync_api import Browser, Locator, Page, expect

from core import clock, ids
from crypto import tasks
from outbound.models import OutboxMessage
from tenancy import jobs
from tenancy.context import Scope, scope
from tests.browser.live import Live, visit
from tests.make import accounts as make
from tests.make import alerts, finance
from tests.make.people import house


class Acts:
    """Counts what a person does."""

    def __init__(self, page: Page) -> None:
        self.page, self.done = page, 0

    def click(self, target: Locator) -> None:
        target.first.click()
        self.done += 1

    def link(self, name: str, *, exact: bool = False) -> None:
        self.click(self.page.get_by_role("main").get_by_role("link", name=name, exact=exact))

    def button(self, name: str) -> None:
        self.click(self.page.get_by_role("main").get_by_role("button", name=name))

    def place(self, name: str) -> None:
        """Go somewhere by the navigation."""
        self.click(self.page.get_by_role("navigation").get_by_role("link", name=name, exact=True))

    def counted(self) -> int:
        done, self.done = self.done, 0
        return done


def test_the_jobs_of_admins_take_the_acts_they_should(browser: Browser, live: Live) -> None:
    owner = live.person()
    made = house(live.tenant, owner.member)
    books = finance.books(live.tenant, actor=make.actor(owner.user))
    with scope(Scope(live.tenant)):
        alert = alerts.alert("RBAC-04", person=made.clerk.user_id)
        critical = alerts.alert("AUTH-05", person=made.clerk.user_id)
        first = alerts.BY_CODE["AUTH-05"].title
        title = alerts.BY_CODE["RBAC-04"].title
    with visit(browser, live.cookie(owner)) as (page, watch):
        acts = Acts(page)
        # Each job begins where a person stands after signing in; what is only looked at begins at its record.
        # 1. Triage an alert: open it, take it. 2. Contain: open it, stop it.
        page.goto(live.staff())
        acts.link("Triage")
        expect(page.get_by_role("heading", name=first)).to_be_visible()
        acts.button("I look into it")
        expect(page.get_by_text("It is yours.")).to_be_visible()
        assert acts.counted() == 2
        page.goto(live.staff("security"))
        # 5. Is everything green? The page itself says it.
        expect(page.get_by_role("heading", name="Second factor")).to_be_visible()
        acts.link("Look into the next alert")
        expect(page.get_by_role("heading", name=title)).to_be_visible()
        acts.button("End their sessions")
        expect(page.get_by_text("Stopped already")).to_be_visible()
        assert acts.counted() == 2
        # 6. Rotate a key, once it is confirmed who asks: two.
        page.goto(live.staff())
        acts.place("Encryption keys")
        acts.click(page.get_by_role("button", name=re.compile("Rotate now.*Files")))
        expect(page.get_by_text("The rotation is queued.")).to_be_visible()
        assert acts.counted() == 2
        # 3. Who saw this record? Its side, then everything that person did around it.
        page.goto(live.staff(f"invoices/{ids.encode('invoice', books.open[0])}"))
        acts.link("Access", exact=True)
        acts.click(page.get_by_role("link", name=re.compile("Ana Ruiz.*all by them")))
        expect(page.get_by_text("An hour before and after")).to_be_visible()
        assert acts.counted() == 2
        # 4. Invite: four, however many are invited. Remove: three.
        page.goto(live.staff())
        acts.place("Members")
        acts.link("Invite a person")
        page.get_by_label("E-mail addresses").fill("one@new.example, two@new.example")
        page.get_by_label("Role").select_option("billing_clerk")
        acts.done += 1
        acts.button("Send the invitations")
        expect(page.get_by_text("2 invitations are on their way.")).to_be_visible()
        assert acts.counted() == 4
        page.goto(live.staff())
        acts.place("Members")
        acts.link("Remove… Li Wei")
        acts.button("Remove")
        expect(page.get_by_text("The member is removed.")).to_be_visible()
        assert acts.counted() == 3
        # 8. A pack for an auditor: three.
        page.goto(live.staff())
        acts.place("Compliance")
        acts.click(page.locator("main a[href*='/compliance/frameworks/']"))
        acts.button("Make a pack of 90 days")
        expect(page.get_by_text("The pack is being made.")).to_be_visible()
        assert acts.counted() == 3
        # 10. Change a role: four, then the difference before it is saved.
        page.goto(live.staff())
        acts.place("Roles")
        acts.link("Change Reminders")
        acts.click(page.locator("input[name=level_payments][value='2']"))
        expect(page.locator("#outlook")).to_contain_text("Refund payments")
        acts.button("Review the change")
        assert acts.counted() == 4
        expect(page.get_by_role("heading", name="Change Reminders like this?")).to_be_visible()
        acts.button("Save the role")
        expect(page.get_by_text("The role is changed.")).to_be_visible()
        assert watch.faults() == []
    with scope(Scope(live.tenant)):
        assert jobs.lasting(kind=tasks.KIND) is not None
        alert.refresh_from_db()
        critical.refresh_from_db()
        assert (critical.state, alert.contained) == ("acknowledged", "end_sessions")
        assert OutboxMessage.objects.filter(template="invitation", created_at__lte=clock.now()).count() >= 2
