"""Keys by which machines act for an organization.

Promise kept: a key is shown once and stored as a keyed digest; it carries no more rights than the person who
made it has at this moment, stops when they leave, and can never do what asks for a second factor.
"""

import ipaddress
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from accounts import events, queries, rules, tokens, workingkeys
from accounts.models import ApiKey, Membership
from accounts.permissions import API_KEY_SCOPES, Permission
from accounts.services.members import giving
from audit import services as audit
from core.actor import Actor
from core.errors import Forbidden, NotFound, Refusal, Unauthenticated
from tenancy import context
from tenancy.context import use_case

LONGEST_LIFE = timedelta(days=366)
_TOUCH_EVERY = timedelta(minutes=1)


class KeyRefused(Unauthenticated):
    """This API key is not known, or it no longer works."""

    code = "bad_api_key"


class KeyFromElsewhere(Unauthenticated):
    """This API key may not be used from this network."""

    code = "bad_api_key_network"


class UnknownScope(Refusal):
    """There is no such scope, or no key can carry it."""

    code = "unknown_scope"


class NotANetwork(Refusal):
    """A network is written like 192.0.2.0/24 or 2001:db8::/32."""

    code = "not_a_network"


class KeyLivesTooLong(Refusal):
    """A key expires within a year."""

    code = "key_lives_too_long"


class OverlapTooLong(Refusal):
    """The old key stops within seven days of its replacement."""

    code = "overlap_too_long"


class OnlyMembersMakeKeys(Forbidden):
    """Only a signed-in member of this organization can make keys."""

    code = "only_members"


@dataclass(frozen=True, slots=True)
class Made:
    """A new key and its text, which is shown this once."""

    key: ApiKey
    raw: str


@use_case
def create(
    *,
    name: str,
    scopes: Collection[str],
    limits: Mapping[str, int],
    expires_at: datetime,
    actor: Actor,
    at: datetime,
    networks: Collection[str] = (),
) -> Made:
    """Make a key for the organization in scope.

    Raises:
        OnlyMembersMakeKeys, UnknownScope, NotANetwork, KeyLivesTooLong.
        rules.GrantorLacksTheRight, LimitAboveGrantor, NotALimit.
    """
    maker = _maker(actor, at=at)
    wanted, ceilings = _read_scopes(scopes), rules.check_limits(limits)
    of_operator = queries.in_operator_organization()
    rules.may_give(
        grantor=maker.permissions(of_operator=of_operator),
        grantor_limits=maker.role.ceilings,
        given=wanted,
        given_limits=ceilings,
        for_self=False,
    )
    if not at < expires_at <= at + LONGEST_LIFE:
        raise KeyLivesTooLong(field="expires_at")
    made = _store(
        ApiKey(
            name=name,
            scopes=sorted(wanted),
            limits={limit.value: value for limit, value in ceilings.items()},
            networks=_read_networks(networks),
            created_by=maker,
            created_at=at,
            expires_at=expires_at,
        )
    )
    audit.record(
        events.APIKEY_CREATED, actor=actor, subject=("api_key", made.key.pk), facts={"scopes": len(wanted)}
    )
    return made


@use_case
def rotate(*, key_id: UUID, overlap: timedelta, actor: Actor, at: datetime) -> Made:
    """Make a key like this one; the old one works on for `overlap`, at most seven days.

    Raises:
        NotFound: there is no such working key.
        OverlapTooLong, OnlyMembersMakeKeys.
        rules.GrantorLacksTheRight, LimitAboveGrantor, OutOfReach.
    """
    if not timedelta(0) <= overlap <= rules.MAX_KEY_OVERLAP:
        raise OverlapTooLong(field="overlap")
    old = _lock(key_id)
    giving.check_reach(old.created_by, actor=actor, at=at)
    maker = _maker(actor, at=at)
    rules.may_give(
        grantor=maker.permissions(of_operator=queries.in_operator_organization()),
        grantor_limits=maker.role.ceilings,
        given=_read_scopes(old.scopes),
        given_limits=rules.check_limits(old.limits),
        for_self=False,
    )
    made = _store(
        ApiKey(
            name=old.name,
            scopes=old.scopes,
            limits=old.limits,
            networks=old.networks,
            created_by=maker,
            created_at=at,
            expires_at=at + (old.expires_at - old.created_at),
        )
    )
    old.replaced_by = made.key.pk
    old.expires_at = min(old.expires_at, at + overlap)
    old.save(update_fields=["replaced_by", "expires_at"])
    audit.record(
        events.APIKEY_ROTATED,
        actor=actor,
        subject=("api_key", old.pk),
        facts={"replaced_by": str(made.key.pk)},
    )
    return made


