"""How a key is stored: wrapped by the key above it, bound to its own row.

Promise kept: a wrapped key moved to another organization, row, version or purpose does not unwrap, so that
nobody who can write to the database can swap one key for another.
"""

from uuid import UUID

from core import primitives
from crypto import envelope, providers
from crypto.models import DataKey, TenantKey


def _owner(row: TenantKey | DataKey) -> UUID:
    if row.tenant_id is None:
        raise ValueError("a key belongs to an organization")
    return row.tenant_id


def _tenant_context(row: TenantKey) -> bytes:
    return envelope.length_prefixed(
        b"tenant key", _owner(row).bytes, row.pk.bytes, row.version.to_bytes(4, "big")
    )


def _data_context(row: DataKey) -> bytes:
    return envelope.length_prefixed(
        b"data key",
        _owner(row).bytes,
        row.pk.bytes,
        row.tenant_key_id.bytes,
        row.version.to_bytes(4, "big"),
        row.purpose.encode(),
    )


def wrap_tenant_key(row: TenantKey, secret: bytes) -> bytes:
    """Wrap a tenant key by the root key of the row's provider.

    Raises:
        RootKeyUnavailable: the installation is sealed.
    """
    return providers.named(row.provider).wrap(secret, _tenant_context(row))


def unwrap_tenant_key(row: TenantKey) -> bytes:
    """Return the tenant key (32 bytes) that a row holds wrapped.

    Raises:
        RootKeyUnavailable: the installation is sealed.
        InvalidCiphertext: the row was touched.
    """
    return providers.named(row.provider).unwrap(bytes(row.wrapped or b""), _tenant_context(row))


def wrap_data_key(row: DataKey, secret: bytes, tenant_secret: bytes) -> bytes:
    """Wrap a data key by its organization's tenant key."""
    return primitives.aead_encrypt(tenant_secret, secret, _data_context(row))


def unwrap_data_key(row: DataKey, tenant_secret: bytes) -> bytes:
    """Return the data key (32 bytes) that a row holds wrapped.

    Raises:
        InvalidCiphertext: the row was touched, or another tenant key wrapped it.
    """
    return primitives.aead_decrypt(tenant_secret, bytes(row.wrapped or b""), _data_context(row))
