"""Roles of an organization's own.

Promise kept: built-in roles cannot be edited, only their limits; nobody edits the role they are in, or puts
into a role what they do not hold; a powerful right waits for a second person when somebody would gain it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils.text import slugify

from accounts import events, fielddiffs, queries, rules
from accounts.models import ApprovalRequest, Invitation, Membership, Role
from accounts.permissions import OPERATOR_ONLY, PORTAL, ROLE_WORDS, Limit, Permission, RoleCode
from accounts.services import approvals
from accounts.services.members import giving
from audit import services as audit
from core import ids
from core.actor import Actor
from core.errors import Conflict, Forbidden, NotFound, Refusal
from tenancy.context import use_case

CHANGE_KIND = "role_change"


class RoleInUse(Conflict):
    """People have this role, or are invited to it. Give them another one first."""

    code = "role_in_use"


class BuiltInRole(Refusal):
    """Built-in roles cannot be changed or removed. Duplicate it and change the copy."""

    code = "builtin_role"


class OwnerRoleStays(BuiltInRole):
    """The owner's role always holds everything. Its rights and limits cannot be changed."""

    code = "owner_role"


class RoleNameTaken(Conflict):
    """There is a role of that name already."""

    code = "role_name_taken"


class UnknownRight(Refusal):
    """There is no such right, or no role of this organization can hold it."""

    code = "unknown_right"


class OnlyMembersEditRoles(Forbidden):
    """Only a member of this organization can change its roles."""

    code = "only_members"


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """The role after the change, or the request that waits for a second person."""

    role: Role
    waiting: ApprovalRequest | None = None


@use_case
def create(
    *, label: str, rights: Collection[str], limits: Mapping[str, int], actor: Actor, at: datetime
) -> Role:
    """Make a role. Nobody has it yet, so no second person is needed until somebody gets it.

    Raises:
        RoleNameTaken, UnknownRight, OnlyMembersEditRoles.
        rules.GrantorLacksTheRight, LimitAboveGrantor, NotALimit.
    """
    wanted, ceilings = _read(rights), rules.check_limits(limits)
    _check_grant(wanted, ceilings, role=None, actor=actor, at=at)
    _refuse_taken(label)
    role = Role(
        # drawn, never made from the label: that is encrypted, and the code stands in the trail
        code=f"role-{ids.base32(ids.uuid7())[-12:]}",
        label=label,
        rights=sorted(wanted),
        limits={limit.value: value for limit, value in ceilings.items()},
        created_at=at,
    )
    with fielddiffs.by(actor):
        role.save(force_insert=True)
    audit.record(events.ROLE_CREATED, actor=actor, subject=("role", role.pk), facts={"rights": len(wanted)})
    return role


def _refuse_taken(label: str) -> None:
    """Two that make a role at once wait for each other: every organization has the owner's row."""
    Role.objects.select_for_update().get(code=RoleCode.OWNER)
    wanted = slugify(label)
    builtin = {code.value for code in RoleCode} | {slugify(word) for word in ROLE_WORDS.values()}
    own = {slugify(role.label or "") for role in Role.objects.filter(builtin=False)}
    if not wanted or wanted in builtin | own:
        raise RoleNameTaken(field="label")


@use_case
def change(
    *,
    role_id: UUID,
    rights: Collection[str],
    limits: Mapping[str, int],
    actor: Actor,
    at: datetime,
    reason: str = "",
) -> Changed:
    """Change what a role may do. A powerful right that its people would gain waits for a second person.

    Raises:
        NotFound, BuiltInRole, OwnerRoleStays, UnknownRight, OnlyMembersEditRoles.
        rules.NobodyRaisesTheirOwnRights, GrantorLacksTheRight, LimitAboveGrantor, NotALimit, OutOfReach.
    """
    role = _lock(role_id)
    wanted, ceilings = _read(rights), rules.check_limits(limits)
    if role.code == RoleCode.OWNER:
        raise OwnerRoleStays
    if role.builtin and wanted:
        raise BuiltInRole
    _check_grant(wanted, ceilings, role=role, actor=actor, at=at)
    _check_reach(role, actor=actor, at=at)
    before = role.permissions(of_operator=queries.in_operator_organization())
    escalation = (
        not role.builtin and rules.is_escalation(before=before, after=wanted) and _people(role, at=at)
    )
    if rules.needs_second_person(
        escalation=bool(escalation),
        other_deciders=queries.deciders_beside(actor.id, at=at) if escalation else 0,
    ):
        payload = {
            "role": str(role.pk),
            "rights": sorted(wanted),
            "limits": {limit.value: value for limit, value in ceilings.items()},
        }
        waiting = approvals.request(
            kind=CHANGE_KIND, payload=payload, actor=actor, at=at, subject=("role", role.pk), reason=reason
        )
        return Changed(role=role, waiting=waiting)
    return Changed(
        role=set_rights(
            role_id=role_id,
            rights=sorted(wanted),
            limits={limit.value: value for limit, value in ceilings.items()},
            actor=actor,
        )
    )


