"""One person who wants what takes two (ASVS 2.3.5): widening a role around somebody who is about to get it."""

import pytest

from accounts import queries
from accounts.models import ApprovalRequest, Invitation, Membership, User
from accounts.services import approvals, members, roles
from core.errors import Refusal
from tenancy import context
from tenancy.context import Scope
from tests.make import accounts as make

PASSWORD = "purple anvil river eleven"
HARMLESS, POWERFUL = ["member:read"], ["member:manage", "member:read"]

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(in_a, now) -> Membership:
    return make.member("owner", at=now)


@pytest.fixture
def admin(owner, now) -> Membership:
    return make.member("admin", at=now)


def _raw(invited: members.Invited) -> str:
    return invited.url.rpartition("/")[2]


def test_a_role_that_somebody_is_invited_to_is_not_widened_alone(in_a, admin, now):
    actor = make.actor(admin.user)
    role = roles.create(label="Harmless", rights=HARMLESS, limits={}, actor=actor, at=now)
    puppet = members.invite(email=make.address(), role=role, actor=actor, at=now)
    changed = roles.change(role_id=role.pk, rights=POWERFUL, limits={}, actor=actor, at=now)
    assert changed.waiting is not None
    role.refresh_from_db()
    assert role.rights == HARMLESS
    joined = members.accept(raw=_raw(puppet), name="P", password=PASSWORD, actor=make.stranger(), at=now)
    assert joined.membership.role.rights == HARMLESS


def test_a_role_that_a_request_names_is_not_widened_alone(in_a, owner, admin, now):
    actor = make.actor(admin.user)
    clerk = make.member("auditor", at=now)
    role = roles.create(label="Keys", rights=["apikey:manage"], limits={}, actor=actor, at=now)
    invited = members.invite(email=make.address(), role=role, actor=actor, at=now)
    assert invited.waiting is not None
    assert roles.change(role_id=role.pk, rights=POWERFUL, limits={}, actor=actor, at=now).waiting is not None
    approvals.decline(request_id=invited.waiting.pk, actor=make.actor(owner.user), at=now)
    members.change_role(member_id=clerk.pk, role=role, actor=make.actor(owner.user), at=now)
    assert roles.change(role_id=role.pk, rights=POWERFUL, limits={}, actor=actor, at=now).waiting is not None
    role.refresh_from_db()
    assert role.rights == ["apikey:manage"]
    with pytest.raises(roles.RoleInUse), context.attempt():
        roles.remove(role_id=role.pk, actor=actor, at=now)


def test_an_invitation_never_opens_more_than_it_was_sent_for(tenant_a, doors, now):
    with context.scope(Scope(tenant_a)):
        owner = make.member("owner", at=now)
        role = make.custom_role("grows", HARMLESS, at=now)
        invited = members.invite(email=make.address(), role=role, actor=make.actor(owner.user), at=now)
        # However it came to be wider: here, past the rules.
        type(role).objects.filter(pk=role.pk).update(rights=POWERFUL)
        people = User.objects.count()
    with pytest.raises(members.InvitationOutgrown) as refused, doors.open(Scope(tenant_a)):
        members.accept(raw=_raw(invited), name="P", password=PASSWORD, actor=make.stranger(), at=now)
    assert (refused.value.code, refused.value.status) == ("invitation_outgrown", 404)
    with context.scope(Scope(tenant_a)):
        assert Invitation.objects.get(pk=invited.invitation.pk).accepted_at is None
        assert (User.objects.count(), Membership.objects.filter(role=role).count()) == (people, 0)
    [event] = doors.events("member.invitation_refused", tenant=tenant_a)
    assert (event.result, event.reason, event.subject_id) == (
        "refused",
        "invitation_outgrown",
        invited.invitation.pk,
    )


@pytest.mark.parametrize("kind", ["member_invite", "member_role"])
def test_a_second_person_agrees_to_no_more_than_was_asked_for(tenant_a, doors, now, kind):
    with context.scope(Scope(tenant_a)):
        owner, second = make.member("owner", at=now), make.member("owner", at=now)
        clerk = make.member("auditor", at=now)
        role = make.custom_role("grows", ["apikey:manage"], at=now)
        asks = make.actor(owner.user)
        asked = (
            members.invite(email=make.address(), role=role, actor=asks, at=now).waiting
            if kind == "member_invite"
            else members.change_role(member_id=clerk.pk, role=role, actor=asks, at=now).waiting
        )
        type(role).objects.filter(pk=role.pk).update(rights=["apikey:manage", "member:manage"])
    agrees = make.actor(second.user)
    with pytest.raises(members.RoleGrew) as refused, doors.open(Scope(tenant_a), actor=agrees):
        approvals.approve(request_id=asked.pk, actor=agrees, at=now)
    assert isinstance(refused.value, Refusal)
    assert refused.value.code == "role_grew"
    with context.scope(Scope(tenant_a)):
        assert ApprovalRequest.objects.get(pk=asked.pk).state == "pending"
        assert Membership.objects.get(pk=clerk.pk).role.code == "auditor"
        assert not queries.open_invitations(at=now).filter(role=role).exists()
    [event] = doors.events("approval.refused", tenant=tenant_a)
    assert (event.result, event.reason, event.subject_id) == ("refused", "role_grew", asked.pk)
