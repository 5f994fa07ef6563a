"""Looking at what is stored: how many values stand under each key, and whether each is encrypted.

Promise kept: the scan reads the bytes that PostgreSQL holds, not what a model makes of them. A column that is
not in the models is not looked at; that every personal column is an encrypted field is a system check's work.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from core import primitives
from crypto import columns, envelope
from crypto.fields.bound import BoundField
from crypto.models import DataKey, KeyState
from tenancy import context
from tenancy.models import Tenant

_PAGE = 2000
# A data key that is older should be rotated; people go on working meanwhile.
ROTATE_AFTER = timedelta(days=90)
_FIRST = UUID(int=0)


@dataclass(slots=True)
class Finding:
    """A stored value that is not as it should be; it names the place and never shows the bytes."""

    kind: str  # plaintext, unknown_key, unreadable
    table: str
    column: str
    row: str


@dataclass(slots=True)
class Scan:
    """What a scan of one organization saw. `rows` counts values looked at, `erased` those nobody can open."""

    columns: int = 0
    rows: int = 0
    decrypted: int = 0
    erased: int = 0
    plaintext: int = 0
    findings: list[Finding] = field(default_factory=list)


def data_keys() -> list[DataKey]:
    """List the data keys of the organization in scope, by purpose and version."""
    return list(DataKey.objects.filter(tenant_id=context.current_tenant()).order_by("purpose", "version"))


def values_per_key() -> Counter[UUID]:
    """Count the stored values of the organization in scope by the id of the key they are under."""
    tenant_id = context.current_tenant()
    found: Counter[UUID] = Counter()
    for table in columns.tables(of_operator=is_operator(tenant_id)):
        for column in table.fields:
            sql = (
                f'SELECT substring(t."{column.column}" FROM 3 FOR 16), count(*) FROM "{table.name}" t'  # noqa: S608
                f"{table.joins} WHERE {table.scope()} AND {table.readable(column)} GROUP BY 1"
            )
            for key_id, count in _query(sql, {"tenant": tenant_id}):
                found[UUID(bytes=bytes(key_id))] += count
    return found


def is_operator(tenant_id: UUID) -> bool:
    """Tell whether an organization is the operator's, whose keys also encrypt the rows of no organization."""
    return Tenant.objects.filter(pk=tenant_id, kind=Tenant.Kind.OPERATOR).exists()


def scan(*, full: bool, sample: int = 100) -> Scan:
    """Look at every stored value of every encrypted column of the organization in scope.

    Each value's envelope is parsed and its key looked up; all of them are decrypted with `full`, else the
    first `sample` of each column.
    """
    return _scan(context.current_tenant(), nullcontext, full=full, sample=sample)


def scan_in_steps(tenant_id: UUID, *, sample: int = 100) -> Scan:
    """Look at the same page by page, each in a transaction of its own: no size of an organization is too large.

    Call it outside any scope.
    """
    return _scan(tenant_id, lambda: context.scope(context.Scope(tenant_id)), full=False, sample=sample)


def _scan(
    tenant_id: UUID, step: Callable[[], AbstractContextManager[object]], *, full: bool, sample: int
) -> Scan:
    result = Scan()
    with step():
        tables = columns.tables(of_operator=is_operator(tenant_id))
    for table in tables:
        result.columns += len(table.fields)
        opened: Counter[str] = Counter()
        last: UUID | None = _FIRST
        while last is not None:
            with step():
                last = _look_at_page(result, table, tenant_id, last, opened, sample=None if full else sample)
    return result


def _look_at_page(
    result: Scan,
    table: columns.Table,
    tenant_id: UUID,
    last: UUID,
    opened: Counter[str],
    *,
    sample: int | None,
) -> UUID | None:
    usable = [KeyState.PRIMARY, KeyState.ACTIVE]
    # Asked with each page: a key may be rotated meanwhile.
    known = {row.pk.bytes for row in DataKey.objects.filter(tenant_id=tenant_id, state__in=usable)}
    rows = _page(table, tenant_id, last)
    for raw in rows:
        row = _row(table, raw, tenant_id)
        for index, column in enumerate(table.fields):
            stored = raw[1 + 2 * len(table.sources) + index]
            if stored is not None:
                wanted = sample is None or opened[column.name] < sample
                _look(result, table, column, (raw[0], row, bytes(stored)), known if row else set(), wanted)
                opened[column.name] += 1
    return rows[-1][0] if len(rows) == _PAGE else None


def _page(table: columns.Table, tenant_id: UUID, last: UUID) -> list[Any]:
    sql = (
        f'SELECT {table.selected()} FROM "{table.name}" t{table.joins} '  # noqa: S608  names of models
        f"WHERE {table.scope()} AND t.id > %(last)s ORDER BY t.id LIMIT {_PAGE}"
    )
    return _query(sql, {"tenant": tenant_id, "last": last})


def _row(table: columns.Table, raw: Any, tenant_id: UUID) -> columns.Row | None:
    try:
        return table.row(raw, tenant_id)
    except primitives.InvalidCiphertext:  # the subject's key itself does not open
        return None


def _look(
    result: Scan,
    table: columns.Table,
    column: BoundField,
    value: tuple[UUID, columns.Row | None, bytes],
    known: set[bytes],
    wanted: bool,
) -> None:
    row_id, row, stored = value
    result.rows += 1
    kind = ""
    try:
        key_id = envelope.key_id(stored)
    except envelope.MalformedEnvelope:
        result.plaintext += 1
        kind = "plaintext"
    else:
        if row is not None and row.erased(column):
            result.erased += 1
        elif row is not None and key_id not in known:
            kind = "unknown_key"
        elif wanted or row is None:
            kind = "" if row is not None and _opens(row, column, stored) else "unreadable"
            result.decrypted += not kind
    if kind:
        result.findings.append(Finding(kind, table.label, column.name, str(row_id)))


def _opens(row: columns.Row, column: BoundField, stored: bytes) -> bool:
    try:
        row.open(column, stored)
    except primitives.InvalidCiphertext:
        return False
    return True


def _query(sql: str, params: dict[str, Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())
