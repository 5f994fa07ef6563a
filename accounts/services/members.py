"""People come in by a link to their address, change roles, and leave.

Promise kept: nobody raises their own rights or gives what they lack; a powerful right needs a second person as soon
as there is one; the last owner stays; whoever is suspended or removed is out from the next request on, with their
sessions in this organization and every key they made.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.contrib.auth import hashers

from accounts import events, notices, passwords, queries, rules, tokens
from accounts.models import ApprovalRequest, Invitation, Membership, PortalAccess, Role, Session, User
from accounts.models.people import normalize_email
from accounts.refusals import Recorded
from accounts.services import approvals, organizations, sessions
from audit import services as audit
from core.actor import Actor, ActorKind
from core.errors import Conflict, Forbidden, NotFound, Unauthenticated
from crypto import blindindex
from tenancy import context
from tenancy.context import use_case

INVITE_KIND = "member_invite"
ROLE_KIND = "member_role"


class InvitationRefused(Recorded):
    """This invitation is used, withdrawn or too old. Ask whoever invited you for a new one."""

    code = "invitation_refused"
    status = 404
    event = events.INVITATION_REFUSED


class MemberAlready(Conflict):
    """This person is a member already."""

    code = "member_already"


class SignInToAccept(Unauthenticated):
    """There is an account with this address. Sign in with it to accept."""

    code = "sign_in_to_accept"


class InvitationOfSomebodyElse(Forbidden):
    """This invitation was sent to another address than yours."""

    code = "invitation_of_somebody_else"


class OnlyMembers(Forbidden):
    """Only a member of this organization can do this."""

    code = "only_members"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """An invitation and its link, or the request that waits for a second person."""

    invitation: Invitation | None = None
    url: str = ""
    waiting: ApprovalRequest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """The member after the change, or the request that waits for a second person."""

    member: Membership
    waiting: ApprovalRequest | None = None


@dataclass(frozen=True, slots=True)
class Joined:
    """A person who accepted. They sign in next, and add a second factor before they see anything."""

    user: User
    membership: Membership | None
    portal_access: PortalAccess | None


# --- Inviting ----------------------------------------------------------------------------------------------------


@use_case
def invite(
    *,
    email: str,
    role: Role,
    actor: Actor,
    at: datetime,
    membership_expires_at: datetime | None = None,
    reason: str = "",
) -> Invited:
    """Invite a person as a member, by mail. A powerful role waits for a second person first.

    Raises:
        MemberAlready, OnlyMembers.
        rules.GrantorLacksTheRight, LimitAboveGrantor.
    """
    address = normalize_email(email)
    _refuse_members(address)
    escalation = _check_grant(role, before=None, actor=actor, at=at, for_self=False)
    if escalation:
        payload = {
            "email": address,
            "role": str(role.pk),
            "expires": membership_expires_at.isoformat() if membership_expires_at else "",
        }
        waiting = approvals.request(
            kind=INVITE_KIND, payload=payload, actor=actor, at=at, subject=("role", role.pk), reason=reason
        )
        return Invited(waiting=waiting)
    return send_invitation(
        email=address, role=role, actor=actor, at=at, membership_expires_at=membership_expires_at
    )


@use_case
def invite_customer(*, email: str, customer_id: UUID, actor: Actor, at: datetime) -> Invited:
    """Invite a person to one customer's portal. The caller has proved that the customer is there."""
    raw = tokens.mint_invitation(tenant=context.current_tenant())
    invitation = _store(raw, email=normalize_email(email), customer_id=customer_id, actor=actor, at=at)
    audit.record(
        events.MEMBER_INVITED, actor=actor, subject=("customer", customer_id), facts={"role": "customer"}
    )
    return Invited(invitation=invitation, url=organizations.invitation_url(raw))


@use_case
def send_invitation(
    *,
    email: str,
    role: Role,
    actor: Actor,
    at: datetime,
    membership_expires_at: datetime | None = None,
) -> Invited:
    """Make the invitation and mail its link. `invite` decides whether it may be sent."""
    raw = tokens.mint_invitation(tenant=context.current_tenant())
    invitation = _store(
        raw, email=email, role=role, membership_expires_at=membership_expires_at, actor=actor, at=at
    )
    audit.record(
        events.MEMBER_INVITED, actor=actor, subject=("invitation", invitation.pk), facts={"role": role.code}
    )
    url = organizations.invitation_url(raw)
    notices.invite(email=email, url=url)
    return Invited(invitation=invitation, url=url)


