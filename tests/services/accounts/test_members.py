"""People of an organization: invited, promoted, suspended, removed."""

import threading
from datetime import timedelta

import pytest
from django.db import connections

from accounts import queries, rules, tokens
from accounts.models import ApprovalRequest, Invitation, Membership, User
from accounts.services import approvals, members, sessions
from accounts.services.members import (
    InvitationOfSomebodyElse,
    InvitationRefused,
    MemberAlready,
    SignInToAccept,
)
from core.errors import Forbidden, NotFound
from tenancy import context
from tenancy.context import Scope
from tests.make import accounts as make

NEW_PASSWORD = "purple anvil river eleven"


@pytest.fixture
def owner(in_a, now) -> Membership:
    return make.member("owner", at=now)


@pytest.fixture
def admin(owner, now) -> Membership:
    return make.member("admin", at=now)


def _raw(invited: members.Invited) -> str:
    return invited.url.rpartition("/")[2]


# --- Inviting -------------------------------------------------------------------------------------


def test_an_invitation_makes_a_member_who_must_add_a_factor(in_a, owner, now, tenant_a):
    email = make.address()
    invited = members.invite(
        email=email, role=queries.role("billing_clerk"), actor=make.actor(owner.user), at=now
    )
    assert members.tenant_of(_raw(invited)) == tenant_a
    joined = members.accept(
        raw=_raw(invited), name="Bea Clerk", password=NEW_PASSWORD, actor=make.stranger(), at=now
    )
    assert (joined.user.email, joined.user.name) == (email, "Bea Clerk")
    assert joined.membership.role.code == "billing_clerk"
    assert queries.membership(user_id=joined.user.pk, tenant_id=tenant_a, at=now) == joined.membership
    assert queries.has_factor(joined.user) is False


def test_an_invitation_is_used_once(in_a, owner, now, doors, tenant_a):
    invited = members.invite(
        email=make.address(), role=queries.role("auditor"), actor=make.actor(owner.user), at=now
    )
    members.accept(raw=_raw(invited), name="A", password=NEW_PASSWORD, actor=make.stranger(), at=now)
    people = User.objects.count()
    with pytest.raises(InvitationRefused), context.attempt():
        members.accept(raw=_raw(invited), name="B", password=NEW_PASSWORD, actor=make.stranger(), at=now)
    assert User.objects.count() == people


@pytest.mark.django_db
def test_a_refused_invitation_is_recorded_where_it_was_tried(tenant_a, doors, now):
    raw = tokens.mint_link(tenant=tenant_a)
    with pytest.raises(InvitationRefused), doors.open(Scope(tenant_a)):
        members.read_invitation(raw=raw, at=now)
    assert [row.result for row in doors.events("member.invitation_refused", tenant=tenant_a)] == ["refused"]


@pytest.mark.parametrize("hours", [24, 25, 24 * 365])
def test_an_invitation_dies_after_a_day(in_a, owner, now, hours):
    invited = members.invite(
        email=make.address(), role=queries.role("auditor"), actor=make.actor(owner.user), at=now
    )
    with pytest.raises(InvitationRefused), context.attempt():
        members.read_invitation(raw=_raw(invited), at=now + timedelta(hours=hours))
    assert (
        members.read_invitation(raw=_raw(invited), at=now + timedelta(hours=23)).pk == invited.invitation.pk
    )


def test_a_withdrawn_invitation_and_an_older_mail_are_worthless(in_a, owner, now):
    email, role, actor = make.address(), queries.role("auditor"), make.actor(owner.user)
    older = members.invite(email=email, role=role, actor=actor, at=now)
    newer = members.invite(email=email, role=role, actor=actor, at=now)
    with pytest.raises(InvitationRefused), context.attempt():
        members.read_invitation(raw=_raw(older), at=now)
    members.withdraw_invitation(invitation_id=newer.invitation.pk, actor=actor, at=now)
    with pytest.raises(InvitationRefused), context.attempt():
        members.read_invitation(raw=_raw(newer), at=now)


