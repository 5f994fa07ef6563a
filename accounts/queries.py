"""Reads: who may do what now, and the lists people see of each other.

Promise kept: rights are read at each request, never remembered in a session or a token, so that a change acts
on the next one (ASVS 8.3.2).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db.models import Count, Max, Q, QuerySet

from accounts import permissions as authority
from accounts import rules
from accounts.models import (
    ApiKey,
    ApprovalRequest,
    FieldDiff,
    Invitation,
    Membership,
    PasskeyCredential,
    PortalAccess,
    RecoveryCode,
    Role,
    Session,
    TotpDevice,
    User,
)
from accounts.permissions import Limit, Permission, RoleCode
from core import clock
from core.actor import Actor, ActorKind
from core.errors import NotFound
from crypto import blindindex
from tenancy import context
from tenancy.models import Tenant, only

PORTAL_PERMISSIONS: frozenset[Permission] = authority.PORTAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One organization a person can open, as `/select` shows it."""

    tenant: Tenant
    membership: Membership | None = None
    portal_access: PortalAccess | None = None


def current_organization() -> Tenant:
    """Return the organization in scope."""
    return Tenant.objects.get(pk=context.current_tenant())


def in_operator_organization() -> bool:
    """Say whether the organization in scope is the operator's."""
    return current_organization().kind == Tenant.Kind.OPERATOR


def find_user(email: str) -> User | None:
    """Find a person by e-mail address."""
    return User.objects.filter(email_index=blindindex.lookup(User, "email_index", email)).first()


# --- Rights ---------------------------------------------------------------------------------------


def _current_members(at: datetime) -> Q:
    return Q(state=Membership.State.ACTIVE) & (Q(expires_at__isnull=True) | Q(expires_at__gt=at))


def membership(*, user_id: UUID, tenant_id: UUID, at: datetime) -> Membership | None:
    """Return a person's current membership with its role, or None; one query."""
    return only(
        Membership.objects.select_related("role").filter(
            _current_members(at), user_id=user_id, tenant_id=tenant_id, user__state=User.State.ACTIVE
        )
    )


def member_acting(actor: Actor, *, at: datetime) -> Membership | None:
    """Return the current membership here of a person who acts; None for anybody else."""
    if actor.kind is not ActorKind.USER or actor.id is None:
        return None
    return membership(user_id=actor.id, tenant_id=context.current_tenant(), at=at)


def portal_access(*, user_id: UUID, tenant_id: UUID, customer_id: UUID | None = None) -> PortalAccess | None:
    """Return a person's access to the portal of an organization: the named customer's, or the oldest one."""
    rows = PortalAccess.objects.filter(
        user_id=user_id, tenant_id=tenant_id, ended_at__isnull=True, user__state=User.State.ACTIVE
    )
    if customer_id is not None:
        rows = rows.filter(customer_id=customer_id)
    return rows.order_by("created_at", "id").first()


def portal_people(customer_id: UUID) -> QuerySet[PortalAccess]:
    """List who may open a customer's portal, the oldest first."""
    rows = PortalAccess.objects.select_related("user").filter(customer_id=customer_id, ended_at__isnull=True)
    return rows.order_by("created_at", "id")


def permissions_of(member: Membership, *, of_operator: bool) -> frozenset[Permission]:
    """Return the rights a membership gives, before the way of signing in narrows them."""
    return member.permissions(of_operator=of_operator)


def permissions_of_key(key: ApiKey) -> frozenset[Permission]:
    """Return what a key may do: its scopes, as long as whoever made it still holds them."""
    maker = key.created_by
    return _of_key(tuple(key.scopes), maker.role.code, tuple(maker.role.rights)) - maker.withheld_rights


@lru_cache(maxsize=1_024)
def _of_key(scopes: tuple[str, ...], code: str, rights: tuple[str, ...]) -> frozenset[Permission]:
    # Computed from what the rows say at this request and nothing else, so that remembering it ages nothing.
    known = {permission.value for permission in authority.API_KEY_SCOPES}
    held = Role(code=code, rights=list(rights)).permissions(of_operator=False)
    return held & frozenset(Permission(scope) for scope in scopes if scope in known)


def permissions_of_actor(
    *, actor: Actor, tenant: Tenant, at: datetime | None = None
) -> frozenset[Permission]:
    """Return what whoever sent a task may still do, asked again when it runs; nothing for anybody unknown."""
    # The doorway of tasks asks without a time: it is a door, and this is its clock.
    at = at or clock.now()
    if actor.kind is ActorKind.USER and actor.id is not None:
        member = membership(user_id=actor.id, tenant_id=tenant.pk, at=at)
        if member is not None:
            return permissions_of(member, of_operator=tenant.kind == Tenant.Kind.OPERATOR)
    if actor.kind is ActorKind.CUSTOMER and actor.id is not None:
        return PORTAL_PERMISSIONS if portal_access(user_id=actor.id, tenant_id=tenant.pk) else frozenset()
    if actor.kind is ActorKind.API_KEY and actor.key_id is not None:
        key = usable_key(at=at, pk=actor.key_id)
        if key is not None:
            return permissions_of_key(key)
    return frozenset()


