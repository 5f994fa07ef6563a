"""Members, roles, approvals and keys, from page to row to trail."""

import re

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from playwright.sync_api import Browser, expect

from accounts import queries
from accounts.models import ApiKey, ApprovalRequest, Invitation, Membership, Role, Session, User
from accounts.permissions import Permission
from audit.models import Event
from core import ids
from crypto import blindindex
from tenancy.context import Scope, scope
from tests.browser.live import Live, Someone, expected_status, visit
from tests.make import accounts as make
from tests.make import installation
from tests.make.people import house


def trail(live: Live, code: str, **named: object) -> list[Event]:
    """List the organization's events of a code, oldest first."""
    with scope(Scope(live.tenant)):
        return list(Event.objects.filter(event=code, **named).order_by("at", "id"))


def client(live: Live, who: Someone, *, fresh: bool = True) -> Client:
    """Speak as somebody past the pages, as an attacker would."""
    speaking = Client(raise_request_exception=False, HTTP_HOST="localhost")
    cookie = live.cookie(who, fresh=fresh)
    speaking.cookies[cookie["name"]] = cookie["value"]
    return speaking


def test_an_invitation_leads_from_the_mail_to_the_first_page(browser: Browser, live: Live) -> None:
    owner = live.person()
    live.person("approver", name="Tom Okafor")
    with visit(browser, live.cookie(owner)) as (page, watch):
        page.goto(live.staff("settings/members/invite"))
        page.get_by_label("E-mail address").fill("Mirjam@A.example")
        page.get_by_label("Role").select_option("billing_clerk")
        page.get_by_role("button", name="Send the invitations").click()
        expect(page.get_by_text("The invitation is on its way.")).to_be_visible()
        expect(page.get_by_role("row", name=re.compile("mirjam@a.example"))).to_be_visible()
        assert watch.faults() == []
    with visit(browser) as (page, watch):
        page.goto(live.at("/mailbox"))
        page.get_by_role("link", name="Open the link").first.click()
        link = page.url
        expect(page.get_by_role("heading", name="Join a")).to_be_visible()
        expect(page.get_by_text("Billing clerk")).to_be_visible()
        expect(page.get_by_label("E-mail address")).to_have_value("mirjam@a.example")
        page.get_by_label("Your name").fill("Mirjam Östlund")
        page.get_by_label("Password").fill("mirjam@a.example")
        page.get_by_role("button", name="Join").click()
        expect(page.locator(".error-summary")).to_be_focused()
        expect(page.get_by_label("Your name")).to_have_value("Mirjam Östlund")
        expect(page.get_by_label("Password")).to_have_value("")
        page.get_by_label("Password").fill("gravel piano twelve sailors")
        page.get_by_role("button", name="Join").click()
        expect(page.get_by_role("heading", name="Add a second factor")).to_be_visible()
        page.get_by_text("Type the key by hand").click()
        secret = page.locator("#totp-secret").inner_text().replace(" ", "")
        device = make.TotpDevice(secret=secret)
        page.get_by_label("Code from your authenticator").fill(make.code(device, at=make.clock.now()))
        page.get_by_role("button", name="Add authenticator").click()
        page.get_by_role("link", name="I have kept them").click()
        page.wait_for_url(re.compile(f"/o/{live.slug}/"))
        page.goto(live.at("/me/activity"))
        expect(page.get_by_role("row", name=re.compile("Somebody joined as billing clerk"))).to_be_visible()
        assert expected_status(watch, 422) == []
        page.goto(link)
        expect(page.get_by_role("heading", name="This invitation is closed")).to_be_visible()
    with scope(Scope(live.tenant)):
        person = User.objects.get(email_index=blindindex.lookup(User, "email_index", "mirjam@a.example"))
        member = Membership.objects.select_related("role").get(user=person)
        assert (member.role.code, member.state, person.name) == ("billing_clerk", "active", "Mirjam Östlund")
        assert Invitation.objects.get(accepted_by=person.pk).accepted_at is not None
    [joined] = trail(live, "member.joined")
    assert joined.subject_id == member.pk
    assert [event.reason for event in trail(live, "member.invitation_refused")] == ["invitation_refused"]


