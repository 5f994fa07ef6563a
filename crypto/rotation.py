"""Rotation of a data key: a new primary key, and every value under the old ones encrypted again, online.

Promises kept:
- Readers see the old bytes or the new ones, and both open; the old key is disabled only when no value is
  under it and every transaction that may have read one has ended.
- A writer that comes between wins: a value is replaced only where it still is what was read (compare and
  set).
- Killed anywhere, it goes on where it stopped: which values are done is read from the key ids in their bytes,
  and which step is due from the states of the keys.

Steps: make a pending key > make it primary > wait until no process encrypts under the old one > encrypt
again, table by table, batch by batch, until a pass finds nothing > wait for readers > disable the old ones.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connections
from django.db.models import F, Max

from audit import services as audit
from core import primitives
from core.actor import Actor
from core.errors import Refusal
from crypto import columns, draining, envelope, events, keyring, services, stores, wrapping
from crypto.envelope import Purpose
from crypto.fields.bound import BoundField
from crypto.models import DataKey, KeyState, TenantKey
from tenancy import context
from tenancy.models import Tenant

REKEY = "rekey"
BATCH = 2000
_FIRST = UUID(int=0)
_IDENTITY = envelope.HEADER_BYTES + primitives.NONCE_BYTES

Progress = Callable[[int, int], None]


class BlindIndexKeyIsNotRotated(Refusal):
    """A blind index names no key, so its key cannot be changed while the index is in use."""

    code = "blind_index_key_is_not_rotated"


class ValueDoesNotOpen(Refusal):
    """A stored value does not open: it was touched or moved. Run encryption_scan --full; nothing is lost."""

    code = "value_does_not_open"


class NoRekeyRole(Refusal):
    """Only the ops-worker may rewrite encrypted columns: this process does not have the rekey role's password."""

    code = "no_rekey_role"


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation did."""

    purpose: str
    version: int
    values: int


def rotate(
    *,
    tenant_id: UUID,
    purpose: Purpose,
    actor: Actor,
    clock: Callable[[], datetime],
    progress: Progress,
    batch: int = BATCH,
) -> Rotated:
    """Rotate a purpose's key of an organization, or finish a rotation that was interrupted.

    Opens its own transactions; call it outside any scope, in a process that has the rekey role.
    `progress(done, total)` counts values and is called after each batch of `batch` rows, in no transaction.

    Raises:
        BlindIndexKeyIsNotRotated: of that purpose.
        Sealed: the organization or the installation is sealed.
        TransactionDoesNotEnd: somebody's transaction hangs; what is done stays done.
    """
    if purpose is Purpose.BLIND_INDEX:
        raise BlindIndexKeyIsNotRotated
    if REKEY not in connections:
        raise NoRekeyRole
    scope = context.Scope(tenant_id)
    version = _begin(scope, purpose, actor, clock())
    draining.wait_for_every_process(_trusted_seconds(scope))
    done, total = 0, left(scope, purpose)
    while True:
        for count in _passes(scope, purpose, batch):
            done += count
            progress(done, max(done, total))
        draining.wait_for_older_transactions()
        if left(scope, purpose) == 0:
            break
    with context.scope(scope):
        _finish(purpose, actor, clock(), done)
    keyring.forget(tenant_id)
    return Rotated(purpose.value, version, done)


def left(scope: context.Scope, purpose: Purpose) -> int:
    """Count the values of a purpose that are not under its primary key, without those of erased subjects."""
    with context.scope(scope):
        tenant_id = context.current_tenant()
        key = keyring.primary(tenant_id, purpose.value).id
        found = sum(store.stale(key) for store in stores.serving(purpose))
        for table in columns.tables(of_operator=_is_operator(tenant_id), purpose=purpose.value):
            parts = " + ".join(f"count(*) FILTER (WHERE {table.stale(column)})" for column in table.fields)
            sql = f'SELECT {parts} FROM "{table.name}" t{table.joins} WHERE {table.scope()}'  # noqa: S608  model names
            with connections["default"].cursor() as cursor:
                cursor.execute(sql, {"tenant": tenant_id, "key": key})
                found += cursor.fetchone()[0]
        return found


def _trusted_seconds(scope: context.Scope) -> float:
    with context.scope(scope):
        shared = _is_operator(context.current_tenant())
    return keyring.SHARED_TRUST_SECONDS if shared else keyring.TRUST_SECONDS


def _is_operator(tenant_id: UUID) -> bool:
    return Tenant.objects.filter(pk=tenant_id, kind=Tenant.Kind.OPERATOR).exists()


def _begin(scope: context.Scope, purpose: Purpose, actor: Actor, at: datetime) -> int:
    """Bring the keys to where a new one is primary and the old ones still decrypt; return its version."""
    with context.scope(scope):
        rows = {row.state: row for row in _locked(purpose)}
        if KeyState.ACTIVE in rows:  # an interrupted rotation: its new key is primary already
            return rows[KeyState.PRIMARY].version
        if KeyState.PENDING not in rows:
            _make_pending(purpose, at)
    with context.scope(scope):
        rows = {row.state: row for row in _locked(purpose)}
        pending, primary = rows.get(KeyState.PENDING), rows[KeyState.PRIMARY]
        if pending is None:  # another process was faster
            return primary.version
        DataKey.objects.filter(pk=primary.pk).update(state=KeyState.ACTIVE)
        DataKey.objects.filter(pk=pending.pk).update(state=KeyState.PRIMARY)
        _raise_generation()
        facts = {"purpose": purpose.value, "version": pending.version}
        audit.record(events.ROTATION_STARTED, actor=actor, subject=("data_key", pending.pk), facts=facts)
    keyring.forget(scope.tenant)
    return pending.version


def _locked(purpose: Purpose) -> list[DataKey]:
    states = [KeyState.PENDING, KeyState.PRIMARY, KeyState.ACTIVE]
    rows = DataKey.objects.filter(purpose=purpose.value, state__in=states)
    return list(rows.select_for_update(of=("self",)).order_by("version"))


def _make_pending(purpose: Purpose, at: datetime) -> None:
    newest = DataKey.objects.filter(purpose=purpose.value).aggregate(newest=Max("version"))["newest"]
    above = TenantKey.objects.get(state=KeyState.PRIMARY)
    secret = wrapping.unwrap_tenant_key(above)
    services.new_data_key(above, secret, purpose, version=newest + 1, at=at).save(force_insert=True)


def _raise_generation() -> None:
    Tenant.objects.filter(pk=context.current_tenant()).update(key_generation=F("key_generation") + 1)


def _finish(purpose: Purpose, actor: Actor, at: datetime, values: int) -> None:
    for row in _locked(purpose):
        if row.state == KeyState.ACTIVE:
            DataKey.objects.filter(pk=row.pk).update(state=KeyState.DISABLED, retired_at=at)
            facts = {"purpose": purpose.value, "version": row.version, "values": values}
            audit.record(events.ROTATION_FINISHED, actor=actor, subject=("data_key", row.pk), facts=facts)
    _raise_generation()


def _passes(scope: context.Scope, purpose: Purpose, batch: int) -> Iterator[int]:
    """Walk once over every table and store; yield how many values each batch replaced."""
    with context.scope(scope):
        of_operator = _is_operator(context.current_tenant())
    # One thread reads and encrypts a batch while the other writes the one before: two cores, half the time.
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="rekey") as writer:
        try:
            for table in columns.tables(of_operator=of_operator, purpose=purpose.value):
                yield from _table_pass(scope, table, purpose, batch, writer)
                keyring.count_all()
        finally:
            writer.submit(connections.close_all).result()
    for store in stores.serving(purpose):
        while True:
            with context.scope(scope):
                key = keyring.primary(context.current_tenant(), purpose.value)
                count = store.rewrite(key.id, batch)
            if count == 0:
                break
            yield count


def _table_pass(
    scope: context.Scope, table: columns.Table, purpose: Purpose, batch: int, writer: ThreadPoolExecutor
) -> Iterator[int]:
    last: UUID | None = _FIRST
    written: Future[int] | None = None
    while last is not None:
        with context.scope(scope):
            last, arrays, count = _read(table, purpose, last, batch)
        if written is not None:
            yield written.result()
        written = writer.submit(_write, scope, table, arrays, count) if count else None
    if written is not None:
        yield written.result()


def _read(
    table: columns.Table, purpose: Purpose, last: UUID, batch: int
) -> tuple[UUID | None, dict[str, list[Any]], int]:
    """Read and encrypt one batch of rows; return the last id (None at the table's end), arrays, and a count."""
    tenant_id = context.current_tenant()
    key = keyring.primary(tenant_id, purpose.value)
    stale = " OR ".join(f"({table.stale(column)})" for column in table.fields)
    sql = (
        f'SELECT {table.selected()} FROM "{table.name}" t{table.joins} '  # noqa: S608  names of models
        f"WHERE {table.scope()} AND t.id > %(last)s AND ({stale}) ORDER BY t.id LIMIT %(batch)s"
    )
    values = {"tenant": tenant_id, "key": key.id, "last": last, "batch": batch}
    # psycopg's own connection: it reads and binds bytes in binary, without hexadecimal in between.
    with connections["default"].connection.cursor(binary=True) as cursor:
        rows = cursor.execute(sql, values).fetchall()
    arrays, count = _reencrypt(table, rows, tenant_id, key)
    return (rows[-1][0] if len(rows) == batch else None), arrays, count


def _write(scope: context.Scope, table: columns.Table, arrays: dict[str, list[Any]], count: int) -> int:
    """Replace one batch of values as the rekey role, in a transaction of its own; return `count`."""
    span = {"tenant": scope.tenant, "first": arrays["ids"][0], "last": arrays["ids"][-1]}
    with context.scope(scope, using=REKEY), connections[REKEY].connection.cursor() as cursor:
        cursor.execute(_update(table, arrays), {**span, **arrays})
    return count


def _reencrypt(
    table: columns.Table, rows: list[Any], tenant_id: UUID, key: keyring.LiveKey
) -> tuple[dict[str, list[Any]], int]:
    """Return the arrays of ids, and of each column that changes the beginnings of its old and its new values.

    The second value is how many values change.
    """
    # Only people's values need more of a row than its id and bytes.
    subjects = [table.row(raw, tenant_id) for raw in rows] if table.sources else []
    arrays: dict[str, list[Any]] = {"ids": [raw[0] for raw in rows]}
    places = [raw[0].int.to_bytes(16, "big") for raw in rows]
    first = 1 + 2 * len(table.sources)
    count = 0
    for index, column in enumerate(table.fields):
        old = [raw[first + index] for raw in rows]
        of_subject = subjects if table.source_of(column) else None
        new = _column(column, places, old, of_subject, tenant_id, key)
        changed = sum(after is not before for before, after in zip(old, new, strict=True))
        if changed:
            # Header and nonce tell one encryption from every other: a value written meanwhile differs in them.
            arrays[f"old{index}"] = [None if stored is None else stored[:_IDENTITY] for stored in old]
            arrays[f"new{index}"] = new
            count += changed
    key.reserve(count)
    return arrays, count


def _column(
    column: BoundField,
    places: list[bytes],
    old: list[bytes | None],
    subjects: list[columns.Row] | None,
    tenant_id: UUID,
    key: keyring.LiveKey,
) -> list[bytes | None]:
    """Return one column's values, those under another key encrypted again. Flat: this is where the time goes."""
    new = list(old)
    keys: dict[bytes, keyring.LiveKey] = {}
    subject = None
    for number, stored in enumerate(old):
        if stored is None or stored[:18] == key.header:
            continue
        if subjects is not None:
            if subjects[number].erased(column):
                continue
            subject = subjects[number].subject(column)
        place = column.before + places[number] + column.after
        try:
            before = keys.get(stored[:18]) or keys.setdefault(stored[:18], keyring.of(stored, tenant_id))
            opens = before.aead if subject is None else subject.cipher(before)
            plaintext = opens.decrypt(stored, before.authority + place, envelope.HEADER_BYTES)
        except primitives.InvalidCiphertext as error:
            row_id = str(UUID(bytes=places[number]))
            facts = {"table": column.model._meta.label, "column": column.name, "row": row_id}
            raise ValueDoesNotOpen(**facts) from error
        closes = key.aead if subject is None else subject.cipher(key)
        new[number] = key.header + closes.encrypt(plaintext, key.authority + place)
    return new


def _update(table: columns.Table, arrays: dict[str, list[Any]]) -> str:
    names = [
        (f'"{column.column}"', f"old{index}", f"new{index}")
        for index, column in enumerate(table.fields)
        if f"new{index}" in arrays
    ]
    sets = ", ".join(f"{name} = v.{new}" for name, _, new in names)
    unnested = ", ".join(f"%({old})b::bytea[], %({new})b::bytea[]" for _, old, new in names)
    listed = ", ".join(f"{old}, {new}" for _, old, new in names)
    same = " AND ".join(
        f"substring(t.{name} FROM 1 FOR {_IDENTITY}) IS NOT DISTINCT FROM v.{old}" for name, old, _ in names
    )
    # The span lets the planner walk the primary key instead of the whole organization for each batch.
    return (
        f'UPDATE "{table.name}" t SET {sets} FROM unnest(%(ids)b::uuid[], {unnested}) '  # noqa: S608  model names
        f"AS v (id, {listed}) WHERE {table.scope()} AND t.id BETWEEN %(first)s AND %(last)s "
        f"AND t.id = v.id AND {same}"
    )