def limits_of_actor(*, actor: Actor, at: datetime) -> dict[Limit, int]:
    """Return how far an actor's rights go in the organization in scope; an absent limit is zero."""
    if actor.kind is ActorKind.API_KEY and actor.key_id is not None:
        key = usable_key(at=at, pk=actor.key_id)
        return {} if key is None else _limits_of_key(key)
    if actor.kind is ActorKind.USER and actor.id is not None:
        member = member_acting(actor, at=at)
        return {} if member is None else dict(member.role.ceilings)
    return {}


def _limits_of_key(key: ApiKey) -> dict[Limit, int]:
    """Return how far a key goes: never further than whoever made it goes now."""
    ceilings = key.created_by.role.ceilings
    return {
        limit: min(value, ceilings.get(limit, 0)) for limit, value in rules.check_limits(key.limits).items()
    }


def usable_key(*, at: datetime, **named: Any) -> ApiKey | None:
    """Return a key that works now: not revoked, not expired, and its maker is still a member; one query."""
    return only(
        ApiKey.objects.select_related("created_by__role").filter(
            Q(created_by__expires_at__isnull=True) | Q(created_by__expires_at__gt=at),
            created_by__state=Membership.State.ACTIVE,
            created_by__user__state=User.State.ACTIVE,
            expires_at__gt=at,
            revoked_at__isnull=True,
            **named,
        )
    )


# --- Lists ----------------------------------------------------------------------------------------


def places(user_id: UUID, *, at: datetime) -> list[Place]:
    """List the organizations a person can open, by slug; call it in a scope that names nobody else."""
    members = Membership.objects.select_related("tenant").filter(_current_members(at), user_id=user_id)
    found = [Place(tenant=row.tenant, membership=row) for row in members]
    accesses = PortalAccess.objects.select_related("tenant").filter(user_id=user_id, ended_at__isnull=True)
    found += [Place(tenant=row.tenant, portal_access=row) for row in accesses]
    return sorted(found, key=lambda place: (place.tenant.slug, place.membership is None))


def members() -> QuerySet[Membership]:
    """List the members of the organization in scope, newest first."""
    return (
        Membership.objects.select_related("role", "user")
        .exclude(state=Membership.State.REMOVED)
        .order_by("-joined_at", "-id")
    )


def member(member_id: UUID) -> Membership:
    """Return one member.

    Raises:
        NotFound
    """
    found: Membership | None = Membership.objects.select_related("role", "user").filter(pk=member_id).first()
    if found is None:
        raise NotFound
    return found


def roles() -> QuerySet[Role]:
    """List the roles of the organization in scope: built-in ones first."""
    return Role.objects.order_by("-builtin", "code")


def role(code: str) -> Role:
    """Return a role by code.

    Raises:
        NotFound
    """
    found: Role | None = Role.objects.filter(code=code).first()
    if found is None:
        raise NotFound
    return found


def open_invitations(*, at: datetime) -> QuerySet[Invitation]:
    """List invitations that can still be accepted, newest first."""
    return (
        Invitation.objects.select_related("role")
        .filter(accepted_at__isnull=True, withdrawn_at__isnull=True, expires_at__gt=at)
        .order_by("-created_at")
    )


def api_keys() -> QuerySet[ApiKey]:
    """List every key, newest first; revoked ones too, because the trail names them."""
    return ApiKey.objects.select_related("created_by__user").order_by("-created_at", "-id")


def approvals(*, state: str | None = None) -> QuerySet[ApprovalRequest]:
    """List requests for approval, newest first."""
    rows = ApprovalRequest.objects.order_by("-created_at", "-id")
    return rows.filter(state=state) if state else rows


def active_owners() -> QuerySet[Membership]:
    """List the owners the organization in scope can rely on: active, and not ending by themselves."""
    return Membership.objects.filter(
        state=Membership.State.ACTIVE,
        role__code=RoleCode.OWNER,
        user__state=User.State.ACTIVE,
        expires_at__isnull=True,
    )


def deciders_beside(user_id: UUID | None, *, at: datetime) -> int:
    """Count the other members who may decide a request for approval."""
    of_operator = in_operator_organization()
    rows = Membership.objects.select_related("role").filter(
        _current_members(at), user__state=User.State.ACTIVE
    )
    return sum(
        Permission.APPROVAL_DECIDE in row.permissions(of_operator=of_operator)
        for row in rows
        if row.user_id != user_id
    )


