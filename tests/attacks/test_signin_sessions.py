"""Stolen, stale and half-finished sessions (ASVS 7.2.4, 7.3.1, 7.3.2, 7.4.1, 7.4.3)."""

from datetime import timedelta

import pytest

from accounts import tokens
from accounts.models import Session
from accounts.services import factors, sessions, signin
from accounts.services.sessions import Origin
from core import clock
from core.errors import NotFound, StepUpRequired
from tenancy import context
from tenancy.context import Scope
from tests.make import accounts as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def scope():
    with context.scope(Scope()):
        yield


@pytest.fixture
def at():
    return clock.now()


def test_the_table_of_sessions_opens_nothing(scope, at):
    opened = make.session(make.person(at=at), at=at)
    stored = Session.objects.filter(pk=opened.session.pk).values_list("key_hash", flat=True).get()
    assert bytes(stored) == tokens.digest("session", opened.raw_key)
    assert sessions.resolve(bytes(stored).hex(), at) is None
    assert opened.raw_key.encode() not in bytes(stored)


@pytest.mark.parametrize("raw", ["", "x", "a" * 32, "\x00" * 32, "ü" * 32])
def test_a_made_up_key_opens_nothing(scope, at, raw):
    make.session(make.person(at=at), at=at)
    assert sessions.resolve(raw, at) is None


def test_a_session_ends_after_fifteen_idle_minutes_and_not_before(scope, at):
    opened = make.session(make.person(at=at), at=at)
    assert sessions.resolve(opened.raw_key, at + timedelta(minutes=15)) is not None
    other = make.session(make.person(at=at), at=at)
    assert sessions.resolve(other.raw_key, at + timedelta(minutes=15, seconds=1)) is None


def test_use_keeps_a_session_open_until_twelve_hours_and_no_longer(scope, at):
    opened = make.session(make.person(at=at), at=at)
    for minutes in range(10, 12 * 60, 10):
        assert sessions.resolve(opened.raw_key, at + timedelta(minutes=minutes)) is not None
    assert sessions.resolve(opened.raw_key, at + timedelta(hours=12)) is None


def test_an_ended_session_opens_nothing_on_the_next_request(scope, at):
    user = make.person(at=at)
    here, there = make.session(user, at=at), make.session(user, at=at)
    ended = sessions.end_all(user=user, actor=make.actor(user), at=at, but=here.session)
    assert ended == 1
    assert sessions.resolve(there.raw_key, at) is None
    assert sessions.resolve(here.raw_key, at).pk == here.session.pk


def test_nobody_ends_another_persons_session(scope, at):
    user, other = make.person(at=at), make.person(at=at)
    theirs = make.session(other, at=at)
    with pytest.raises(NotFound), context.attempt():
        sessions.end_one(user=user, session_id=theirs.session.pk, actor=make.actor(user), at=at)
    assert sessions.resolve(theirs.raw_key, at) is not None


def test_a_half_finished_session_dies_after_ten_minutes(scope, at):
    user = make.person(at=at)
    device = make.totp(user, at=at)
    opened = make.session(user, at=at, complete=False)
    assert sessions.resolve(opened.raw_key, at + timedelta(minutes=10)) is None
    raw_key = signin.with_totp(
        session=opened.session,
        code=make.code(device, at=at),
        actor=make.stranger(network=make.network()),
        at=at,
    )
    assert sessions.resolve(raw_key, at + timedelta(minutes=10)) is not None


def test_the_oldest_of_eleven_sessions_ends(scope, at):
    user = make.person(at=at)
    opened = [make.session(user, at=at + timedelta(seconds=number)) for number in range(11)]
    later = at + timedelta(seconds=20)
    assert [sessions.resolve(one.raw_key, later) is not None for one in opened] == [False] + [True] * 10
    assert Session.objects.get(pk=opened[0].session.pk).end_reason == Session.EndReason.TOO_MANY


def test_a_stolen_session_without_a_fresh_factor_cannot_change_factors_or_password(scope, at):
    user = make.person(at=at)
    opened = make.session(user, at=at)
    stolen, later = sessions.resolve(opened.raw_key, at), at + timedelta(minutes=6)
    before = user.password
    for attempt in (
        lambda: factors.begin_totp(session=stolen, at=later),
        lambda: factors.begin_passkey(session=stolen, at=later),
        lambda: factors.new_recovery_codes(session=stolen, actor=make.actor(user), at=later),
        lambda: factors.change_password(
            session=stolen,
            current_password=make.PASSWORD,
            new_password="another long sentence here",
            actor=make.actor(user),
            at=later,
        ),
    ):
        with pytest.raises(StepUpRequired), context.attempt():
            attempt()
    user.refresh_from_db()
    assert user.password == before


def test_a_password_alone_cannot_add_a_factor_to_an_account_that_has_one(scope, at):
    user = make.person(at=at)
    make.totp(user, at=at)
    opened = signin.with_password(
        email=user.email, password=make.PASSWORD, origin=Origin(network=make.network()), at=at
    )
    with pytest.raises(StepUpRequired), context.attempt():
        factors.begin_totp(session=opened.session, at=at)


def test_a_new_password_ends_every_other_session(scope, at):
    user = make.person(at=at)
    here, there = make.session(user, at=at), make.session(user, at=at)
    raw_key = factors.change_password(
        session=sessions.resolve(here.raw_key, at),
        current_password=make.PASSWORD,
        new_password="purple anvil river eleven",
        actor=make.actor(user),
        at=at,
    )
    assert sessions.resolve(there.raw_key, at) is None
    assert sessions.resolve(here.raw_key, at) is None
    assert sessions.resolve(raw_key, at).pk == here.session.pk
    assert Session.objects.get(pk=there.session.pk).end_reason == Session.EndReason.PASSWORD_CHANGED


def test_a_suspended_person_is_out_on_the_next_request(scope, at):
    user = make.person(at=at)
    opened = make.session(user, at=at)
    make.change(user, state=user.State.SUSPENDED)
    assert sessions.resolve(opened.raw_key, at) is None


def test_the_database_refuses_an_active_session_without_a_factor(scope, at):
    from django.db import IntegrityError

    opened = make.session(make.person(at=at), at=at, complete=False)
    with pytest.raises(IntegrityError), context.attempt():
        make.change(opened.session, stage="active")


def test_a_fresh_factor_alone_cannot_change_the_password(scope, at):
    """ASVS 6.2.3: whoever sits down at an open laptop does not know the current one."""
    user = make.person(at=at)
    here, there = make.session(user, at=at), make.session(user, at=at)
    before = user.password
    with pytest.raises(factors.WrongCurrentPassword) as refused, context.attempt():
        factors.change_password(
            session=sessions.resolve(here.raw_key, at),
            current_password="another long sentence here",
            new_password="purple anvil river eleven",
            actor=make.actor(user),
            at=at,
        )
    user.refresh_from_db()
    assert user.password == before
    assert refused.value.event.code == "password.change_refused"
    assert sessions.resolve(there.raw_key, at) is not None
