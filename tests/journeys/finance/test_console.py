"""What security people and auditors do, in a real browser."""

import re
from uuid import UUID

import pytest
from playwright.sync_api import Browser, expect

from audit.models import Event
from billing.customers.models import Customer
from core import clock, ids
from crypto import tasks
from crypto.envelope import Purpose
from crypto.fields import EncryptedField
from crypto.models import DataKey
from tenancy import jobs
from tenancy.context import Scope, scope
from tenancy.models import Job
from tests.browser.live import Live, expected_status, visit
from tests.make import accounts as make
from tests.make import finance


def test_reading_the_trail_adds_to_it_and_names_no_value(browser: Browser, live: Live) -> None:
    who = live.person("security_officer", name="Grace Mwangi")
    finance.books(live.tenant)
    with visit(browser, live.cookie(who)) as (page, watch):
        page.goto(live.staff("audit"))
        page.reload()
        expect(
            page.get_by_role("row", name=re.compile("Grace Mwangi Read the audit trail")).first
        ).to_be_visible()
        # Customers are named by id: a look at the trail is no look at them.
        assert "Blue Mill" not in page.locator("#results").inner_text()
    assert watch.faults() == []
    with scope(Scope(live.tenant)):
        assert Event.objects.filter(event="audit.read", actor_id=who.user.pk).count() == 2


def test_the_trail_is_narrowed_and_an_event_shows_all_its_fields(browser: Browser, live: Live) -> None:
    who = live.person()
    made = finance.books(live.tenant, actor=make.actor(who.user, network="net-1"))
    with visit(browser, live.cookie(who)) as (page, watch):
        page.goto(live.staff("audit"))
        page.get_by_label("Event", exact=True).select_option("invoice.voided")
        expect(page.locator("#results .table-region tbody tr")).to_have_count(1)
        assert "event=invoice.voided" in page.url
        page.locator("#results .table-region tbody tr td").first.get_by_role("link").click()
        expect(page.get_by_role("heading", name="Ana Ruiz voided invoice")).to_be_visible()
        expect(page.get_by_text(ids.encode("invoice", made.voided))).to_be_visible()
        page.get_by_role("link", name="Same record").click()
        expect(page.locator("#results .table-region tbody tr")).to_have_count(3)
        page.get_by_label("Record").fill("inv_nothing")
        page.get_by_role("button", name="Apply").click()
        expect(page.locator("#filter_record")).to_have_value("inv_nothing")
    assert watch.faults() == []


def test_a_stranger_to_the_organization_is_not_named(browser: Browser, live: Live) -> None:
    who = live.person("auditor", name="Hugo Marchetti")
    with scope(Scope(live.tenant)):
        outsider = make.person(name="Nobody Here")
    finance.books(live.tenant, actor=make.actor(outsider))
    with visit(browser, live.cookie(who)) as (page, _):
        page.goto(live.staff("audit?event=invoice.finalized"))
        cell = page.locator("#results .table-region tbody tr").first
        expect(cell).to_contain_text(f"Person …{ids.base32(outsider.pk)[-8:]}")
        assert "Nobody Here" not in page.content()


