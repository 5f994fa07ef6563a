"""A person's own factors and password.

Promise kept: a factor is added or removed only by somebody who has just used one, or who has none yet; the
last one stays; each change is told to the person by mail (ASVS 6.3.7), and ends the sessions that rested on
what is gone.
"""

import base64
import secrets
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote
from uuid import UUID

import segno
from django.contrib.auth import hashers
from django.db.models import QuerySet

from accounts import events, notices, passwords, queries, rules, throttle, tokens
from accounts.models import PasskeyCredential, RecoveryCode, Session, TotpDevice, User
from accounts.refusals import Recorded
from accounts.services import passkeys, sessions, signin
from accounts.services.sessions import of_account
from audit import services as audit
from core.actor import Actor
from core.errors import NotFound, Refusal, StepUpRequired
from tenancy.context import use_case

RECOVERY_CODES = 10
_TOTP_SECRET_BYTES = 20  # RFC 4226, section 4, R6
ISSUER = "Strongbox"


class WrongCurrentPassword(Recorded):
    """This is not your current password."""

    code = "wrong_current_password"
    event = events.PASSWORD_CHANGE_REFUSED
    result = "failed"


class LastFactorStays(Refusal):
    """This is your only second factor. Add another one first."""

    code = "last_factor"


@dataclass(frozen=True, slots=True, kw_only=True)
class TotpEnrolment:
    """What a person needs to set up their authenticator, shown once."""

    secret: str
    uri: str
    qr_svg: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """The session's new key, and recovery codes when these are the first ones; shown once."""

    raw_key: str
    recovery_codes: tuple[str, ...] = ()


@of_account
def begin_totp(*, session: Session, at: datetime) -> TotpEnrolment:
    """Make a secret for an authenticator; it counts only once a code proves that it arrived.

    Raises:
        StepUpRequired: the person has a factor and has not used it in the last five minutes.
    """
    _may_change(session, at)
    TotpDevice.objects.filter(user=session.user, begun_in=session.pk, confirmed=False).delete()
    secret = base64.b32encode(secrets.token_bytes(_TOTP_SECRET_BYTES)).decode()
    TotpDevice(user=session.user, secret=secret, confirmed=False, begun_in=session.pk, created_at=at).save(
        force_insert=True
    )
    return _enrolment(session.user, secret)


@use_case
def pending_totp(*, session: Session, at: datetime) -> TotpEnrolment | None:
    """Return the authenticator that still waits for its first code, so that a page can show it again.

    Raises:
        StepUpRequired
    """
    _may_change(session, at)
    device = _pending(session, at).first()
    return _enrolment(session.user, device.secret) if device is not None else None


@of_account
def confirm_totp(*, session: Session, code: str, name: str = "", actor: Actor, at: datetime) -> Enrolled:
    """Add the authenticator whose code this is, in place of an earlier one, and complete the session.

    Raises:
        StepUpRequired, signin.WrongCode, throttle.TryAgainLater.
    """
    _may_change(session, at)
    counters = signin.take_second_factor(session, actor=actor, at=at)
    device = _pending(session, at).select_for_update().first()
    if device is None:
        raise signin.WrongCode(subject=("user", session.user_id), field="code")
    signin.check_totp(device, code, at=at)
    throttle.clear(counters)
    for earlier in TotpDevice.objects.filter(user=session.user, confirmed=True):
        _drop(earlier, session, actor=actor, at=at)
    device.confirmed, device.name, device.begun_in = True, name or None, None
    device.save(update_fields=["confirmed", "name", "begun_in"])
    TotpDevice.objects.filter(user=session.user, confirmed=False).delete()
    return _added(session, device, "totp", actor=actor, at=at)


@use_case
def begin_passkey(*, session: Session, at: datetime) -> str:
    """Return the options with which the browser makes a passkey.

    Raises:
        StepUpRequired
    """
    _may_change(session, at)
    return passkeys.begin_registration(user=session.user)


@of_account
def confirm_passkey(*, session: Session, response: str, name: str, actor: Actor, at: datetime) -> Enrolled:
    """Add the passkey that the browser made, and complete the session.

    Raises:
        StepUpRequired, passkeys.PasskeyRefused.
    """
    _may_change(session, at)
    credential = passkeys.complete_registration(user=session.user, response=response, name=name, at=at)
    return _added(session, credential, "passkey", actor=actor, at=at)


@of_account
def rename_passkey(*, session: Session, passkey_id: UUID, name: str) -> PasskeyCredential:
    """Give a passkey another name.

    Raises:
        NotFound
    """
    credential: PasskeyCredential | None = PasskeyCredential.objects.filter(
        user=session.user, pk=passkey_id
    ).first()
    if credential is None:
        raise NotFound
    credential.name = name or None
    credential.save(update_fields=["name"])
    return credential


@of_account
def remove(*, session: Session, factor_id: UUID, actor: Actor, at: datetime) -> None:
    """Remove an authenticator or a passkey, and end the other sessions it proved.

    Raises:
        StepUpRequired, NotFound.
        LastFactorStays: nothing but recovery codes would be left.
    """
    _may_change(session, at)
    user = User.objects.select_for_update().get(pk=session.user_id)
    found = (
        TotpDevice.objects.filter(user=user, confirmed=True, pk=factor_id).first()
        or PasskeyCredential.objects.filter(user=user, pk=factor_id).first()
    )
    if found is None:
        raise NotFound
    factors = queries.factors_of(user.pk)
    if len(factors.passkeys) + (factors.totp is not None) <= 1:
        raise LastFactorStays
    _drop(found, session, actor=actor, at=at)
    notices.tell(user, notices.FACTOR_REMOVED)


