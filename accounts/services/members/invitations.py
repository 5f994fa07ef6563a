"""People come in by a link to their address."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.contrib.auth import hashers
from django.db.models import QuerySet

from accounts import events, notices, passwords, queries, rules, tokens
from accounts.models import ApprovalRequest, Invitation, Membership, PortalAccess, Role, User
from accounts.models.people import normalize_email
from accounts.refusals import Recorded
from accounts.services import approvals, organizations
from accounts.services.members import giving
from audit import services as audit
from core.actor import Actor, ActorKind
from core.errors import Conflict, Forbidden, NotFound, Unauthenticated
from crypto import blindindex
from tenancy import context
from tenancy.context import use_case


class InvitationRefused(Recorded):
    """This invitation is used, withdrawn or too old. Ask whoever invited you for a new one."""

    code = "invitation_refused"
    status = 404
    event = events.INVITATION_REFUSED


class InvitationOutgrown(InvitationRefused):
    """This role gives more now than when you were invited. Ask whoever invited you for a new invitation."""

    code = "invitation_outgrown"


class MemberAlready(Conflict):
    """This person is a member already."""

    code = "member_already"


class MembersHaveNoPortal(Recorded):
    """This is the address of a member. Who bills a customer is never on that customer's portal."""

    code = "members_have_no_portal"
    status = 409
    event = events.INVITATION_REFUSED


class SignInToAccept(Unauthenticated):
    """There is an account with this address. Sign in with it to accept."""

    code = "sign_in_to_accept"


class InvitationOfSomebodyElse(Forbidden):
    """This invitation was sent to another address than yours."""

    code = "invitation_of_somebody_else"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """An invitation, or the request that waits for a second person.

    The link goes by mail. Pages do not show it to whoever invited: it is the key of somebody else.
    """

    invitation: Invitation | None = None
    url: str = ""
    waiting: ApprovalRequest | None = None


@dataclass(frozen=True, slots=True)
class Joined:
    """A person who accepted. They sign in next, and add a second factor before they see anything."""

    user: User
    membership: Membership | None
    portal_access: PortalAccess | None


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
    escalation = giving.check_grant(role, before=None, actor=actor, at=at, for_self=False)
    if escalation:
        payload = {
            "email": address,
            "role": str(role.pk),
            "given": giving.frozen(role),
            "expires": membership_expires_at.isoformat() if membership_expires_at else "",
        }
        waiting = approvals.request(
            kind=giving.INVITE_KIND,
            payload=payload,
            actor=actor,
            at=at,
            subject=("role", role.pk),
            reason=reason,
        )
        return Invited(waiting=waiting)
    return send_invitation(
        email=address, role=role, actor=actor, at=at, membership_expires_at=membership_expires_at
    )


@use_case
def invite_customer(
    *, email: str, customer_id: UUID, actor: Actor, at: datetime, language: str = "en"
) -> Invited:
    """Invite a person to one customer's portal. The caller has proved that the customer is there.

    Raises:
        MembersHaveNoPortal: a member could pay with what a customer has saved.
    """
    address = normalize_email(email)
    if _is_member(queries.find_user(address)):
        raise MembersHaveNoPortal(
            subject=("customer", customer_id), tenant_id=context.current_tenant(), field="email"
        )
    raw = tokens.mint_link(tenant=context.current_tenant())
    invitation = _store(raw, email=address, customer_id=customer_id, actor=actor, at=at)
    audit.record(
        events.MEMBER_INVITED, actor=actor, subject=("customer", customer_id), facts={"role": "customer"}
    )
    url = organizations.invitation_url(raw)
    notices.invite(email=invitation.email, url=url, template=notices.PORTAL_INVITATION, language=language)
    return Invited(invitation=invitation, url=url)


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
    raw = tokens.mint_link(tenant=context.current_tenant())
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
    _withdraw(invitation, actor=actor, at=at)


@use_case
def withdraw_invitations_of(*, user_id: UUID, actor: Actor, at: datetime) -> int:
    """Make the open invitations that a person sent worthless, and return how many."""
    rows = queries.open_invitations(at=at).filter(invited_by=user_id)
    found = list(rows.select_for_update(of=("self",)))
    for invitation in found:
        _withdraw(invitation, actor=actor, at=at)
    return len(found)


