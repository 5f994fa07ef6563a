"""One person who wants what takes two (ASVS 2.3.5): widening a role around somebody who is about to get it."""

import pytest

from accounts import queries, rules
from accounts.models import ApprovalRequest, Invitation, Membership, User
from accounts.permissions import Limit
from accounts.services import approvals, members, roles
from accounts.services.members import giving
from audit.models import Event
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


@pytest.mark.parametrize("since", ["role goes further", "asker fell", "member rose"])
def test_what_was_asked_for_is_judged_again_as_things_are_when_it_is_agreed_to(tenant_a, doors, now, since):
    with context.scope(Scope(tenant_a)):
        second, asker = make.member("owner", at=now), make.member("admin", at=now)
        clerk = make.member("auditor", at=now)
        plain = make.custom_role("plain", ["apikey:read"], at=now)
        Membership.objects.filter(pk=clerk.pk).update(role=plain)
        role = make.custom_role("grows", ["apikey:manage"], at=now)
        asked = members.change_role(
            member_id=clerk.pk, role=role, actor=make.actor(asker.user), at=now
        ).waiting
        if since == "role goes further":
            type(role).objects.filter(pk=role.pk).update(limits={Limit.EXPORT_ROWS.value: 10**9})
        elif since == "asker fell":
            Membership.objects.filter(pk=asker.pk).update(role=queries.role("auditor"))
        else:
            Membership.objects.filter(pk=clerk.pk).update(role=queries.role("owner"))
        before = Membership.objects.get(pk=clerk.pk).role_id
    agrees = make.actor(second.user)
    with pytest.raises(giving.RequesterMayNoLongerGive), doors.open(Scope(tenant_a), actor=agrees):
        approvals.approve(request_id=asked.pk, actor=agrees, at=now)
    with context.scope(Scope(tenant_a)):
        assert ApprovalRequest.objects.get(pk=asked.pk).state == "pending"
        assert Membership.objects.get(pk=clerk.pk).role_id == before


# --- Taking away what one does not hold -----------------------------------------------------------


def test_nobody_edits_the_role_of_the_owner(in_a, owner, admin, now):
    second, role = make.member("owner", at=now), queries.role("owner")
    auditor = make.custom_role("rolemaker", ["role:manage"], at=now)
    for actor in (admin.user, second.user, make.member(auditor.code, at=now).user):
        for limits in ({}, {"refund_minor": 0}, dict(role.limits)):
            with pytest.raises(roles.OwnerRoleStays) as refused, context.attempt():
                roles.change(role_id=role.pk, rights=[], limits=limits, actor=make.actor(actor), at=now)
            assert refused.value.code == "owner_role"
    assert queries.role("owner").limits == role.limits
    assert role.limits["refund_minor"] == 10_000_000
    assert not Event.objects.filter(event="role.changed", subject_id=role.pk).exists()


def test_nobody_takes_from_a_role_what_they_do_not_hold(in_a, owner, admin, now):
    actor = make.actor(admin.user)
    partner = make.custom_role("partner", ["invoice:void", "member:read"], limits={"refund_minor": 9}, at=now)
    refunds = make.custom_role("refunds", ["member:read"], limits={"refund_minor": 9}, at=now)
    for role in (partner, refunds):
        for attack in (
            lambda role=role: roles.change(
                role_id=role.pk, rights=["member:read"], limits={}, actor=actor, at=now
            ),
            lambda role=role: roles.remove(role_id=role.pk, actor=actor, at=now),
        ):
            with pytest.raises(rules.OutOfReach), context.attempt():
                attack()
    limited = queries.role("billing_manager")
    with pytest.raises(rules.OutOfReach), context.attempt():
        roles.change(role_id=limited.pk, rights=[], limits={}, actor=actor, at=now)
    for role in (partner, refunds, limited):
        kept = queries.role(role.code)
        assert (kept.rights, kept.limits) == (role.rights, role.limits)
    assert not Event.objects.filter(
        event__in=["role.changed", "role.removed"], actor_id=admin.user_id
    ).exists()


def test_a_request_of_somebody_who_was_cut_down_takes_nothing_away(in_a, owner, admin, now):
    role = make.custom_role("grown", HARMLESS, at=now)
    make.member("grown", at=now)
    asked = roles.change(
        role_id=role.pk, rights=POWERFUL, limits={}, actor=make.actor(admin.user), at=now
    ).waiting
    wider = ["invoice:void", "member:read"]
    roles.set_rights(role_id=role.pk, rights=wider, limits={}, actor=make.actor(owner.user))
    with pytest.raises(giving.RequesterMayNoLongerGive), context.attempt():
        approvals.approve(request_id=asked.pk, actor=make.actor(owner.user), at=now)
    role.refresh_from_db()
    assert role.rights == wider
    assert ApprovalRequest.objects.get(pk=asked.pk).state == "pending"
