"""Enrolling, using and removing factors; passkeys; recovery by mail."""

import json
from datetime import timedelta

import pytest
from django.conf import settings

from accounts import queries
from accounts.models import PasskeyCredential, RecoveryCode, RecoveryToken, Session, TotpDevice, User
from accounts.services import factors, passkeys, recovery, sessions, signin
from accounts.services.passkeys import PasskeyRefused
from accounts.services.sessions import Origin
from accounts.services.signin import WrongCode
from core.actor import Actor
from crypto import blindindex
from tenancy import context
from tenancy.context import Scope
from tests.make import accounts as make
from tests.services.accounts.authenticator import SoftKey

NEW_PASSWORD = "purple anvil river eleven"


@pytest.fixture
def scope(db):
    with context.scope(Scope()):
        yield


def _soft_key() -> SoftKey:
    return SoftKey(origin=settings.OTP_WEBAUTHN_ALLOWED_ORIGINS[0], rp_id=settings.OTP_WEBAUTHN_RP_ID)


def _enrolling(now):
    user = make.person(at=now)
    opened = signin.with_password(
        email=user.email, password=make.PASSWORD, origin=Origin(network=make.network()), at=now
    )
    assert opened.session.stage == Session.Stage.ENROLLING
    return user, opened


# --- Authenticators -------------------------------------------------------------------------------


def test_a_new_person_enrols_an_authenticator_and_gets_ten_codes_once(scope, now):
    user, opened = _enrolling(now)
    begun = factors.begin_totp(session=opened.session, at=now)
    assert begun.qr_svg.startswith("<svg") and "style" not in begun.qr_svg
    assert begun.uri.startswith("otpauth://totp/Strongbox%3A")
    assert queries.has_factor(user) is False
    device = TotpDevice.objects.get(user=user)
    assert device.secret == begun.secret
    enrolled = factors.confirm_totp(
        session=opened.session, code=make.code(device, at=now), actor=make.stranger(), at=now
    )
    assert len(enrolled.recovery_codes) == 10
    found = sessions.resolve(enrolled.raw_key, now)
    assert (found.stage, found.factor, found.verified) == ("active", "totp", True)
    assert sessions.resolve(opened.raw_key, now) is None


def test_an_authenticator_counts_only_once_its_code_arrived(scope, now):
    user, opened = _enrolling(now)
    factors.begin_totp(session=opened.session, at=now)
    device = TotpDevice.objects.get(user=user)
    wrong = f"{(int(make.code(device, at=now)) + 1) % 1_000_000:06d}"
    with pytest.raises(WrongCode), context.attempt():
        factors.confirm_totp(
            session=opened.session, code=wrong, actor=make.stranger(network=make.network()), at=now
        )
    assert queries.has_factor(user) is False
    assert RecoveryCode.objects.filter(user=user).count() == 0


def test_a_new_authenticator_replaces_the_old_and_ends_its_sessions(scope, now):
    user = make.person(at=now)
    old = make.totp(user, at=now)
    here, there = make.session(user, at=now), make.session(user, at=now)
    factors.begin_totp(session=here.session, at=now)
    device = TotpDevice.objects.get(user=user, confirmed=False)
    factors.confirm_totp(session=here.session, code=make.code(device, at=now), actor=make.actor(user), at=now)
    assert not TotpDevice.objects.filter(pk=old.pk).exists()
    assert sessions.resolve(there.raw_key, now) is None
    assert Session.objects.get(pk=there.session.pk).end_reason == Session.EndReason.FACTOR_CHANGED


def test_the_last_factor_stays(scope, now):
    user = make.person(at=now)
    device = make.totp(user, at=now)
    opened = make.session(user, at=now)
    with pytest.raises(factors.LastFactorStays), context.attempt():
        factors.remove(session=opened.session, factor_id=device.pk, actor=make.actor(user), at=now)
    assert TotpDevice.objects.filter(pk=device.pk).exists()


# --- Passkeys -------------------------------------------------------------------------------------


@pytest.fixture
def keyholder(scope, now):
    user = make.person(at=now)
    opened = make.session(user, at=now)
    key = _soft_key()
    options = factors.begin_passkey(session=opened.session, at=now)
    factors.confirm_passkey(
        session=opened.session, response=key.register(options), name="Laptop", actor=make.actor(user), at=now
    )
    return user, key


def test_a_passkey_alone_signs_in_completely(keyholder, now):
    user, key = keyholder
    options = passkeys.begin_authentication(user=None)
    assert json.loads(options)["userVerification"] == "required"
    assert not json.loads(options).get("allowCredentials")
    opened = signin.with_passkey_alone(
        response=key.sign(options), origin=Origin(network=make.network()), actor=make.stranger(), at=now
    )
    found = sessions.resolve(opened.raw_key, now)
    assert (found.user_id, found.factor, found.verified, found.step_up_at) == (user.pk, "passkey", True, now)


