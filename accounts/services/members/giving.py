"""Whether a member may give somebody a role, and whether a second person must agree."""

from datetime import datetime

from accounts import queries, rules
from accounts.models import Role
from core.actor import Actor
from core.errors import Forbidden

INVITE_KIND = "member_invite"
ROLE_KIND = "member_role"


class OnlyMembers(Forbidden):
    """Only a member of this organization can do this."""

    code = "only_members"


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
        grantor=grantor.role.permissions(of_operator=of_operator),
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