@use_case
def withdraw_invitation(*, invitation_id: UUID, actor: Actor, at: datetime) -> None:
    """Make an open invitation worthless.

    Raises:
        NotFound
    """
    invitation = (
        Invitation.objects.select_for_update().filter(pk=invitation_id, accepted_at__isnull=True).first()
    )
    if invitation is None:
        raise NotFound
    invitation.withdrawn_at = at
    invitation.save(update_fields=["withdrawn_at"])
    audit.record(events.INVITATION_WITHDRAWN, actor=actor, subject=("invitation", invitation.pk))


def tenant_of(raw: str) -> UUID:
    """Return the organization an invitation's link names, so that its scope can be opened.

    Raises:
        tokens.MalformedSecret: it is no invitation (404).
    """
    return tokens.tenant_of_invitation(raw)


@use_case
def read_invitation(*, raw: str, at: datetime) -> Invitation:
    """Return the invitation a link opens, in the scope of the organization it names.

    Raises:
        InvitationRefused
    """
    return _open(raw, at=at, lock=False)


@use_case
def accept(*, raw: str, name: str, password: str, actor: Actor, at: datetime) -> Joined:
    """Accept an invitation as a new person, with a password of their own.

    Raises:
        InvitationRefused
        SignInToAccept: the address has an account; only its owner may use it.
        rules.PasswordTooShort, PasswordTooLong, PasswordIsCommon, PasswordNamesItsOwner, PasswordIsGuessable.
    """
    invitation = _open(raw, at=at, lock=True)
    if queries.find_user(invitation.email) is not None:
        raise SignInToAccept
    words = [invitation.email, name, queries.current_organization().slug]
    accepted = passwords.accept(password, context=words)
    person = User(
        email=invitation.email,
        name=name,
        password=hashers.make_password(accepted),
        password_changed_at=at,
        created_at=at,
    )
    person.save(force_insert=True)
    return _join(invitation, person, actor=actor, at=at)


@use_case
def accept_as(*, raw: str, user: User, actor: Actor, at: datetime) -> Joined:
    """Accept an invitation as somebody who has an account and is signed in with it.

    Raises:
        InvitationRefused, MemberAlready.
        InvitationOfSomebodyElse: it was sent to another address.
    """
    invitation = _open(raw, at=at, lock=True)
    if normalize_email(user.email or "") != invitation.email:
        raise InvitationOfSomebodyElse
    return _join(invitation, user, actor=actor, at=at)


# --- Changing ----------------------------------------------------------------------------------------------------


