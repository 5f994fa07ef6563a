"""Signing in: a password opens the door to the second factor and nothing else.

Promise kept: every failure of the password step looks and lasts the same, whether the account exists or not
(ASVS 6.3.8); no path leads past the second factor (6.3.4); a code is accepted once (6.5.1); nobody can be
locked out by somebody else's failures (6.1.1).
"""

import base64
import functools
import re
from dataclasses import replace
from datetime import datetime

from django.contrib.auth import hashers
from django_otp import oath
from django_otp.models import Device

from accounts import events, notices, queries, rules, throttle, tokens
from accounts.models import RecoveryCode, Session, TotpDevice, User
from accounts.models.people import normalize_email
from accounts.refusals import Recorded
from accounts.services import passkeys, sessions
from accounts.services.sessions import Opened, Origin, of_account
from accounts.throttle import Counter
from audit import services as audit
from core import ids, primitives
from core.actor import Actor, ActorKind, SignInMethod
from tenancy.context import account, use_case

TOTP_STEP_SECONDS = 30
TOTP_DIGITS = 6
# The step on the screen and the one before it: people type slowly. None in the future. A documented deviation
# from ASVS 6.5.5, which would allow the current one only.
_STEPS_BACK = 1


class WrongCredentials(Recorded):
    """The e-mail address or the password is not right."""

    code = "wrong_credentials"
    event = events.SIGNIN_FAILED
    result = "failed"


class WrongCode(Recorded):
    """This code is not right. Check the time on your phone, or use another way."""

    code = "wrong_code"
    event = events.MFA_FAILED
    result = "failed"


class CodeUsedBefore(Recorded):
    """This code was used already. Wait for the next one."""

    code = "code_used"
    event = events.MFA_REPLAYED


@use_case
def with_password(*, email: str, password: str, origin: Origin, at: datetime) -> Opened:
    """Check e-mail and password and open a session that may only go on to the second factor.

    Its stage says what comes next: `pending` asks for a factor, `enrolling` demands that one be added first.

    Raises:
        WrongCredentials: also when there is no such account, or it is suspended.
        throttle.TryAgainLater: too many failures from here.
    """
    person = queries.find_user(email)
    # The same queries and the same hashing for an account that does not exist.
    counters = _counters(normalize_email(email), person or User(pk=ids.uuid7()), origin=origin, at=at)
    throttle.take(counters, at=at)
    stored = person.password if person is not None else _nobodys_password()
    right = hashers.check_password(rules.normalize_password(password), stored)
    if person is None or not right or not person.is_active:
        raise WrongCredentials(subject=("user", person.pk) if person else None, field="password")
    # The network's own counter stays: one right password among many wrong ones is what spraying looks like.
    throttle.clear([counter for counter in counters if not counter.name.startswith("network:")])
    stage = Session.Stage.PENDING if queries.has_factor(person) else Session.Stage.ENROLLING
    with account(person.pk):
        if hashers.identify_hasher(stored).must_update(stored):
            person.password = hashers.make_password(rules.normalize_password(password))
            person.save(update_fields=["password"])
        return sessions.start(user=person, origin=origin, stage=stage, at=at)


@of_account
def with_totp(*, session: Session, code: str, actor: Actor, at: datetime) -> str:
    """Prove a session with an authenticator's code, to finish signing in or to step up; return its new key.

    Raises:
        WrongCode, CodeUsedBefore, throttle.TryAgainLater.
    """
    counters = take_second_factor(session, actor=actor, at=at)
    # The lock makes a second try with the same code wait, and then see that it was used.
    device = TotpDevice.objects.select_for_update().filter(user=session.user, confirmed=True).first()
    if device is None:
        raise WrongCode(subject=("user", session.user_id), field="code")
    check_totp(device, code, at=at)
    throttle.clear(counters)
    return _proved(session, device, actor=actor, at=at)


@of_account
def with_recovery_code(*, session: Session, code: str, actor: Actor, at: datetime) -> str:
    """Prove a session with one of the ten recovery codes, once; return the session's new key.

    Raises:
        WrongCode: not one of theirs.
        CodeUsedBefore: it was used.
        throttle.TryAgainLater: too many failures.
    """
    counters = take_second_factor(session, actor=actor, at=at)
    digest = tokens.digest("recovery_code", tokens.normalize_recovery_code(code))
    found = RecoveryCode.objects.select_for_update().filter(user=session.user, code_hash=digest).first()
    if found is None:
        raise WrongCode(subject=("user", session.user_id), field="code")
    if found.used_at is not None:
        raise CodeUsedBefore(subject=("user", session.user_id), field="code")
    found.used_at = at
    found.save(update_fields=["used_at"])
    throttle.clear(counters)
    left = RecoveryCode.objects.filter(user=session.user, used_at__isnull=True).count()
    audit.record(
        events.RECOVERY_CODE_USED,
        actor=as_person(actor, session),
        subject=("user", session.user_id),
        facts={"left": left},
    )
    notices.tell(session.user, notices.RECOVERY_CODE_USED, left=left)
    return _proved(session, found, actor=actor, at=at)


