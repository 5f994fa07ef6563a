"""Reads for those who watch over people: what waits for their decision, who is signed in, how strongly they sign in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from accounts import queries, rules
from accounts.models import (
    ApiKey,
    ApprovalRequest,
    Membership,
    PasskeyCredential,
    PortalAccess,
    Session,
    TotpDevice,
)
from accounts.permissions import POWERFUL
from core.errors import NotFound
from tenancy import context

PAGE = 50


def to_decide(user_id: UUID, *, at: datetime) -> QuerySet[ApprovalRequest]:
    """List the requests a person may decide, newest first: nobody decides their own."""
    waiting = queries.approvals(state=ApprovalRequest.State.PENDING).filter(expires_at__gt=at)
    return waiting.exclude(requested_by=user_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How strongly people sign in: with a passkey, with an authenticator alone, with a password alone."""

    who: str
    people: int
    passkey: int
    totp: int
    none: int

    @property
    def percent(self) -> int:
        """Return how many of a hundred have a second factor; all of nobody."""
        return 100 * (self.people - self.none) // self.people if self.people else 100


def coverage() -> tuple[Coverage, Coverage]:
    """Return how members and customers of the organization in scope sign in; a statement each."""
    members = Membership.objects.filter(state=Membership.State.ACTIVE)
    return _coverage("Members", members), _coverage(
        "Customers", PortalAccess.objects.filter(ended_at__isnull=True)
    )


def without_factor() -> list[Membership]:
    """List the active members who sign in with a password alone."""
    found = queries.members().filter(state=Membership.State.ACTIVE)
    return list(found.exclude(Exists(_PASSKEYS)).exclude(Exists(_TOTP)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Powerful:
    """How many members hold rights that take two people to give, and how many memberships end by themselves."""

    people: int
    powerful: int
    ending: int


def powerful() -> Powerful:
    """Count who holds powerful rights in the organization in scope; one statement."""
    of_operator = queries.in_operator_organization()
    found = list(queries.members().filter(state=Membership.State.ACTIVE).defer("user__name", "user__email"))
    return Powerful(
        people=len(found),
        powerful=sum(bool(member.permissions(of_operator=of_operator) & POWERFUL) for member in found),
        ending=sum(member.expires_at is not None for member in found),
    )


def sessions(*, at: datetime, after: UUID | None = None) -> tuple[Sequence[Session], UUID | None]:
    """List the sessions that are open in the organization in scope, the latest sign-in first, and the next cursor."""
    found = _open(at).select_related("user").order_by("-id")
    if after is not None:
        found = found.filter(pk__lt=after)
    shown = list(found[: PAGE + 1])
    return shown[:PAGE], shown[PAGE - 1].pk if len(shown) > PAGE else None


def session(session_id: UUID, *, at: datetime) -> Session:
    """Return a session that is open in the organization in scope.

    Raises:
        NotFound: there is none, or it is open elsewhere.
    """
    found: Session | None = _open(at).select_related("user").filter(pk=session_id).first()
    if found is None:
        raise NotFound
    return found


def sessions_of_member(member: Membership, *, at: datetime) -> QuerySet[Session]:
    """List the sessions of a member that are open in the organization in scope, last seen first."""
    return _open(at).filter(user_id=member.user_id).select_related("user").order_by("-last_seen_at")


def keys_of(member: Membership, *, at: datetime) -> QuerySet[ApiKey]:
    """List the working keys a member made, the newest first."""
    return queries.api_keys().filter(created_by=member, revoked_at__isnull=True, expires_at__gt=at)


def asked_by(user_id: UUID, *, at: datetime) -> QuerySet[ApprovalRequest]:
    """List what a person has asked for and nobody has decided."""
    return queries.approvals(state=ApprovalRequest.State.PENDING).filter(
        expires_at__gt=at, requested_by=user_id
    )


def invited_by(user_id: UUID, *, at: datetime) -> int:
    """Count the open invitations a person sent: they go with them."""
    return queries.open_invitations(at=at).filter(invited_by=user_id).count()


def _open(at: datetime) -> QuerySet[Session]:
    return Session.objects.filter(
        tenant_id=context.current_tenant(),
        ended_at__isnull=True,
        expires_at__gt=at,
        last_seen_at__gt=at - rules.SESSION_IDLE,
    )


_PASSKEYS = PasskeyCredential.objects.filter(user_id=OuterRef("user_id"))
_TOTP = TotpDevice.objects.filter(user_id=OuterRef("user_id"), confirmed=True)


def _coverage(who: str, rows: "QuerySet[Any]") -> Coverage:
    has = rows.annotate(with_passkey=Exists(_PASSKEYS), with_totp=Exists(_TOTP))
    found = has.aggregate(
        people=Count("user_id", distinct=True),
        passkey=Count("user_id", distinct=True, filter=Q(with_passkey=True)),
        totp=Count("user_id", distinct=True, filter=Q(with_passkey=False, with_totp=True)),
        none=Count("user_id", distinct=True, filter=Q(with_passkey=False, with_totp=False)),
    )
    return Coverage(who=who, **found)
