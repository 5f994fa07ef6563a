"""A person, the places they are signed in at, and the links that let them back in.

Promise kept: these tables belong to no organization, because a person signs in before one is named; they hold
no readable name, address or secret. Encrypted values use the operator's keys and the person's own subject
key, whose destruction ends every one of them at once.
"""

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django_otp.models import Device
from guardian.mixins import GuardianUserMixin

from accounts import rules
from core import ids
from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.fields import BlindIndexField, EncryptedTextField, SubjectKeyField

_SIGN_IN = "signing people in and proving who did what"


def normalize_email(raw: str) -> str:
    """Return the spelling under which an e-mail address is found: trimmed and case folded."""
    return raw.strip().casefold()


class UserManager(BaseUserManager["User"]):
    """Finds people. They are made by accounts.services only: there is no superuser and no create_user."""


class User(GuardianUserMixin, AbstractBaseUser):
    """One person, by e-mail address, whatever organizations they work for or buy from."""

    class State(models.TextChoices):
        """Erased people keep their id, so that the trail stays whole."""

        ACTIVE = "active"
        SUSPENDED = "suspended"
        ERASED = "erased"

    class Theme(models.TextChoices):
        """How pages look to them; the device's own choice unless they made one."""

        SYSTEM = ""
        LIGHT = "light"
        DARK = "dark"

    crypto_owner: ClassVar[str] = "operator"

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    email = EncryptedTextField(subject="self", null=True)
    email_index = BlindIndexField(source="email", normalize=normalize_email, null=True)
    name = EncryptedTextField(subject="self", null=True)
    subject_key = SubjectKeyField()
    password = models.CharField(max_length=255)
    password_changed_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=16, choices=State, default=State.ACTIVE)
    created_at = models.DateTimeField()
    # How they want their pages; empty is what the device or the product says.
    language = models.CharField(max_length=8, blank=True, default="")
    time_zone = models.CharField(max_length=64, blank=True, default="")
    theme = models.CharField(max_length=8, choices=Theme, blank=True, default=Theme.SYSTEM)
    # Shortcuts of one key alone, which speech input and a trembling hand press by accident (WCAG 2.1.4).
    single_keys = models.BooleanField(default=True)
    # Which of the mails that may be spared they do not want (accounts.services.preferences.SPARED).
    muted_mails = models.JSONField(default=list)
    # Where people last signed in stands in Session; django.contrib.auth's column is not wanted.
    last_login = None

    # Set by services.sessions.resolve: django-otp's convention for the factor this sign-in was proved with.
    otp_device: Device | None = None

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "id"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.GLOBAL,
        why="a person signs in before any organization is named, and may belong to several",
        purpose=_SIGN_IN,
        retention="until the last membership and portal access ended, then 12 months",
        erasure=Erasure.SUBJECT_KEY,
        fields={
            "id": FieldClass.IDENTIFIER,
            "email": FieldClass.PERSONAL,
            "email_index": FieldClass.BLIND_INDEX,
            "name": FieldClass.PERSONAL,
            "subject_key": FieldClass.WRAPPED_KEY,
            "password": FieldClass.HASH,
            "password_changed_at": FieldClass.TIME,
            "state": FieldClass.STATE,
            **dict.fromkeys(
                ["language", "time_zone", "theme", "single_keys", "muted_mails"], FieldClass.STATE
            ),
            "created_at": FieldClass.TIME,
        },
    )

    class Meta:
        """One account an e-mail address."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["email_index"], name="accounts_user_one_email"),
            models.CheckConstraint(
                condition=models.Q(state__in=["active", "suspended", "erased"]), name="accounts_user_state"
            ),
            models.CheckConstraint(
                condition=models.Q(theme__in=["", "light", "dark"]), name="accounts_user_theme"
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def is_active(self) -> bool:  # type: ignore[override]  # a column in Django's own user
        """Say whether the person may sign in at all."""
        return self.state == self.State.ACTIVE

    def is_verified(self) -> bool:
        """Say whether a second factor proved this sign-in: django-otp's question, and the only truth."""
        return self.otp_device is not None


