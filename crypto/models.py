"""The keys of an organization, stored only in wrapped form.

Promise kept: the database alone opens nothing. A tenant key is wrapped by the root key's provider, a data key
by the tenant key; what a row holds is useless without the root key, which is never in the database.
"""

from typing import Any, ClassVar

from django.db import models

from core.datapolicy import DataPolicy, Erasure, FieldClass, Owner
from crypto.envelope import Purpose
from tenancy.models import TenantManager, TenantModel


class KeyState(models.TextChoices):
    """The life of a key (NIST SP 800-57 part 1, section 7).

    Pending: made, not used. Primary: encrypts and decrypts. Active: decrypts what it once encrypted, while
    rotation replaces it. Disabled: nothing stands under it any more, and it decrypts nothing. Destroyed: its
    bytes are gone.
    """

    PENDING = "pending"
    PRIMARY = "primary"
    ACTIVE = "active"
    DISABLED = "disabled"
    DESTROYED = "destroyed"


_KEY_FIELDS = {
    "id": FieldClass.IDENTIFIER,
    "tenant": FieldClass.IDENTIFIER,
    "version": FieldClass.TECHNICAL,
    "state": FieldClass.STATE,
    "wrapped": FieldClass.WRAPPED_KEY,
    "shared": FieldClass.TECHNICAL,
    "created_at": FieldClass.TIME,
    "retired_at": FieldClass.TIME,
}
_RETENTION = (
    "until what it encrypted is gone; destroyed with the organization, after which the row keeps no key"
)


class _Key(TenantModel):
    version = models.PositiveIntegerField()
    state = models.CharField(max_length=16, choices=KeyState, default=KeyState.PENDING)
    wrapped = models.BinaryField(null=True)
    # The operator's keys encrypt the rows of no organization (people's accounts): every scope must find them,
    # still wrapped. Row-level security lets shared rows be read, never written, by others.
    shared = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=models.functions.Now())
    retired_at = models.DateTimeField(null=True)

    objects: ClassVar[TenantManager[Any]] = TenantManager()
    # The keyring asks by organization itself, also for the operator's from inside another's scope.
    readable: ClassVar[models.Manager[Any]] = models.Manager()

    class Meta:
        abstract = True


class TenantKey(_Key):
    """The key-encryption key of one organization, wrapped by the root key's provider."""

    provider = models.CharField(max_length=16)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="wrapping the organization's data keys",
        retention=_RETENTION,
        erasure=Erasure.WITH_ORGANIZATION,
        fields={**_KEY_FIELDS, "provider": FieldClass.TECHNICAL},
    )

    class Meta:
        """One primary key at a time, and no bytes once destroyed."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "version"], name="crypto_tenantkey_version"),
            models.UniqueConstraint(
                fields=["tenant"], condition=models.Q(state="primary"), name="crypto_tenantkey_one_primary"
            ),
            models.CheckConstraint(
                condition=models.Q(state="destroyed", wrapped__isnull=True)
                | (~models.Q(state="destroyed") & models.Q(wrapped__isnull=False)),
                name="crypto_tenantkey_destroyed",
            ),
        ]


class DataKey(_Key):
    """A data key of one purpose, wrapped by its organization's tenant key. Its id stands in each envelope."""

    tenant_key = models.ForeignKey(TenantKey, models.PROTECT, db_constraint=False, db_index=False)
    purpose = models.CharField(max_length=16, choices=[(purpose.value, purpose.value) for purpose in Purpose])
    # Raised only by the function crypto_count_encryptions: nobody can set it back.
    encryptions = models.BigIntegerField(default=0)

    data_policy: ClassVar[DataPolicy] = DataPolicy(
        owner=Owner.TENANT,
        purpose="encrypting the organization's values",
        retention=_RETENTION,
        erasure=Erasure.WITH_ORGANIZATION,
        fields={
            **_KEY_FIELDS,
            "tenant_key": FieldClass.IDENTIFIER,
            "purpose": FieldClass.TECHNICAL,
            "encryptions": FieldClass.TECHNICAL,
        },
    )

    class Meta:
        """One primary key a purpose, one version each, and no bytes once destroyed."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "purpose", "version"], name="crypto_datakey_version"),
            models.UniqueConstraint(
                fields=["tenant", "purpose"],
                condition=models.Q(state="primary"),
                name="crypto_datakey_one_primary",
            ),
            models.CheckConstraint(
                condition=models.Q(state="destroyed", wrapped__isnull=True)
                | (~models.Q(state="destroyed") & models.Q(wrapped__isnull=False)),
                name="crypto_datakey_destroyed",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["tenant", "tenant_key"], name="crypto_datakey_wrapper")]
