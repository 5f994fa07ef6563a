"""Watching over an organization over HTTP: is everything green, who is signed in, who lacks a second factor."""

from datetime import timedelta

import lxml.html
import pytest

from accounts.models import Session
from compliance.controls.models import ControlResult
from core import clock, ids
from outbound.models import OutboxMessage
from tenancy.context import Scope, scope
from tests.guarantees import world
from tests.guarantees.world import Organization, RoleCode
from tests.make import accounts, compliance


@pytest.fixture
def ours(db: None) -> Organization:
    return world.organization(
        "a", [RoleCode.OWNER, RoleCode.SECURITY_OFFICER, RoleCode.ADMIN, RoleCode.AUDITOR]
    )


def page(ours: Organization, path: str, role: str = "security_officer") -> lxml.html.HtmlElement:
    answer = ours.people[role].client.get(f"/o/a/{path}")
    assert answer.status_code == 200, path
    return lxml.html.fromstring(answer.content.decode())


def codes(ours: Organization) -> list[str]:
    return [event.event for event in world.events_of(ours.id)]


def test_the_worst_protection_stands_first_and_its_days_are_what_was_found(ours: Organization) -> None:
    with scope(Scope(ours.id)):
        compliance.result("cards.none_stored", compliance.rules.failed("3 card numbers"))
        compliance.result("assurance.patched", compliance.rules.passed("Clean"))
        last = ControlResult.objects.filter(code="assurance.patched").latest("at")
        old = ControlResult.objects.get(pk=last.pk)
        old.pk, old.state, old.at = ids.uuid7(), "failing", clock.now() - timedelta(days=10)
        old.save(force_insert=True)
    shown = page(ours, "security")
    titles = [each.text_content().strip() for each in shown.xpath("//li[@class='protection']//h2")]
    assert len(titles) == 10
    tags = [
        each.xpath("string(.//*[contains(@class, 'tag')])").strip()
        for each in shown.xpath("//li[@class='protection']")
    ]
    assert tags[0] == "Failing"
    order = ["Failing", "Undecided", "Old result", "Excepted", "Passing"]
    assert [order.index(tag) for tag in tags] == sorted(order.index(tag) for tag in tags)
    assert "Card data" in titles[: tags.count("Failing")]
    strips = dict(zip(titles, shown.xpath("//li[@class='protection']//svg[@aria-label]"), strict=True))
    assert "wrong 1" in strips["Card data"].get("aria-label")
    patched = strips["Patches"].xpath("./rect/@class")
    assert (len(patched), patched[-11], patched[-1]) == (90, "day-bad", "day-ok")
    assert shown.xpath("string(//title)").strip().startswith(f"({len(tags) - tags.count('Passing')})")
    for link in set(shown.xpath("//main//a/@href")):
        assert ours.people["security_officer"].client.get(link).status_code == 200, link


def test_a_session_is_ended_by_whoever_watches_and_no_other(ours: Organization) -> None:
    officer, theirs = ours.people["security_officer"].client, ours.records["session"]
    other = world.organization("b", [RoleCode.OWNER]).records["session"]
    assert page(ours, "security/sessions").xpath(f"//main//a[contains(@href, '{theirs}')]")
    # An auditor sees and ends nothing; a session of another organization is not there.
    auditor = page(ours, "security/sessions", "auditor")
    assert not auditor.xpath("//main//a[contains(@href, '/end')]")
    assert ours.people["auditor"].client.post(f"/o/a/security/sessions/{theirs}/end").status_code == 403
    assert officer.post(f"/o/a/security/sessions/{other}/end").status_code == 404
    with scope(Scope()):
        open_ones = Session.objects.filter(
            pk__in=[ids.decode("session", each) for each in (theirs, other)], ended_at__isnull=True
        )
        assert open_ones.count() == 2
    assert "session.revoked" not in codes(ours)
    assert {"access.refused", "session.read"} <= set(codes(ours))
    assert officer.post(f"/o/a/security/sessions/{theirs}/end").status_code == 302
    with scope(Scope()):
        assert Session.objects.get(pk=ids.decode("session", theirs)).end_reason == "revoked"
    (event,) = world.events_of(ours.id, event="session.revoked")
    assert event.actor_id == ours.people["security_officer"].id
    # All of a person: their own last, which stays while it is theirs who asks.
    with scope(Scope(ours.id)):
        me = accounts.queries.members().get(user_id=ours.people["security_officer"].id)
        him = accounts.queries.members().get(user_id=ours.people["admin"].id)
    for member in (him, me):
        pk = ids.encode("member", member.pk)
        assert officer.post(f"/o/a/security/sessions/members/{pk}/end").status_code == 302
    assert ours.people["admin"].client.get("/o/a/security").status_code == 302
    assert officer.get("/o/a/security").status_code == 200


def test_whoever_has_a_password_alone_is_reminded_once_a_day(ours: Organization) -> None:
    admin = ours.people["admin"].client
    with scope(Scope(ours.id)):
        members = accounts.queries.members()
        bare = accounts.member("billing_clerk")
        strong = members.get(user_id=ours.people["admin"].id)
    shown = page(ours, "security/sign-in", "admin")
    counted = [each.text_content().strip() for each in shown.xpath("(//main//table)[1]/tbody/tr[1]/td")]
    assert int(counted[0]) == int(counted[2]) + int(counted[3])
    assert int(counted[3]) == len(shown.xpath("//main//form[contains(@action, '/remind')]")) == 1
    there = "/o/a/security/sign-in/members/{}/remind"
    for _ in range(2):
        assert admin.post(there.format(ids.encode("member", bare.pk))).status_code == 302
    assert admin.post(there.format(ids.encode("member", strong.pk))).status_code == 409
    with scope(Scope(ours.id)):
        assert OutboxMessage.objects.filter(template="factor_missing").count() == 1
    reminded = world.events_of(ours.id, event="member.reminded")
    assert {event.subject_id for event in reminded} == {bare.pk}
