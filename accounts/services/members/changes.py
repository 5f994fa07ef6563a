"""Members change roles, are shut out, and leave."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts import events, grants, queries, rules
from accounts.lists import services as lists
from accounts.models import ApprovalRequest, Membership, PortalAccess, Role, Session
from accounts.services import approvals, sessions
from accounts.services.members import giving, invitations
from audit import services as audit
from core.actor import Actor, ActorKind
from core.errors import Conflict, NotFound
from tenancy import context
from tenancy.context import use_case


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """The member after the change, or the request that waits for a second person."""

    member: Membership
    waiting: ApprovalRequest | None = None


class MembershipOver(Conflict):
    """This membership was to end by now, and it has. Invite them again, for another time."""

    code = "membership_over"


@use_case
def change_role(*, member_id: UUID, role: Role, actor: Actor, at: datetime, reason: str = "") -> Changed:
    """Give a member another role. A powerful right that they did not have waits for a second person.

    Raises:
        NotFound, OnlyMembers.
        rules.NobodyRaisesTheirOwnRights, GrantorLacksTheRight, LimitAboveGrantor, OutOfReach, LastOwnerStays.
    """
    target = _lock_member(member_id)
    # Read under its lock: nobody widens a role between the look at it and the membership in it.
    role = Role.objects.select_for_update().get(pk=role.pk)
    for_self = actor.kind is ActorKind.USER and target.user_id == actor.id
    escalation = giving.check_grant(role, before=target.role, actor=actor, at=at, for_self=for_self)
    giving.check_reach(target, actor=actor, at=at)
    _keep_an_owner(target, after=role.code)
    if escalation:
        waiting = approvals.request(
            kind=giving.ROLE_KIND,
            payload={"member": str(target.pk), "role": str(role.pk), "given": giving.frozen(role)},
            actor=actor,
            at=at,
            subject=("member", target.pk),
            reason=reason,
        )
        return Changed(member=target, waiting=waiting)
    return Changed(member=set_role(member_id=member_id, role=role, actor=actor))


@use_case
def set_role(*, member_id: UUID, role: Role, actor: Actor) -> Membership:
    """Put a member into a role. `change_role` decides whether it may be done.

    Raises:
        NotFound
        rules.LastOwnerStays
    """
    target = _lock_member(member_id)
    _keep_an_owner(target, after=role.code)
    target.role = role
    target.save(update_fields=["role"])
    audit.record(
        events.MEMBER_ROLE_CHANGED, actor=actor, subject=("member", target.pk), facts={"role": role.code}
    )
    return target


@use_case
def suspend(*, member_id: UUID, actor: Actor, at: datetime) -> Membership:
    """Shut a member out until they are let back in; their keys and open invitations stop as well.

    Raises:
        NotFound
        rules.NobodyRaisesTheirOwnRights: they are the one acting.
        rules.OutOfReach, LastOwnerStays.
    """
    target = _lock_member(member_id)
    _refuse_self(target, actor)
    _keep_an_owner(target, after=None)
    giving.check_reach(target, actor=actor, at=at)
    target.state = Membership.State.SUSPENDED
    target.save(update_fields=["state"])
    audit.record(events.MEMBER_SUSPENDED, actor=actor, subject=("member", target.pk))
    invitations.withdraw_invitations_of(user_id=target.user_id, actor=actor, at=at)
    _end_sessions(target, actor=actor, at=at)
    return target


@use_case
def reinstate(*, member_id: UUID, actor: Actor, at: datetime) -> Membership:
    """Let a suspended member back in, in the role they had; it is checked like giving it anew.

    Raises:
        NotFound, OnlyMembers.
        MembershipOver: it had an end, which has passed meanwhile.
        rules.NobodyRaisesTheirOwnRights, GrantorLacksTheRight, LimitAboveGrantor.
    """
    target = _lock_member(member_id)
    _refuse_self(target, actor)
    if target.expires_at is not None and target.expires_at <= at:
        raise MembershipOver
    giving.check_grant(target.role, before=target.role, actor=actor, at=at, for_self=False)
    target.state = Membership.State.ACTIVE
    target.save(update_fields=["state"])
    audit.record(events.MEMBER_REINSTATED, actor=actor, subject=("member", target.pk))
    return target


@use_case
def remove(*, member_id: UUID, actor: Actor, at: datetime) -> Membership:
    """End a membership. Leaving oneself is allowed, but not for the last owner.

    Raises:
        NotFound, OnlyMembers.
        rules.OutOfReach, LastOwnerStays.
    """
    target = _lock_member(member_id)
    _keep_an_owner(target, after=None)
    if target.user_id != actor.id:
        giving.check_reach(target, actor=actor, at=at)
    target.state, target.ended_at = Membership.State.REMOVED, at
    target.save(update_fields=["state", "ended_at"])
    audit.record(events.MEMBER_REMOVED, actor=actor, subject=("member", target.pk))
    invitations.withdraw_invitations_of(user_id=target.user_id, actor=actor, at=at)
    grants.end_all(user_id=target.user_id, actor=actor)
    lists.forget(user_id=target.user_id)
    _end_sessions(target, actor=actor, at=at)
    return target


@use_case
def end_due(*, actor: Actor, at: datetime) -> int:
    """Close the memberships of the organization in scope whose moment has come; return how many.

    They open nothing since that moment, on the very next request; this ends what is left of them: sessions,
    invitations and grants. Keys of theirs work no more either.
    """
    due = Membership.objects.filter(state=Membership.State.ACTIVE, expires_at__lte=at)
    ended = 0
    for member_id in list(due.order_by("id").values_list("pk", flat=True)):
        target = _lock_member(member_id)
        if target.state != Membership.State.ACTIVE or target.expires_at is None or target.expires_at > at:
            continue
        target.state, target.ended_at = Membership.State.REMOVED, at
        target.save(update_fields=["state", "ended_at"])
        audit.record(events.MEMBER_ENDED, actor=actor, subject=("member", target.pk))
        invitations.withdraw_invitations_of(user_id=target.user_id, actor=actor, at=at)
        grants.end_all(user_id=target.user_id, actor=actor)
        lists.forget(user_id=target.user_id)
        _end_sessions(target, actor=actor, at=at)
        ended += 1
    return ended


@use_case
def end_at(*, member_id: UUID, moment: datetime, actor: Actor, at: datetime) -> Membership:
    """Let a membership end at a moment; one that has an end can only end earlier.

    Raises:
        NotFound
        rules.NobodyRaisesTheirOwnRights, OutOfReach, LastOwnerStays.
    """
    target = _lock_member(member_id)
    _refuse_self(target, actor)
    _keep_an_owner(target, after=None)
    giving.check_reach(target, actor=actor, at=at)
    if target.expires_at is None or moment < target.expires_at:
        target.expires_at = max(moment, at)
        target.save(update_fields=["expires_at"])
        audit.record(
            events.MEMBER_ENDS,
            actor=actor,
            subject=("member", target.pk),
            facts={"on": target.expires_at.date().isoformat()},
        )
    return target


@use_case
def close_portal(*, access_id: UUID, actor: Actor, at: datetime) -> None:
    """End a person's access to a customer's portal.

    Raises:
        NotFound
    """
    access = PortalAccess.objects.select_for_update().filter(pk=access_id, ended_at__isnull=True).first()
    if access is None:
        raise NotFound
    access.ended_at = at
    access.save(update_fields=["ended_at"])
    audit.record(
        events.PORTAL_CLOSED,
        actor=actor,
        subject=("customer", access.customer_id),
        facts={"user": str(access.user_id)},
    )


def _keep_an_owner(target: Membership, *, after: str | None) -> None:
    owners = queries.active_owners().count()
    rules.keep_an_owner(target_code=target.role.code, after_code=after, active_owners=owners)


def _refuse_self(target: Membership, actor: Actor) -> None:
    if actor.kind is ActorKind.USER and target.user_id == actor.id:
        raise rules.NobodyRaisesTheirOwnRights


def _lock_member(member_id: UUID) -> Membership:
    # The owners first and in one order: two who remove each other at once neither both succeed nor wait for
    # each other for ever.
    list(queries.active_owners().order_by("id").select_for_update(of=("self",)))
    found: Membership | None = (
        Membership.objects.select_for_update(of=("self",))
        .select_related("role", "user")
        .filter(pk=member_id)
        .exclude(state=Membership.State.REMOVED)
        .first()
    )
    if found is None:
        raise NotFound
    return found


def _end_sessions(target: Membership, *, actor: Actor, at: datetime) -> None:
    sessions.end_all(
        user=target.user,
        actor=actor,
        at=at,
        reason=Session.EndReason.MEMBERSHIP_ENDED,
        tenant_id=context.current_tenant(),
    )
