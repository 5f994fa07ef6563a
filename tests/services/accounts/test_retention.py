"""What accounts keeps for a while: gone when that while is over, by nobody's hand but the owner's function."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from accounts import events, rules, tasks
from accounts.models import Invitation, RecoveryToken, Session
from accounts.services import retention
from accounts.services.members import send_invitation
from audit.models import Event
from core import clock
from core.actor import Actor
from tenancy import context
from tenancy.context import Scope
from tests import databases
from tests.make import accounts as make
from tests.make import installation

ACTOR = Actor.system("tests")
DAY = timedelta(days=1)


def trail(tenant):
    with context.scope(Scope(tenant)):
        rows = Event.objects.filter(event=events.RETENTION_ENDED.code).order_by("at", "id")
        return [(row.actor_label, row.facts) for row in rows]


def token(user, *, expires_at):
    row = RecoveryToken(
        user=user,
        token_hash=make.secrets.token_bytes(32),
        created_at=expires_at - rules.RECOVERY_LIFE,
        expires_at=expires_at,
    )
    with context.account(user.pk):
        row.save(force_insert=True)
    return row.pk


def ended(session, *, at):
    make.change(session.session, ended_at=at, end_reason=Session.EndReason.SIGNED_OUT)
    return session.session.pk


@pytest.mark.django_db(transaction=True)
def test_the_daily_task_removes_what_is_over_and_nothing_else(tenant_a):
    now = clock.now()
    before, after = now - timedelta(days=91), now - timedelta(days=89)
    with context.scope(Scope()):
        person = make.person()
        kept = {
            ended(make.session(person, at=after), at=after),  # ended, 89 days ago
            ended(make.session(person, at=before), at=after),  # begun before, ended since
            make.session(person).session.pk,  # open
        }
        ended(make.session(person, at=before), at=before)
        make.session(person, at=before)  # never ended: it expired
        tokens = {token(person, expires_at=now - days * DAY) for days in (29, 0, -1)}
        for days in (31, 400):
            token(person, expires_at=now - days * DAY)
    with context.scope(Scope(tenant_a)):
        owner = make.actor(make.member("owner").user)
        role = make.custom_role("opened", ["invoice:read"])
        for days in (32, 30, 0):
            send_invitation(email=make.address(), role=role, actor=owner, at=now - days * DAY)
        invitations = Invitation.objects.count()
    assert tasks.end_retention() == 2 + 2 + 1
    with context.scope(Scope()):
        assert set(Session.objects.filter(user=person).values_list("pk", flat=True)) == kept
        assert set(RecoveryToken.objects.values_list("pk", flat=True)) == tokens
    with context.scope(Scope(tenant_a)):
        assert Invitation.objects.count() == invitations - 1
        assert not Invitation.objects.filter(expires_at__lt=now - retention.INVITATIONS_STAY).exists()
    task = "task:accounts.end_retention"
    assert trail(installation.tenant("operator")) == [(task, {"sessions": 2, "recovery_tokens": 2})]
    assert trail(tenant_a) == [(task, {"invitations": 1, "grants": 0})]
    assert tasks.end_retention() == 0
    assert len(trail(tenant_a)) == 1


@pytest.mark.django_db
def test_the_app_can_delete_neither_sessions_nor_recovery_tokens_itself():
    with context.scope(Scope()):
        person = make.person()
        opened = make.session(person)
        token(person, expires_at=clock.now())
        for rows in (Session.objects.all(), RecoveryToken.objects.all()):
            with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
                rows._raw_delete("default")
        assert retention.remove_signins(actor=ACTOR) == retention.Removed()
        assert Session.objects.filter(pk=opened.session.pk).exists()
        assert RecoveryToken.objects.filter(user=person).count() == 1
    assert trail(installation.tenant("operator")) == []


def test_only_the_app_may_call_it_and_its_terms_are_those_of_the_policies(db):
    ((definition, grants),) = databases.as_owner(
        "SELECT pg_get_functiondef(oid), proacl::text FROM pg_proc WHERE proname = 'accounts_remove_ended'"
    )
    assert "interval '90 days'" in definition.replace("'90 days'::interval", "interval '90 days'")
    assert "interval '30 days'" in definition.replace("'30 days'::interval", "interval '30 days'")
    assert timedelta(days=90) == rules.KNOWN_NETWORK
    assert grants == "{strongbox_owner=X/strongbox_owner,strongbox_app=X/strongbox_owner}"