@pytest.mark.django_db
def test_an_invitation_of_one_organization_is_nothing_in_another(tenant_a, tenant_b, doors, now):
    with context.scope(Scope(tenant_a)):
        owner = make.member("owner", at=now)
        invited = members.invite(
            email=make.address(), role=queries.role("auditor"), actor=make.actor(owner.user), at=now
        )
    raw = _raw(invited)
    forged = tokens.mint_link(tenant=tenant_b)[:26] + raw[26:]
    for attempt in (raw, forged):
        with pytest.raises(InvitationRefused), doors.open(Scope(tenant_b)):
            members.accept(raw=attempt, name="X", password=NEW_PASSWORD, actor=make.stranger(), at=now)
    with context.scope(Scope(tenant_a)):
        assert Invitation.objects.get(pk=invited.invitation.pk).accepted_at is None
    with context.scope(Scope(tenant_b)):
        assert not Invitation.objects.filter(pk=invited.invitation.pk).exists()


def test_who_has_an_account_signs_in_to_accept(in_a, owner, now, tenant_a):
    person, other = make.person(at=now), make.person(at=now)
    invited = members.invite(
        email=person.email, role=queries.role("approver"), actor=make.actor(owner.user), at=now
    )
    with pytest.raises(SignInToAccept), context.attempt():
        members.accept(raw=_raw(invited), name="X", password=NEW_PASSWORD, actor=make.stranger(), at=now)
    with pytest.raises(InvitationOfSomebodyElse), context.attempt():
        members.accept_as(raw=_raw(invited), user=other, actor=make.actor(other), at=now)
    joined = members.accept_as(raw=_raw(invited), user=person, actor=make.actor(person), at=now)
    assert joined.membership.user_id == person.pk
    with pytest.raises(MemberAlready), context.attempt():
        members.invite(email=person.email, role=queries.role("auditor"), actor=make.actor(owner.user), at=now)


def test_a_membership_ends_by_itself(in_a, owner, now, tenant_a):
    guest = make.member("auditor", at=now, expires_at=now + timedelta(days=7))
    assert queries.membership(user_id=guest.user_id, tenant_id=tenant_a, at=now + timedelta(days=6)) == guest
    assert queries.membership(user_id=guest.user_id, tenant_id=tenant_a, at=now + timedelta(days=7)) is None


# --- Powerful roles need a second person ----------------------------------------------------------


def test_a_founder_alone_brings_in_an_administrator(in_a, owner, now):
    invited = members.invite(
        email=make.address(), role=queries.role("admin"), actor=make.actor(owner.user), at=now
    )
    assert invited.waiting is None
    assert invited.invitation.role.code == "admin"


def test_role_escalation_waits_for_a_second_person(in_a, owner, now):
    second, clerk = make.member("owner", at=now), make.member("billing_clerk", at=now)
    changed = members.change_role(
        member_id=clerk.pk, role=queries.role("admin"), actor=make.actor(owner.user), at=now
    )
    assert Membership.objects.get(pk=clerk.pk).role.code == "billing_clerk"
    assert changed.waiting.state == ApprovalRequest.State.PENDING
    decided = approvals.approve(request_id=changed.waiting.pk, actor=make.actor(second.user), at=now)
    assert (decided.state, decided.decided_by) == ("approved", second.user_id)
    assert Membership.objects.get(pk=clerk.pk).role.code == "admin"


def test_the_requester_of_an_escalation_cannot_approve_it(in_a, owner, now):
    make.member("owner", at=now)
    clerk = make.member("billing_clerk", at=now)
    changed = members.change_role(
        member_id=clerk.pk, role=queries.role("admin"), actor=make.actor(owner.user), at=now
    )
    with pytest.raises(rules.RequesterNeverApproves), context.attempt():
        approvals.approve(request_id=changed.waiting.pk, actor=make.actor(owner.user), at=now)
    assert ApprovalRequest.objects.get(pk=changed.waiting.pk).state == ApprovalRequest.State.PENDING
    assert Membership.objects.get(pk=clerk.pk).role.code == "billing_clerk"


