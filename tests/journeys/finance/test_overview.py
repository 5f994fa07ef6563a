"""The overview over HTTP: every number on it leads to rows that come to it, and nobody sees what is not theirs."""

import re
from datetime import timedelta
from decimal import Decimal

import lxml.html
import pytest

from compliance.requests.models import PrivacyRequest
from core import clock
from payments import lists
from payments.models import GatewayAccount, Payment
from tenancy.context import Scope, scope
from tests.guarantees import world
from tests.guarantees.world import Organization, RoleCode
from tests.make import accounts, alerts, billing, payments, statements, training

_SYMBOLS = {"€": "EUR", "US$": "USD", "$": "USD"}


@pytest.fixture
def ours(db: None) -> Organization:
    roles = [RoleCode.OWNER, RoleCode.BILLING_CLERK, RoleCode.APPROVER, RoleCode.SECURITY_OFFICER]
    made = world.organization("a", roles)
    at, today = clock.now(), clock.now().date()
    with scope(Scope(made.id)):
        for currency in ("EUR", "USD"):
            customer = billing.customer(f"Late in {currency}", currency=currency)
            for days in (-5, 20, 45, 75, 100):
                invoice = billing.finalized(
                    of=customer,
                    currency=currency,
                    issued_on=today - timedelta(days=days + 30),
                    due_on=today - timedelta(days=days),
                    lines=[billing.line(f"{100 + days}.99")],
                )
            billing.draft(of=customer, currency=currency)
            payments.bank_payment(of=customer, amount_minor=500, currency=currency, at=at)
            for days in (0, 8, 40):
                payments.bank_payment(
                    (invoice, 100 + days), currency=currency, received_on=today - timedelta(days=days), at=at
                )
            if currency == "EUR":
                failed = payments.card(customer.pk, invoice.pk, 700, state="failed")
                held = payments.card(customer.pk, invoice.pk, 900, state="held")
                assert (failed.state, held.state) == ("failed", "held")
        statements.line()
        alerts.alert("AUTH-05")
        PrivacyRequest.objects.update(due_on=today + timedelta(days=3))
        owner = accounts.queries.members().get(user_id=made.people["owner"].id)
        training.assigned(owner, "devices", days=3)
    return made


def tree(ours: Organization, url: str, role: str) -> lxml.html.HtmlElement:
    answer = ours.people[role].client.get(url)
    assert answer.status_code == 200, url
    return lxml.html.fromstring(answer.content.decode())


def minor(text: str) -> tuple[int, str]:
    """Read an amount as it is shown: minor units and currency, none where the head of the column names it."""
    digits = re.sub(r"[^\d.]", "", text)
    sign = -1 if "−" in text else 1
    symbol = next((code for sign_, code in _SYMBOLS.items() if sign_ in text), "")
    return sign * int(Decimal(digits or "0") * 100), symbol


def followed(ours: Organization, url: str, role: str, currency: str) -> tuple[int, int]:
    """Count the rows behind a link, page by page, and add up what they come to in a currency."""
    path, _, anchor = url.partition("#")
    count, total, said = 0, 0, None
    while path:
        page = tree(ours, path, role)
        (area,) = page.xpath(f'//section[@id="{anchor}"]' if anchor else "//main")
        for table in area.xpath(".//table[not(ancestor::figure)]")[:1]:
            heads = [" ".join(each.text_content().split()) for each in table.xpath("./thead/tr/th")]
            due = [at for at, head in enumerate(heads) if re.match(r"(Amount|Due|Credit)(,|$)", head)]
            if "view=draft" in path:
                due = [at for at, head in enumerate(heads) if head.startswith("Total")]
            for row in table.xpath("./tbody/tr"):
                shown, symbol = minor(row[due[-1]].text_content()) if due else (0, "")
                if not symbol or not currency or symbol == currency:
                    count, total = count + 1, total + shown
        said = page.xpath('//data[@id="sum"]/@value')
        after = area.xpath('.//a[contains(normalize-space(.), "Next")]/@href')
        path = path.partition("?")[0] + after[0].partition("#")[0] if after else ""
    if said:
        assert int(said[0]) == total
    return count, total


