"""A factor that an intruder leaves behind for their victim to confirm, and answers no passkey ever gave."""

import base64
import json
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client

from accounts import queries
from accounts.models import Membership, Session, TotpDevice
from accounts.services import factors, members, passkeys, recovery, sessions, signin
from accounts.services.passkeys import PasskeyRefused
from accounts.services.sessions import Origin
from accounts.services.signin import WrongCode
from tenancy import context
from tenancy.context import Scope
from tests.make import accounts as make

pytestmark = pytest.mark.django_db
NEW_PASSWORD = "purple anvil river eleven"


@pytest.fixture
def user(db, now):
    with context.scope(Scope()):
        return make.person(at=now)


def _sign_in(user, now):
    return signin.with_password(
        email=user.email, password=make.PASSWORD, origin=Origin(network=make.network()), at=now
    ).session


def test_an_authenticator_is_confirmed_only_by_the_session_that_began_it(user, doors, now):
    with context.scope(Scope()):
        intruder, victim = _sign_in(user, now), _sign_in(user, now)
        factors.begin_totp(session=intruder, at=now)
        planted = TotpDevice.objects.get(user=user)
        assert factors.pending_totp(session=victim, at=now) is None
        theirs = factors.begin_totp(session=victim, at=now)
        assert theirs.secret != planted.secret
        assert factors.pending_totp(session=victim, at=now) == theirs
    with pytest.raises(WrongCode), doors.open():
        factors.confirm_totp(session=victim, code=make.code(planted, at=now), actor=make.stranger(), at=now)
    assert [row.reason for row in doors.events("mfa.failed")] == ["wrong_code"]
    with context.scope(Scope()):
        assert not TotpDevice.objects.filter(user=user, confirmed=True).exists()
        device = TotpDevice.objects.get(user=user, begun_in=victim.pk)
        factors.confirm_totp(session=victim, code=make.code(device, at=now), actor=make.stranger(), at=now)
        # The planted one went with the confirmation.
        assert [row.pk for row in TotpDevice.objects.filter(user=user)] == [device.pk]


@pytest.mark.parametrize(("minutes", "alive"), [(9, True), (10, False), (60, False)])
def test_a_begun_authenticator_waits_ten_minutes(user, doors, now, minutes, alive):
    with context.scope(Scope()):
        session = _sign_in(user, now)
        begun = factors.begin_totp(session=session, at=now)
        device, later = TotpDevice.objects.get(user=user), now + timedelta(minutes=minutes)
        shown = factors.pending_totp(session=session, at=later)
    assert shown == (begun if alive else None)
    if alive:
        return
    with pytest.raises(WrongCode), doors.open():
        factors.confirm_totp(
            session=session, code=make.code(device, at=later), actor=make.stranger(), at=later
        )
    with context.scope(Scope()):
        assert TotpDevice.objects.get(pk=device.pk).confirmed is False
    assert [row.reason for row in doors.events("mfa.failed")] == ["wrong_code"]


@pytest.mark.parametrize("how", ["password", "recovery", "everywhere"])
def test_what_was_planted_goes_when_the_victim_shuts_the_intruder_out(user, now, how):
    with context.scope(Scope()):
        opened = make.session(user, at=now)
        intruder = make.session(user, at=now).session
        factors.begin_totp(session=intruder, at=now)
        assert TotpDevice.objects.filter(user=user, confirmed=False).count() == 1
        if how == "password":
            factors.change_password(
                session=opened.session,
                current_password=make.PASSWORD,
                new_password=NEW_PASSWORD,
                actor=make.actor(user),
                at=now,
            )
        elif how == "recovery":
            raw = make.recovery_link(user, at=now)
            recovery.complete(raw=raw, new_password=NEW_PASSWORD, actor=make.stranger(), at=now)
        else:
            sessions.end_all(user=user, actor=make.actor(user), at=now, but=opened.session)
        assert not TotpDevice.objects.filter(user=user, confirmed=False).exists()
        assert TotpDevice.objects.filter(user=user, confirmed=True).count() == 1


# --- Answers nobody's passkey gave ----------------------------------------------------------------


def _deep(depth: int = 20_000) -> str:
    return "[" * depth + "]" * depth


def _wrapped() -> str:
    client_data = base64.urlsafe_b64encode(_deep().encode()).rstrip(b"=").decode()
    return json.dumps({"response": {"clientDataJSON": client_data}})


@pytest.mark.parametrize("answer", [_deep(), _wrapped()], ids=["answer", "client data"])
def test_brackets_within_brackets_are_refused_and_recorded(user, doors, now, answer):
    with pytest.raises(PasskeyRefused), doors.open():
        passkeys.complete_authentication(response=answer, user=None, at=now)
    with pytest.raises(PasskeyRefused), doors.open():
        passkeys.complete_registration(user=user, response=answer, name="x", at=now)
    assert [row.reason for row in doors.events("mfa.failed")] == ["passkey_refused"] * 2
    with context.scope(Scope()):
        assert queries.factors_of(user.pk).passkeys == []


# --- Half signed in, at somebody else's door ------------------------------------------------------


def test_whoever_is_half_signed_in_opens_an_invitation_like_a_stranger(tenant_a, user, now):
    with context.scope(Scope(tenant_a)):
        owner = make.member("owner", at=now)
        email = make.address()
        invited = members.invite(
            email=email, role=queries.role("auditor"), actor=make.actor(owner.user), at=now
        )
    with context.scope(Scope()):
        half = make.session(user, complete=False)
    browser = Client()
    browser.cookies[settings.SESSION_COOKIE_NAME] = half.raw_key
    path = f"/invite/{invited.url.rpartition('/')[2]}"
    shown = browser.get(path, secure=True)
    assert (shown.status_code, email in shown.content.decode()) == (200, True)
    joined = browser.post(path, {"name": "Bea", "password": NEW_PASSWORD}, secure=True)
    assert (joined.status_code, joined.url.partition("?")[0]) == (302, "/login/mfa")
    with context.scope(Scope(tenant_a)):
        member = Membership.objects.select_related("user").get(role__code="auditor", user__name__isnull=False)
        assert (member.user.email, member.user_id != user.pk) == (email, True)
    with context.scope(Scope()):
        assert Session.objects.get(pk=half.session.pk).stage == "pending"