def test_inviting_an_administrator_waits_and_the_mail_goes_out_when_approved(in_a, owner, now):
    second = make.member("owner", at=now)
    email = make.address()
    invited = members.invite(email=email, role=queries.role("admin"), actor=make.actor(owner.user), at=now)
    assert invited.invitation is None
    assert not queries.open_invitations(at=now).filter(role__code="admin").exists()
    approvals.approve(request_id=invited.waiting.pk, actor=make.actor(second.user), at=now)
    [invitation] = queries.open_invitations(at=now).filter(role__code="admin")
    assert invitation.email == email


def test_an_ordinary_role_waits_for_nobody(in_a, owner, now):
    make.member("owner", at=now)
    clerk = make.member("billing_clerk", at=now)
    changed = members.change_role(
        member_id=clerk.pk, role=queries.role("billing_manager"), actor=make.actor(owner.user), at=now
    )
    assert (changed.waiting, changed.member.role.code) == (None, "billing_manager")


def test_an_administrator_cannot_make_an_owner(in_a, owner, admin, now):
    clerk = make.member("billing_clerk", at=now)
    with pytest.raises(rules.GrantorLacksTheRight), context.attempt():
        members.change_role(
            member_id=clerk.pk, role=queries.role("owner"), actor=make.actor(admin.user), at=now
        )
    assert Membership.objects.get(pk=clerk.pk).role.code == "billing_clerk"
    assert ApprovalRequest.objects.count() == 0


def test_nobody_changes_their_own_role(in_a, owner, admin, now):
    for role in ("owner", "admin", "auditor"):
        with pytest.raises(rules.NobodyRaisesTheirOwnRights), context.attempt():
            members.change_role(
                member_id=admin.pk, role=queries.role(role), actor=make.actor(admin.user), at=now
            )
    assert Membership.objects.get(pk=admin.pk).role.code == "admin"


def test_a_stranger_to_the_organization_gives_nothing(in_a, owner, now):
    outsider = make.person(at=now)
    with pytest.raises(Forbidden), context.attempt():
        members.invite(email=make.address(), role=queries.role("auditor"), actor=make.actor(outsider), at=now)


# --- The last owner -------------------------------------------------------------------------------


def test_the_last_owner_is_neither_removed_nor_suspended_nor_demoted(in_a, owner, now):
    second = make.member("owner", at=now)
    members.remove(member_id=second.pk, actor=make.actor(owner.user), at=now)
    actor = make.actor(second.user)
    for attempt in (
        lambda: members.remove(member_id=owner.pk, actor=make.actor(owner.user), at=now),
        lambda: members.suspend(member_id=owner.pk, actor=actor, at=now),
        lambda: members.set_role(member_id=owner.pk, role=queries.role("admin"), actor=actor),
    ):
        with pytest.raises(rules.LastOwnerStays), context.attempt():
            attempt()
    kept = Membership.objects.get(pk=owner.pk)
    assert (kept.state, kept.role.code) == ("active", "owner")


def test_an_owner_who_ends_by_themselves_does_not_count(in_a, owner, now):
    make.member("owner", at=now, expires_at=now + timedelta(days=1))
    with pytest.raises(rules.LastOwnerStays), context.attempt():
        members.remove(member_id=owner.pk, actor=make.actor(owner.user), at=now)
    assert Membership.objects.get(pk=owner.pk).state == "active"


def test_a_suspended_owner_does_not_count(in_a, owner, now):
    second = make.member("owner", at=now)
    members.suspend(member_id=second.pk, actor=make.actor(owner.user), at=now)
    with pytest.raises(rules.LastOwnerStays), context.attempt():
        members.remove(member_id=owner.pk, actor=make.actor(owner.user), at=now)


# --- Leaving --------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", [members.suspend, members.remove])
def test_whoever_is_shut_out_is_out_on_the_next_request(in_a, owner, now, tenant_a, verb):
    clerk = make.member("billing_clerk", at=now)
    opened = make.session(clerk.user, at=now)
    make.change(opened.session, tenant_id=tenant_a)
    elsewhere = make.session(clerk.user, at=now)
    verb(member_id=clerk.pk, actor=make.actor(owner.user), at=now)
    assert queries.membership(user_id=clerk.user_id, tenant_id=tenant_a, at=now) is None
    assert sessions.resolve(opened.raw_key, now) is None
    assert sessions.resolve(elsewhere.raw_key, now) is not None


