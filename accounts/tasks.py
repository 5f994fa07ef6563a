"""Celery's door to what happens without anybody waiting."""

from uuid import UUID

from celery import shared_task

from accounts.services import approvals, installation, members, recovery, retention, sessions
from core import clock
from tenancy import context
from tenancy.context import Scope, scope
from tenancy.models import Tenant
from tenancy.tasks import SystemTask


@shared_task(
    base=SystemTask,
    name="accounts.send_recovery",
    bind=True,
    reason="who forgot their password names no organization",
)
def send_recovery(self: SystemTask, email_index: str) -> None:
    """Mail a recovery link to the account of this blind index, if there is one."""
    with context.system_scope(reason=self.reason):
        recovery.send(email_index=bytes.fromhex(email_index), actor=self.actor, at=clock.now())


@shared_task(
    base=SystemTask,
    name="accounts.expire_approvals",
    bind=True,
    reason="requests expire in every organization",
)
def expire_approvals(self: SystemTask) -> int:
    """Close every organization's requests that nobody decided in time; return how many."""
    with context.system_scope(reason=self.reason):
        tenants = list(Tenant.objects.filter(state=Tenant.State.ACTIVE).values_list("pk", flat=True))
    closed = 0
    for tenant in tenants:
        with scope(Scope(tenant)):
            closed += approvals.expire(actor=self.actor, at=clock.now())
    return closed


@shared_task(
    base=SystemTask,
    name="accounts.end_memberships",
    bind=True,
    reason="memberships end in every organization",
)
def end_memberships(self: SystemTask) -> int:
    """Close every organization's memberships whose moment has come; return how many."""
    with context.system_scope(reason=self.reason):
        tenants = list(Tenant.objects.filter(state=Tenant.State.ACTIVE).values_list("pk", flat=True))
    ended = 0
    for tenant in tenants:
        with scope(Scope(tenant)):
            ended += members.end_due(actor=self.actor, at=clock.now())
    return ended


@shared_task(
    base=SystemTask,
    name="accounts.close_unfinished_signins",
    bind=True,
    reason="a sign-in that stopped half way names no organization",
)
def close_unfinished_signins(self: SystemTask) -> int:
    """Tell people whose password was used without their second factor; return how many."""
    with context.system_scope(reason=self.reason):
        return sessions.close_unfinished(at=clock.now())


@shared_task(
    base=SystemTask,
    name="accounts.end_retention",
    bind=True,
    reason="sessions belong to no organization, and invitations to every one",
)
def end_retention(self: SystemTask) -> int:
    """Remove sessions, recovery tokens, invitations and grants whose retention has ended; return how many."""
    removed = 0
    while True:
        with context.system_scope(reason=self.reason):
            gone = retention.remove_signins(actor=self.actor).rows
        removed += gone
        if not gone:
            break
    with context.system_scope(reason=self.reason):
        tenants = list(Tenant.objects.values_list("pk", flat=True))
    for tenant in tenants:
        with scope(Scope(tenant)):
            removed += retention.remove_invitations_and_grants(actor=self.actor, at=clock.now()).rows
    return removed


@shared_task(
    base=SystemTask,
    name="accounts.turn_organization",
    bind=True,
    reason="an organization is sealed from outside of it, and every process waited for",
)
def turn_organization(self: SystemTask, tenant_id: str, sealed: bool, asked_by: str) -> None:
    """Seal or unseal an organization, as somebody of the operator asked."""
    installation.turn(
        tenant_id=UUID(tenant_id),
        sealed=sealed,
        asked_by=UUID(asked_by) if asked_by else None,
        actor=self.actor,
    )
