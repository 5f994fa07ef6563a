"""Founding organizations.

Promise kept: an organization is born with its own keys and the built-in roles, and nobody gets a password
from us: the first owner comes in by a one-time link that lives a day (ASVS 6.3.2, 6.4.1).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from django.conf import settings
from django.core.validators import slug_re

from accounts import events, rules, tokens
from accounts.models import Invitation, Role
from accounts.models.people import normalize_email
from accounts.permissions import ROLE_LIMITS, RoleCode
from audit import services as audit
from core.actor import Actor
from core.errors import Conflict, Refusal
from crypto import services as crypto
from tenancy import context
from tenancy.context import Scope, scope
from tenancy.models import Tenant

OPERATOR_SLUG = "operator"
# Names that would read like pages or mislead people about who is asking.
RESERVED_SLUGS = frozenset({"admin", "api", "billing", "login", "ops", "security", "support", "www"})


class NotASlug(Refusal):
    """A slug is 1 to 63 lower-case letters, digits and dashes."""

    code = "not_a_slug"


class SlugTaken(Conflict):
    """There is an organization of that name already."""

    code = "slug_taken"


@dataclass(frozen=True, slots=True)
class Founded:
    """A new organization, and the link by which its first owner comes in; empty when nobody was named."""

    tenant: Tenant
    url: str


class Founding(Protocol):
    """What another app does when an organization is founded, inside the same transaction and its scope."""

    def __call__(self, *, tenant: Tenant, name: str, actor: Actor, at: datetime) -> None:
        """Make what the new organization needs."""


_foundings: list[Founding] = []


def when_founded(function: Founding) -> Founding:
    """Register what an app above must make for each new organization; call it in AppConfig.ready."""
    if function not in _foundings:
        _foundings.append(function)
    return function


def create(
    *,
    slug: str,
    name: str,
    owner_email: str,
    actor: Actor,
    at: datetime,
    mode: str = Tenant.Mode.LIVE,
) -> Founded:
    """Found an organization, in a transaction and scope of its own.

    It is a door as much as a service: no scope can be open yet, because the organization is not there.

    Raises:
        NotASlug, SlugTaken.
    """
    return _found(
        slug=slug, kind=Tenant.Kind.CUSTOMER, mode=mode, name=name, email=owner_email, actor=actor, at=at
    )


def bootstrap(*, actor: Actor, at: datetime, owner_email: str = "") -> Founded:
    """Found the operator's organization unless it is there: its keys protect every person's account.

    With an address it also makes a link for another owner of it. Safe to run at each start.
    """
    with context.system_scope(reason="the operator's organization is the first row of an installation"):
        tenant = Tenant.objects.filter(kind=Tenant.Kind.OPERATOR).first()
    if tenant is None:
        return _found(
            slug=OPERATOR_SLUG,
            kind=Tenant.Kind.OPERATOR,
            mode=Tenant.Mode.LIVE,
            name="Operator",
            email=owner_email,
            actor=actor,
            at=at,
        )
    with scope(Scope(tenant.pk)):
        _make_roles(tenant, at=at)
        return Founded(tenant, _invite_owner(tenant, owner_email, actor=actor, at=at))


def invitation_url(raw: str) -> str:
    """Return the address of an invitation's link."""
    return f"{settings.PUBLIC_URL}/invite/{raw}"


def check_slug(slug: str, *, kind: str = Tenant.Kind.CUSTOMER) -> None:
    """Refuse what cannot be an organization's name in addresses.

    Raises:
        NotASlug, SlugTaken.
    """
    if not slug_re.match(slug) or slug != slug.lower() or len(slug) > 63 or "_" in slug:
        raise NotASlug(field="slug")
    if slug in RESERVED_SLUGS or (slug == OPERATOR_SLUG and kind != Tenant.Kind.OPERATOR):
        raise SlugTaken(field="slug")


def _found(
    *, slug: str, kind: Tenant.Kind, mode: str, name: str, email: str, actor: Actor, at: datetime
) -> Founded:
    check_slug(slug, kind=kind)
    with context.system_scope(reason="a new organization is in no scope yet"):
        if Tenant.objects.filter(slug=slug).exists():
            raise SlugTaken(field="slug")
        tenant = Tenant(slug=slug, kind=kind, mode=mode)
        tenant.save(force_insert=True)
        with scope(Scope(tenant.pk)):
            crypto.create_tenant_keys(tenant_id=tenant.pk, actor=actor, at=at)
            _make_roles(tenant, at=at)
            audit.record(events.ORGANIZATION_CREATED, actor=actor, subject=("organization", tenant.pk))
            for function in _foundings:
                function(tenant=tenant, name=name, actor=actor, at=at)
            url = _invite_owner(tenant, email, actor=actor, at=at)
    return Founded(tenant, url)


def _make_roles(tenant: Tenant, *, at: datetime) -> None:
    """Make the built-in roles that are missing; a new version of the product may bring one."""
    there = set(Role.objects.values_list("code", flat=True))
    for code in RoleCode:
        if code.value in there or (code == RoleCode.OPERATOR and tenant.kind != Tenant.Kind.OPERATOR):
            continue
        limits = {limit.value: value for limit, value in ROLE_LIMITS.get(code, {}).items()}
        Role(tenant=tenant, code=code.value, builtin=True, limits=limits, created_at=at).save(
            force_insert=True
        )


def _invite_owner(tenant: Tenant, email: str, *, actor: Actor, at: datetime) -> str:
    if not email:
        return ""
    raw = tokens.mint_link(tenant=tenant.pk)
    owner = Role.objects.get(code=RoleCode.OWNER)
    Invitation(
        tenant=tenant,
        email=normalize_email(email),
        role=owner,
        given=sorted(owner.permissions(of_operator=tenant.kind == Tenant.Kind.OPERATOR)),
        token_hash=tokens.digest("invitation", raw),
        created_at=at,
        expires_at=at + rules.INVITATION_LIFE,
    ).save(force_insert=True)
    audit.record(events.MEMBER_INVITED, actor=actor, facts={"role": RoleCode.OWNER.value})
    return invitation_url(raw)
