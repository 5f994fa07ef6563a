"""The data keys in use, kept per process: found fast, forgotten when they change hands.

Promises kept:
- A sealed organization's keys are in no process: `observe` (called by the doorway) forgets them at once, and
  a process that never passes the doorway asks the database again after `TRUST_SECONDS`.
- A key never encrypts more than 2^31 values, half of the bound of NIST SP 800-38D 8.3 for random nonces.
- Encryptions are counted in this process and added to the key's row after the commit in which 256 are
  reached; a process that ends loses at most 256 a key, and one that is killed between a commit and that
  statement loses what the transaction encrypted. Threads that race may lose single counts. The factor of two
  covers both.
"""

import threading
from dataclasses import dataclass
from time import monotonic
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from core import primitives
from core.errors import Sealed
from crypto import envelope, providers, wrapping
from crypto.models import DataKey, KeyState, TenantKey
from tenancy.models import Tenant

# How long keys are used without asking whether they still may be. The operator's are observed by no door, for no
# request is in its organization; they are never sealed, so that only a rotation waits for them.
TRUST_SECONDS = 1.0
SHARED_TRUST_SECONDS = 5.0
IDLE_SECONDS = 300.0
ENCRYPTION_LIMIT = 2**31
COUNT_STEP = 256


class KeyIsWornOut(Sealed):
    """This key has encrypted as much as it may: rotate it, then try again."""


class NoKeys(RuntimeError):
    """The organization has no key for this purpose."""


class UnknownKey(primitives.InvalidCiphertext):
    """The value names a key that is not, or no longer, this organization's."""


class LiveKey:
    """One data key ready for use. It is never printed, copied or pickled."""

    __slots__ = (
        "_allowed",
        "_counted",
        "_expander",
        "_secret",
        "_uncounted",
        "aead",
        "authority",
        "decryptions",
        "header",
        "holding",
        "id",
        "purpose",
        "shared",
        "state",
        "subjects",
        "tenant",
    )

    def __init__(self, row: DataKey, tenant_id: UUID, secret: bytes, holding: "_Holding") -> None:
        self.id: bytes = row.pk.bytes
        self.tenant = tenant_id.int
        self.shared = row.shared
        self.purpose = row.purpose
        self.state = row.state
        self.aead = primitives.Aead(secret)
        self.header = envelope.MAGIC + row.pk.bytes
        self.authority = envelope.authority(row.pk, tenant_id)
        self.decryptions = 0
        # Opened subject keys by their wrapped bytes and row: see crypto.fields.subject. They go when this goes.
        self.subjects: dict[bytes, Any] = {}
        self._secret = secret
        self._expander = primitives.Expander(secret)
        self.holding = holding
        self._counted: int = row.encryptions
        self._uncounted = 0
        self._allowed = 0

    @property
    def encryptions(self) -> int:
        """How many values it has encrypted, as far as this process knows."""
        return self._counted + self._uncounted

    def encrypt(self, plaintext: bytes, place: bytes, aead: primitives.Aead | None = None) -> bytes:
        """Return the envelope of `plaintext`, bound to `place` (the associated data after the organization).

        `aead` is a subject's cipher derived from this key; without it the data key itself encrypts.

        Raises:
            KeyIsWornOut: the key's bound is reached.
        """
        self._uncounted += 1
        if self._uncounted > self._allowed:
            self._check_count()
        return self.header + (aead or self.aead).encrypt(plaintext, self.authority + place)

    def reserve(self, count: int) -> None:
        """Count encryptions that the caller makes itself with the ciphers of this key (a rotation's batches).

        Raises:
            KeyIsWornOut: the key's bound would be passed.
        """
        if self.encryptions + count > ENCRYPTION_LIMIT:
            raise KeyIsWornOut
        self._uncounted += count

    def decrypt(self, data: bytes, place: bytes, aead: primitives.Aead | None = None) -> bytes:
        """Return the plaintext of an envelope whose header names this key.

        Raises:
            InvalidCiphertext: touched, or written for another place.
        """
        self.decryptions += 1
        return (aead or self.aead).decrypt(data, self.authority + place, envelope.HEADER_BYTES)

    def _check_count(self) -> None:
        if self.encryptions > ENCRYPTION_LIMIT:
            self._uncounted -= 1
            raise KeyIsWornOut
        self._allowed = self._uncounted + min(COUNT_STEP - 1, ENCRYPTION_LIMIT - self.encryptions)
        if self._uncounted >= COUNT_STEP:
            transaction.on_commit(self.count, robust=True)

    def derive(self, info: bytes) -> primitives.Aead:
        """Return the cipher of a key derived from this one for `info` (HKDF-Expand, RFC 5869)."""
        return self._expander.cipher(info)

    def mac(self, message: bytes) -> bytes:
        """Return HMAC-SHA-256 of `message` under this key (blind indexes)."""
        return primitives.hmac_sha256(self._secret, message)

    def count(self) -> None:
        """Add what this process has encrypted to the key's row, in a statement of its own."""
        counted, self._uncounted, self._allowed = self._uncounted, 0, 0
        if counted == 0:
            return
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT crypto_count_encryptions(%s, %s)", [UUID(bytes=self.id), counted])
                self._counted = cursor.fetchone()[0]
        except BaseException:
            self._uncounted += counted
            raise

    def succeed(self, before: "LiveKey | None") -> None:
        """Take over the counts of the object that held the same key before."""
        if before is not None:
            self._counted = max(self._counted, before._counted)
            self._uncounted = before._uncounted
            self.decryptions = before.decryptions

    def __repr__(self) -> str:
        return f"<LiveKey {UUID(bytes=self.id)}>"

    def __reduce__(self) -> str:
        raise TypeError("a key does not leave its process")


