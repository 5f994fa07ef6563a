"""Opening organizations, and what a session may do in each."""

from datetime import timedelta

import pytest

from accounts.models import Session
from accounts.services import sessions, signin
from accounts.services.sessions import Origin
from core.errors import NotFound
from outbound.models import OutboxMessage
from tenancy import context
from tenancy.context import Scope
from tenancy.models import Tenant
from tests.make import accounts as make

pytestmark = pytest.mark.django_db


def test_opening_an_organization_changes_the_key_and_stands_in_its_trail(doors, now, tenant_a, tenant_b):
    with context.scope(Scope(tenant_a)):
        member = make.member("auditor", at=now)
    with doors.open(Scope(user=member.user_id)):
        opened = make.session(member.user, at=now)
        actor = make.actor(member.user, opened=opened)
        raw_key = sessions.switch(session=opened.session, tenant_id=tenant_a, actor=actor, at=now)
        assert sessions.resolve(opened.raw_key, now) is None
        assert sessions.resolve(raw_key, now).tenant_id == tenant_a
    [event] = [
        row for row in doors.events("session.switched", tenant=tenant_a) if row.actor_id == member.user_id
    ]
    assert (event.session_id, event.subject_id) == (opened.session.pk, opened.session.pk)


def test_nobody_opens_an_organization_they_do_not_belong_to(doors, now, tenant_a, tenant_b):
    with context.scope(Scope(tenant_a)):
        member = make.member("owner", at=now)
    with doors.open(Scope(user=member.user_id)):
        opened = make.session(member.user, at=now)
    with pytest.raises(NotFound), doors.open(Scope(user=member.user_id)):
        sessions.switch(session=opened.session, tenant_id=tenant_b, actor=make.actor(member.user), at=now)
    with doors.open():
        assert Session.objects.get(pk=opened.session.pk).tenant_id is None
    assert doors.events("session.switched", tenant=tenant_b) == []


def test_a_device_and_an_address_are_stored_encrypted_and_read_back(doors, now):
    with doors.open():
        user = make.person(at=now)
        opened = make.session(user, at=now)
        found = Session.objects.select_related("user").get(pk=opened.session.pk)
        assert (found.device, found.address) == ("Firefox on Linux", "192.0.2.10")
        make.change(user, subject_key=None)
        erased = Session.objects.select_related("user").get(pk=opened.session.pk)
        assert erased.device == "[erased]"


def _mails(template: str, user) -> int:
    with context.scope(Scope(Tenant.objects.get(kind="operator").pk)):
        rows = OutboxMessage.objects.filter(template=template)
        return sum(row.body["to"] == user.email for row in rows)


def test_a_sign_in_from_a_new_place_is_told_and_one_from_a_known_place_is_not(doors, now):
    home, key = make.network(), "cookie"
    with doors.open():
        user = make.person(at=now)
        device = make.totp(user, at=now)
    for minutes, (network, cookie, told) in enumerate(
        [(home, "", 0), (make.network(), "", 1), (home, key, 1)]
    ):
        at = now + timedelta(minutes=minutes)
        origin = Origin(network=network, device_key=cookie)
        with doors.open():
            opened = sessions.start(user=user, origin=origin, stage=Session.Stage.PENDING, at=at)
            signin.with_totp(
                session=opened.session,
                code=make.code(device, at=at),
                actor=make.stranger(network=network),
                at=at,
            )
            assert _mails("new_place", user) == told
    with doors.open():
        travelling = make.session(user, at=now, origin=Origin(network=make.network(), device_key=key))
        assert sessions.is_new_place(travelling.session, at=now) is False
    facts = [row.facts["new_place"] for row in doors.events("signin.succeeded") if row.actor_id == user.pk]
    assert facts == [False, True, False]


def test_whoever_knows_only_the_password_gives_themselves_away(doors, now):
    with doors.open():
        victim, hasty = make.person(at=now), make.person(at=now)
        at_home = Origin(network=make.network())
        for person, origin in ((victim, Origin(network=make.network())), (hasty, at_home)):
            make.totp(person, at=now)
            sessions.start(user=person, origin=origin, stage=Session.Stage.PENDING, at=now)
        make.session(hasty, at=now + timedelta(minutes=1), origin=at_home)
    with doors.open():
        assert sessions.close_unfinished(at=now + timedelta(minutes=9)) == 0
        assert sessions.close_unfinished(at=now + timedelta(minutes=10)) == 1
        assert sessions.close_unfinished(at=now + timedelta(minutes=11)) == 0
        assert (_mails("unfinished_signin", victim), _mails("unfinished_signin", hasty)) == (1, 0)
