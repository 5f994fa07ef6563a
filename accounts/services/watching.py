"""What those who watch over people do: end somebody's session, and remind them to set up a second factor.

Promise kept: only what is open in this organization can be ended from it, and a reminder carries no link to follow.
"""

from datetime import datetime
from uuid import UUID

from accounts import events, notices, oversight, queries
from accounts.models import Membership, Session, User
from accounts.services import sessions
from audit import services as audit
from core.actor import Actor
from core.errors import Conflict
from tenancy.context import use_case


class HasFactor(Conflict):
    """They have a second factor by now. Nobody was reminded."""

    code = "has_factor"


class NobodyToRemind(Conflict):
    """They do not work here at present. Nobody was reminded."""

    code = "nobody_to_remind"


@use_case
def end_session(*, session_id: UUID, actor: Actor, at: datetime) -> None:
    """End a session that is open in the organization in scope.

    Raises:
        NotFound: there is none, or it is open elsewhere.
    """
    found = oversight.session(session_id, at=at)
    sessions.end_one(user=found.user, session_id=found.pk, actor=actor, at=at)


@use_case
def sign_out(*, member_id: UUID, actor: Actor, at: datetime, but: Session | None = None) -> int:
    """End every session of a member but `but`, here and elsewhere, and return how many.

    A session that last opened another organization opens this one just as well.

    Raises:
        NotFound
    """
    user: User = queries.member(member_id).user
    return sessions.end_all(user=user, actor=actor, at=at, but=but)


@use_case
def remind_of_factor(*, member_id: UUID, actor: Actor, at: datetime) -> None:
    """Mail a member that they still sign in with a password alone; once a day at most.

    Raises:
        NotFound
        HasFactor
        NobodyToRemind
    """
    member = queries.member(member_id)
    if member.state != Membership.State.ACTIVE:
        raise NobodyToRemind
    if queries.has_factor(member.user):
        raise HasFactor
    notices.tell(member.user, notices.FACTOR_MISSING, once_per=f"{at:%Y-%m-%d}")
    audit.record(events.MEMBER_REMINDED, actor=actor, subject=("member", member.pk))
