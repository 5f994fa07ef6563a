"""Invitations outlive neither whoever sent them nor that person's right, and let no member onto a portal."""

import pytest

from accounts import queries
from accounts.models import Invitation, Membership, PortalAccess, User
from accounts.services import approvals, members
from audit.models import Event
from core import ids
from tenancy import context
from tenancy.context import Scope
from tests.make import accounts as make

PASSWORD = "purple anvil river eleven"
pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(in_a, now) -> Membership:
    return make.member("owner", at=now)


def _raw(invited: members.Invited) -> str:
    return invited.url.rpartition("/")[2]


@pytest.mark.parametrize("verb", [members.suspend, members.remove])
def test_whoever_is_shut_out_leaves_no_open_door(in_a, owner, now, verb):
    leaving = make.member("admin", at=now)
    actor = make.actor(leaving.user)
    role = make.custom_role("reader", ["member:read"], at=now)
    staff = members.invite(email=make.address(), role=role, actor=actor, at=now)
    portal = members.invite_customer(email=make.address(), customer_id=ids.uuid7(), actor=actor, at=now)
    kept = members.invite(email=make.address(), role=role, actor=make.actor(owner.user), at=now)
    verb(member_id=leaving.pk, actor=make.actor(owner.user), at=now)
    for invited in (staff, portal):
        assert Invitation.objects.get(pk=invited.invitation.pk).withdrawn_at == now
        with pytest.raises(members.InvitationRefused), context.attempt():
            members.accept(raw=_raw(invited), name="P", password=PASSWORD, actor=make.stranger(), at=now)
    assert members.read_invitation(raw=_raw(kept), at=now).pk == kept.invitation.pk
    withdrawn = Event.objects.filter(event="member.invitation_withdrawn", actor_id=owner.user_id)
    assert {row.subject_id for row in withdrawn} == {staff.invitation.pk, portal.invitation.pk}


@pytest.mark.parametrize("how", ["cut down", "suspended past the rules"])
def test_an_invitation_opens_nothing_its_sender_may_no_longer_give(tenant_a, doors, now, how):
    with context.scope(Scope(tenant_a)):
        owner, sender = make.member("owner", at=now), make.member("admin", at=now)
        role = make.custom_role("reader", ["member:read"], at=now)
        invited = members.invite(email=make.address(), role=role, actor=make.actor(sender.user), at=now)
        if how == "cut down":
            weaker = queries.role("accountant")
            members.set_role(member_id=sender.pk, role=weaker, actor=make.actor(owner.user))
        else:
            Membership.objects.filter(pk=sender.pk).update(state="suspended")
        people = User.objects.count()
    with pytest.raises(members.InvitationRefused), doors.open(Scope(tenant_a)):
        members.accept(raw=_raw(invited), name="P", password=PASSWORD, actor=make.stranger(), at=now)
    with context.scope(Scope(tenant_a)):
        assert Invitation.objects.get(pk=invited.invitation.pk).accepted_at is None
        assert User.objects.count() == people
    [event] = doors.events("member.invitation_refused", tenant=tenant_a)
    assert (event.result, event.subject_id) == ("refused", invited.invitation.pk)


def test_an_agreed_invitation_is_of_whoever_asked_not_of_whoever_agreed(in_a, owner, now):
    approver = make.member("approver", at=now)
    asked = members.invite(
        email=make.address(), role=queries.role("admin"), actor=make.actor(owner.user), at=now
    ).waiting
    approvals.approve(request_id=asked.pk, actor=make.actor(approver.user), at=now)
    [invitation] = queries.open_invitations(at=now).filter(role__code="admin")
    assert invitation.invited_by == owner.user_id


def test_a_clerk_lets_neither_themselves_nor_a_colleague_onto_a_portal(tenant_a, doors, now):
    with context.scope(Scope(tenant_a)):
        clerk, away = make.member("billing_clerk", at=now), make.member("auditor", at=now)
        Membership.objects.filter(pk=away.pk).update(state="suspended")
        customer = ids.uuid7()
    for person in (clerk.user, away.user):
        with pytest.raises(members.MembersHaveNoPortal), doors.open(Scope(tenant_a)):
            members.invite_customer(
                email=person.email.upper(), customer_id=customer, actor=make.actor(clerk.user), at=now
            )
    with context.scope(Scope(tenant_a)):
        assert not Invitation.objects.filter(customer_id__isnull=False).exists()
    events = doors.events("member.invitation_refused", tenant=tenant_a)
    assert [(event.result, event.subject_id, event.reason) for event in events] == [
        ("refused", customer, "members_have_no_portal")
    ] * 2


def test_whoever_becomes_a_member_after_being_invited_opens_no_portal(tenant_a, doors, now):
    with context.scope(Scope(tenant_a)):
        clerk, person = make.member("billing_clerk", at=now), make.person(at=now)
        invited = members.invite_customer(
            email=person.email, customer_id=ids.uuid7(), actor=make.actor(clerk.user), at=now
        )
        make.member("auditor", user=person, at=now)
    with pytest.raises(members.MembersHaveNoPortal), doors.open(Scope(tenant_a)):
        members.accept_as(raw=_raw(invited), user=person, actor=make.actor(person), at=now)
    with context.scope(Scope(tenant_a)):
        assert Invitation.objects.get(pk=invited.invitation.pk).accepted_at is None
        assert not PortalAccess.objects.exists()
    [event] = doors.events("member.invitation_refused", tenant=tenant_a)
    assert (event.result, event.subject_id) == ("refused", invited.invitation.pk)
