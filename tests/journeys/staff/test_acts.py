"""How many acts the jobs of screens 1.1 and 1.3 take: clicks and choices, without typing.

Counted elsewhere: finding, in tests/browser/test_hand.py; an invoice, in tests/journeys/finance/test_draft_by_hand.py;
chasing many, in tests/browser/test_list_pages.py; customers (1.2), in tests/journeys/payer/test_acts.py; integrators
(1.4), in tests/journeys/staff/test_developers.py.
"""

import re

from playwright.sync_api import Browser, Locator, Page, expect

from accounts.models import ApiKey
from backups import work
from backups.drills import results
from billing.imports import batches
from billing.imports import work as import_work
from billing.imports.models import Import
from billing.invoices.models import Invoice
from compliance.reviews.models import AccessLine
from core import clock, ids
from core.actor import Actor
from crypto import tasks
from outbound.models import OutboxMessage
from tenancy import jobs
from tenancy.context import Scope, scope
from tests.browser.live import Live, visit
from tests.make import accounts as make
from tests.make import alerts, backups, finance, recurring
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


def sees(found: Locator) -> None:
    """Wait until it stands there."""
    found.first.wait_for()


def test_the_jobs_of_admins_take_the_acts_they_should(browser: Browser, live: Live) -> None:
    owner = live.person()
    made = house(live.tenant, owner.member)
    books = finance.books(live.tenant, actor=make.actor(owner.user))
    with scope(Scope(live.tenant)):
        alert = alerts.alert("RBAC-04", person=made.clerk.user_id)
        critical = alerts.alert("AUTH-05", person=made.clerk.user_id)
        first = alerts.BY_CODE["AUTH-05"].title
        title = alerts.BY_CODE["RBAC-04"].title
        unused = make.api_key(make.member("developer"), scopes=["event:read"]).key.pk
    with visit(browser, live.cookie(owner)) as (page, watch):
        acts = Acts(page)
        # Each job begins where a person stands after signing in; what is only looked at begins at its record.
        # 1. Triage an alert: open it, take it. 2. Contain: open it, stop it.
        page.goto(live.staff())
        acts.link("Triage")
        sees(page.get_by_role("heading", name=first))
        acts.button("I look into it")
        sees(page.get_by_text("It is yours."))
        assert acts.counted() == 2
        page.goto(live.staff("security"))
        # 5. Is everything green? The page itself says it.
        sees(page.get_by_role("heading", name="Second factor"))
        acts.link("Look into the next alert")
        sees(page.get_by_role("heading", name=title))
        acts.button("End their sessions")
        sees(page.get_by_text("Stopped already"))
        assert acts.counted() == 2
        # 6. Rotate a key, once it is confirmed who asks: two.
        page.goto(live.staff())
        acts.place("Encryption keys")
        acts.click(page.get_by_role("button", name=re.compile("Rotate now.*Files")))
        sees(page.get_by_text("The rotation is queued."))
        assert acts.counted() == 2
        # 3. Who saw this record? Its side, then everything that person did around it.
        page.goto(live.staff(f"invoices/{ids.encode('invoice', books.open[0])}"))
        acts.link("Access", exact=True)
        acts.click(page.get_by_role("link", name=re.compile("Ana Ruiz.*all by them")))
        sees(page.get_by_text("An hour before and after"))
        assert acts.counted() == 2
        # 4. Invite: four, however many are invited. Remove: three.
        page.goto(live.staff())
        acts.place("Members")
        acts.link("Invite a person")
        page.get_by_label("E-mail addresses").fill("one@new.example, two@new.example")
        page.get_by_label("Role").select_option("billing_clerk")
        acts.done += 1
        acts.button("Send the invitations")
        sees(page.get_by_text("2 invitations are on their way."))
        assert acts.counted() == 4
        page.goto(live.staff())
        acts.place("Members")
        acts.link("Remove… Li Wei")
        acts.button("Remove")
        sees(page.get_by_text("The member is removed."))
        assert acts.counted() == 3
        # 8. A pack for an auditor: three.
        page.goto(live.staff())
        acts.place("Compliance")
        acts.click(page.locator("main a[href*='/compliance/frameworks/']"))
        acts.button("Make a pack of 90 days")
        sees(page.get_by_text("The pack is being made."))
        assert acts.counted() == 3
        # 10. Change a role: four, then the difference before it is saved.
        page.goto(live.staff())
        acts.place("Roles")
        acts.link("Change Reminders")
        acts.click(page.locator("input[name=level_payments][value='2']"))
        expect(page.locator("#outlook")).to_contain_text("Refund payments")
        acts.button("Review the change")
        assert acts.counted() == 4
        sees(page.get_by_role("heading", name="Change Reminders like this?"))
        acts.button("Save the role")
        sees(page.get_by_text("The role is changed."))
        acts.counted()
        # 9. A review: one act a line, a reason where something is withdrawn, the rest kept at once.
        page.goto(live.staff("compliance/access-reviews"))
        page.get_by_role("button", name="Begin the review").click()
        lines = page.locator(".review-line")
        key = lines.filter(has_text="API key").filter(has_text="Withdraw")
        asked = key.get_by_label(re.compile("^Reason for"))
        expect(asked).to_be_hidden()
        acts.click(key.get_by_label("Withdraw"))
        asked.fill("Nobody uses it")
        acts.click(lines.filter(has_text="Role, ").first.get_by_label("Keep"))
        acts.button("Keep all the others here")
        assert acts.counted() == 3
        sees(page.get_by_text("decided."))
        assert watch.faults() == []
    with scope(Scope(live.tenant)):
        assert jobs.lasting(kind=tasks.KIND) is not None
        alert.refresh_from_db()
        critical.refresh_from_db()
        assert (critical.state, alert.contained) == ("acknowledged", "end_sessions")
        assert OutboxMessage.objects.filter(template="invitation", created_at__lte=clock.now()).count() >= 2
        decided = AccessLine.objects.exclude(user_id=owner.user.pk).values_list("kind", "decision").distinct()
        assert set(decided) == {("member", "keep"), ("role", "keep"), ("api_key", "withdraw")}
        assert ApiKey.objects.get(pk=unused).revoked_at is not None