@use_case
def change_role(*, member_id: UUID, role: Role, actor: Actor, at: datetime, reason: str = "") -> Changed:
    """Give a member another role. A powerful right that they did not have waits for a second person.

    Raises:
        NotFound, OnlyMembers.
        rules.NobodyRaisesTheirOwnRights, GrantorLacksTheRight, LimitAboveGrantor, LastOwnerStays.
    """
    target = _lock_member(member_id)
    for_self = actor.kind is ActorKind.USER and target.user_id == actor.id
    escalation = _check_grant(role, before=target.role, actor=actor, at=at, for_self=for_self)
    _keep_an_owner(target, after=role.code)
    if escalation:
        waiting = approvals.request(
            kind=ROLE_KIND,
            payload={"member": str(target.pk), "role": str(role.pk)},
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
    """Shut a member out until they are let back in; their keys stop as well.

    Raises:
        NotFound
        rules.NobodyRaisesTheirOwnRights: they are the one acting.
        rules.LastOwnerStays
    """
    target = _lock_member(member_id)
    _refuse_self(target, actor)
    _keep_an_owner(target, after=None)
    target.state = Membership.State.SUSPENDED
    target.save(update_fields=["state"])
    audit.record(events.MEMBER_SUSPENDED, actor=actor, subject=("member", target.pk))
    _end_sessions(target, actor=actor, at=at)
    return target


@use_case
def reinstate(*, member_id: UUID, actor: Actor, at: datetime) -> Membership:
    """Let a suspended member back in, in the role they had; it is checked like giving it anew.

    Raises:
        NotFound, OnlyMembers.
        rules.NobodyRaisesTheirOwnRights, GrantorLacksTheRight, LimitAboveGrantor.
    """
    target = _lock_member(member_id)
    _refuse_self(target, actor)
    _check_grant(target.role, before=target.role, actor=actor, at=at, for_self=False)
    target.state = Membership.State.ACTIVE
    target.save(update_fields=["state"])
    audit.record(events.MEMBER_REINSTATED, actor=actor, subject=("member", target.pk))
    return target


@use_case
def remove(*, member_id: UUID, actor: Actor, at: datetime) -> Membership:
    """End a membership. Leaving oneself is allowed, but not for the last owner.

    Raises:
        NotFound
        rules.LastOwnerStays
    """
    target = _lock_member(member_id)
    _keep_an_owner(target, after=None)
    target.state, target.ended_at = Membership.State.REMOVED, at
    target.save(update_fields=["state", "ended_at"])
    audit.record(events.MEMBER_REMOVED, actor=actor, subject=("member", target.pk))
    _end_sessions(target, actor=actor, at=at)
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


# --- What they have in common ------------------------------------------------------------------------------------


def _check_grant(role: Role, *, before: Role | None, actor: Actor, at: datetime, for_self: bool) -> bool:
    """Refuse a grant that may not be made; say whether a second person must decide it."""
    grantor = (
        queries.membership(user_id=actor.id, tenant_id=context.current_tenant(), at=at)
        if actor.kind is ActorKind.USER and actor.id is not None
        else None
    )
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


def _keep_an_owner(target: Membership, *, after: str | None) -> None:
    # Locked in one order, so that two owners who remove each other at once do not both succeed.
    owners = len(queries.active_owners().order_by("id").select_for_update(of=("self",)))
    rules.keep_an_owner(target_code=target.role.code, after_code=after, active_owners=owners)


def _refuse_self(target: Membership, actor: Actor) -> None:
    if actor.kind is ActorKind.USER and target.user_id == actor.id:
        raise rules.NobodyRaisesTheirOwnRights


def _refuse_members(address: str) -> None:
    person = queries.find_user(address)
    if person is None:
        return
    if Membership.objects.filter(user=person).exclude(state=Membership.State.REMOVED).exists():
        raise MemberAlready(field="email")


def _lock_member(member_id: UUID) -> Membership:
    found = (
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


def _store(
    raw: str,
    *,
    email: str,
    actor: Actor,
    at: datetime,
    role: Role | None = None,
    customer_id: UUID | None = None,
    membership_expires_at: datetime | None = None,
) -> Invitation:
    # An earlier link to the same address for the same thing dies: only the newest mail works.
    Invitation.objects.filter(
        email_index=blindindex.lookup(Invitation, "email_index", email),
        role=role,
        customer_id=customer_id,
        accepted_at__isnull=True,
        withdrawn_at__isnull=True,
    ).update(withdrawn_at=at)
    invitation = Invitation(
        email=email,
        role=role,
        customer_id=customer_id,
        token_hash=tokens.digest("invitation", raw),
        invited_by=actor.id if actor.kind is ActorKind.USER else None,
        membership_expires_at=membership_expires_at,
        created_at=at,
        expires_at=at + rules.INVITATION_LIFE,
    )
    invitation.save(force_insert=True)
    return invitation


def _open(raw: str, *, at: datetime, lock: bool) -> Invitation:
    rows = Invitation.objects.select_related("role")
    if lock:
        rows = rows.select_for_update(of=("self",))
    invitation = rows.filter(token_hash=tokens.digest("invitation", raw)).first()
    if (
        invitation is None
        or invitation.accepted_at is not None
        or invitation.withdrawn_at is not None
        or at >= invitation.expires_at
    ):
        raise InvitationRefused(
            subject=("invitation", invitation.pk) if invitation else None, tenant_id=context.current_tenant()
        )
    return invitation


def _join(invitation: Invitation, person: User, *, actor: Actor, at: datetime) -> Joined:
    invitation.accepted_at, invitation.accepted_by = at, person.pk
    invitation.save(update_fields=["accepted_at", "accepted_by"])
    if invitation.role is None:
        access, _ = PortalAccess.objects.get_or_create(
            user=person, customer_id=invitation.customer_id, ended_at=None, defaults={"created_at": at}
        )
        audit.record(
            events.PORTAL_OPENED,
            actor=actor,
            subject=("customer", access.customer_id),
            facts={"user": str(person.pk)},
        )
        return Joined(person, None, access)
    if Membership.objects.filter(user=person).exclude(state=Membership.State.REMOVED).exists():
        raise MemberAlready
    member = Membership(
        user=person, role=invitation.role, joined_at=at, expires_at=invitation.membership_expires_at
    )
    member.save(force_insert=True)
    audit.record(
        events.MEMBER_JOINED, actor=actor, subject=("member", member.pk), facts={"role": invitation.role.code}
    )
    return Joined(person, member, None)
