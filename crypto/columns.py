"""Every encrypted column there is, read from the models, and how to open its bytes without an instance.

Promise kept: what walks over encrypted values (rotation, scan, key status) finds its tables in the running
system, so that a new model cannot be forgotten.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from crypto import keyring
from crypto.envelope import Purpose
from crypto.fields import EncryptedField, SubjectKeyField
from crypto.fields.bound import BoundField
from crypto.fields.subject import SUBJECT_KEY
from crypto.values import Subject
from tenancy.checks import managed_models

_SELF = "self"


@dataclass(slots=True)
class Source:
    """Where a value's subject key stands: in the row itself, or in the row a foreign key names."""

    name: str
    field: SubjectKeyField
    owner: str  # SQL of the subject's id
    key: str  # SQL of the wrapped subject key
    join: str = ""


@dataclass(slots=True)
class Table:
    """One table with encrypted columns of one purpose."""

    name: str
    label: str
    of_operator: bool
    fields: list[BoundField]
    sources: dict[str, Source] = field(default_factory=dict)

    @property
    def joins(self) -> str:
        """SQL that brings the subjects' rows in."""
        return "".join(source.join for source in self.sources.values())

    def scope(self) -> str:
        """SQL condition on the organization; one parameter, the organization's id."""
        return "%(tenant)s::uuid IS NOT NULL" if self.of_operator else "t.tenant_id = %(tenant)s"

    def readable(self, column: BoundField) -> str:
        """SQL condition: the value stands, and its subject has not been erased."""
        present = f't."{column.column}" IS NOT NULL'
        source = self.source_of(column)
        if source is None:
            return present
        return f"{present} AND ({source.owner} IS NULL OR {source.key} IS NOT NULL)"

    def source_of(self, column: BoundField) -> Source | None:
        """Return where a column's subject key stands, or None."""
        return self.sources.get(getattr(column, "subject", None) or "")

    def stale(self, column: BoundField) -> str:
        """SQL condition: a readable value is under another key than `%(key)s` (16 bytes)."""
        return f'{self.readable(column)} AND substring(t."{column.column}" FROM 3 FOR 16) <> %(key)s'

    def selected(self) -> str:
        """SQL list: the row's id, each source's owner and key, each column."""
        owners = [part for source in self.sources.values() for part in (source.owner, source.key)]
        return ", ".join(["t.id", *owners, *(f't."{column.column}"' for column in self.fields)])

    def row(self, raw: Sequence[Any], tenant_id: UUID) -> "Row":
        """Make sense of one row of `selected`."""
        return Row(self, raw, tenant_id)


class Row:
    """The stored bytes of one row, and the ciphers that open them."""

    __slots__ = ("_subjects", "_table", "_tenant_id", "id", "values")

    def __init__(self, table: Table, raw: Sequence[Any], tenant_id: UUID) -> None:
        self.id: UUID = raw[0]
        self._table = table
        self._tenant_id = tenant_id
        after = 1 + 2 * len(table.sources)
        self.values: Sequence[bytes | None] = raw[after:]
        self._subjects: dict[str, Subject | None] = {}
        for index, source in enumerate(table.sources.values()):
            owner, wrapped = raw[1 + 2 * index], raw[2 + 2 * index]
            if wrapped is not None:
                key = keyring.of(wrapped, tenant_id)
                self._subjects[source.name] = Subject(key.decrypt(wrapped, source.field.place(owner)))
            elif owner is None:
                self._subjects[source.name] = None

    def erased(self, column: BoundField) -> bool:
        """Tell whether the value's subject is gone, so that nobody can open it."""
        subject = getattr(column, "subject", None)
        return subject is not None and subject not in self._subjects

    def subject(self, column: BoundField) -> Subject | None:
        """Return the subject of a value that is not erased, or None where the data key itself encrypts."""
        return self._subjects.get(getattr(column, "subject", None) or "")

    def open(self, column: BoundField, stored: bytes) -> bytes:
        """Decrypt one value.

        Raises:
            InvalidCiphertext: touched, moved, or under a key that is not usable.
        """
        key = keyring.of(stored, self._tenant_id)
        subject = self.subject(column)
        return key.decrypt(stored, column.place(self.id), None if subject is None else subject.cipher(key))


def tables(*, of_operator: bool, purpose: str | None = None) -> Iterator[Table]:
    """Yield the tables whose values are under an organization's keys, in a stable order.

    of_operator: also those of no organization, which the operator's keys encrypt. purpose: None for all.
    """
    for model in sorted(managed_models(), key=lambda model: model._meta.db_table):
        columns = [
            column
            for column in model._meta.concrete_fields
            if isinstance(column, BoundField) and purpose in (None, column.purpose)
        ]
        if not columns or (columns[0].of_operator and not of_operator):
            continue
        table = Table(model._meta.db_table, model._meta.label, columns[0].of_operator, columns)
        for column in columns:
            if isinstance(column, EncryptedField) and column.subject is not None:
                table.sources.setdefault(column.subject, _source(model, column.subject, len(table.sources)))
        yield table


def _source(model: Any, name: str, number: int) -> Source:
    if name == _SELF:
        return Source(_SELF, model._meta.get_field(SUBJECT_KEY), "t.id", f't."{SUBJECT_KEY}"')
    link = model._meta.get_field(name)
    other = link.related_model._meta
    alias, own = f"s{number}", other.get_field(SUBJECT_KEY)
    same = "" if own.of_operator else f" AND {alias}.tenant_id = t.tenant_id"
    join = f' LEFT JOIN "{other.db_table}" {alias} ON {alias}.id = t."{link.column}"{same}'
    return Source(name, own, f't."{link.column}"', f'{alias}."{SUBJECT_KEY}"', join)


def purposes_in_use() -> list[Purpose]:
    """List the purposes that some column or store has."""
    found = {column.purpose for table in tables(of_operator=True) for column in table.fields}
    return [purpose for purpose in Purpose if purpose.value in found]