class Session(models.Model):
    """One place where a person is signed in. The browser holds a random key, the table its keyed digest."""

    class Stage(models.TextChoices):
        """Only an active session opens anything but the sign-in pages."""

        PENDING = "pending"  # the password was right, the second factor is still asked
        ENROLLING = "enrolling"  # the person has no second factor yet and must add one first
        ACTIVE = "active"

    class Factor(models.TextChoices):
        """What proved the second factor."""

        NONE = ""
        TOTP = "totp"
        PASSKEY = "passkey"
        RECOVERY_CODE = "recovery_code"

    class EndReason(models.TextChoices):
        """Why it ended."""

        NONE = ""
        SIGNED_OUT = "signed_out"
        IDLE = "idle"
        EXPIRED = "expired"
        REVOKED = "revoked"
        PASSWORD_CHANGED = "password_changed"  # noqa: S105  a reason, not a password
        FACTOR_CHANGED = "factor_changed"
        MEMBERSHIP_ENDED = "membership_ended"
        TOO_MANY = "too_many"
        SUSPENDED = "suspended"

    crypto_owner: ClassVar[str] = "operator"

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    key_hash = models.BinaryField(max_length=32)
    user = models.ForeignKey(User, models.CASCADE, related_name="sessions", db_index=False)
    # The organization last opened; a bare id, because this table belongs to none.
    tenant_id = models.UUIDField(null=True)
    stage = models.CharField(max_length=16, choices=Stage)
    factor = models.CharField(max_length=16, choices=Factor, default=Factor.NONE, blank=True)
    factor_id = models.UUIDField(null=True)
    device = EncryptedTextField(subject="user", null=True)
    address = EncryptedTextField(subject="user", null=True)
    network = models.CharField(max_length=64, default="", blank=True)
    device_hash = models.BinaryField(max_length=32, null=True)
    created_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    step_up_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    end_reason = models.CharField(max_length=24, choices=EndReason, default=EndReason.NONE, blank=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.GLOBAL,
        why="a person signs in before any organization is named",
        purpose=_SIGN_IN,
        retention="90 days after the session ended: that long a network counts as known",
        erasure=Erasure.SUBJECT_KEY,
        fields={
            "id": FieldClass.IDENTIFIER,
            "key_hash": FieldClass.HASH,
            "user": FieldClass.IDENTIFIER,
            "tenant_id": FieldClass.IDENTIFIER,
            "stage": FieldClass.STATE,
            "factor": FieldClass.STATE,
            "factor_id": FieldClass.IDENTIFIER,
            "device": FieldClass.PERSONAL,
            "address": FieldClass.PERSONAL,
            "network": FieldClass.HASH,
            "device_hash": FieldClass.HASH,
            "created_at": FieldClass.TIME,
            "last_seen_at": FieldClass.TIME,
            "step_up_at": FieldClass.TIME,
            "expires_at": FieldClass.TIME,
            "ended_at": FieldClass.TIME,
            "end_reason": FieldClass.STATE,
        },
    )

    class Meta:
        """A key opens one session; an active one was proved with a factor."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["key_hash"], name="accounts_session_one_key"),
            models.CheckConstraint(
                condition=~models.Q(stage="active") | ~models.Q(factor=""),
                name="accounts_session_active_is_verified",
            ),
            models.CheckConstraint(
                condition=models.Q(stage__in=["pending", "enrolling", "active"]),
                name="accounts_session_stage",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["user", "-created_at"], name="accounts_session_user")]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def verified(self) -> bool:
        """Say whether a second factor proved this session."""
        return self.stage == self.Stage.ACTIVE and self.factor != self.Factor.NONE


class RecoveryToken(models.Model):
    """One link by which a person sets a new password. It never signs anybody in."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="+", db_index=False)
    token_hash = models.BinaryField(max_length=32)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.GLOBAL,
        why="a person who cannot sign in names no organization",
        purpose=_SIGN_IN,
        retention="30 days after it expired",
        erasure=Erasure.DELETE,
        fields={
            "id": FieldClass.IDENTIFIER,
            "user": FieldClass.IDENTIFIER,
            "token_hash": FieldClass.HASH,
            "created_at": FieldClass.TIME,
            "expires_at": FieldClass.TIME,
            "used_at": FieldClass.TIME,
        },
    )

    class Meta:
        """A link is found by its digest, and lives a day at most (ASVS 6.4.1)."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["token_hash"], name="accounts_recoverytoken_one_token"),
            models.CheckConstraint(
                condition=models.Q(
                    expires_at__lte=models.F("created_at")
                    + models.Value(rules.LONGEST_LINK, output_field=models.DurationField())
                ),
                name="accounts_recoverytoken_one_day",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["user", "-created_at"], name="accounts_recoverytoken_user")]

    def __str__(self) -> str:
        return str(self.pk)