@dataclass(slots=True)
class _Holding:
    """What this process holds of one organization."""

    generation: int
    primary: dict[str, LiveKey]
    headers: list[bytes]
    trusted_until: float
    used_at: float
    shared: bool = False

    def trust(self, now: float) -> None:
        """Note that the database has just said that these keys may be used."""
        self.trusted_until = now + (SHARED_TRUST_SECONDS if self.shared else TRUST_SECONDS)
        self.used_at = now


@dataclass(frozen=True, slots=True)
class Statistics:
    """What this process has done with the keys it holds now."""

    keys: int
    decryptions: int


# By the integer of the organization's id, and by the header of the envelopes: both hash at once, unlike UUID.
_holdings: dict[int, _Holding] = {}
# Read by the fields' fast path alone; everybody else asks `of`, which also loads.
live: dict[bytes, LiveKey] = {}
_lock = threading.RLock()
_operator: UUID | None = None
_swept_at = 0.0


def is_sealed() -> bool:
    """Tell whether the installation cannot reach its root key: health answers, nothing else does."""
    return not providers.current().ready()


def primary(tenant_id: UUID, purpose: str) -> LiveKey:
    """Return the key that encrypts for this organization and purpose.

    Raises:
        Sealed: the organization or the installation is sealed.
        NoKeys: none was ever made.
    """
    holding = _holdings.get(tenant_id.int)
    if holding is None or holding.trusted_until < monotonic():
        holding = _renew(tenant_id)
    try:
        return holding.primary[purpose]
    except KeyError:
        raise NoKeys(f"no {purpose} key of organization {tenant_id}") from None


def of(data: bytes, tenant_id: UUID) -> LiveKey:
    """Return the key that an envelope names, if it is this organization's.

    Raises:
        MalformedEnvelope: not an envelope, or one of an unknown version or algorithm.
        UnknownKey: the key is another organization's, disabled, destroyed, or was never there.
        Sealed: the organization or the installation is sealed.
    """
    # One look-up compares version, algorithm and key id at once.
    key = live.get(data[:18])
    if key is None or key.holding.trusted_until < monotonic():
        key = _find(data, tenant_id)
    if key.tenant != tenant_id.int:
        raise UnknownKey("the value names a key of another organization")
    return key


def _find(data: bytes, tenant_id: UUID) -> LiveKey:
    envelope.key_id(data)
    header = data[: envelope.HEADER_BYTES]
    try:
        _renew(tenant_id, wanted=header)
    except NoKeys:
        raise UnknownKey("the value names a key of another organization") from None
    if header not in live:
        raise UnknownKey("the value names a key that is not, or no longer, this organization's")
    return live[header]


