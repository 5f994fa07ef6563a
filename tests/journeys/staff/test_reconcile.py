"""From the bank's file to paid invoices, and from what is late to the mail about it, in a real browser."""

import re
from pathlib import Path

from playwright.sync_api import Browser, expect

from billing.documents import reference
from billing.invoices.models import Invoice
from billing.ledger import queries as books
from core import clock
from outbound.models import OutboxMessage
from payments.models import Payment, Reminder, StatementLine
from tenancy.context import Scope, scope
from tests.browser.live import Live, visit
from tests.make import finance
from tests.make.statements import Line, camt053


def test_a_statement_is_taken_in_booked_by_one_click_and_a_line_undone(
    browser: Browser, live: Live, tmp_path: Path
) -> None:
    who, made = live.person(), finance.books(live.tenant)
    with scope(Scope(live.tenant)):
        first, second = (Invoice.objects.get(pk=key) for key in made.open[:2])
    today = clock.now().date()
    file = tmp_path / "november.xml"
    lines = [
        Line(each.total_minor, "Somebody", reference=reference.reference_of(each), on=today)
        for each in (first, second)
    ]
    file.write_bytes(camt053([*lines, Line(777, "Tax office", text="refund", on=today)]))
    with visit(browser, live.cookie(who)) as (page, watch):
        page.goto(live.staff("reconcile"))
        page.get_by_role("link", name="Take in a statement").first.click()
        page.get_by_label("File").set_input_files(file)
        page.get_by_role("button", name="Check the file").click()
        expect(page.get_by_text("3 lines can be taken in")).to_be_visible()
        page.get_by_role("button", name="Take in 3 lines").click()
        expect(page.get_by_text("3 lines taken in")).to_be_visible()
        page.get_by_role("link", name="See the lines").click()
        page.get_by_role("button", name="Book all 2 certain ones").click()
        expect(page.get_by_text("2 lines booked")).to_be_visible()
        page.get_by_role("table", name="Lines").get_by_role("link").click()
        page.get_by_label("Why?").fill("A tax refund")
        page.get_by_role("button", name="Set aside").click()
        expect(page.get_by_text("Nothing waits")).to_be_visible()
        page.get_by_role("link", name=re.compile("^Booked")).click()
        page.get_by_role("table", name="Lines").get_by_role("link").first.click()
        page.get_by_label("Why?").fill("Wrong account")
        page.get_by_role("button", name="Take the payment back").click()
        expect(page.get_by_role("table", name="Lines").get_by_role("link")).to_have_count(1)
    assert watch.faults() == []
    with scope(Scope(live.tenant)):
        states = sorted(StatementLine.objects.values_list("state", flat=True))
        assert states == ["booked", "ignored", "open"]
        assert sorted(Payment.objects.values_list("state", flat=True)) == ["reversed", "succeeded"]
        paid = Invoice.objects.filter(pk__in=[first.pk, second.pk], payment_status="paid")
        assert paid.count() == 1
        assert books.check() == []


def test_a_table_nobody_knows_is_read_once_its_columns_are_named(
    browser: Browser, live: Live, tmp_path: Path
) -> None:
    who = live.person()
    finance.books(live.tenant)
    file = tmp_path / "odd.csv"
    file.write_text("Wann;Wer;Wieviel\n31.10.2026;Blue Mill Bakery;12,50\n30.10.2026;Landlord;-900,00\n")
    with visit(browser, live.cookie(who)) as (page, watch):
        page.goto(live.staff("reconcile/import"))
        page.get_by_label("File").set_input_files(file)
        page.get_by_role("button", name="Check the file").click()
        expect(page.get_by_text("What the columns hold")).to_be_visible()
        expect(page.get_by_text("1 with a proposal")).to_be_visible()
        page.get_by_label("Name", exact=True).select_option("")
        page.get_by_label("Text", exact=True).select_option("Wer")
        page.get_by_role("button", name="Check with these columns").click()
        # The name led to a customer; the same words as text lead to nobody.
        expect(page.get_by_text("0 with a proposal")).to_be_visible()
        page.get_by_role("button", name="Take in 2 lines").click()
        expect(page.get_by_text("2 lines taken in")).to_be_visible()
    assert watch.faults() == []
    with scope(Scope(live.tenant)):
        rows = StatementLine.objects.order_by("position")
        assert [(row.amount_minor, row.name, row.text, row.state) for row in rows] == [
            (1_250, None, "Blue Mill Bakery", "open"), (-90_000, None, "Landlord", "other"),
        ]  # fmt: skip


def test_what_is_late_is_reminded_of_after_a_look(browser: Browser, live: Live) -> None:
    who = live.person()
    finance.books(live.tenant)
    with visit(browser, live.cookie(who)) as (page, watch):
        page.goto(live.staff("dunning"))
        page.get_by_role("link", name="Standard").click()
        page.get_by_role("button", name="Start reminders").click()
        expect(page.get_by_text("The plan runs.")).to_be_visible()
        page.goto(live.staff("dunning"))
        page.get_by_role("link", name="Remind", exact=True).click()
        page.get_by_role("link", name="Note a promise of").first.click()
        page.get_by_label("They will pay by").fill("2100-01-01")
        page.get_by_role("button", name="Note the promise").click()
        expect(page.get_by_text("The promise is noted.")).to_be_visible()
        page.goto(live.staff("dunning/remind"))
        page.get_by_role("button", name="See who gets what").click()
        expect(page.get_by_text("The customer promised to pay it")).to_be_visible()
        page.get_by_role("button", name="Send to 2 customers").click()
        expect(page.get_by_text(re.compile("2 reminders sent, about 5 invoices"))).to_be_visible()
    assert watch.faults() == []
    with scope(Scope(live.tenant)):
        assert OutboxMessage.objects.filter(template__startswith="reminder_").count() == 2
        assert Reminder.objects.filter(state="sent", step__isnull=True).count() == 5
