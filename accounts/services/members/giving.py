"""Whether a member may give somebody a role, and whether a second person must agree."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from accounts import events, queries, rules
from accounts.models import ApprovalRequest, Membership, Role
from accounts.refusals import Recorded
from core.actor import Actor, ActorKind
from core.errors import Conflict, Forbidden
from tenancy import context

INVITE_KIND = "member_invite"
ROLE_KIND = "member_role"


class OnlyMembers(Forbidden):
    """Only a member of this organization can do this."""

    code = "only_members"


class RequesterMayNoLongerGive(Conflict):
    """Whoever asked for this can no longer give it. It has to be asked for again."""

    code = "requester_may_no_longer_give"


class RoleGrew(Recorded):
    """This role gives more now than when it was asked for. It has to be asked for again."""

    code = "role_grew"
    status = 409
    event = events.APPROVAL_REFUSED


def frozen(role: Role) -> list[str]:
    """Return what a role gives now, to be kept beside whatever is decided about it."""
    return sorted(role.permissions(of_operator=queries.in_operator_organization()))


def grew(role: Role, *, since: Collection[str]) -> bool:
    """Say whether a role gives more than what was kept when it was decided about."""
    return not set(frozen(role)) <= set(since)


def check_grant(role: Role, *, before: Role | None, actor: Actor, at: datetime, for_self: bool) -> bool:
    """Refuse a grant that may not be made; say whether a second person must decide it.

    Raises:
        OnlyMembers
        rules.NobodyRaisesTheirOwnRights, GrantorLacksTheRight, LimitAboveGrantor.
    """
    grantor = queries.member_acting(actor, at=at)
    if grantor is None:
        raise OnlyMembers
    of_operator = queries.in_operator_organization()
    given = role.permissions(of_operator=of_operator)
    rules.may_give(
        grantor=grantor.permissions(of_operator=of_operator),
        grantor_limits=grantor.role.ceilings,
        given=given,
        given_limits=role.ceilings,
        for_self=for_self,
    )
    held = before.permissions(of_operator=of_operator) if before else frozenset()
    escalation = rules.is_escalation(before=held, after=given)
    return rules.needs_second_person(
        escalation=escalation, other_deciders=queries.deciders_beside(actor.id, at=at) if escalation else 0
    )


def check_reach(target: Membership, *, actor: Actor, at: datetime) -> None:
    """Refuse to change or end a membership whose rights go beyond the actor's own.

    Our own processes may: an expiry or a closing organization ends any membership.

    Raises:
        OnlyMembers
        rules.OutOfReach
    """
    if actor.kind is ActorKind.SYSTEM:
        return
    member = queries.member_acting(actor, at=at)
    if member is None:
        raise OnlyMembers
    of_operator = queries.in_operator_organization()
    rules.may_reach(
        own=member.permissions(of_operator=of_operator),
        theirs=target.role.permissions(of_operator=of_operator),
    )


def check_at_decision(
    role: Role, *, asked: ApprovalRequest, gainer: Membership | None, actor: Actor, at: datetime
) -> None:
    """Ask again, when a second person agrees: days may have passed since the request.

    Raises:
        RequesterMayNoLongerGive: they left, or hold less than they did.
        rules.NobodyRaisesTheirOwnRights: the one who agrees is the one who gains.
    """
    if gainer is not None and gainer.user_id == actor.id:
        raise rules.NobodyRaisesTheirOwnRights
    if not may_still_give(role, giver_id=asked.requested_by, at=at):
        raise RequesterMayNoLongerGive
    if gainer is None:
        return
    # Whose role it is may have risen above the asker meanwhile: then it is not theirs to take away either.
    asker = queries.membership(user_id=asked.requested_by, tenant_id=context.current_tenant(), at=at)
    of_operator = queries.in_operator_organization()
    theirs = gainer.role.permissions(of_operator=of_operator)
    if asker is None or not theirs <= asker.permissions(of_operator=of_operator):
        raise RequesterMayNoLongerGive


def may_still_give(role: Role | None, *, giver_id: UUID, at: datetime) -> bool:
    """Say whether whoever gave something is still an active member who holds what the role gives, as far as it goes."""
    giver = queries.membership(user_id=giver_id, tenant_id=context.current_tenant(), at=at)
    if giver is None or role is None:
        return giver is not None
    of_operator = queries.in_operator_organization()
    if not role.permissions(of_operator=of_operator) <= giver.permissions(of_operator=of_operator):
        return False
    # How far the rights go counts as much as the rights: a role's limits are raised, a giver's lowered.
    own = giver.role.ceilings
    return all(value <= own.get(limit, 0) for limit, value in role.ceilings.items())


def check_not_grown(role: Role, *, asked: ApprovalRequest) -> None:
    """Refuse to give a role that was widened after somebody asked for it: nobody agreed to that.

    Raises:
        RoleGrew
    """
    # A request of the time before nothing was kept agrees to nothing.
    if grew(role, since=asked.payload.get("given", [])):
        raise RoleGrew(
            subject=("approval", asked.pk),
            tenant_id=context.current_tenant(),
            event_facts={"role": str(role.pk)},
        )
