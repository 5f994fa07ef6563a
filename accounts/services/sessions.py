"""Where a person is signed in.

Promise kept: the browser holds a random key, the database its keyed digest; every request asks the row, so
that an ended session opens nothing from the next request on. A key is replaced whenever what it opens grows
(ASVS 7.2.4).
"""

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

from django.db.models import Q, QuerySet
from django_otp.models import Device

from accounts import events, notices, queries, rules, tokens
from accounts.models import PasskeyCredential, RecoveryCode, Session, TotpDevice, User
from audit import services as audit
from core.actor import Actor
from core.errors import NotFound
from tenancy.context import Scope, account, scope, use_case

_P = ParamSpec("_P")
_R = TypeVar("_R")
# A request within a minute of the last one writes nothing: reading a page must not cost an update each time.
_TOUCH_EVERY = timedelta(minutes=1)
_UNFINISHED_AT_ONCE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a sign-in comes from: edge's keyed pseudonym of the address, and a long-lived device cookie."""

    network: str
    address: str = ""
    device: str = ""
    device_key: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """A session and the key to put into the cookie; the key is shown this once."""

    session: Session
    raw_key: str


def of_account(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Mark a use case that writes the account of the `session` or `user` it is called with, and no other."""

    @use_case
    @functools.wraps(function)
    def inner(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        told: dict[str, Any] = dict(kwargs)
        with account(told["session"].user_id if "session" in told else told["user"].pk):
            return function(*args, **kwargs)

    return inner


def resolve(raw_key: str, at: datetime) -> Session | None:
    """Return the session a key opens at this moment, with its person, or None; note that it was seen.

    One query. An idle, expired or ended session opens nothing, whatever the cookie says, and neither does one
    of a person who may not sign in.
    """
    rows = Session.objects.select_related("user").filter(
        key_hash=tokens.digest("session", raw_key), ended_at__isnull=True
    )
    session = next(iter(rows[:1]), None)  # first() would sort what the unique key has already found
    if session is None or not session.user.is_active:
        return None
    if rules.session_is_over(at=at, last_seen_at=session.last_seen_at, expires_at=session.expires_at):
        return None
    if at - session.last_seen_at > _TOUCH_EVERY:
        with account(session.user_id):
            Session.objects.filter(pk=session.pk).update(last_seen_at=at)
        session.last_seen_at = at
    session.user.otp_device = _device(session)
    return session


@of_account
def start(
    *, user: User, origin: Origin, stage: Session.Stage, at: datetime, factor: Device | None = None
) -> Opened:
    """Open a session. A pending or enrolling one lives ten minutes, an active one twelve hours.

    Beyond ten at once the oldest ends: a person who has lost track of them should not keep them open (ASVS
    7.1.2).
    """
    raw_key = tokens.new_secret()
    session = Session(
        key_hash=tokens.digest("session", raw_key),
        user=user,
        stage=stage,
        factor=_kind(factor),
        factor_id=factor.pk if factor else None,
        device=origin.device or None,
        address=origin.address or None,
        network=origin.network,
        device_hash=tokens.digest("device", origin.device_key) if origin.device_key else None,
        created_at=at,
        last_seen_at=at,
        step_up_at=at if factor else None,
        expires_at=at + (rules.SESSION_ABSOLUTE if factor else rules.PENDING_SESSION),
    )
    session.save(force_insert=True)
    open_now = Session.objects.filter(user=user, ended_at__isnull=True, expires_at__gt=at).order_by(
        "-created_at", "-id"
    )
    for old in open_now[rules.MAX_SESSIONS :]:
        _end([old.pk], at=at, reason=Session.EndReason.TOO_MANY)
    return Opened(session, raw_key)


@of_account
def rotate(*, session: Session, at: datetime) -> str:
    """Give a session a new key and return it; the old one opens nothing any more."""
    raw_key = tokens.new_secret()
    session.key_hash = tokens.digest("session", raw_key)
    session.last_seen_at = at
    session.save(update_fields=["key_hash", "last_seen_at"])
    return raw_key


@of_account
def verify(*, session: Session, factor: Device, at: datetime) -> str:
    """Note that a second factor was proved just now, and return the session's new key.

    A session that was pending becomes active and lives twelve hours from its start; in an active one this is
    the step-up that opens money, trust and secrets for five minutes.
    """
    session.stage = Session.Stage.ACTIVE
    session.factor, session.factor_id = _kind(factor), factor.pk
    session.step_up_at = at
    session.expires_at = session.created_at + rules.SESSION_ABSOLUTE
    session.save(update_fields=["stage", "factor", "factor_id", "step_up_at", "expires_at"])
    session.user.otp_device = factor
    return rotate(session=session, at=at)


@of_account
def switch(*, session: Session, tenant_id: UUID, actor: Actor, at: datetime) -> str:
    """Note that the person opened another organization, and return the session's new key.

    The event stands in that organization's trail: its security officers see who came in, and from where.

    Raises:
        NotFound: the person neither works for it nor has a portal there.
    """
    with scope(Scope(tenant=tenant_id, user=session.user_id)):
        if (
            queries.membership(user_id=session.user_id, tenant_id=tenant_id, at=at) is None
            and queries.portal_access(user_id=session.user_id, tenant_id=tenant_id) is None
        ):
            raise NotFound
        audit.record(events.SESSION_SWITCHED, actor=actor, subject=("session", session.pk))
    session.tenant_id = tenant_id
    session.save(update_fields=["tenant_id"])
    return rotate(session=session, at=at)


@of_account
def end(*, session: Session, actor: Actor, at: datetime) -> None:
    """Sign out."""
    _end([session.pk], at=at, reason=Session.EndReason.SIGNED_OUT)
    audit.record(events.SESSION_ENDED, actor=actor, subject=("session", session.pk))


@of_account
def end_one(*, user: User, session_id: UUID, actor: Actor, at: datetime) -> None:
    """End one of a person's own sessions, by its id.

    Raises:
        NotFound: there is no such session of this person.
    """
    if _end(Session.objects.filter(user=user, pk=session_id).values_list("pk", flat=True), at=at) == 0:
        raise NotFound
    audit.record(events.SESSION_REVOKED, actor=actor, subject=("user", user.pk), facts={"sessions": 1})


@of_account
def end_all(
    *,
    user: User,
    actor: Actor,
    at: datetime,
    reason: Session.EndReason = Session.EndReason.REVOKED,
    but: Session | None = None,
    tenant_id: UUID | None = None,
) -> int:
    """End every session of a person, but the one they are asking from, and return how many.

    With `tenant_id` only those that last opened that organization. Otherwise an authenticator that still
    waits for its first code goes as well: an intruder may have planted it.
    """
    rows = Session.objects.filter(user=user)
    if but is not None:
        rows = rows.exclude(pk=but.pk)
    if tenant_id is not None:
        rows = rows.filter(tenant_id=tenant_id)
    ended = _end(rows.values_list("pk", flat=True), at=at, reason=reason)
    if tenant_id is None:
        TotpDevice.objects.filter(user=user, confirmed=False).delete()
    if ended:
        audit.record(
            events.SESSION_REVOKED,
            actor=actor,
            subject=("user", user.pk),
            facts={"sessions": ended},
            reason=reason.value,
        )
    return ended


def knows(*, user: User, origin: Origin, at: datetime) -> bool:
    """Say whether this person signed in completely from this network or device in the last 90 days."""
    device_hash = tokens.digest("device", origin.device_key) if origin.device_key else None
    if knows_device(user=user, device_hash=device_hash, at=at):
        return True
    return bool(origin.network) and _complete(user, at=at).filter(network=origin.network).exists()


def knows_device(*, user: User, device_hash: bytes | None, at: datetime) -> bool:
    """Say whether this person signed in completely with the device of this digest in the last 90 days."""
    return device_hash is not None and _complete(user, at=at).filter(device_hash=device_hash).exists()


def _complete(user: User, *, at: datetime) -> QuerySet[Session]:
    return Session.objects.filter(
        user=user, stage=Session.Stage.ACTIVE, created_at__gt=at - rules.KNOWN_NETWORK
    )


def is_new_place(session: Session, *, at: datetime) -> bool:
    """Say whether a session comes from a network and a device its person has not used in the last 90 days.

    A first sign-in is no new place: there is no old one.
    """
    earlier = Session.objects.filter(
        user=session.user, stage=Session.Stage.ACTIVE, created_at__gt=at - rules.KNOWN_NETWORK
    ).exclude(pk=session.pk)
    same = Q(network=session.network) & ~Q(network="")
    if session.device_hash is not None:
        same |= Q(device_hash=bytes(session.device_hash))
    return earlier.exists() and not earlier.filter(same).exists()


@use_case
def close_unfinished(*, at: datetime) -> int:
    """End sign-ins that stopped before the second factor, and return how many people were told (ASVS 6.3.5).

    Whoever came in from the same network afterwards has only started over, and is told nothing.
    """
    stale = Session.objects.filter(stage=Session.Stage.PENDING, ended_at__isnull=True, expires_at__lte=at)
    told = 0
    for session in stale.select_related("user").order_by("created_at")[:_UNFINISHED_AT_ONCE]:
        with account(session.user_id):
            if not _end([session.pk], at=at, reason=Session.EndReason.EXPIRED):
                continue  # another worker was faster, and tells them
        started_over = Session.objects.filter(
            user=session.user,
            stage=Session.Stage.ACTIVE,
            network=session.network,
            created_at__gte=session.created_at,
        )
        if not started_over.exists():
            notices.tell(session.user, notices.UNFINISHED_SIGNIN, once_per=f"{at:%Y-%m-%dT%H}")
            told += 1
    return told


def _end(ids: Iterable[UUID], *, at: datetime, reason: Session.EndReason = Session.EndReason.REVOKED) -> int:
    rows = Session.objects.filter(pk__in=ids, ended_at__isnull=True)
    return int(rows.update(ended_at=at, end_reason=reason))


def _kind(factor: Device | None) -> Session.Factor:
    for model, kind in _KINDS.items():
        if isinstance(factor, model):
            return kind
    return Session.Factor.NONE


def _device(session: Session) -> Device | None:
    if not session.verified:
        return None
    model = next(model for model, kind in _KINDS.items() if kind == session.factor)
    # The row is not read on each request: removing a factor ends the sessions it proved.
    return model(pk=session.factor_id, user_id=session.user_id)


_KINDS: dict[type[Device], Session.Factor] = {
    TotpDevice: Session.Factor.TOTP,
    PasskeyCredential: Session.Factor.PASSKEY,
    RecoveryCode: Session.Factor.RECOVERY_CODE,
}