def test_every_number_of_the_overview_is_that_of_the_rows_behind_its_link(ours: Organization) -> None:
    page = tree(ours, "/o/a/", "owner")
    walked: dict[tuple[str, str], tuple[int, int]] = {}
    for number in page.xpath("//main//data"):
        (link,) = number.xpath("ancestor::a/@href")
        currency = (number.xpath("ancestor::*[@data-currency]/@data-currency") or [""])[0]
        counts = number.get("data-counts", currency)
        currency = "" if counts == "rows" else counts
        if counts == "rows":
            # Lines of one kind in two currencies lead to one list: each counts its own.
            amounts = number.xpath("ancestor::li//data[@data-counts != 'rows']/@data-counts")
            same = number.xpath("ancestor::li//data[@data-counts != 'rows']/ancestor::a/@href")
            currency = amounts[0] if amounts and same == [link] else ""
        if (link, currency) not in walked:
            walked[link, currency] = followed(ours, link, "owner", currency)
        count, total = walked[link, currency]
        value = int(number.get("value"))
        assert (count if counts == "rows" else total) == value, (link, number.text_content())
        if counts == "rows":
            assert value == int(re.sub(r"\D", "", number.text_content()))
        else:
            assert minor(number.text_content())[0] == value
    # The hint of a tile counts the same rows.
    for tile in page.xpath("//a[contains(@class, 'tile')][.//data]"):
        hint = tile.xpath("string(.//*[@class='tile-hint'])")
        if "invoice" in hint:
            currency = tile.getparent().get("data-currency")
            assert walked[tile.get("href"), currency][0] == int(hint.split()[0])
    # Days of sales are the last line of their report.
    for tile in page.xpath("//a[contains(@class, 'tile')][contains(@href, '/reports/dso')]"):
        report = tree(ours, tile.get("href"), "owner")
        last = report.xpath("string((//main//table)[last()]/tbody/tr[last()]/td[last()])").strip()
        assert tile.xpath("string(.//*[@class='figure'])").strip() == last
    kinds = {link.partition("?")[0].partition("#")[0] for link, _ in walked}
    assert kinds >= {
        f"/o/a/{path}"
        for path in (
            "invoices", "payments", "payments/unmatched", "disputes", "refunds", "reconcile", "approvals", "alerts",
            "privacy/requests", "training/mine", "reports/cash/rows",
        )
    }, kinds  # fmt: skip
    numbers = page.xpath("//main//*[contains(@class, 'queue-item')]")
    # No number of a line stands outside its links, but days.
    for line in numbers:
        rest = " ".join(line.xpath("./p//text()[not(ancestor::data)]"))
        rest = re.sub(r"\d{1,2} \w+ \d{4}(, \d\d:\d\d)?|older than 7 days", "", rest)
        assert not re.search(r"\d", rest), rest
    risks = [each.xpath(".//data[@data-counts='EUR']/@value") for each in numbers]
    euros = [int(each[0]) for each in risks if each]
    assert euros == sorted(euros, reverse=True)
    # What may be an attack stands before all money.
    assert "critical alert" in numbers[0].text_content()
    with scope(Scope(ours.id)):
        shown, after = lists.credits(limit=1)
        rest, end = lists.credits(limit=100, after=after)
        assert [(row.customer_id, row.currency) for row in shown + rest] == [
            (row.customer_id, row.currency) for row in lists.credits(limit=100)[0]
        ]
        assert end is None
        assert Payment.objects.filter(state="failed").exists()


def test_nobody_is_shown_what_they_could_not_open(ours: Organization) -> None:
    for role, there, absent in (
        ("billing_clerk", ("overdue", "failed"), ("for you", "alert", "privacy")),
        ("approver", ("wait for you", "overdue"), ("alert", "privacy")),
    ):
        text = tree(ours, "/o/a/", role).xpath("string(//ol[@class='queue'])")
        assert all(word in text for word in there), (role, text)
        assert not any(word in text for word in absent), (role, text)
        links = tree(ours, "/o/a/", role).xpath("//main//a/@href")
        for link in {re.sub(r"(inv_).*|\?.*", r"\1", link): link for link in links}.values():
            assert ours.people[role].client.get(link).status_code == 200, (role, link)
    # Whoever is not there for the money is greeted by what they watch over.
    answer = ours.people["security_officer"].client.get("/o/a/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/o/a/security")


def test_a_new_organization_is_led_and_a_cut_off_one_is_told(db: None) -> None:
    made = world.installation.tenant("a")
    with scope(Scope(made)):
        member = accounts.member("owner")
        client = world.browser(accounts.session(member.user).raw_key)
    page = lxml.html.fromstring(client.get("/o/a/").content.decode())
    steps = [each.get("href") for each in page.xpath("//li[@class='queue-item']//a")]
    assert steps == ["/o/a/settings/payments", "/o/a/customers/new", "/o/a/invoices/new"]
    # Whose company it is stands already, and somebody else works there.
    assert len(page.xpath("//li[@class='queue-item'][@data-done]")) == 2
    with scope(Scope(made)):
        billing.finalized(of=billing.customer())
        payments.account()
    assert b"No payment provider" not in client.get("/o/a/").content
    with scope(Scope(made)):
        GatewayAccount.objects.update(state="disconnected")
    assert b"No payment provider is connected" in client.get("/o/a/").content