@use_case
def revoke(*, key_id: UUID, actor: Actor, at: datetime) -> None:
    """Stop a key at once. One of somebody with rights one lacks is out of reach.

    Raises:
        NotFound, members.OnlyMembers.
        rules.OutOfReach
    """
    key = _lock(key_id)
    giving.check_reach(key.created_by, actor=actor, at=at)
    key.revoked_at = at
    key.save(update_fields=["revoked_at"])
    audit.record(events.APIKEY_REVOKED, actor=actor, subject=("api_key", key.pk))


def tenant_of(raw: str) -> UUID:
    """Return the organization a key names, so that its scope can be opened; asks no database.

    Raises:
        KeyRefused: it is no key of ours.
    """
    try:
        return tokens.read_api_key(raw).tenant
    except tokens.MalformedSecret:
        raise KeyRefused from None


def authenticate(raw: str, *, at: datetime, address: str) -> ApiKey:
    """Return the working key of the organization in scope that this text is, with its organization, maker and role.

    One query. `address` is the caller's network address in clear, compared with the key's networks and not
    kept.

    Raises:
        KeyRefused: unknown here, expired, revoked, or its maker is gone.
        KeyFromElsewhere: it is bound to other networks.
    """
    if tokens.read_api_key(raw).tenant != context.current_tenant():
        raise KeyRefused
    key = workingkeys.find(at=at, secret_hash=tokens.digest("api_key", raw))
    if key is None:
        raise KeyRefused
    if key.networks and not _is_inside(address, key.networks):
        raise KeyFromElsewhere
    if key.last_used_at is None or at - key.last_used_at > _TOUCH_EVERY:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=at)
        key.last_used_at = at
    return key


def _maker(actor: Actor, *, at: datetime) -> Membership:
    maker = queries.member_acting(actor, at=at)
    if maker is None:
        raise OnlyMembersMakeKeys
    return maker


def _store(key: ApiKey) -> Made:
    mode = queries.current_organization().mode
    raw = tokens.mint_api_key(tenant=context.current_tenant(), mode=mode)
    key.mode, key.last_four = mode, tokens.last_four(raw)
    key.secret_hash = tokens.digest("api_key", raw)
    key.save(force_insert=True)
    return Made(key, raw)


def _lock(key_id: UUID) -> ApiKey:
    rows = ApiKey.objects.select_related("created_by__role").select_for_update(of=("self",))
    key: ApiKey | None = rows.filter(pk=key_id, revoked_at__isnull=True).first()
    if key is None:
        raise NotFound
    return key


def _read_scopes(scopes: Collection[str]) -> frozenset[Permission]:
    if not scopes or not set(scopes) <= {scope.value for scope in API_KEY_SCOPES}:
        raise UnknownScope(field="scopes")
    return frozenset(Permission(scope) for scope in scopes)


def _read_networks(networks: Collection[str]) -> list[str]:
    try:
        return [str(ipaddress.ip_network(network.strip())) for network in networks]
    except ValueError:
        raise NotANetwork(field="networks") from None


def _is_inside(address: str, networks: Collection[str]) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    # An IPv4 client behind a dual-stack socket is written ::ffff:192.0.2.1; it is the same machine.
    mapped = getattr(found, "ipv4_mapped", None) or found
    return any(mapped in ipaddress.ip_network(network) for network in networks)
