"""Signing in: what is accepted, what is refused, and what each leaves behind."""

import threading
from datetime import timedelta

import pytest
from django.db import connections

from accounts.models import RecoveryCode, Session, TotpDevice
from accounts.services import factors, sessions, signin
from accounts.services.sessions import Origin
from accounts.services.signin import CodeUsedBefore, WrongCode, WrongCredentials
from core.actor import ActorKind
from tenancy import context
from tenancy.context import Scope
from tests.make import accounts as make

pytestmark = pytest.mark.django_db


def test_a_password_alone_opens_a_session_that_waits_for_the_factor(doors, now):
    with doors.open():
        user = make.person(at=now)
        make.totp(user, at=now)
        opened = signin.with_password(
            email=user.email.upper(), password=make.PASSWORD, origin=Origin(network=make.network()), at=now
        )
        assert opened.session.stage == Session.Stage.PENDING
        assert opened.session.verified is False
        assert opened.session.step_up_at is None
        found = sessions.resolve(opened.raw_key, now)
        assert found == opened.session
        assert found.user.is_verified() is False


def test_the_factor_completes_the_session_under_a_new_key(doors, now):
    with doors.open():
        user = make.person(at=now)
        device = make.totp(user, at=now)
        opened = make.session(user, at=now, complete=False)
        actor = make.stranger(network=opened.session.network)
        raw_key = signin.with_totp(
            session=opened.session, code=make.code(device, at=now), actor=actor, at=now
        )
        assert sessions.resolve(opened.raw_key, now) is None
        found = sessions.resolve(raw_key, now)
        assert (found.pk, found.stage, found.factor) == (opened.session.pk, "active", "totp")
        assert found.expires_at == now + timedelta(hours=12)
        assert found.user.is_verified() is True
    [event] = [row for row in doors.events("signin.succeeded") if row.actor_id == user.pk]
    assert (event.actor_kind, event.facts, event.session_id) == (
        "user",
        {"factor": "totp", "new_place": False},
        opened.session.pk,
    )


@pytest.mark.parametrize("exists", [True, False])
def test_a_wrong_password_is_refused_in_the_same_words(doors, now, exists):
    with doors.open():
        user = make.person(at=now)
    email = user.email if exists else make.address()
    network = make.network()
    with pytest.raises(WrongCredentials) as refused, doors.open(actor=make.stranger(network=network)):
        signin.with_password(email=email, password="wrong " * 4, origin=Origin(network=network), at=now)
    assert str(refused.value) == "The e-mail address or the password is not right."
    with doors.open():
        assert not Session.objects.filter(user=user).exists()
    [event] = [row for row in doors.events("signin.failed") if row.network == network]
    assert (event.result, event.actor_kind) == ("failed", ActorKind.STRANGER)
    assert event.subject_id == (user.pk if exists else None)


def test_a_suspended_person_does_not_get_in(doors, now):
    with doors.open():
        user = make.person(at=now)
        make.change(user, state=user.State.SUSPENDED)
    with pytest.raises(WrongCredentials), doors.open():
        signin.with_password(
            email=user.email, password=make.PASSWORD, origin=Origin(network=make.network()), at=now
        )
    with doors.open():
        assert not Session.objects.filter(user=user).exists()


@pytest.mark.parametrize("seconds", [-90, -60, 30, 60])
def test_a_code_of_another_step_is_refused(doors, now, seconds):
    with doors.open():
        user = make.person(at=now)
        device = make.totp(user, at=now)
        opened = make.session(user, at=now, complete=False)
    with pytest.raises(WrongCode), doors.open(actor=make.stranger()):
        signin.with_totp(
            session=opened.session,
            code=make.code(device, at=now + timedelta(seconds=seconds)),
            actor=make.stranger(network=make.network()),
            at=now,
        )
    with doors.open():
        assert Session.objects.get(pk=opened.session.pk).stage == Session.Stage.PENDING
        assert TotpDevice.objects.get(pk=device.pk).last_t == -1
    assert [row.subject_id for row in doors.events("mfa.failed")][-1] == user.pk


def test_the_code_before_the_current_one_is_still_accepted(doors, now):
    with doors.open():
        user = make.person(at=now)
        device = make.totp(user, at=now)
        opened = make.session(user, at=now, complete=False)
        previous = make.code(device, at=now - timedelta(seconds=30))
        signin.with_totp(session=opened.session, code=previous, actor=make.stranger(), at=now)
        assert TotpDevice.objects.get(pk=device.pk).last_t == int(now.timestamp()) // 30 - 1