def tenant_of(raw: str) -> UUID:
    """Return the organization an invitation's link names, so that its scope can be opened.

    Raises:
        tokens.MalformedSecret: it is no invitation (404).
    """
    return tokens.tenant_of_link(raw)


@use_case
def read_invitation(*, raw: str, at: datetime) -> Invitation:
    """Return the invitation a link opens, in the scope of the organization it names.

    Raises:
        InvitationRefused, InvitationOutgrown.
    """
    return _open(raw, at=at, lock=False)


@use_case
def accept(*, raw: str, name: str, password: str, actor: Actor, at: datetime) -> Joined:
    """Accept an invitation as a new person, with a password of their own.

    Raises:
        InvitationRefused, InvitationOutgrown.
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
    with context.account(person.pk):
        person.save(force_insert=True)
    return _join(invitation, person, actor=actor, at=at)


@use_case
def accept_as(*, raw: str, user: User, actor: Actor, at: datetime) -> Joined:
    """Accept an invitation as somebody who has an account and is signed in with it.

    Raises:
        InvitationRefused, InvitationOutgrown, MemberAlready.
        MembersHaveNoPortal: they joined, or took this address, after the invitation was sent.
        InvitationOfSomebodyElse: it was sent to another address.
    """
    invitation = _open(raw, at=at, lock=True)
    if normalize_email(user.email or "") != invitation.email:
        raise InvitationOfSomebodyElse
    return _join(invitation, user, actor=actor, at=at)


def _withdraw(invitation: Invitation, *, actor: Actor, at: datetime) -> None:
    invitation.withdrawn_at = at
    invitation.save(update_fields=["withdrawn_at"])
    audit.record(events.INVITATION_WITHDRAWN, actor=actor, subject=("invitation", invitation.pk))


def _refuse_members(address: str) -> None:
    if _is_member(queries.find_user(address)):
        raise MemberAlready(field="email")


def _is_member(person: User | None) -> bool:
    """Say whether somebody is a member here, suspended or not."""
    if person is None:
        return False
    return Membership.objects.filter(user=person).exclude(state=Membership.State.REMOVED).exists()


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
        given=giving.frozen(role) if role is not None else [],
        customer_id=customer_id,
        token_hash=tokens.digest("invitation", raw),
        # Who asked, not who agreed: it lives as long as they may give it.
        invited_by=(actor.on_behalf_of or actor.id) if actor.kind is ActorKind.USER else None,
        membership_expires_at=membership_expires_at,
        created_at=at,
        expires_at=at + rules.INVITATION_LIFE,
    )
    invitation.save(force_insert=True)
    return invitation


def _open(raw: str, *, at: datetime, lock: bool) -> Invitation:
    rows: QuerySet[Invitation] = Invitation.objects.select_related("role")
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
    if lock and invitation.role_id is not None:
        # Whoever widens the role waits until this person is in it, and then needs a second one.
        invitation.role = Role.objects.select_for_update().get(pk=invitation.role_id)
    if invitation.role is not None and giving.grew(invitation.role, since=invitation.given):
        raise InvitationOutgrown(subject=("invitation", invitation.pk), tenant_id=context.current_tenant())
    # An invitation of the system's, as the one to the first owner, was sent by nobody who could leave.
    if invitation.invited_by is not None and not giving.may_still_give(
        invitation.role, giver_id=invitation.invited_by, at=at
    ):
        raise InvitationRefused(subject=("invitation", invitation.pk), tenant_id=context.current_tenant())
    return invitation


def _join(invitation: Invitation, person: User, *, actor: Actor, at: datetime) -> Joined:
    if invitation.role is None and _is_member(person):
        raise MembersHaveNoPortal(subject=("invitation", invitation.pk), tenant_id=context.current_tenant())
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
    if _is_member(person):
        raise MemberAlready
    member = Membership(
        user=person, role=invitation.role, joined_at=at, expires_at=invitation.membership_expires_at
    )
    member.save(force_insert=True)
    audit.record(
        events.MEMBER_JOINED, actor=actor, subject=("member", member.pk), facts={"role": invitation.role.code}
    )
    return Joined(person, member, None)
