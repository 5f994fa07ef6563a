"""A person's own record: what they change, what they cannot, and that it is nobody else's."""

from datetime import UTC, datetime

import pytest
from django.conf import settings
from django.test import Client

from accounts import notices
from accounts.models import Session, TotpDevice, User
from accounts.services import preferences
from audit.models import Event
from core import clock, ids
from tenancy.context import Scope, attempt, scope
from tenancy.models import Tenant
from tests import databases
from tests.browser.live import Live, Someone
from tests.make import accounts as make
from tests.make.people import house

NEW_PASSWORD = "marble kettle seven orchards"


def client(live: Live, who: Someone, *, fresh: bool = True) -> Client:
    speaking = Client(raise_request_exception=False, HTTP_HOST="localhost")
    speaking.cookies[settings.SESSION_COOKIE_NAME] = live.cookie(who, fresh=fresh)["value"]
    return speaking


def in_the_operators_log(code: str) -> list[Event]:
    with scope(Scope()):
        owner = Tenant.objects.get(kind=Tenant.Kind.OPERATOR).pk
    with scope(Scope(owner)):
        return list(Event.objects.filter(event=code).order_by("at", "id"))


def test_a_new_password_ends_every_other_session(live: Live) -> None:
    who = live.person()
    here, there = client(live, who), client(live, who)
    before = here.cookies[settings.SESSION_COOKIE_NAME].value
    refused = here.post(
        "/me/security/password", {"current_password": who.password, "new_password": "too short"}
    )
    assert refused.status_code == 422
    assert "Use at least 15 characters." in refused.content.decode()
    wrong = here.post(
        "/me/security/password", {"current_password": "not this one", "new_password": NEW_PASSWORD}
    )
    assert wrong.status_code == 422
    assert "This is not your current password." in wrong.content.decode()
    assert [event.actor_id for event in in_the_operators_log("password.change_refused")] == [who.user.pk]
    answered = here.post(
        "/me/security/password", {"current_password": who.password, "new_password": NEW_PASSWORD}
    )
    assert (answered.status_code, answered.headers["Location"]) == (302, "/me/security")
    assert here.cookies[settings.SESSION_COOKIE_NAME].value != before
    assert here.get("/me/security").status_code == 200
    assert there.get("/me/security").headers["Location"] == "/login?next=%2Fme%2Fsecurity"
    with scope(Scope()):
        assert User.objects.get(pk=who.user.pk).check_password(NEW_PASSWORD)
        assert Session.objects.filter(user=who.user, ended_at=None).count() == 1
    assert [event.actor_id for event in in_the_operators_log("password.changed")] == [who.user.pk]


def test_a_profile_is_kept_and_applied(live: Live) -> None:
    who = live.person()
    speaking = client(live, who)
    wanted = {"name": "Ana María Ruiz", "language": "de", "time_zone": "Asia/Tokyo", "theme": "dark"}
    for fault in (
        {"theme": "neon"},
        {"time_zone": "Mars/Base"},
        {"name": "Ana 4111 1111 1111 1111"},
        {"name": ""},
    ):
        assert speaking.post("/me/", {**wanted, **fault}).status_code == 422, fault
    with scope(Scope()):
        before = User.objects.get(pk=who.user.pk)
        for fault in ({"theme": "neon"}, {"language": "xx"}, {"time_zone": "Mars/Base"}):
            with pytest.raises(preferences.UnknownPreference), attempt():
                preferences.set_profile(
                    user=User.objects.get(pk=who.user.pk), actor=make.actor(who.user), at=clock.now(),
                    **{**wanted, "single_keys": True, **fault},
                )  # fmt: skip
        after = User.objects.get(pk=who.user.pk)
        assert (after.name, after.theme, after.time_zone) == (before.name, "", "")
    assert in_the_operators_log("profile.changed") == []
    assert speaking.post("/me/", wanted).headers["Location"] == "/me/"
    page = speaking.get("/me/").content.decode()
    assert 'data-theme="dark"' in page and 'data-keys="off"' in page
    (event,) = in_the_operators_log("profile.changed")
    assert event.subject_id == event.actor_id == who.user.pk
    assert sorted(event.fields) == ["language", "name", "single_keys", "theme", "time_zone"]
    # Times are the person's own: this one is nine hours ahead.
    at = datetime(2026, 1, 2, 20, 30, tzinfo=UTC)
    databases.as_owner("UPDATE accounts_session SET created_at = %s WHERE user_id = %s", [at, who.user.pk])
    assert "3 Jan 2026, 05:30" in speaking.get("/me/sessions").content.decode()
    # The same again changes nothing and leaves nothing.
    speaking.post("/me/", wanted)
    assert len(in_the_operators_log("profile.changed")) == 1
    # Of the mails that may be spared one is; the page says which of the others come whatever one wishes.
    assert "Your own training" in speaking.get("/me/notifications").content.decode()
    assert speaking.post("/me/notifications", {"mails": ["training_late"]}).status_code == 302
    with scope(Scope()):
        assert User.objects.get(pk=who.user.pk).muted_mails == ["webhook_disabled"]
    assert in_the_operators_log("profile.changed")[1].fields == ["muted_mails"]
    assert speaking.post("/me/notifications", {"mails": ["new_place"]}).status_code == 422
    with scope(Scope(live.tenant)):
        assert who.user.email not in notices.keepers_of_webhooks(clock.now())
    speaking.post("/me/notifications", {"mails": ["training_late", "webhook_disabled"]})
    with scope(Scope(live.tenant)):
        assert who.user.email in notices.keepers_of_webhooks(clock.now())


