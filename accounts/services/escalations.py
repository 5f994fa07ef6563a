"""What a second person carries out when they approve a powerful role: the first use of approvals."""

from datetime import datetime
from typing import Any
from uuid import UUID

from accounts import queries
from accounts.models import ApprovalRequest, Role
from accounts.permissions import Permission
from accounts.services import approvals, members, roles
from accounts.services.members import giving
from core.actor import Actor
from core.errors import NotFound


def register() -> None:
    """Make the kinds of escalation known."""
    for code, execute in (
        (members.INVITE_KIND, _invite),
        (members.ROLE_KIND, _change_role),
        (roles.CHANGE_KIND, _change_rights),
    ):
        approvals.register(approvals.Kind(code=code, execute=execute, permission=Permission.APPROVAL_DECIDE))


def _invite(*, payload: dict[str, Any], request: ApprovalRequest, actor: Actor, at: datetime) -> None:
    role = _lock(payload["role"])
    giving.check_not_grown(role, asked=request)
    giving.check_at_decision(role, asked=request, gainer=None, actor=actor, at=at)
    members.send_invitation(
        email=payload["email"],
        role=role,
        membership_expires_at=datetime.fromisoformat(payload["expires"]) if payload["expires"] else None,
        actor=actor,
        at=at,
    )


def _change_role(*, payload: dict[str, Any], request: ApprovalRequest, actor: Actor, at: datetime) -> None:
    role = _lock(payload["role"])
    giving.check_not_grown(role, asked=request)
    gainer = queries.member(UUID(payload["member"]))
    giving.check_at_decision(role, asked=request, gainer=gainer, actor=actor, at=at)
    members.set_role(member_id=gainer.pk, role=role, actor=actor)


def _change_rights(*, payload: dict[str, Any], request: ApprovalRequest, actor: Actor, at: datetime) -> None:
    role = _lock(payload["role"])
    gainer = queries.member_acting(actor, at=at)
    wanted = Role(code=role.code, rights=payload["rights"], limits=payload["limits"])
    in_it = gainer if gainer is not None and gainer.role_id == role.pk else None
    giving.check_at_decision(wanted, asked=request, gainer=in_it, actor=actor, at=at)
    # Whoever asked must still hold what the role gives now: what they lack is not theirs to take away.
    giving.check_at_decision(role, asked=request, gainer=in_it, actor=actor, at=at)
    roles.set_rights(role_id=role.pk, rights=payload["rights"], limits=payload["limits"], actor=actor)


def _lock(role_id: str) -> Role:
    """Read a role so that it stays as it is until what was asked for is carried out.

    Raises:
        NotFound: it is gone.
    """
    role: Role | None = Role.objects.select_for_update().filter(pk=UUID(role_id)).first()
    if role is None:
        raise NotFound
    return role
