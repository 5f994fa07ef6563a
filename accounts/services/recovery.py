"""The way back in for somebody who forgot their password.

Promise kept: asking answers the same, in the same time, whether the account exists or not (ASVS 6.3.8); the
link sets a password and signs nobody in; the second factor is still asked, and every session ends (6.4.3).
"""

from datetime import datetime

from django.conf import settings

from accounts import events, notices, rules, throttle, tokens
from accounts.models import RecoveryToken, Session, User
from accounts.models.people import normalize_email
from accounts.refusals import Recorded
from accounts.services import factors, sessions
from accounts.throttle import Counter
from audit import services as audit
from core.actor import Actor
from crypto import blindindex
from crypto.values import BlindIndex
from tenancy import context
from tenancy.context import use_case


class RecoveryRefused(Recorded):
    """This link is used or too old. Ask for a new one."""

    code = "recovery_refused"
    status = 404
    event = events.RECOVERY_FAILED
    result = "failed"


@use_case
def request(*, email: str, network: str, at: datetime) -> None:
    """Ask for a link. The account is looked up by the worker, so that this takes as long for any address.

    The queue carries the address's blind index, never the address.

    Raises:
        throttle.TryAgainLater: too many from this network.
    """
    address = normalize_email(email)
    throttle.take(
        [Counter(f"mail:{address}:{network}", rules.MAIL), Counter(f"mail-network:{network}", rules.NETWORK)],
        at=at,
    )
    try:
        throttle.take([Counter(f"mail:{address}", rules.MAILBOX)], at=at)
    except throttle.TryAgainLater:
        # The same answer: somebody else's asking neither shows nor shuts the owner out with a refusal.
        return
    index = blindindex.lookup(User, "email_index", address).hex()
    context.after_commit(lambda: _send_soon(index))


@use_case
def send(*, email_index: bytes, actor: Actor, at: datetime) -> None:
    """Mail a link that lives an hour to the account of this index, if there is one that may sign in."""
    person = User.objects.filter(email_index=BlindIndex(email_index), state=User.State.ACTIVE).first()
    if person is None:
        return
    raw = tokens.new_secret()
    with context.account(person.pk):
        RecoveryToken(
            user=person,
            token_hash=tokens.digest("recovery_token", raw),
            created_at=at,
            expires_at=at + rules.RECOVERY_LIFE,
        ).save(force_insert=True)
    audit.record(events.RECOVERY_REQUESTED, actor=actor, subject=("user", person.pk))
    notices.tell(person, notices.RECOVERY, url=f"{settings.PUBLIC_URL}/recover/{raw}")


@use_case
def read(*, raw: str, at: datetime) -> RecoveryToken:
    """Return the token a link opens.

    Raises:
        RecoveryRefused
    """
    return _open(raw, at=at)


@use_case
def complete(*, raw: str, new_password: str, actor: Actor, at: datetime) -> None:
    """Set a new password by a link; end every session and every other link. It signs nobody in.

    Raises:
        RecoveryRefused
        rules.PasswordTooShort, PasswordTooLong, PasswordIsCommon, PasswordNamesItsOwner, PasswordIsGuessable.
    """
    whose = _open(raw, at=at).user_id
    with context.account(whose):
        person = User.objects.select_for_update().get(pk=whose)
        _open(raw, at=at)  # once more behind the lock: of two who hold the link, one uses it
        factors.set_password(person, new_password, at=at)
        RecoveryToken.objects.filter(user=person, used_at__isnull=True).update(used_at=at)
        sessions.end_all(user=person, actor=actor, at=at, reason=Session.EndReason.PASSWORD_CHANGED)
    audit.record(events.RECOVERY_COMPLETED, actor=actor, subject=("user", person.pk))
    notices.tell(person, notices.PASSWORD_CHANGED)


def _open(raw: str, *, at: datetime) -> RecoveryToken:
    rows = RecoveryToken.objects.select_related("user")
    token = rows.filter(token_hash=tokens.digest("recovery_token", raw)).first()
    if token is None or token.used_at is not None or at >= token.expires_at or not token.user.is_active:
        raise RecoveryRefused(subject=("user", token.user_id) if token else None)
    return token


def _send_soon(index: str) -> None:
    from accounts import tasks  # noqa: PLC0415  the task module imports this one

    tasks.send_recovery.delay(index)