@of_account
def with_passkey(*, session: Session, response: str, actor: Actor, at: datetime) -> str:
    """Prove a session with a passkey of its person; return its new key.

    Raises:
        passkeys.PasskeyRefused
    """
    credential = passkeys.complete_authentication(response=response, user=session.user, at=at)
    return _proved(session, credential, actor=actor, at=at)


@use_case
def with_passkey_alone(*, response: str, origin: Origin, actor: Actor, at: datetime) -> Opened:
    """Sign in by a passkey, without a password: it proves possession and, by PIN or biometry, the person.

    It is not throttled: nothing can be guessed, and so it stays open to a victim of somebody else's guessing.

    Raises:
        passkeys.PasskeyRefused
        WrongCredentials: the person may not sign in.
    """
    credential = passkeys.complete_authentication(response=response, user=None, at=at)
    person = User.objects.get(pk=credential.user_id)
    if not person.is_active:
        raise WrongCredentials(subject=("user", person.pk))
    opened = sessions.start(user=person, origin=origin, stage=Session.Stage.ACTIVE, at=at, factor=credential)
    record_success(opened.session, actor=as_person(actor, opened.session), at=at)
    return opened


def check_totp(device: TotpDevice, code: str, *, at: datetime) -> None:
    """Accept an authenticator's code once. The caller holds the device's row lock.

    Raises:
        WrongCode, CodeUsedBefore.
    """
    typed = re.sub(r"\s", "", code)
    current = int(at.timestamp()) // TOTP_STEP_SECONDS
    key = base64.b32decode(device.secret)
    for step in range(current, current - _STEPS_BACK - 1, -1):
        expected = f"{oath.hotp(key, step, digits=TOTP_DIGITS):0{TOTP_DIGITS}d}"
        if primitives.constant_time_equal(expected.encode(), typed.encode()):
            if step <= device.last_t:
                raise CodeUsedBefore(subject=("user", device.user_id), field="code")
            device.last_t, device.last_used_at = step, at
            device.save(update_fields=["last_t", "last_used_at"])
            return
    raise WrongCode(subject=("user", device.user_id), field="code")


def take_second_factor(session: Session, *, actor: Actor, at: datetime) -> list[Counter]:
    """Count one attempt at a second factor; a device the person is known by is counted by itself.

    Raises:
        throttle.TryAgainLater
    """
    user = session.user
    device = bytes(session.device_hash) if session.device_hash is not None else None
    if device is not None and sessions.knows_device(user=user, device_hash=device, at=at):
        counters = [Counter(f"factor:{user.pk}:device:{device.hex()}", rules.SECOND_FACTOR)]
        throttle.take(counters, at=at)
        return counters
    counters = [Counter(f"factor:{user.pk}:{actor.network}", rules.SECOND_FACTOR)]
    if not sessions.knows(user=user, origin=Origin(network=actor.network), at=at):
        counters.append(Counter(f"factor:{user.pk}", rules.ACCOUNT_FROM_UNKNOWN))
    throttle.take(counters, at=at)
    return counters


def as_person(actor: Actor, session: Session) -> Actor:
    """Return the actor as the person who has just proved who they are."""
    return replace(
        actor,
        kind=ActorKind.USER if actor.kind is ActorKind.STRANGER else actor.kind,
        id=session.user_id,
        session_id=session.pk,
        method=SignInMethod.SESSION_FRESH,
    )


def password_context(user: User, *more: str) -> list[str]:
    """Return the words that must not make up a person's password."""
    return [word for word in (user.email, user.name, *more) if word]


def record_success(session: Session, *, actor: Actor, at: datetime) -> None:
    """Record a completed sign-in, and tell the person when it came from a place they are not known at."""
    new_place = sessions.is_new_place(session, at=at)
    audit.record(
        events.SIGNIN_SUCCEEDED,
        actor=actor,
        subject=("session", session.pk),
        facts={"factor": session.factor, "new_place": new_place},
    )
    if new_place:
        notices.tell(session.user, notices.NEW_PLACE)


def _proved(session: Session, factor: Device, *, actor: Actor, at: datetime) -> str:
    was_complete = session.verified
    raw_key = sessions.verify(session=session, factor=factor, at=at)
    person = as_person(actor, session)
    if was_complete:
        audit.record(
            events.STEPPED_UP, actor=person, subject=("session", session.pk), facts={"factor": session.factor}
        )
    else:
        record_success(session, actor=person, at=at)
    return raw_key


def _counters(account: str, user: User, *, origin: Origin, at: datetime) -> list[Counter]:
    device_hash = tokens.digest("device", origin.device_key) if origin.device_key else None
    if device_hash is not None and sessions.knows_device(user=user, device_hash=device_hash, at=at):
        # Counted by itself: whoever else guesses from the same network cannot make this device wait.
        return [Counter(f"password:{account}:device:{device_hash.hex()}", rules.ACCOUNT_AND_NETWORK)]
    counters = [
        Counter(f"password:{account}:{origin.network}", rules.ACCOUNT_AND_NETWORK),
        Counter(f"network:{origin.network}", rules.NETWORK),
    ]
    if not sessions.knows(user=user, origin=Origin(network=origin.network), at=at):
        counters.append(Counter(f"password:{account}", rules.ACCOUNT_FROM_UNKNOWN))
    return counters


@functools.cache
def _nobodys_password() -> str:
    return hashers.make_password(tokens.new_secret())