def test_a_key_is_rotated_only_after_a_fresh_factor(browser: Browser, live: Live) -> None:
    who = live.person("security_officer")
    with visit(browser, live.cookie(who, fresh=False)) as (page, _):
        page.goto(live.staff("security/keys/rotate/documents"))
        expect(page.get_by_role("heading", name="Confirm it is you")).to_be_visible()
    with scope(Scope(live.tenant)):
        assert not Job.objects.exists()
    with visit(browser, live.cookie(who)) as (page, watch):
        page.goto(live.staff("security/keys"))
        page.get_by_role("button", name=re.compile("Rotate now.*Documents")).click()
        expect(page.get_by_role("heading", name="Rotation of an encryption key")).to_be_visible()
        expect(page.get_by_text("Queued", exact=True)).to_be_visible()
        job_id = ids.decode("job", page.url.rsplit("/", 1)[-1])
        # The work goes on elsewhere; the page follows it by itself and stops when it is done.
        with scope(Scope(live.tenant)):
            jobs.advance(job_id=job_id, at=clock.now(), done=40, total=120)
        expect(page.locator(".progress-line")).to_contain_text("40 of 120")
        expect(page.locator("#bell")).to_have_text("1 job running")
        with scope(Scope(live.tenant)):
            jobs.finish(job_id=job_id, at=clock.now(), counts={"values": 120, "version": 2})
        expect(page.get_by_text("Finished", exact=True).first).to_be_visible()
        assert page.locator("#job [hx-get]").count() == 0
        # The frame tells of it too, and asks no more once nothing runs.
        expect(page.locator("#bell")).to_have_text("1 job finished")
        assert page.locator("#bell [hx-get]").count() == 0
        # A second one may begin now that the first is done.
        page.goto(live.staff("security/keys"))
        expect(page.get_by_role("button", name=re.compile("Rotate now.*Documents"))).to_be_visible()
    assert watch.faults() == []
    with scope(Scope(live.tenant)):
        (asked,) = Event.objects.filter(event="keys.rotation_requested")
        assert (asked.actor_id, asked.subject_id, asked.facts) == (
            who.user.pk,
            job_id,
            {"purpose": "documents"},
        )
        assert Event.objects.filter(event="page.viewed", facts__route="console:job").count() == 1


def test_one_rotation_at_a_time(live: Live) -> None:
    with scope(Scope(live.tenant)):
        asking = make.actor(make.member().user)
        tasks.ask(purpose=Purpose.FIELDS, actor=asking, at=clock.now())
    with scope(Scope(live.tenant)), pytest.raises(tasks.RotationRuns):
        tasks.ask(purpose=Purpose.FILES, actor=asking, at=clock.now())
    with scope(Scope(live.tenant)):
        assert Job.objects.count() == 1
        assert Event.objects.filter(event="keys.rotation_requested").count() == 1
        assert not DataKey.objects.filter(version=2).exists()


def test_a_clerk_has_no_way_into_the_console(browser: Browser, live: Live) -> None:
    who = live.person("billing_clerk")
    refused: list[tuple[str, int]] = []
    with visit(browser, live.cookie(who)) as (page, watch):
        for path in ("audit", "audit/integrity", "security", "security/keys", "security/encryption"):
            answer = page.goto(live.staff(path))
            refused.append((path, answer.status if answer else 0))
        page.goto(live.staff())
        assert page.get_by_role("link", name="Audit trail").count() == 0
    assert {status for _, status in refused} == {403}
    assert expected_status(watch, 403) == []
    with scope(Scope(live.tenant)):
        assert Event.objects.filter(event="access.refused", actor_id=who.user.pk).count() == len(refused)


def test_what_is_encrypted_comes_from_the_models(browser: Browser, live: Live) -> None:
    who = live.person()
    with visit(browser, live.cookie(who)) as (page, _):
        page.goto(live.staff("security/encryption"))
        names = page.locator(
            "tbody:has(.group:has-text('billing_customer')) tr:not(.group) th"
        ).all_inner_texts()
    assert names == [
        field.name for field in Customer._meta.concrete_fields if isinstance(field, EncryptedField)
    ]
    assert {"name", "tax_id", "delivery_address"} < set(names)


def test_the_second_factor_tile_counts_people(browser: Browser, live: Live) -> None:
    who = live.person()
    with scope(Scope(live.tenant)):
        make.member("accountant", user=make.person(name="Li Wei"))
        strong, everybody = _members(live.tenant)
    with visit(browser, live.cookie(who)) as (page, _):
        page.goto(live.staff("security"))
        card = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="Second factor"))
        expect(card.get_by_text(f"{strong} of {everybody}", exact=True)).to_be_visible()
        # Who it is stands where they are reminded.
        card.get_by_role("link", name="Second factor").click()
        expect(page.get_by_role("link", name="Li Wei")).to_be_visible()


def _members(tenant: UUID) -> tuple[int, int]:
    from accounts import queries

    members = [member for member in queries.members() if member.state == "active"]
    facts = queries.signin_facts([member.user_id for member in members])
    return sum(bool(fact.passkeys) or fact.totp for fact in facts.values()), len(members)