def test_a_code_is_refused_the_second_time_and_so_is_an_older_one(doors, now):
    with doors.open():
        user = make.person(at=now)
        device = make.totp(user, at=now)
        first = make.session(user, at=now, complete=False)
        signin.with_totp(session=first.session, code=make.code(device, at=now), actor=make.stranger(), at=now)
        second = make.session(user, at=now, complete=False)
    with doors.open():
        accepted = TotpDevice.objects.get(pk=device.pk).last_t
    for seconds in (0, -30):
        with pytest.raises(CodeUsedBefore), doors.open(actor=make.stranger()):
            signin.with_totp(
                session=second.session,
                code=make.code(device, at=now + timedelta(seconds=seconds)),
                actor=make.stranger(network=make.network()),
                at=now,
            )
    with doors.open():
        assert Session.objects.get(pk=second.session.pk).stage == Session.Stage.PENDING
        assert TotpDevice.objects.get(pk=device.pk).last_t == accepted
    assert [row.result for row in doors.events("mfa.replayed") if row.subject_id == user.pk] == [
        "refused"
    ] * 2


@pytest.mark.django_db(transaction=True)
def test_of_two_who_use_one_code_at_once_one_gets_in(now):
    with context.scope(Scope()):
        user = make.person(at=now)
        device = make.totp(user, at=now)
        opened = [make.session(user, at=now, complete=False) for _ in range(2)]
        code = make.code(device, at=now)
    together = threading.Barrier(2)
    outcomes: list[str] = []

    def use(session):
        try:
            together.wait(timeout=10)
            with context.scope(Scope()):
                session = Session.objects.select_related("user").get(pk=session.pk)
                signin.with_totp(
                    session=session, code=code, actor=make.stranger(network=make.network()), at=now
                )
            outcomes.append("in")
        except CodeUsedBefore:
            outcomes.append("refused")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=use, args=(one.session,)) for one in opened]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(outcomes) == ["in", "refused"]
    with context.scope(Scope()):
        assert Session.objects.filter(user=user, stage=Session.Stage.ACTIVE).count() == 1


def test_a_recovery_code_works_once(doors, now):
    with doors.open():
        user = make.person(at=now)
        signed_in = make.session(user, at=now)
        codes = factors.new_recovery_codes(session=signed_in.session, actor=make.actor(user), at=now)
        assert len(set(codes)) == 10
        first, second = (make.session(user, at=now, complete=False) for _ in range(2))
        typed = codes[3].upper().replace("-", " ")
        signin.with_recovery_code(session=first.session, code=typed, actor=make.stranger(), at=now)
        assert Session.objects.get(pk=first.session.pk).factor == Session.Factor.RECOVERY_CODE
    with pytest.raises(CodeUsedBefore), doors.open(actor=make.stranger()):
        signin.with_recovery_code(
            session=second.session, code=codes[3], actor=make.stranger(network=make.network()), at=now
        )
    with doors.open():
        assert RecoveryCode.objects.filter(user=user, used_at__isnull=True).count() == 9
        assert Session.objects.get(pk=second.session.pk).stage == Session.Stage.PENDING
    [event] = [row for row in doors.events("mfa.recovery_code_used") if row.subject_id == user.pk]
    assert event.facts == {"left": 9}


def test_somebody_elses_recovery_code_is_refused(doors, now):
    with doors.open():
        owner, thief = make.person(at=now), make.person(at=now)
        codes = factors.new_recovery_codes(
            session=make.session(owner, at=now).session, actor=make.actor(owner), at=now
        )
        opened = make.session(thief, at=now, complete=False)
    with pytest.raises(WrongCode), doors.open():
        signin.with_recovery_code(
            session=opened.session, code=codes[0], actor=make.stranger(network=make.network()), at=now
        )
    with doors.open():
        assert RecoveryCode.objects.filter(user=owner, used_at__isnull=True).count() == 10


def test_a_factor_used_again_is_a_step_up(doors, now):
    later = now + timedelta(minutes=10)
    with doors.open():
        user = make.person(at=now)
        device = make.totp(user, at=now)
        opened = make.session(user, at=now)
        raw_key = signin.with_totp(
            session=opened.session, code=make.code(device, at=later), actor=make.actor(user), at=later
        )
        found = sessions.resolve(raw_key, later)
        assert (found.step_up_at, found.expires_at) == (later, now + timedelta(hours=12))
    assert [row.session_id for row in doors.events("session.stepped_up") if row.actor_id == user.pk] == [
        found.pk
    ]