def test_somebody_who_has_an_account_joins_with_it(browser: Browser, live: Live) -> None:
    owner = live.person()
    elsewhere = Live(live.url, slug="b")
    guest = elsewhere.person("accountant", name="Li Wei")
    live.person("approver", name="Tom Okafor")
    with scope(Scope(live.tenant)):
        from accounts.services import members
        from core import clock

        invited = members.invite(
            email=guest.email, role=queries.role("auditor"), actor=make.actor(owner.user), at=clock.now()
        )
    with visit(browser) as (page, watch):
        page.goto(invited.url)
        page.get_by_role("link", name="I have an account already").click()
        page.get_by_label("E-mail address").fill(guest.email)
        page.get_by_label("Password").fill(guest.password)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.get_by_label("Code from your authenticator").fill(guest.code())
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_text(f"You are signed in as {guest.email}.")).to_be_visible()
        page.get_by_role("button", name="Join").click()
        # Two organizations now: the choice of them, each with its role.
        expect(page.get_by_role("heading", name="Choose an organization")).to_be_visible()
        expect(page.get_by_role("button", name=re.compile("^b Accountant"))).to_be_visible()
        page.get_by_role("button", name=re.compile("^a Auditor")).click()
        page.wait_for_url(live.staff() + "*")
        assert watch.faults() == []
    with scope(Scope()):
        assert Session.objects.get(user=guest.user).tenant_id == live.tenant


def test_a_powerful_role_takes_two_people(browser: Browser, live: Live) -> None:
    owner, admin = live.person(), live.person("admin", name="Tom Okafor")
    clerk = live.person("billing_clerk", name="Mirjam Östlund")
    path = f"settings/members/{ids.encode('member', clerk.member.pk)}/role"
    with visit(browser, live.cookie(owner)) as (page, watch):
        page.goto(live.staff(path))
        page.get_by_label("Role").select_option("admin")
        page.get_by_role("button", name="Give this role").click()
        expect(page.locator(".error-summary")).to_have_text(re.compile("Say why"))
        page.get_by_label("Why").fill("Looks after the members in August")
        page.get_by_role("button", name="Give this role").click()
        expect(page.get_by_text("This needs a second person.")).to_be_visible()
        page.goto(live.staff("approvals"))
        page.get_by_role("link", name="Make Mirjam Östlund Administrator").click()
        told = "You asked for this change of role, so someone else has to approve it. 1 person can."
        expect(page.get_by_text(told)).to_be_visible()
        expect(page.get_by_role("button", name="Approve and carry out")).to_have_count(0)
        asked = page.url
        assert expected_status(watch, 422) == []
    # Not by hand either: the refusal, the unchanged row and the event.
    answered = client(live, owner).post(asked.removeprefix(live.url), {"decision": "approve", "note": "mine"})
    assert answered.status_code == 422
    with scope(Scope(live.tenant)):
        assert ApprovalRequest.objects.get().state == "pending"
        assert Membership.objects.select_related("role").get(pk=clerk.member.pk).role.code == "billing_clerk"
    assert [event.reason for event in trail(live, "access.refused")] == ["own_request"]
    with visit(browser, live.cookie(admin, fresh=False)) as (page, watch):
        page.goto(asked)
        expect(page.get_by_text("Looks after the members in August")).to_be_visible()
        page.get_by_role("link", name="Confirm it is you").click()
        page.get_by_label("Code from your authenticator").fill(admin.code())
        page.get_by_role("button", name="Continue").click()
        page.get_by_label("Reason").fill("Agreed in the weekly meeting")
        page.get_by_role("button", name="Approve and carry out").click()
        expect(page.get_by_text("Approved and carried out.")).to_be_visible()
        page.get_by_role("link", name="Decided").click()
        expect(page.get_by_role("row", name=re.compile("Approved"))).to_be_visible()
        assert watch.faults() == []
    with scope(Scope(live.tenant)):
        assert Membership.objects.select_related("role").get(pk=clerk.member.pk).role.code == "admin"
    [approved] = trail(live, "approval.approved")
    assert (approved.actor_id, approved.on_behalf_of) == (admin.user.pk, owner.user.pk)