# --- A person's own sign-in -----------------------------------------------------------------------


def sessions_of(user_id: UUID, *, at: datetime) -> QuerySet[Session]:
    """List where a person is signed in, last seen first."""
    return (
        Session.objects.select_related("user")
        .filter(
            user_id=user_id,
            ended_at__isnull=True,
            expires_at__gt=at,
            last_seen_at__gt=at - rules.SESSION_IDLE,
        )
        .order_by("-last_seen_at")
    )


def has_factor(user: User) -> bool:
    """Say whether a person has a second factor that can be asked for; recovery codes alone are none."""
    return bool(
        TotpDevice.objects.filter(user=user, confirmed=True).exists()
        or PasskeyCredential.objects.filter(user=user).exists()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Factors:
    """A person's ways to prove that it is them."""

    totp: TotpDevice | None
    passkeys: list[PasskeyCredential]
    recovery_codes_left: int


def factors_of(user_id: UUID) -> Factors:
    """Return a person's factors."""
    return Factors(
        totp=TotpDevice.objects.select_related("user").filter(user_id=user_id, confirmed=True).first(),
        passkeys=list(
            PasskeyCredential.objects.select_related("user").filter(user_id=user_id).order_by("created_at")
        ),
        recovery_codes_left=RecoveryCode.objects.filter(user_id=user_id, used_at__isnull=True).count(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInFacts:
    """What colleagues may know of each other's sign-in: how strong it is, and when it was last used here."""

    passkeys: int = 0
    totp: bool = False
    last_seen_at: datetime | None = None


def signin_facts(user_ids: Collection[UUID]) -> dict[UUID, SignInFacts]:
    """Return the sign-in facts of people, as the organization in scope may see them; three queries."""
    passkeys = dict(
        PasskeyCredential.objects.filter(user_id__in=user_ids)
        .values_list("user_id")
        .annotate(held=Count("id"))
    )
    authenticators = set(
        TotpDevice.objects.filter(user_id__in=user_ids, confirmed=True).values_list("user_id", flat=True)
    )
    # Where else they work is nobody's business here: only sessions that opened this organization count.
    seen = dict(
        Session.objects.filter(user_id__in=user_ids, tenant_id=context.current_tenant())
        .values_list("user_id")
        .annotate(last=Max("last_seen_at"))
    )
    return {
        user_id: SignInFacts(
            passkeys=passkeys.get(user_id, 0), totp=user_id in authenticators, last_seen_at=seen.get(user_id)
        )
        for user_id in user_ids
    }


def last_opened(user_id: UUID) -> dict[UUID, datetime]:
    """Return when a person last used each organization they opened."""
    rows = Session.objects.filter(user_id=user_id, tenant_id__isnull=False).values_list("tenant_id")
    return dict(rows.annotate(last=Max("last_seen_at")))


def names_of(user_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return the names of people who are or were members of the organization in scope."""
    rows = Membership.objects.select_related("user").filter(user_id__in=set(user_ids))
    return {row.user_id: name_of(row.user) for row in rows}


def name_of(person: User) -> str:
    """Return how a person is called: by name, by address, or as somebody who was erased."""
    return person.name or person.email or "Somebody who was erased"


def open_sessions(*, at: datetime) -> int:
    """Count the sessions that are open in the organization in scope."""
    return Session.objects.filter(
        tenant_id=context.current_tenant(),
        ended_at__isnull=True,
        expires_at__gt=at,
        last_seen_at__gt=at - rules.SESSION_IDLE,
    ).count()


def diffs_of(object_id: UUID) -> QuerySet[FieldDiff]:
    """List what changed in a settings-like record of the organization in scope, newest first."""
    return FieldDiff.objects.filter(object_pk=str(object_id)).order_by("-timestamp", "-id")


def people_per_role() -> dict[UUID, int]:
    """Count the members of each role of the organization in scope; a role nobody has is absent."""
    rows = Membership.objects.exclude(state=Membership.State.REMOVED).values_list("role_id")
    return dict(rows.annotate(people=Count("id")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Endings:
    """What ends when a person is shut out of the organization in scope."""

    sessions: int
    keys: int


def endings_of(member: Membership, *, at: datetime) -> Endings:
    """Count a member's open sessions here and the working keys they made."""
    return Endings(
        sessions=sessions_of(member.user_id, at=at).filter(tenant_id=context.current_tenant()).count(),
        keys=ApiKey.objects.filter(created_by=member, revoked_at__isnull=True, expires_at__gt=at).count(),
    )
