"""What a second person carries out when they approve a powerful role: the first use of approvals."""

from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.models import ApprovalRequest, Role
from accounts.permissions import Permission
from accounts.services import approvals, members, roles
from core.actor import Actor


def register() -> None:
    """Make the kinds of escalation known."""
    for code, execute in (
        (members.INVITE_KIND, _invite),
        (members.ROLE_KIND, _change_role),
        (roles.CHANGE_KIND, _change_rights),
    ):
        approvals.register(approvals.Kind(code=code, execute=execute, permission=Permission.APPROVAL_DECIDE))


def _invite(*, payload: dict[str, Any], request: ApprovalRequest, actor: Actor, at: datetime) -> None:
    expires = datetime.fromisoformat(payload["expires"]) if payload["expires"] else None
    members.send_invitation(
        email=payload["email"],
        role=Role.objects.get(pk=UUID(payload["role"])),
        membership_expires_at=expires,
        actor=actor,
        at=at,
    )


def _change_role(*, payload: dict[str, Any], request: ApprovalRequest, actor: Actor, at: datetime) -> None:
    members.set_role(
        member_id=UUID(payload["member"]), role=Role.objects.get(pk=UUID(payload["role"])), actor=actor
    )


def _change_rights(*, payload: dict[str, Any], request: ApprovalRequest, actor: Actor, at: datetime) -> None:
    roles.set_rights(
        role_id=UUID(payload["role"]), rights=payload["rights"], limits=payload["limits"], actor=actor
    )
