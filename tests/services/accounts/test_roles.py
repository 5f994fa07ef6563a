"""Requests for approval, and roles of an organization's own."""

from datetime import timedelta

import pytest

from accounts import queries, rules
from accounts.models import ApprovalRequest, Membership
from accounts.permissions import Limit, Permission
from accounts.services import approvals, members, roles
from core.errors import Conflict, NotFound, StepUpRequired
from tenancy import context
from tests.make import accounts as make

NEW_PASSWORD = "purple anvil river eleven"


@pytest.fixture
def owner(in_a, now) -> Membership:
    return make.member("owner", at=now)


@pytest.fixture
def admin(owner, now) -> Membership:
    return make.member("admin", at=now)


# --- Approvals ------------------------------------------------------------------------------------


@pytest.fixture
def waiting(in_a, owner, now) -> ApprovalRequest:
    make.member("owner", at=now)
    clerk = make.member("billing_clerk", at=now)
    return members.change_role(
        member_id=clerk.pk, role=queries.role("admin"), actor=make.actor(owner.user), at=now
    ).waiting


def test_a_request_is_decided_once(in_a, waiting, now):
    first, second = make.member("approver", at=now), make.member("approver", at=now)
    approvals.decline(request_id=waiting.pk, actor=make.actor(first.user), at=now, note="not now")
    with pytest.raises(approvals.DecidedAlready), context.attempt():
        approvals.approve(request_id=waiting.pk, actor=make.actor(second.user), at=now)
    kept = ApprovalRequest.objects.get(pk=waiting.pk)
    assert (kept.state, kept.decided_by, kept.note) == ("declined", first.user_id, "not now")


def test_nobody_without_the_right_or_a_fresh_factor_decides(in_a, waiting, now):
    clerk, approver = make.member("billing_clerk", at=now), make.member("approver", at=now)
    with pytest.raises(approvals.MayNotDecide), context.attempt():
        approvals.approve(request_id=waiting.pk, actor=make.actor(clerk.user), at=now)
    with pytest.raises(StepUpRequired), context.attempt():
        approvals.approve(request_id=waiting.pk, actor=make.actor(approver.user, fresh=False), at=now)
    assert ApprovalRequest.objects.get(pk=waiting.pk).state == "pending"


def test_a_request_expires_after_seven_days(in_a, waiting, now, owner):
    approver, late = make.member("approver", at=now), now + timedelta(days=7)
    with pytest.raises(approvals.ApprovalExpired), context.attempt():
        approvals.approve(request_id=waiting.pk, actor=make.actor(approver.user), at=late)
    assert approvals.expire(actor=make.actor(owner.user), at=late) == 1
    assert ApprovalRequest.objects.get(pk=waiting.pk).state == "expired"


def test_what_somebody_asked_for_dies_when_they_leave(in_a, waiting, now, owner):
    approver = make.member("approver", at=now)
    members.remove(member_id=owner.pk, actor=make.actor(owner.user), at=now)
    with pytest.raises(Conflict) as refused, context.attempt():
        approvals.approve(request_id=waiting.pk, actor=make.actor(approver.user), at=now)
    assert refused.value.code == "requester_may_no_longer_give"
    assert ApprovalRequest.objects.get(pk=waiting.pk).state == "pending"
    assert Membership.objects.get(pk=waiting.subject_id).role.code == "billing_clerk"


def test_nobody_agrees_to_their_own_promotion(in_a, now, owner):
    approver = make.member("approver", at=now)
    asked = members.change_role(
        member_id=approver.pk, role=queries.role("admin"), actor=make.actor(owner.user), at=now
    ).waiting
    with pytest.raises(rules.NobodyRaisesTheirOwnRights), context.attempt():
        approvals.approve(request_id=asked.pk, actor=make.actor(approver.user), at=now)
    assert Membership.objects.get(pk=approver.pk).role.code == "approver"
    assert ApprovalRequest.objects.get(pk=asked.pk).state == "pending"


def test_only_the_requester_withdraws(in_a, waiting, now, owner):
    approver = make.member("approver", at=now)
    with pytest.raises(NotFound), context.attempt():
        approvals.withdraw(request_id=waiting.pk, actor=make.actor(approver.user), at=now)
    assert (
        approvals.withdraw(request_id=waiting.pk, actor=make.actor(owner.user), at=now).state == "withdrawn"
    )


def test_the_database_refuses_a_requester_who_decides(in_a, waiting, now, owner):
    from django.db import IntegrityError

    with pytest.raises(IntegrityError), context.attempt():
        ApprovalRequest.objects.filter(pk=waiting.pk).update(state="approved", decided_by=owner.user_id)


