"""Watching over an organization over HTTP: is everything green, who is signed in, who lacks a second factor."""

from datetime import timedelta

import lxml.html
import pytest

from accounts.models import Invitation, Membership, Role, Session
from compliance.controls import registry
from compliance.controls.models import ControlResult
from core import clock, ids
from outbound.models import OutboxMessage
from tenancy.context import Scope, scope
from tests.guarantees import world
from tests.guarantees.world import Organization, RoleCode
from tests.make import accounts, alerts, compliance, people
from web.console import protections


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
    named = {code for each in protections.CONTROLS.values() for code in each if code}
    assert named <= {control.code for control in registry.live()}
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


def test_people_are_let_in_changed_and_shown_out_with_what_follows_in_view(db: None) -> None:
    tenant = world.installation.tenant("a")
    with scope(Scope(tenant)):
        owner = accounts.member("owner")
        opened = accounts.session(owner.user)
        accounts.change(opened.session, tenant_id=tenant)
        client = world.browser(opened.raw_key)
    made = people.house(tenant, owner)
    with scope(Scope(tenant)):
        asker = accounts.queries.members().get(user_id=made.theirs.requested_by)
        alerts.alert("RBAC-04", person=asker.user_id)
        theirs = accounts.session(made.clerk.user).session
        accounts.change(theirs, tenant_id=tenant)
        counted = Invitation.objects.count()

    def text(path: str, **sent: object) -> str:
        answer = client.post(f"/o/a/{path}", sent) if sent else client.get(f"/o/a/{path}")
        assert answer.status_code in (200, 422), path
        return " ".join(lxml.html.fromstring(answer.content.decode()).text_content().split())

    # Many at once, pasted as a mail program writes them; one that is wrong, or here already, lets nobody in.
    invite = {"role": "billing_clerk", "reason": "", "ends_on": ""}
    pasted = "Ada L <ada@new.example>, grace@new.example\nADA@new.example;"
    assert "nonsense is not an e-mail address" in text(
        "settings/members/invite", email=f"{pasted} nonsense", **invite
    )
    assert f"{made.clerk.user.email}: " in text(
        "settings/members/invite", email=f"{pasted} {made.clerk.user.email}", **invite
    )
    with scope(Scope(tenant)):
        assert Invitation.objects.count() == counted
    assert client.post("/o/a/settings/members/invite", {"email": pasted, **invite}).status_code == 302
    with scope(Scope(tenant)):
        found = Invitation.objects.order_by("-created_at")[:2]
        assert {each.email for each in found} == {"ada@new.example", "grace@new.example"}
    # The page of a person, and of their going.
    clerk = ids.encode("member", made.clerk.pk)
    shown = text(f"settings/members/{clerk}")
    assert "Signed in now" in shown
    assert "What they did last" in shown
    me = ids.encode("member", owner.pk)
    assert "API keys they made" in text(f"settings/members/{me}")
    gone = text(f"settings/members/{me}/remove")
    assert "1 open session of this organization" in gone
    assert "1 API key they made" in gone
    assert "invitations they sent and nobody has accepted" in gone
    # Whoever decides sees what is known of whoever asked.
    assert "Open alerts about whoever asked" in text(f"approvals/{ids.encode('approval', made.theirs.pk)}")
    # What a change of a role would do is said before it is made, and nothing is kept until then.
    role = ids.encode("role", made.role)
    sent = {
        "rights": ["invoice:read", "customer:read"],
        "was_payments": "0",
        "level_payments": "2",
        "export_rows": "500",
    }
    with scope(Scope(tenant)):
        Membership.objects.filter(pk=made.clerk.pk).update(role_id=made.role)
    said = text(f"settings/roles/{role}/preview", **sent)
    assert "It can now also" in said
    assert "Refund payments" in said
    assert "It can no longer" in said
    assert "1 person gains it" in said
    assert "It must finish" in said
    reviewed = text(f"settings/roles/{role}/change", step="review", reason="", **sent)
    assert "Change Reminders like this?" in reviewed
    with scope(Scope(tenant)):
        assert "refund:write" not in Role.objects.get(pk=made.role).rights
    answer = client.post(f"/o/a/settings/roles/{role}/change", {"step": "save", "reason": "", **sent})
    assert answer.status_code == 302
    with scope(Scope(tenant)):
        assert set(Role.objects.get(pk=made.role).rights) >= {"refund:write", "payment:read", "invoice:read"}
        builtin = ids.encode("role", accounts.queries.role("approver").pk)
    compared = text(f"settings/roles/compare?a={role}&b={builtin}")
    assert "Alone: " in compared
    assert "Choose two roles" in text("settings/roles/compare")
    # The trail tells of it: in words, by hour, around the moment, with before and after, as JSON.
    (changed,) = world.events_of(tenant, event="role.changed")[:1]
    words = text("audit?q=action%3Arole.+result%3Adone+via%3Aweb&since=2020-01-01")
    assert "Changed role" in words
    assert "Invited a person" not in words
    assert "is no word of this search" in text("audit?q=colour%3Ared")
    today = clock.today().isoformat()
    assert "Events by hour" in text(f"audit?since={today}&until={today}")
    assert "An hour before and after" in text(f"audit?around={changed.id}")
    event = text(f"audit/{ids.encode('audit_event', changed.id)}")
    assert "Before and after" in event
    assert "refund:write" in event
    assert f'"id": "{changed.id}"' in event
    assert "All by them, an hour before and after" in event
    keys = text("security/keys")
    assert "How they wrap each other" in keys
    assert "Key of the organization, version 1" in keys