def test_whoever_is_removed_is_out_on_the_next_request(browser: Browser, live: Live) -> None:
    owner, developer = live.person(), live.person("developer", name="Li Wei")
    with scope(Scope(live.tenant)):
        made = make.api_key(developer.member, scopes=[Permission.ORGANIZATION_READ])
    pk = ids.encode("member", developer.member.pk)
    with (
        visit(browser, live.cookie(owner)) as (page, watch),
        visit(browser, live.cookie(developer)) as (other, _),
    ):
        other.goto(live.staff("developers/keys"))
        expect(other.get_by_role("heading", name="API keys")).to_be_visible()
        page.goto(live.staff(f"settings/members/{pk}/remove"))
        expect(page.get_by_text("1 open session of this organization")).to_be_visible()
        expect(page.get_by_text("1 API key they made")).to_be_visible()
        page.get_by_role("button", name="Remove").click()
        expect(page.get_by_text("The member is removed.")).to_be_visible()
        expect(page.get_by_role("row", name=re.compile("Li Wei"))).to_have_count(0)
        other.goto(live.staff("developers/keys"))
        expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
        assert watch.faults() == []
    with scope(Scope(live.tenant)):
        assert Membership.objects.get(pk=developer.member.pk).state == "removed"
        assert queries.usable_key(at=make.clock.now(), pk=made.key.pk) is None
    assert [event.subject_id for event in trail(live, "member.removed")] == [developer.member.pk]


def test_the_last_owner_stays(live: Live) -> None:
    owner = live.person()
    pk = ids.encode("member", owner.member.pk)
    answered = client(live, owner).post(f"/o/a/settings/members/{pk}/remove")
    assert answered.status_code == 422
    assert "keeps at least one active owner" in answered.content.decode()
    with scope(Scope(live.tenant)):
        assert Membership.objects.get(pk=owner.member.pk).state == "active"


def test_a_key_is_shown_once_works_and_stops(browser: Browser, live: Live) -> None:
    owner = live.person()
    with visit(browser, live.cookie(owner)) as (page, watch):
        page.goto(live.staff("developers/keys"))
        expect(page.get_by_text("No key yet")).to_be_visible()
        page.get_by_role("link", name="New key").first.click()
        page.get_by_label("Name").fill("Warehouse")
        page.get_by_role("button", name="Make the key").click()
        expect(page.locator(".error-summary")).to_contain_text("Choose at least one thing")
        page.get_by_label("See invoices").check()
        page.get_by_label("Networks it may be used from").fill("192.0.2.0/24\nnot a network")
        page.get_by_role("button", name="Make the key").click()
        expect(page.locator(".error-summary")).to_contain_text("A network is written like 192.0.2.0/24")
        expect(page.get_by_label("See invoices")).to_be_checked()
        page.get_by_label("Networks it may be used from").fill("192.0.2.0/24")
        page.get_by_role("button", name="Make the key").click()
        raw = page.locator("#secret-warehouse").inner_text()
        assert re.fullmatch(r"sbk_test_[0-9a-z]{26}_[a-z2-7]{39}", raw)
        page.get_by_role("link", name="I have kept it").click()
        row = page.get_by_role("row", name=re.compile("Warehouse"))
        expect(row).to_contain_text("192.0.2.0/24")
        assert raw not in page.content()
        row.get_by_role("link", name="Revoke Warehouse").click()
        page.get_by_role("button", name="Revoke the key").click()
        expect(page.get_by_text("The key is revoked.")).to_be_visible()
        assert expected_status(watch, 422) == []
    with scope(Scope(live.tenant)):
        key = ApiKey.objects.get()
        assert (key.scopes, key.networks, key.revoked_at is None) == (
            ["invoice:read"],
            ["192.0.2.0/24"],
            False,
        )
    assert [len(trail(live, code)) for code in ("apikey.created", "apikey.revoked")] == [1, 1]