@use_case
def set_rights(*, role_id: UUID, rights: Collection[str], limits: Mapping[str, int], actor: Actor) -> Role:
    """Write what a role may do. `change` decides whether it may be done.

    Raises:
        NotFound
    """
    role = _lock(role_id)
    role.rights, role.limits = [] if role.builtin else sorted(rights), dict(limits)
    with fielddiffs.by(actor):
        role.save(update_fields=["rights", "limits"])
    audit.record(
        events.ROLE_CHANGED,
        actor=actor,
        subject=("role", role.pk),
        fields=["rights", "limits"],
        facts={"rights": len(rights)},
    )
    return role


@use_case
def remove(*, role_id: UUID, actor: Actor, at: datetime) -> None:
    """Remove a role nobody has.

    Raises:
        NotFound, BuiltInRole, RoleInUse, OnlyMembersEditRoles.
        rules.OutOfReach
    """
    role = _lock(role_id)
    if role.builtin:
        raise BuiltInRole
    _check_reach(role, actor=actor, at=at)
    named = Membership.objects.filter(role=role).exists() or Invitation.objects.filter(role=role).exists()
    if named or _people(role, at=at):
        raise RoleInUse
    audit.record(events.ROLE_REMOVED, actor=actor, subject=("role", role.pk))
    with fielddiffs.by(actor):
        role.delete()


def _check_grant(
    wanted: frozenset[Permission],
    ceilings: Mapping[Limit, int],
    *,
    role: Role | None,
    actor: Actor,
    at: datetime,
) -> None:
    editor = queries.member_acting(actor, at=at)
    if editor is None:
        raise OnlyMembersEditRoles
    rules.may_give(
        grantor=editor.permissions(of_operator=queries.in_operator_organization()),
        grantor_limits=editor.role.ceilings,
        given=wanted,
        given_limits=ceilings,
        for_self=role is not None and editor.role_id == role.pk,
    )


def _check_reach(role: Role, *, actor: Actor, at: datetime) -> None:
    """Refuse to take away from a role what one could not give back: rights or limits beyond one's own."""
    editor = queries.member_acting(actor, at=at)
    if editor is None:
        raise OnlyMembersEditRoles
    of_operator = queries.in_operator_organization()
    rules.may_reach(
        own=editor.permissions(of_operator=of_operator),
        theirs=role.permissions(of_operator=of_operator),
        own_limits=editor.role.ceilings,
        their_limits=role.ceilings,
    )


def _read(rights: Collection[str]) -> frozenset[Permission]:
    allowed = frozenset(Permission) - PORTAL
    if not queries.in_operator_organization():
        allowed -= OPERATOR_ONLY
    if not set(rights) <= {permission.value for permission in allowed}:
        raise UnknownRight(field="rights")
    return frozenset(Permission(right) for right in rights)


def _people(role: Role, *, at: datetime) -> bool:
    """Say whether somebody has this role, or is about to: whoever is invited to it has not gained it yet."""
    if Membership.objects.filter(role=role).exclude(state=Membership.State.REMOVED).exists():
        return True
    if queries.open_invitations(at=at).filter(role=role).exists():
        return True
    waiting = queries.approvals(state=ApprovalRequest.State.PENDING).filter(
        kind__in=[giving.INVITE_KIND, giving.ROLE_KIND], expires_at__gt=at
    )
    return any(asked.payload["role"] == str(role.pk) for asked in waiting)


def _lock(role_id: UUID) -> Role:
    role: Role | None = Role.objects.select_for_update().filter(pk=role_id).first()
    if role is None:
        raise NotFound
    return role