def operator() -> UUID:
    """Return the organization whose shared keys encrypt the rows of no organization.

    Raises:
        NoKeys: the installation has no operator yet.
    """
    global _operator
    if _operator is None:
        found = Tenant.objects.filter(kind=Tenant.Kind.OPERATOR).values_list("pk", flat=True).first()
        if found is None:
            raise NoKeys("the installation has no operator organization")
        _operator = found
    return _operator


def observe(tenant_id: UUID, state: str, key_generation: int) -> None:
    """Take note of an organization's state as read in the transaction that begins: called by every door.

    Keys of a sealed organization, and keys of an older generation, are forgotten at once.
    """
    global _swept_at
    now = monotonic()
    holding = _holdings.get(tenant_id.int)
    if holding is not None:
        if state == Tenant.State.SEALED or holding.generation != key_generation:
            forget(tenant_id)
        else:
            holding.trust(now)
    if now - _swept_at > IDLE_SECONDS / 10:
        _swept_at = now
        for idle in [held for held, its in list(_holdings.items()) if now - its.used_at > IDLE_SECONDS]:
            for header in _holdings[idle].headers:
                transaction.on_commit(live[header].count, robust=True)
            _drop(idle)


def forget(tenant_id: UUID | None = None) -> None:
    """Drop an organization's keys from this process, or everybody's."""
    global _operator
    with _lock:
        if tenant_id is None:
            _holdings.clear()
            live.clear()
            _operator = None
            return
        _drop(tenant_id.int)


def _drop(tenant: int) -> None:
    holding = _holdings.pop(tenant, None)
    for header in holding.headers if holding else ():
        live.pop(header, None)


def forget_everything() -> None:
    """Drop all that this process holds: a test's next database has other organizations under other keys."""
    forget()


def count_all() -> None:
    """Add every uncounted encryption of this process to the keys' rows (long work calls it when it ends)."""
    for key in list(live.values()):
        key.count()


def statistics() -> Statistics:
    """Return how many keys this process holds and how often they have decrypted here."""
    held = list(live.values())
    return Statistics(keys=len(held), decryptions=sum(key.decryptions for key in held))


def _renew(tenant_id: UUID, wanted: bytes | None = None) -> _Holding:
    """Ask the database whether what is held is still right; load the keys again when it is not."""
    with _lock:
        now = monotonic()
        holding = _holdings.get(tenant_id.int)
        found = Tenant.objects.filter(pk=tenant_id).values_list("state", "key_generation").first()
        if found is None:
            raise NoKeys(f"there is no organization {tenant_id}")
        state, generation = found
        if state == Tenant.State.SEALED:
            forget(tenant_id)
            raise Sealed
        unknown = wanted is not None and wanted not in live
        if holding is not None and holding.generation == generation and not unknown:
            holding.trust(now)
            return holding
        return _load(tenant_id, generation, now)


def _load(tenant_id: UUID, generation: int, now: float) -> _Holding:
    """Unwrap the organization's usable keys and let them replace what was held."""
    usable = [KeyState.PRIMARY, KeyState.ACTIVE]
    wrappers = {
        row.pk: wrapping.unwrap_tenant_key(row)
        for row in TenantKey.readable.filter(tenant_id=tenant_id, state__in=usable)
    }
    rows = list(DataKey.readable.filter(tenant_id=tenant_id, state__in=usable))
    if not rows:
        # None were made, or this scope may not see them: another scope must not find them missing.
        raise NoKeys(f"no keys of organization {tenant_id} can be seen here")
    holding = _Holding(generation, {}, [], now, now, rows[0].shared)
    holding.trust(now)
    loaded = [
        LiveKey(row, tenant_id, wrapping.unwrap_data_key(row, wrappers[row.tenant_key_id]), holding)
        for row in rows
    ]
    for key in loaded:
        key.succeed(live.get(key.header))
    _drop(tenant_id.int)
    _holdings[tenant_id.int] = holding
    for key in loaded:
        holding.headers.append(key.header)
        live[key.header] = key
        if key.state == KeyState.PRIMARY:
            holding.primary[key.purpose] = key
    return holding