@of_account
def new_recovery_codes(*, session: Session, actor: Actor, at: datetime) -> tuple[str, ...]:
    """Make ten new recovery codes in place of all earlier ones; they are shown this once.

    Raises:
        StepUpRequired
    """
    _may_change(session, at)
    codes = _make_codes(session.user, at=at)
    audit.record(
        events.RECOVERY_CODES_MADE,
        actor=signin.as_person(actor, session),
        subject=("user", session.user_id),
        facts={"codes": len(codes)},
    )
    notices.tell(session.user, notices.RECOVERY_CODES_MADE)
    return codes


@of_account
def change_password(
    *, session: Session, current_password: str, new_password: str, actor: Actor, at: datetime
) -> str:
    """Set a new password, end every other session, and return this one's new key (ASVS 6.2.3).

    Who no longer knows the current one recovers the account by mail instead.

    Raises:
        StepUpRequired, WrongCurrentPassword, throttle.TryAgainLater.
        rules.PasswordTooShort, PasswordTooLong, PasswordIsCommon, PasswordNamesItsOwner, PasswordIsGuessable.
    """
    _may_change(session, at)
    counters = signin.take_second_factor(session, actor=actor, at=at)
    if not hashers.check_password(rules.normalize_password(current_password), session.user.password):
        raise WrongCurrentPassword(subject=("user", session.user_id), field="current_password")
    throttle.clear(counters)
    set_password(session.user, new_password, at=at)
    person = signin.as_person(actor, session)
    sessions.end_all(
        user=session.user, actor=person, at=at, reason=Session.EndReason.PASSWORD_CHANGED, but=session
    )
    audit.record(events.PASSWORD_CHANGED, actor=person, subject=("user", session.user_id))
    notices.tell(session.user, notices.PASSWORD_CHANGED)
    return sessions.rotate(session=session, at=at)


def set_password(user: User, new_password: str, *, at: datetime) -> None:
    """Store a new password, once the rules accept it. For use by services that decide whether it may be set.

    Raises:
        rules.PasswordTooShort, PasswordTooLong, PasswordIsCommon, PasswordNamesItsOwner, PasswordIsGuessable.
    """
    accepted = passwords.accept(new_password, context=signin.password_context(user))
    user.password, user.password_changed_at = hashers.make_password(accepted), at
    user.save(update_fields=["password", "password_changed_at"])


def _enrolment(user: User, secret: str) -> TotpEnrolment:
    label = quote(f"{ISSUER}:{user.email}")
    uri = f"otpauth://totp/{label}?secret={secret}&issuer={ISSUER}&algorithm=SHA1&digits=6&period=30"
    picture = segno.make(uri, error="m").svg_inline(scale=4, border=4, svgclass="qr", lineclass=None)
    return TotpEnrolment(secret=secret, uri=uri, qr_svg=picture)


def _pending(session: Session, at: datetime) -> QuerySet[TotpDevice]:
    """Find the authenticator this session began: one that an intruder's session left behind is not shown."""
    rows: QuerySet[TotpDevice] = TotpDevice.objects.filter(
        user=session.user,
        confirmed=False,
        begun_in=session.pk,
        created_at__gt=at - rules.ENROLMENT_LIFE,
    )
    return rows


def _may_change(session: Session, at: datetime) -> None:
    if session.stage == Session.Stage.ENROLLING and not queries.has_factor(session.user):
        return
    if not session.verified or not rules.is_fresh(at=at, step_up_at=session.step_up_at):
        raise StepUpRequired


def _added(
    session: Session, factor: TotpDevice | PasskeyCredential, kind: str, *, actor: Actor, at: datetime
) -> Enrolled:
    signing_in = not session.verified
    raw_key = sessions.verify(session=session, factor=factor, at=at)
    person = signin.as_person(actor, session)
    audit.record(events.MFA_ENROLLED, actor=person, subject=("user", session.user_id), facts={"factor": kind})
    if signing_in:
        signin.record_success(session, actor=person, at=at)
    notices.tell(session.user, notices.FACTOR_ADDED)
    has_codes = RecoveryCode.objects.filter(user=session.user, used_at__isnull=True).exists()
    return Enrolled(raw_key=raw_key, recovery_codes=() if has_codes else _make_codes(session.user, at=at))


def _drop(factor: TotpDevice | PasskeyCredential, session: Session, *, actor: Actor, at: datetime) -> None:
    Session.objects.filter(user=session.user, factor_id=factor.pk, ended_at__isnull=True).exclude(
        pk=session.pk
    ).update(ended_at=at, end_reason=Session.EndReason.FACTOR_CHANGED)
    audit.record(
        events.MFA_REMOVED,
        actor=signin.as_person(actor, session),
        subject=("user", session.user_id),
        facts={"factor": "totp" if isinstance(factor, TotpDevice) else "passkey"},
    )
    factor.delete()


def _make_codes(user: User, *, at: datetime) -> tuple[str, ...]:
    RecoveryCode.objects.filter(user=user).delete()
    codes = tuple(tokens.new_recovery_code() for _ in range(RECOVERY_CODES))
    RecoveryCode.objects.bulk_create(
        RecoveryCode(
            user=user,
            code_hash=tokens.digest("recovery_code", tokens.normalize_recovery_code(code)),
            created_at=at,
        )
        for code in codes
    )
    return codes
