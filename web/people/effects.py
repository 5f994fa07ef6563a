"""What would happen if a request for approval were granted, in words and numbers: now and after.

Each face registers how its kinds of act are described; a kind nobody describes is still shown, by its name.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from accounts import queries
from accounts.models import ApprovalRequest, Role
from accounts.permissions import Limit, Permission
from accounts.services import members, roles
from core.errors import NotFound
from web.kit import words


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that would be different."""

    label: str
    now: str
    after: str


@dataclass(frozen=True, slots=True)
class Effect:
    """What a request asks for. `noun` completes "You asked for this …"; `facts` are what a decider should know."""

    noun: str
    sentence: str
    changes: Sequence[Change] = ()
    gained: Sequence[str] = field(default=())
    facts: Sequence[tuple[str, str]] = ()
    approve: str = "Approve and carry out"


Describe = Callable[[ApprovalRequest], Effect]
_described: dict[str, Describe] = {}


def register(kind: str, describe: Describe) -> None:
    """Say how a kind of act is described; call it in AppConfig.ready."""
    _described[kind] = describe


def of(asked: ApprovalRequest) -> Effect:
    """Describe a request."""
    describe = _described.get(asked.kind)
    if describe is not None:
        return describe(asked)
    name = asked.kind.replace("_", " ")
    return Effect(noun=name, sentence=name.capitalize())


def register_own() -> None:
    """Describe the acts of accounts."""
    register(members.INVITE_KIND, _invite)
    register(members.ROLE_KIND, _change_role)
    register(roles.CHANGE_KIND, _change_rights)


def _invite(asked: ApprovalRequest) -> Effect:
    role = _role(asked.payload["role"])
    return Effect(
        noun="invitation",
        sentence=f"Invite {asked.payload['email']} as {_name(role)}",
        changes=[Change("Role of the new member", "None", _name(role))],
        gained=_powerful(role, None),
    )


def _change_role(asked: ApprovalRequest) -> Effect:
    role = _role(asked.payload["role"])
    try:
        member = queries.member(UUID(asked.payload["member"]))
    except NotFound:
        return Effect(noun="change of role", sentence="Change the role of somebody who has left")
    name = queries.name_of(member.user)
    return Effect(
        noun="change of role",
        sentence=f"Make {name} {_name(role)}",
        changes=[Change(f"Role of {name}", words.role_name(member.role), _name(role))],
        gained=_powerful(role, member.role),
    )


def _change_rights(asked: ApprovalRequest) -> Effect:
    role = _role(asked.payload["role"])
    if role is None:
        return Effect(noun="change of a role", sentence="Change a role that is gone")
    after = {right for right in Permission if right.value in asked.payload["rights"]}
    before = role.permissions(of_operator=queries.in_operator_organization())
    limits = [
        Change(words.LIMITS[limit], _limit(limit, role.limits), _limit(limit, asked.payload["limits"]))
        for limit in Limit
        if role.limits.get(limit.value, 0) != asked.payload["limits"].get(limit.value, 0)
    ]
    lost = words.summary(before - after)
    return Effect(
        noun="change of a role",
        sentence=f"Change what {_name(role)} may do",
        changes=[
            Change("Rights", str(len(before)), str(len(after))),
            *limits,
            *(Change(right, "Allowed", "Not allowed") for right in lost),
        ],
        gained=words.summary(after - before),
    )


def _limit(limit: Limit, limits: dict[str, int]) -> str:
    return words.limit(limit, limits.get(limit.value, 0))


def _role(role_id: str) -> Role | None:
    return queries.roles().filter(pk=UUID(role_id)).first()


def _name(role: Role | None) -> str:
    return words.role_name(role) if role is not None else "a role that is gone"


def _powerful(role: Role | None, before: Role | None) -> list[str]:
    """List the rights somebody would gain, those that can harm most first."""
    operator = queries.in_operator_organization()
    after = role.permissions(of_operator=operator) if role is not None else frozenset[Permission]()
    held = before.permissions(of_operator=operator) if before is not None else frozenset[Permission]()
    return words.summary(after - held)
