"""Passkeys: WebAuthn ceremonies as JSON in and out, without HTTP.

Promise kept: a challenge of 512 random bits is kept on the server and taken once; the person is always
verified by their device, so that a stolen key fob alone opens nothing (ASVS 6.7.2). The challenge is found by
what the browser signed, so that no state travels with the browser.
"""

import base64
import hashlib
import json
from datetime import datetime
from typing import Any
from uuid import UUID

import webauthn
from django.conf import settings
from django.db.models import QuerySet
from webauthn.helpers import (
    base64url_to_bytes,
    generate_challenge,
    options_to_json,
    parse_authentication_credential_json,
    parse_registration_credential_json,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticationCredential,
    AuthenticatorSelectionCriteria,
    CredentialDeviceType,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from accounts import events, throttle
from accounts.models import PasskeyCredential, User
from accounts.refusals import Recorded
from tenancy.context import account

CHALLENGE_SECONDS = 300
# RecursionError: brackets within brackets, deeper than the reader goes.
_UNREADABLE = (ValueError, KeyError, TypeError, RecursionError)


class PasskeyRefused(Recorded):
    """This passkey could not be used here. Try again, or use another way."""

    code = "passkey_refused"
    event = events.MFA_FAILED
    result = "failed"


def begin_registration(*, user: User) -> str:
    """Return the options, as JSON, with which the browser makes a new passkey for this person."""
    challenge = generate_challenge()
    options = webauthn.generate_registration_options(
        rp_id=settings.OTP_WEBAUTHN_RP_ID,
        rp_name=settings.OTP_WEBAUTHN_RP_NAME,
        user_id=user.pk.bytes,  # opaque, as WebAuthn level 3, 14.6.1 asks
        user_name=user.email or str(user.pk),
        user_display_name=user.name or user.email or "",
        challenge=challenge,
        timeout=CHALLENGE_SECONDS * 1000,
        attestation=AttestationConveyancePreference.NONE,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=PasskeyCredential.get_credential_descriptors_for_user(user),
    )
    _keep(challenge, "register", user.pk)
    return str(options_to_json(options))


def complete_registration(*, user: User, response: str, name: str, at: datetime) -> PasskeyCredential:
    """Store the passkey that the browser made. Call it through services.factors, which decides.

    Raises:
        PasskeyRefused
    """
    challenge = _take(response, "register", user.pk)
    try:
        parsed = parse_registration_credential_json(response)
        verified = webauthn.verify_registration_response(
            credential=parsed,
            expected_challenge=challenge,
            expected_rp_id=settings.OTP_WEBAUTHN_RP_ID,
            expected_origin=settings.OTP_WEBAUTHN_ALLOWED_ORIGINS,
            require_user_verification=True,
        )
    except (WebAuthnException, RecursionError) as error:
        raise PasskeyRefused(subject=("user", user.pk)) from error
    credential = PasskeyCredential(
        user=user,
        name=name or None,
        confirmed=True,
        created_at=at,
        credential_id=verified.credential_id,
        credential_id_sha256=PasskeyCredential.get_credential_id_sha256(verified.credential_id),
        public_key=verified.credential_public_key,
        sign_count=verified.sign_count,
        transports=[transport.value for transport in parsed.response.transports or []],
        aaguid=verified.aaguid,
        discoverable=True,
        backup_eligible=verified.credential_device_type == CredentialDeviceType.MULTI_DEVICE,
        backup_state=verified.credential_backed_up,
    )
    if PasskeyCredential.objects.filter(credential_id_sha256=credential.credential_id_sha256).exists():
        raise PasskeyRefused(subject=("user", user.pk))
    credential.save(force_insert=True)
    return credential


def begin_authentication(*, user: User | None) -> str:
    """Return the options, as JSON, with which the browser proves a passkey: of this person, or of anybody."""
    challenge = generate_challenge()
    options = webauthn.generate_authentication_options(
        rp_id=settings.OTP_WEBAUTHN_RP_ID,
        challenge=challenge,
        timeout=CHALLENGE_SECONDS * 1000,
        # Without a person nothing is listed: a list would tell who has an account.
        allow_credentials=PasskeyCredential.get_credential_descriptors_for_user(user) if user else None,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    _keep(challenge, "authenticate", user.pk if user else None)
    return str(options_to_json(options))


def complete_authentication(*, response: str, user: User | None, at: datetime) -> PasskeyCredential:
    """Check what the browser signed and return the passkey it used. Call it through services.signin.

    Raises:
        PasskeyRefused: unknown, of somebody else, cloned, without user verification, or its challenge was
        used.
    """
    challenge = _take(response, "authenticate", user.pk if user else None)
    subject = ("user", user.pk) if user else None
    try:
        parsed = parse_authentication_credential_json(response)
        rows = PasskeyCredential.objects.filter(
            credential_id_sha256=PasskeyCredential.get_credential_id_sha256(parsed.raw_id)
        )
        whose = user.pk if user else rows.values_list("user_id", flat=True).first()
        if whose is None:
            raise PasskeyRefused
        with account(whose):
            return _check(rows.filter(user_id=whose), parsed, challenge, subject=subject, at=at)
    except (WebAuthnException, RecursionError) as error:
        raise PasskeyRefused(subject=subject) from error


def _check(
    rows: QuerySet[PasskeyCredential],
    parsed: AuthenticationCredential,
    challenge: bytes,
    *,
    subject: tuple[str, UUID] | None,
    at: datetime,
) -> PasskeyCredential:
    credential = rows.select_for_update().first()
    if credential is None:
        raise PasskeyRefused(subject=subject)
    verified = webauthn.verify_authentication_response(
        credential=parsed,
        expected_challenge=challenge,
        expected_rp_id=settings.OTP_WEBAUTHN_RP_ID,
        expected_origin=settings.OTP_WEBAUTHN_ALLOWED_ORIGINS,
        credential_public_key=bytes(credential.public_key),
        credential_current_sign_count=credential.sign_count,
        require_user_verification=True,
    )
    credential.sign_count = verified.new_sign_count
    credential.backup_state = verified.credential_backed_up
    credential.last_used_at = at
    credential.save(update_fields=["sign_count", "backup_state", "last_used_at"])
    return credential


def _keep(challenge: bytes, ceremony: str, user_id: UUID | None) -> None:
    throttle.remember_once(
        _key(challenge), {"ceremony": ceremony, "user": str(user_id or "")}, seconds=CHALLENGE_SECONDS
    )


def _take(response: str, ceremony: str, user_id: UUID | None) -> bytes:
    """Return the challenge this response answers, if it is one of ours, for this and not used before."""
    subject = ("user", user_id) if user_id else None
    try:
        body: Any = json.loads(response)
        client_data = json.loads(base64url_to_bytes(body["response"]["clientDataJSON"]))
        challenge: bytes = base64url_to_bytes(client_data["challenge"])
    except _UNREADABLE as error:
        raise PasskeyRefused(subject=subject) from error
    if throttle.take_once(_key(challenge)) != {"ceremony": ceremony, "user": str(user_id or "")}:
        raise PasskeyRefused(subject=subject)
    return challenge


def _key(challenge: bytes) -> str:
    return "passkey:" + base64.b16encode(hashlib.sha256(challenge).digest()).decode().lower()