def test_a_role_of_ones_own_is_made_from_a_copy(browser: Browser, live: Live) -> None:
    owner = live.person()
    with visit(browser, live.cookie(owner)) as (page, watch):
        page.goto(live.staff("settings/roles"))
        page.get_by_role("link", name="Accountant", exact=True).click()
        page.get_by_role("link", name="Duplicate").click()
        page.get_by_text(re.compile("of . rights? of Books and reports")).click()
        expect(page.get_by_label("Read the ledger")).to_be_checked()
        page.get_by_label("Read the ledger").uncheck()
        page.get_by_label("Name of the role").fill("Owner")
        page.get_by_role("button", name="Make the role").click()
        expect(page.locator(".error-summary")).to_contain_text("There is a role of that name already.")
        expect(page.get_by_label("Read the ledger")).not_to_be_checked()
        page.get_by_label("Name of the role").fill("Reports only")
        page.get_by_label("Refund without a second person").fill("12.50")
        page.get_by_role("button", name="Make the role").click()
        expect(page.get_by_text("The role is made. Nobody has it yet.")).to_be_visible()
        expect(page.get_by_text("12.50")).to_be_visible()
        assert expected_status(watch, 422) == []
    with scope(Scope(live.tenant)):
        role = Role.objects.get(builtin=False)
        assert role.label == "Reports only"
        assert role.limits == {"refund_minor": 1250, "export_rows": 10_000}
        assert set(role.rights) == {
            right.value for right in queries.role("accountant").permissions(of_operator=False)
        } - {"ledger:read"}


def test_looking_at_colleagues_leaves_a_trace(live: Live) -> None:
    owner = live.person()
    made = house(live.tenant, owner.member)
    speaking = client(live, owner)
    assert speaking.get("/o/a/settings/members").status_code == 200
    assert speaking.get(f"/o/a/settings/members/{ids.encode('member', made.clerk.pk)}").status_code == 200
    listed, one = trail(live, "member.read")
    assert {owner.member.pk, made.clerk.pk, made.suspended.pk} <= set(listed.subject_ids)
    assert listed.fields == ["user.name", "user.email", "invitation.email"]
    assert (one.subject_kind, one.subject_id, one.actor_id) == ("member", made.clerk.pk, owner.user.pk)
    assert speaking.get("/o/a/approvals?view=waiting").status_code == 200
    assert speaking.get("/o/a/developers/keys").status_code == 200
    assert set(trail(live, "approval.read")[0].subject_ids) == {made.mine.pk, made.theirs.pk}
    assert made.key in trail(live, "apikey.read")[0].subject_ids


def test_a_member_of_another_organization_is_not_there(live: Live) -> None:
    owner = live.person()
    stranger = Live(live.url, slug="b").person()
    speaking = client(live, owner)
    foreign = ids.encode("member", stranger.member.pk)
    for path in ("", "/role", "/suspend", "/remove"):
        assert speaking.get(f"/o/a/settings/members/{foreign}{path}").status_code == 404
    assert speaking.post(f"/o/a/settings/members/{foreign}/remove").status_code == 404
    assert speaking.get("/o/b/settings/members").status_code == 404
    with scope(Scope(installation.tenant("b"))):
        assert Membership.objects.get(pk=stranger.member.pk).state == "active"
    assert [event.facts["object"] for event in trail(live, "access.refused")] == [foreign] * 5


def test_whoever_lacks_a_right_gets_a_page_that_names_it(live: Live) -> None:
    auditor = live.person("auditor")
    answered = client(live, auditor).get("/o/a/settings/members/invite")
    assert answered.status_code == 403
    assert "<code>member:manage</code>" in answered.content.decode()
    assert [event.reason for event in trail(live, "access.refused")] == ["missing_permission"]
    page = client(live, auditor).get("/o/a/settings/members").content.decode()
    assert "Invite a person" not in page
    assert "API keys" not in page


def test_a_longer_list_asks_no_more(live: Live) -> None:
    owner = live.person()
    speaking = client(live, owner)
    paths = ("settings/members", "settings/roles", "approvals", "developers/keys")

    def asked() -> dict[str, int]:
        counted = {}
        for path in paths:
            with CaptureQueriesContext(connection) as queries_made:
                assert speaking.get(f"/o/a/{path}").status_code == 200
            counted[path] = len(queries_made)
        return counted

    house(live.tenant, owner.member)
    asked()  # keys are unwrapped and kept by the first look
    before = asked()
    for number in range(8):
        live.person("billing_clerk", name=f"Person {number}")
    with scope(Scope(live.tenant)):
        for _ in range(8):
            make.api_key(owner.member)
    assert asked() == before
    assert max(before.values()) <= 20