def test_a_passkey_is_a_second_factor_of_its_own_person_only(keyholder, now):
    user, key = keyholder
    other = make.person(at=now)
    make.totp(other, at=now)
    theirs = make.session(other, at=now, complete=False)
    with pytest.raises(PasskeyRefused), context.attempt():
        signin.with_passkey(
            session=theirs.session,
            response=key.sign(passkeys.begin_authentication(user=other)),
            actor=make.stranger(),
            at=now,
        )
    mine = make.session(user, at=now, complete=False)
    options = passkeys.begin_authentication(user=user)
    raw_key = signin.with_passkey(
        session=mine.session, response=key.sign(options), actor=make.stranger(), at=now
    )
    assert sessions.resolve(raw_key, now).verified is True
    assert Session.objects.get(pk=theirs.session.pk).verified is False


def test_a_challenge_is_answered_once(keyholder, now):
    _, key = keyholder
    response = key.sign(passkeys.begin_authentication(user=None))
    passkeys.complete_authentication(response=response, user=None, at=now)
    with pytest.raises(PasskeyRefused):
        passkeys.complete_authentication(response=response, user=None, at=now)


@pytest.mark.parametrize(
    "how", ["unverified", "own challenge", "registration challenge", "origin", "site", "cloned"]
)
def test_a_passkey_answer_that_is_not_right_is_refused(keyholder, now, how):
    user, key = keyholder
    options = passkeys.begin_authentication(user=None)
    if how == "unverified":
        response = key.sign(options, verify=False)
    elif how == "own challenge":
        response = key.sign(json.dumps({"challenge": "A" * 86}))
    elif how == "registration challenge":
        response = key.sign(passkeys.begin_registration(user=user))
    elif how == "origin":
        key.origin = "https://evil.example"
        response = key.sign(options)
    elif how == "site":
        key.rp_id = "evil.example"
        response = key.sign(options)
    else:
        passkeys.complete_authentication(response=key.sign(options), user=None, at=now)
        key.counter = 0
        response = key.sign(passkeys.begin_authentication(user=None))
    before = Session.objects.count()
    with pytest.raises(PasskeyRefused), context.attempt():
        signin.with_passkey_alone(
            response=response, origin=Origin(network=make.network()), actor=make.stranger(), at=now
        )
    assert Session.objects.count() == before


@pytest.mark.parametrize(
    "response", ["", "null", "[]", "{}", '{"response": {"clientDataJSON": "!"}}', "\x00"]
)
def test_rubbish_for_a_passkey_is_refused(scope, now, response):
    with pytest.raises(PasskeyRefused):
        passkeys.complete_authentication(response=response, user=None, at=now)


def test_a_device_without_user_verification_cannot_be_registered(scope, now):
    user = make.person(at=now)
    opened = make.session(user, at=now)
    response = _soft_key().register(factors.begin_passkey(session=opened.session, at=now), verify=False)
    with pytest.raises(PasskeyRefused), context.attempt():
        factors.confirm_passkey(
            session=opened.session, response=response, name="x", actor=make.actor(user), at=now
        )
    assert PasskeyCredential.objects.filter(user=user).count() == 0


def test_a_removed_passkey_opens_nothing(keyholder, now):
    user, key = keyholder
    credential = PasskeyCredential.objects.get(user=user)
    assert credential.name == "Laptop"
    opened = make.session(user, at=now)
    factors.remove(session=opened.session, factor_id=credential.pk, actor=make.actor(user), at=now)
    with pytest.raises(PasskeyRefused):
        passkeys.complete_authentication(
            response=key.sign(passkeys.begin_authentication(user=None)), user=None, at=now
        )


# --- Recovery -------------------------------------------------------------------------------------


def test_recovery_sets_a_password_ends_every_session_and_signs_nobody_in(scope, now):
    user = make.person(at=now)
    make.totp(user, at=now)
    opened, raw, other = (
        make.session(user, at=now),
        make.recovery_link(user, at=now),
        make.recovery_link(user, at=now),
    )
    before = Session.objects.filter(user=user).count()
    recovery.complete(raw=raw, new_password=NEW_PASSWORD, actor=make.stranger(), at=now)
    assert sessions.resolve(opened.raw_key, now) is None
    assert Session.objects.filter(user=user).count() == before
    again = signin.with_password(
        email=user.email, password=NEW_PASSWORD, origin=Origin(network=make.network()), at=now
    )
    assert again.session.stage == Session.Stage.PENDING
    for used in (raw, other):
        with pytest.raises(recovery.RecoveryRefused), context.attempt():
            recovery.complete(
                raw=used, new_password="yet another long sentence", actor=make.stranger(), at=now
            )


def test_a_recovery_link_dies_after_an_hour(scope, now):
    user = make.person(at=now)
    raw, before = make.recovery_link(user, at=now), user.password
    with pytest.raises(recovery.RecoveryRefused), context.attempt():
        recovery.complete(
            raw=raw, new_password=NEW_PASSWORD, actor=make.stranger(), at=now + timedelta(hours=1)
        )
    user.refresh_from_db()
    assert user.password == before


def test_only_an_account_that_exists_gets_a_link(scope, now):
    user = make.person(at=now)
    for email in (user.email, make.address()):
        index = blindindex.lookup(User, "email_index", email)
        recovery.send(email_index=bytes(index), actor=Actor.system("tests"), at=now)
    assert RecoveryToken.objects.filter(created_at=now, user=user).count() == 1
    assert RecoveryToken.objects.filter(created_at=now).count() == 1
