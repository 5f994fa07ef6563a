"""What accounts keeps for a while goes when that while is over, as the data policies of its tables say."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from accounts import events, grants
from accounts.models import Invitation
from audit import services as audit
from core.actor import Actor
from tenancy.context import use_case

INVITATIONS_STAY = timedelta(days=30)
_MOST_INVITATIONS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """How many rows went."""

    sessions: int = 0
    tokens: int = 0
    invitations: int = 0
    grants: int = 0

    @property
    def rows(self) -> int:
        """Return how many in all."""
        return self.sessions + self.tokens + self.invitations + self.grants


@use_case
def remove_signins(*, actor: Actor) -> Removed:
    """Remove sessions and recovery tokens whose retention has ended by the database's clock, 10,000 of each.

    They belong to no organization: call it in a scope that names none.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT sessions, tokens FROM accounts_remove_ended()")
        sessions, tokens = cursor.fetchone()
    removed = Removed(sessions=sessions, tokens=tokens)
    if removed.rows:
        audit.record(
            events.RETENTION_ENDED,
            actor=actor,
            facts={"sessions": removed.sessions, "recovery_tokens": removed.tokens},
        )
    return removed


@use_case
def remove_invitations_and_grants(*, actor: Actor, at: datetime) -> Removed:
    """Remove the invitations of the organization in scope 30 days after they expired, and grants that ended."""
    old = Invitation.objects.filter(expires_at__lt=at - INVITATIONS_STAY).order_by("created_at")
    keys = list(old.values_list("pk", flat=True)[:_MOST_INVITATIONS])
    gone, _ = Invitation.objects.filter(pk__in=keys).delete()
    removed = Removed(invitations=gone, grants=grants.remove_expired(at=at))
    if removed.rows:
        audit.record(
            events.RETENTION_ENDED,
            actor=actor,
            facts={"invitations": removed.invitations, "grants": removed.grants},
        )
    return removed