def test_the_only_factor_stays(live: Live) -> None:
    who = live.person()
    pk = ids.encode("factor", who.device.pk)
    answered = client(live, who).post(f"/me/security/factors/{pk}/remove")
    assert answered.status_code == 422
    assert "This is your only second factor." in answered.content.decode()
    with scope(Scope()):
        assert TotpDevice.objects.filter(pk=who.device.pk, confirmed=True).exists()
    assert in_the_operators_log("mfa.removed") == []


def test_every_change_of_a_sign_in_asks_for_the_factor_first(live: Live) -> None:
    who = live.person()
    speaking = client(live, who, fresh=False)
    pk = ids.encode("factor", who.device.pk)
    for path in ("passkeys/new", "authenticator", "recovery-codes", "password", f"factors/{pk}/remove"):
        for send in (speaking.get, speaking.post):
            answered = send(f"/me/security/{path}")
            assert answered.headers["Location"].partition("?")[0] == "/step-up", path
    # Not by the address that hands out a challenge either.
    assert speaking.post("/login/mfa/passkey/new").status_code == 403
    with scope(Scope()):
        assert TotpDevice.objects.filter(user=who.user).count() == 1


def test_a_session_or_factor_of_somebody_else_is_not_there(live: Live) -> None:
    who, other = live.person(), live.person("admin", name="Tom Okafor")
    speaking, theirs = client(live, who), client(live, other)
    with scope(Scope()):
        session = Session.objects.get(user=other.user)
    pk = ids.encode("factor", other.device.pk)
    assert speaking.post(f"/me/sessions/{ids.encode('session', session.pk)}/end").status_code == 404
    assert speaking.get(f"/me/security/factors/{pk}/remove").status_code == 404
    assert speaking.get(f"/me/security/passkeys/{pk}").status_code == 404
    assert theirs.get("/me/security").status_code == 200


def test_ending_the_others_leaves_this_one(live: Live) -> None:
    who = live.person()
    here, there = client(live, who), client(live, who)
    assert here.post("/me/sessions/others/end").status_code == 302
    assert here.get("/me/sessions").status_code == 200
    assert there.get("/me/sessions").status_code == 302
    assert [event.facts["sessions"] for event in in_the_operators_log("session.revoked")] == [1]


def test_the_activity_of_a_person_is_theirs_alone_and_looking_at_it_is_recorded(live: Live) -> None:
    who, other = live.person(), live.person("billing_clerk", name="Mirjam Östlund")
    house(live.tenant, who.member)
    mine = client(live, who).get("/me/activity").content.decode()
    assert "You revoked an API key" in mine
    assert "You suspended mem_01" in mine
    theirs = client(live, other).get("/me/activity").content.decode()
    assert "API key" not in theirs
    assert "suspended" not in theirs
    read = in_the_operators_log("activity.read")
    assert [(event.actor_id, event.subject_id) for event in read] == [
        (who.user.pk, who.user.pk),
        (other.user.pk, other.user.pk),
    ]