def test_a_restore_is_proved_in_two_acts_and_a_signature(browser: Browser, live: Live) -> None:
    operators = Live(live.url, "operator")
    who = operators.person("operator", name="Olga Berg")
    with scope(Scope(operators.tenant)):
        backups.backup()
    with visit(browser, operators.cookie(who)) as (page, watch):
        acts = Acts(page)
        # 7. Two acts, the wait, and the signature of whoever looked at what was found.
        page.goto(live.at("/ops/organizations"))
        acts.place("Backups")
        acts.button("Run a drill")
        sees(page.get_by_text("The drill is queued."))
        assert acts.counted() == 2
        with scope(Scope(operators.tenant)):
            job = jobs.lasting(kind=work.DRILL)
            assert job is not None
            made = backups.drill(job_id=job.pk)
            jobs.finish(job_id=job.pk, at=clock.now())
        page.reload()
        acts.link("Open the result")
        acts.button("Sign for it")
        sees(page.get_by_text("You have signed for this drill."))
        expect(page.get_by_text(re.compile("^Olga Berg, "))).to_be_visible()
        expect(page.get_by_role("button", name="Sign for it")).to_be_hidden()
        assert acts.counted() == 2
        assert watch.faults() == []
    with scope(Scope(operators.tenant)):
        signed = results.signed_for(made)
        assert signed is not None
        assert signed.actor_id == who.user.pk


