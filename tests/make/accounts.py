"""People, members, sessions and keys for tests. Call these inside a scope that may hold them."""

import base64
import functools
import secrets
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth import hashers
from django_otp import oath

from accounts import queries, rules, tokens
from accounts.models import Membership, PortalAccess, RecoveryToken, Role, Session, TotpDevice, User
from accounts.permissions import API_KEY_SCOPES
from accounts.services import apikeys, sessions, signin
from accounts.services.sessions import Opened, Origin
from core import clock, ids
from core.actor import Actor, ActorKind, SignInMethod, Via
from tenancy.context import account

PASSWORD = "violet tractor ninety lamps"


@functools.cache
def _stored_password() -> str:
    return hashers.make_password(PASSWORD)


def address() -> str:
    """Return an e-mail address nobody has."""
    return f"{secrets.token_hex(8)}@people.example"


def network() -> str:
    """Return a network pseudonym nobody came from yet, so that no counter is shared between tests."""
    return secrets.token_hex(12)


def person(*, email: str = "", name: str = "Ada Lovelace", at: datetime | None = None) -> User:
    """Make a person with PASSWORD and no second factor."""
    user = User(
        email=email or address(), name=name, password=_stored_password(), created_at=at or clock.now()
    )
    with account(user.pk):
        user.save(force_insert=True)
    return user


def totp(user: User, *, at: datetime | None = None) -> TotpDevice:
    """Give a person a confirmed authenticator."""
    secret = base64.b32encode(secrets.token_bytes(20)).decode()
    device = TotpDevice(user=user, secret=secret, confirmed=True, created_at=at or clock.now())
    with account(user.pk):
        device.save(force_insert=True)
    return device


def recovery_link(user: User, *, at: datetime) -> str:
    """Return the secret of a link by which a person may set a new password."""
    raw = tokens.new_secret()
    with account(user.pk):
        RecoveryToken(
            user=user,
            token_hash=tokens.digest("recovery_token", raw),
            created_at=at,
            expires_at=at + rules.RECOVERY_LIFE,
        ).save(force_insert=True)
    return raw


def change(row: User | Session | TotpDevice, **values: Any) -> None:
    """Write what no service would into a row of somebody's account, as that person."""
    for name, value in values.items():
        setattr(row, name, value)
    with account(row.pk if isinstance(row, User) else row.user_id):
        row.save(update_fields=list(values))


def code(device: TotpDevice, *, at: datetime) -> str:
    """Return what the person's authenticator shows at this moment."""
    step = int(at.timestamp()) // signin.TOTP_STEP_SECONDS
    return f"{oath.hotp(base64.b32decode(device.secret), step):06d}"


def member(
    role: str = "owner",
    *,
    user: User | None = None,
    at: datetime | None = None,
    expires_at: datetime | None = None,
) -> Membership:
    """Make somebody a member of the organization in scope, in the role of this code."""
    at = at or clock.now()
    made = Membership(
        user=user or person(at=at), role=queries.role(role), joined_at=at, expires_at=expires_at
    )
    made.save(force_insert=True)
    return made


def custom_role(
    code: str, rights: Collection[str], *, limits: Mapping[str, int] | None = None, at: datetime | None = None
) -> Role:
    """Make a role of the organization in scope, past the rules of who may give what."""
    role = Role(
        code=code, label=code, rights=sorted(rights), limits=dict(limits or {}), created_at=at or clock.now()
    )
    role.save(force_insert=True)
    return role


def portal_access(customer_id: UUID, *, user: User | None = None, at: datetime | None = None) -> PortalAccess:
    """Open one customer's portal to somebody."""
    at = at or clock.now()
    access = PortalAccess(user=user or person(at=at), customer_id=customer_id, created_at=at)
    access.save(force_insert=True)
    return access


def session(
    user: User, *, at: datetime | None = None, complete: bool = True, origin: Origin | None = None
) -> Opened:
    """Sign a person in: completely (an authenticator is made when needed), or up to the second factor."""
    at = at or clock.now()
    origin = origin or Origin(network=network(), address="192.0.2.10", device="Firefox on Linux")
    if not complete:
        return sessions.start(user=user, origin=origin, stage=Session.Stage.PENDING, at=at)
    device = TotpDevice.objects.filter(user=user, confirmed=True).first() or totp(user, at=at)
    return sessions.start(user=user, origin=origin, stage=Session.Stage.ACTIVE, at=at, factor=device)


def api_key(
    maker: Membership,
    *,
    scopes: Collection[str] = (),
    limits: Mapping[str, int] | None = None,
    at: datetime | None = None,
    **more: Any,
) -> apikeys.Made:
    """Make a key of a member, with every scope unless told otherwise."""
    at = at or clock.now()
    return apikeys.create(
        name="test key",
        scopes=scopes or sorted(API_KEY_SCOPES),
        limits=limits or {},
        expires_at=more.pop("expires_at", at + timedelta(days=30)),
        actor=actor(maker.user),
        at=at,
        **more,
    )


def actor(user: User, *, fresh: bool = True, opened: Opened | None = None, network: str = "") -> Actor:
    """Return a person as they act through the web, with a factor used just now unless told otherwise."""
    return Actor(
        kind=ActorKind.USER,
        via=Via.WEB,
        request_id=ids.uuid7(),
        id=user.pk,
        session_id=opened.session.pk if opened else None,
        network=network,
        method=SignInMethod.SESSION_FRESH if fresh else SignInMethod.SESSION,
    )


def stranger(*, network: str = "") -> Actor:
    """Return somebody who has proved nothing."""
    return Actor.stranger(via=Via.WEB, request_id=ids.uuid7(), network=network)