def test_a_suspended_member_comes_back_in_the_same_role(in_a, owner, now, tenant_a):
    clerk = make.member("billing_clerk", at=now)
    members.suspend(member_id=clerk.pk, actor=make.actor(owner.user), at=now)
    members.reinstate(member_id=clerk.pk, actor=make.actor(owner.user), at=now)
    assert queries.membership(user_id=clerk.user_id, tenant_id=tenant_a, at=now).role.code == "billing_clerk"


@pytest.mark.django_db
def test_a_foreign_member_is_not_found(tenant_a, tenant_b, now):
    with context.scope(Scope(tenant_b)):
        theirs = make.member("billing_clerk", at=now)
    with context.scope(Scope(tenant_a)):
        owner = make.member("owner", at=now)
        for verb in (members.suspend, members.remove):
            with pytest.raises(NotFound), context.attempt():
                verb(member_id=theirs.pk, actor=make.actor(owner.user), at=now)
    with context.scope(Scope(tenant_b)):
        assert Membership.objects.get(pk=theirs.pk).state == "active"


@pytest.mark.django_db
def test_a_person_sees_their_places_in_every_organization_and_nobody_elses(tenant_a, tenant_b, now):
    with context.scope(Scope()):
        person = make.person(at=now)
    for tenant in (tenant_a, tenant_b):
        with context.scope(Scope(tenant)):
            make.member("auditor", user=person, at=now)
            make.member("auditor", at=now)
    with context.scope(Scope(user=person.pk)):
        assert [place.tenant.slug for place in queries.places(person.pk, at=now)] == ["a", "b"]
        assert {row.user_id for row in Membership.objects.all()} == {person.pk}


def test_an_administrator_cannot_shut_out_an_owner(in_a, owner, admin, now):
    second = make.member("owner", at=now)
    for attempt in (
        lambda: members.suspend(member_id=second.pk, actor=make.actor(admin.user), at=now),
        lambda: members.remove(member_id=second.pk, actor=make.actor(admin.user), at=now),
        lambda: members.change_role(
            member_id=second.pk,
            role=make.custom_role(f"small-{now.timestamp():.0f}", []),
            actor=make.actor(admin.user),
            at=now,
        ),
    ):
        with pytest.raises(rules.OutOfReach), context.attempt():
            attempt()
    kept = Membership.objects.get(pk=second.pk)
    assert (kept.state, kept.role.code) == ("active", "owner")


def test_anybody_but_the_last_owner_may_leave(in_a, owner, now, tenant_a):
    clerk = make.member("billing_clerk", at=now)
    members.remove(member_id=clerk.pk, actor=make.actor(clerk.user), at=now)
    assert queries.membership(user_id=clerk.user_id, tenant_id=tenant_a, at=now) is None


@pytest.mark.django_db(transaction=True)
def test_two_owners_who_remove_each_other_at_once_do_not_both_succeed(tenant_a, now):
    with context.scope(Scope(tenant_a)):
        pair = [make.member("owner", at=now) for _ in range(2)]
    together, outcomes = threading.Barrier(2), []

    def remove(target, by):
        try:
            together.wait(timeout=10)
            with context.scope(Scope(tenant_a)):
                members.remove(member_id=target.pk, actor=make.actor(by.user), at=now)
            outcomes.append("removed")
        except (rules.LastOwnerStays, members.OnlyMembers) as refusal:
            outcomes.append(refusal.code)
        finally:
            connections.close_all()

    threads = [
        threading.Thread(target=remove, args=(pair[0], pair[1])),
        threading.Thread(target=remove, args=(pair[1], pair[0])),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(outcomes) == ["last_owner", "removed"]
    with context.scope(Scope(tenant_a)):
        assert Membership.objects.filter(state="active", role__code="owner").count() == 1