# --- Roles of one's own ---------------------------------------------------------------------------


def test_a_custom_role_gives_what_it_says_and_its_limits(in_a, owner, now, tenant_a):
    role = roles.create(
        label="Refund desk",
        rights=["invoice:read", "customer:read"],
        limits={"refund_minor": 5_000},
        actor=make.actor(owner.user),
        at=now,
    )
    desk = make.member(role.code, at=now)
    found = queries.membership(user_id=desk.user_id, tenant_id=tenant_a, at=now)
    assert queries.permissions_of(found, of_operator=False) == {
        Permission.INVOICE_READ,
        Permission.CUSTOMER_READ,
    }
    assert queries.limits_of_actor(actor=make.actor(desk.user), at=now) == {Limit.REFUND_MINOR: 5_000}


@pytest.mark.parametrize("right", ["ops:keys", "portal:read", "invoice:everything", ""])
def test_a_role_cannot_hold_what_no_role_here_holds(in_a, owner, now, right):
    with pytest.raises(roles.UnknownRight), context.attempt():
        roles.create(label="X", rights=[right], limits={}, actor=make.actor(owner.user), at=now)


def test_a_role_cannot_hold_or_allow_more_than_its_maker(in_a, owner, admin, now):
    with pytest.raises(rules.GrantorLacksTheRight), context.attempt():
        roles.create(label="X", rights=["invoice:void"], limits={}, actor=make.actor(admin.user), at=now)
    with pytest.raises(rules.LimitAboveGrantor), context.attempt():
        roles.create(
            label="X",
            rights=["member:read"],
            limits={"refund_minor": 1},
            actor=make.actor(admin.user),
            at=now,
        )


def test_a_powerful_right_in_a_role_that_people_have_waits(in_a, owner, now):
    second = make.member("owner", at=now)
    role = roles.create(
        label="Desk", rights=["invoice:read"], limits={}, actor=make.actor(owner.user), at=now
    )
    desk = make.member(role.code, at=now)
    wanted = ["invoice:read", "member:manage"]
    changed = roles.change(role_id=role.pk, rights=wanted, limits={}, actor=make.actor(owner.user), at=now)
    role.refresh_from_db()
    assert role.rights == ["invoice:read"]
    approvals.approve(request_id=changed.waiting.pk, actor=make.actor(second.user), at=now)
    role.refresh_from_db()
    assert role.rights == wanted
    assert Permission.MEMBER_MANAGE in Membership.objects.get(pk=desk.pk).role.permissions(of_operator=False)


def test_nobody_edits_the_role_they_are_in(in_a, owner, now):
    role = make.custom_role("mine", ["role:manage", "invoice:read"])
    holder = make.member("mine", at=now)
    with pytest.raises(rules.NobodyRaisesTheirOwnRights), context.attempt():
        roles.change(
            role_id=role.pk, rights=["role:manage"], limits={}, actor=make.actor(holder.user), at=now
        )


def test_a_built_in_role_keeps_its_rights_and_a_role_in_use_stays(in_a, owner, now):
    with pytest.raises(roles.BuiltInRole), context.attempt():
        roles.change(
            role_id=queries.role("auditor").pk,
            rights=["invoice:read"],
            limits={},
            actor=make.actor(owner.user),
            at=now,
        )
    role = roles.create(
        label="Desk", rights=["invoice:read"], limits={}, actor=make.actor(owner.user), at=now
    )
    make.member(role.code, at=now)
    with pytest.raises(roles.RoleInUse), context.attempt():
        roles.remove(role_id=role.pk, actor=make.actor(owner.user), at=now)


def test_a_change_of_a_role_leaves_a_diff_without_words(in_a, owner, now):
    from accounts.models import FieldDiff

    role = roles.create(
        label="Desk", rights=["invoice:read"], limits={}, actor=make.actor(owner.user), at=now
    )
    roles.change(role_id=role.pk, rights=["customer:read"], limits={}, actor=make.actor(owner.user), at=now)
    created, changed = FieldDiff.objects.filter(object_pk=str(role.pk)).order_by("timestamp")
    assert set(created.changes) == {"rights", "limits"}
    assert changed.changes == {"rights": [["invoice:read"], ["customer:read"]]}
    assert (changed.actor_id, changed.object_repr, changed.serialized_data) == (
        owner.user_id,
        str(role.pk),
        None,
    )


def test_a_role_row_with_rights_of_a_built_in_code_is_refused_by_the_database(in_a):
    from django.db import IntegrityError

    with pytest.raises(IntegrityError), context.attempt():
        type(queries.role("auditor")).objects.filter(code="auditor").update(rights=["role:manage"])
