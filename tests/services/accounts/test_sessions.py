"""Opening organizations, and what a session may do in each."""

import pytest

from accounts.models import Session
from accounts.services import sessions
from core.errors import NotFound
from tenancy import context
from tenancy.context import Scope
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
    assert Session.objects.get(pk=opened.session.pk).tenant_id is None
    assert doors.events("session.switched", tenant=tenant_b) == []


def test_a_device_and_an_address_are_stored_encrypted_and_read_back(doors, now):
    with doors.open():
        user = make.person(at=now)
        opened = make.session(user, at=now)
        found = Session.objects.select_related("user").get(pk=opened.session.pk)
        assert (found.device, found.address) == ("Firefox on Linux", "192.0.2.10")
        user.subject_key = None
        user.save(update_fields=["subject_key"])
        erased = Session.objects.select_related("user").get(pk=opened.session.pk)
        assert erased.device == "[erased]"
