"""An organization with people, invitations, requests and keys: what every page about people can show."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from accounts import queries
from accounts.models import ApprovalRequest, Invitation, Membership
from accounts.permissions import Permission
from accounts.services import apikeys, approvals, members, roles
from core import clock
from tenancy.context import Scope, scope
from tests.make import accounts as make


@dataclass(frozen=True)
class House:
    """What was made."""

    clerk: Membership
    suspended: Membership
    mine: ApprovalRequest
    theirs: ApprovalRequest
    invitation: Invitation
    role: UUID
    key: UUID


def house(tenant: UUID, owner: Membership) -> House:
    """Fill an organization in which somebody is owner."""
    at = clock.now()
    with scope(Scope(tenant)):
        actor = make.actor(owner.user)
        colleagues = {
            role: make.member(role, user=make.person(name=name, email=f"{name.split()[0].lower()}@a.example"))
            for role, name in (
                ("admin", "Tom Okafor"),
                ("billing_clerk", "Mirjam Östlund-Featherstonehaugh"),
                ("accountant", "Li Wei"),
            )
        }
        for member in colleagues.values():
            make.totp(member.user)
        tom = make.actor(colleagues["admin"].user)
        members.suspend(member_id=colleagues["accountant"].pk, actor=actor, at=at)
        invited = members.invite(
            email="new.colleague@a.example", role=queries.role("billing_clerk"), actor=actor, at=at
        )
        own = roles.create(
            label="Reminders",
            rights=[Permission.INVOICE_READ, Permission.INVOICE_SEND, Permission.CUSTOMER_READ],
            limits={"export_rows": 500},
            actor=actor,
            at=at,
        )
        asked = members.change_role(
            member_id=colleagues["billing_clerk"].pk,
            role=queries.role("admin"),
            actor=actor,
            at=at,
            reason="Tom is away for three weeks in August",
        )
        invitation = members.invite(
            email="auditor@elsewhere.example",
            role=queries.role("developer"),
            actor=tom,
            at=at,
            reason="Connects the web shop",
        )
        declined = members.invite(
            email="somebody@elsewhere.example",
            role=queries.role("admin"),
            actor=tom,
            at=at,
            reason="A second administrator",
        )
        assert asked.waiting and invitation.waiting and declined.waiting and invited.invitation
        approvals.decline(request_id=declined.waiting.pk, actor=actor, at=at, note="Two are enough for now")
        key = apikeys.create(
            name="Warehouse",
            scopes=[Permission.INVOICE_READ, Permission.CUSTOMER_READ],
            limits={"refund_minor": 5_000},
            networks=["192.0.2.0/24"],
            expires_at=at + timedelta(days=90),
            actor=actor,
            at=at,
        ).key
        old = apikeys.create(
            name="Old shop",
            scopes=[Permission.INVOICE_READ],
            limits={},
            expires_at=at + timedelta(days=9),
            actor=actor,
            at=at,
        ).key
        apikeys.revoke(key_id=old.pk, actor=actor, at=at)
    return House(
        clerk=colleagues["billing_clerk"],
        suspended=colleagues["accountant"],
        mine=asked.waiting,
        theirs=invitation.waiting,
        invitation=invited.invitation,
        role=own.pk,
        key=key.pk,
    )
