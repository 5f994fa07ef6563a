"""What is done with an organization's keys: made, used for stored bytes, sealed, unsealed, destroyed."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import F

from audit import services as audit
from core import primitives
from core.actor import Actor
from core.errors import Conflict
from crypto import draining, envelope, events, keyring, providers, stores, wrapping
from crypto.envelope import Purpose
from crypto.models import DataKey, KeyState, TenantKey
from tenancy import context
from tenancy.context import use_case
from tenancy.models import Tenant


class OperatorCannotBeSealed(Conflict):
    """The operator's keys protect every person's account; stop the service instead."""

    code = "operator_cannot_be_sealed"


class KeysExist(Conflict):
    """The organization already has its keys."""

    code = "keys_exist"


class ScopeIsOpen(RuntimeError):
    """This waits for every open transaction to end: leave the scope first."""


@use_case
def create_tenant_keys(*, tenant_id: UUID, actor: Actor, at: datetime) -> None:
    """Make an organization's tenant key and one data key for each purpose, in its own scope.

    Raises:
        KeysExist: they were made before.
        RootKeyUnavailable: the installation is sealed.
    """
    if TenantKey.objects.filter(tenant_id=tenant_id).exists():
        raise KeysExist
    shared = Tenant.objects.filter(pk=tenant_id, kind=Tenant.Kind.OPERATOR).exists()
    secret = primitives.random_key()
    above = TenantKey(
        tenant_id=tenant_id,
        version=1,
        state=KeyState.PRIMARY,
        provider=providers.current().name,
        shared=shared,
        created_at=at,
    )
    above.wrapped = wrapping.wrap_tenant_key(above, secret)
    above.save(force_insert=True)
    rows = [new_data_key(above, secret, purpose, version=1, at=at) for purpose in Purpose]
    for row in rows:
        row.state = KeyState.PRIMARY
    DataKey.objects.bulk_create(rows)
    audit.record(events.KEYS_CREATED, actor=actor, facts={"keys": len(rows)})


def new_data_key(
    above: TenantKey, tenant_secret: bytes, purpose: Purpose, *, version: int, at: datetime
) -> DataKey:
    """Return a new data key, pending and not yet saved, wrapped by an organization's tenant key."""
    row = DataKey(
        tenant_id=above.tenant_id,
        tenant_key=above,
        purpose=purpose.value,
        version=version,
        shared=above.shared,
        created_at=at,
    )
    row.wrapped = wrapping.wrap_data_key(row, primitives.random_key(), tenant_secret)
    return row


def encrypt_bytes(purpose: Purpose, data: bytes, aad_parts: Sequence[str | bytes | UUID]) -> bytes:
    """Encrypt bytes that stand in no encrypted field, for the organization in scope.

    `aad_parts` name the place: first a store registered in crypto.stores, then what tells one value of it
    from another, such as the file's id.

    Raises:
        UnknownStore: the first part is no registered store of this purpose.
        Sealed: the organization or the installation is sealed.
    """
    place = _place(purpose, aad_parts)
    return keyring.primary(context.current_tenant(), purpose).encrypt(data, place)


def decrypt_bytes(purpose: Purpose, data: bytes, aad_parts: Sequence[str | bytes | UUID]) -> bytes:
    """Decrypt what `encrypt_bytes` made for the same purpose, place and organization.

    Raises:
        InvalidCiphertext: touched, moved, or another organization's.
        Sealed: the organization or the installation is sealed.
    """
    place = _place(purpose, aad_parts)
    return keyring.of(data, context.current_tenant()).decrypt(data, place)


def _place(purpose: Purpose, parts: Sequence[str | bytes | UUID]) -> bytes:
    if not parts or not isinstance(parts[0], str) or stores.of(parts[0]).purpose != purpose:
        raise stores.UnknownStore("the first part names a store of this purpose")
    raw = tuple(
        part.bytes if isinstance(part, UUID) else part.encode() if isinstance(part, str) else part
        for part in parts
    )
    return envelope.stored_bytes(raw, purpose)


def seal_organization(*, tenant_id: UUID, actor: Actor) -> None:
    """Seal an organization, and return when no process can use its keys any more.

    Opens its own transaction: every process must see the change before this can wait for them.

    Raises:
        OperatorCannotBeSealed: it is the operator's.
        ScopeIsOpen: the caller's own transaction would have to end first.
    """
    if context.current() is not None:
        raise ScopeIsOpen
    with context.scope(context.Scope(tenant_id)):
        row = Tenant.objects.get(pk=tenant_id)
        if row.kind == Tenant.Kind.OPERATOR:
            raise OperatorCannotBeSealed
        Tenant.objects.filter(pk=tenant_id).update(
            state=Tenant.State.SEALED, key_generation=F("key_generation") + 1
        )
        if row.state != Tenant.State.SEALED:
            audit.record(events.ORGANIZATION_SEALED, actor=actor)
    keyring.forget(tenant_id)
    draining.wait_for_every_process()


def unseal_organization(*, tenant_id: UUID, actor: Actor) -> None:
    """Let an organization's keys be used again. Does nothing to one that is not sealed."""
    with context.scope(context.Scope(tenant_id)):
        changed = Tenant.objects.filter(pk=tenant_id, state=Tenant.State.SEALED).update(
            state=Tenant.State.ACTIVE, key_generation=F("key_generation") + 1
        )
        if changed:
            audit.record(events.ORGANIZATION_UNSEALED, actor=actor)


@use_case
def destroy_tenant_keys(*, tenant_id: UUID, actor: Actor, at: datetime) -> int:
    """Destroy every key of a closed organization and return how many: nothing it encrypted can be read again.

    The rows stay, without their bytes, as proof that there were keys and when they went. Copies in backups go
    with the backups' retention.
    """
    gone = {"state": KeyState.DESTROYED, "wrapped": None, "retired_at": at}
    count = DataKey.objects.filter(tenant_id=tenant_id).exclude(state=KeyState.DESTROYED).update(**gone)
    count += TenantKey.objects.filter(tenant_id=tenant_id).exclude(state=KeyState.DESTROYED).update(**gone)
    Tenant.objects.filter(pk=tenant_id).update(key_generation=F("key_generation") + 1)
    audit.record(events.KEYS_DESTROYED, actor=actor, facts={"keys": count})
    context.after_commit(lambda: keyring.forget(tenant_id))
    return count