def test_the_jobs_of_finance_take_the_acts_they_should(browser: Browser, live: Live) -> None:
    """Finding, writing an invoice and chasing many are counted where those are tested (screens 1.1, 1, 3 and 5)."""
    owner = live.person()
    books = finance.books(live.tenant, actor=make.actor(owner.user))
    with visit(browser, live.cookie(owner)) as (page, watch):
        acts = Acts(page)
        # 2. What needs me now? The page that greets says it.
        page.goto(live.staff())
        sees(page.get_by_role("heading", name="What needs you"))
        # 4. Record a payment and put it onto invoices: four.
        acts.place("Payments")
        acts.link("Record payment")
        page.get_by_label("Customer, invoice number").fill("Blue Mill")
        acts.click(page.locator("#choices").get_by_role("link", name="Blue Mill Bakery"))
        page.get_by_label("Amount received").fill("10.00")
        page.get_by_label("Written beside it").fill("Thank you")
        expect(page.locator("#left")).to_contain_text("Left to allocate: €0.00")
        acts.click(page.get_by_role("button", name="Record payment").last)
        sees(page.get_by_role("heading", name=re.compile("^Payment of €10.00")))
        assert acts.counted() == 4
        # 5. Chase one: three.
        page.goto(live.staff())
        acts.click(page.locator("main a[href*='/invoices/inv_']"))
        acts.button("Remind…")
        acts.button("Send to 1 customer")
        sees(page.get_by_text("1 reminder sent, about 1 invoice."))
        assert acts.counted() == 3
        # 6. "I never got it": sent again, or its link copied, in two.
        address = live.staff(f"invoices/{ids.encode('invoice', books.open[1])}")
        page.goto(address)
        acts.link("Send")
        acts.click(page.get_by_role("button", name=re.compile("Send to")))
        sees(page.get_by_text("goes out in 20 seconds."))
        assert acts.counted() == 2
        # 7. Correct, from finding it: two to find, two to void; a credit note in as many.
        page.goto(live.staff())
        page.keyboard.press("Control+k")
        with scope(Scope(live.tenant)):
            number = Invoice.objects.get(pk=books.open[0]).number or ""
        page.keyboard.insert_text(number)
        page.keyboard.press("Enter")
        acts.done += 2
        acts.link("Void…")
        page.get_by_label("Why is it void?").fill("Sent twice")
        acts.click(page.get_by_role("main").get_by_role("button", name=re.compile("Void")))
        sees(page.get_by_text(f"Invoice {number} is void."))
        assert acts.counted() == 4
        # 8. Month end: looked at, closed, its journal fetched, within six.
        page.goto(live.staff())
        acts.place("Month end")
        acts.link("Review and close")
        acts.click(page.get_by_role("main").get_by_role("button", name=re.compile("^Close")))
        sees(page.get_by_text("is closed").first)
        acts.link("Journal for the accountant")
        assert acts.counted() <= 5
        # 9. A subscription: whose, what, begin, within six.
        with scope(Scope(live.tenant)):
            recurring.price()
        page.goto(live.staff())
        acts.place("Subscriptions")
        acts.link("New subscription")
        acts.click(page.get_by_role("main").get_by_role("link", name="Blue Mill Bakery"))
        page.get_by_label("Price").first.select_option(index=0)
        acts.done += 1
        acts.button("Start subscription")
        sees(page.get_by_role("heading", name="Blue Mill Bakery"))
        assert acts.counted() <= 6
        # 10. Import: the file, what it holds, in: five.
        page.goto(live.staff())
        acts.place("Import")
        page.get_by_label("A list of customers").set_input_files(
            {
                "name": "customers.csv",
                "mimeType": "text/csv",
                "buffer": b"Name,E-mail\nAda Ltd,a@ada.example\n",
            }
        )
        acts.done += 1
        acts.button("Read the file")
        sees(page.get_by_role("heading", name="Import of customers.csv"))
        acts.button("Check the file")
        with scope(Scope(live.tenant)):
            came = Import.objects.get()
        import_work.run(
            tenant_id=live.tenant,
            import_id=came.pk,
            kind=batches.KIND_CHECK,
            actor=Actor.system("tests"),
            now=clock.now,
        )
        page.reload()
        acts.button("Import 1 customer")
        assert acts.counted() == 5
        assert watch.faults() == []
