"""What proves that it is them: authenticator apps, passkeys, recovery codes.

Promise kept: each is a django-otp device, so that `user.is_verified()` has one meaning; an authenticator's
secret is encrypted, a recovery code is a keyed digest, and a passkey is a public key.
"""

from typing import ClassVar

from django.db import models
from django_otp.models import Device, DeviceManager
from django_otp_webauthn.models import AbstractWebAuthnCredential

from accounts.models.people import User
from core import ids
from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import EncryptedTextField

_WHY = "a factor belongs to a person, who signs in before any organization is named"
_PURPOSE = "proving a second factor"


class TotpDevice(Device):
    """An authenticator app (RFC 6238: SHA-1, six digits, 30 seconds)."""

    crypto_owner: ClassVar[str] = "operator"

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    name = EncryptedTextField(subject="user", null=True)
    secret = EncryptedTextField(subject="user")
    # The session that began it, while it waits for its first code: nobody else can finish it.
    begun_in = models.UUIDField(null=True)
    # The last step a code was accepted for: a code is never accepted twice (ASVS 6.5.1).
    last_t = models.BigIntegerField(default=-1)
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)

    objects: ClassVar[DeviceManager] = DeviceManager()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.GLOBAL,
        why=_WHY,
        purpose=_PURPOSE,
        retention="until the person removes it",
        erasure=Erasure.DELETE,
        fields={
            "id": FieldClass.IDENTIFIER,
            "user": FieldClass.IDENTIFIER,
            "name": FieldClass.PERSONAL,
            "confirmed": FieldClass.STATE,
            "secret": FieldClass.SECRET,
            "begun_in": FieldClass.IDENTIFIER,
            "last_t": FieldClass.TECHNICAL,
            "created_at": FieldClass.TIME,
            "last_used_at": FieldClass.TIME,
        },
    )

    class Meta:
        """One confirmed authenticator a person: a forgotten second one would stay a way in."""

        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user"], condition=models.Q(confirmed=True), name="accounts_totpdevice_one_confirmed"
            )
        ]

    def __str__(self) -> str:
        return str(self.pk)


class PasskeyCredential(AbstractWebAuthnCredential):
    """A passkey (WebAuthn level 3). User verification is always demanded, so one passkey is two factors."""

    crypto_owner: ClassVar[str] = "operator"

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    name = EncryptedTextField(subject="user", null=True)
    created_at = models.DateTimeField()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.GLOBAL,
        why=_WHY,
        purpose=_PURPOSE,
        retention="until the person removes it",
        erasure=Erasure.DELETE,
        fields={
            "id": FieldClass.IDENTIFIER,
            "user": FieldClass.IDENTIFIER,
            "name": FieldClass.PERSONAL,
            "confirmed": FieldClass.STATE,
            "created_at": FieldClass.TIME,
            "last_used_at": FieldClass.TIME,
            "credential_type": FieldClass.TECHNICAL,
            "credential_id": FieldClass.IDENTIFIER,
            "public_key": FieldClass.TECHNICAL,
            "transports": FieldClass.TECHNICAL,
            "sign_count": FieldClass.TECHNICAL,
            "backup_eligible": FieldClass.TECHNICAL,
            "backup_state": FieldClass.TECHNICAL,
            "aaguid": FieldClass.TECHNICAL,
            "credential_id_sha256": FieldClass.HASH,
            "discoverable": FieldClass.TECHNICAL,
        },
    )

    class Meta(AbstractWebAuthnCredential.Meta):
        """The library's index suffices: the digest is unique."""

        abstract = False
        indexes: ClassVar[list[models.Index]] = []

    def __str__(self) -> str:
        return str(self.pk)


class RecoveryCode(Device):
    """One of ten codes for the day the phone is lost. 120 bits each, stored as a keyed digest, used once."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    # A device of django-otp has a label; ten codes need none.
    name = None
    code_hash = models.BinaryField(max_length=32)
    created_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    objects: ClassVar[DeviceManager] = DeviceManager()

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.GLOBAL,
        why=_WHY,
        purpose=_PURPOSE,
        retention="until used or replaced",
        erasure=Erasure.DELETE,
        fields={
            "id": FieldClass.IDENTIFIER,
            "user": FieldClass.IDENTIFIER,
            "confirmed": FieldClass.STATE,
            "code_hash": FieldClass.HASH,
            "created_at": FieldClass.TIME,
            "used_at": FieldClass.TIME,
        },
    )

    class Meta:
        """A code is found by its digest."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "code_hash"], name="accounts_recoverycode_one_code")
        ]

    def __str__(self) -> str:
        return str(self.pk)
