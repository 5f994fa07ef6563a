"""Rows on their way into tables under row-level security: COPY into a temporary table, INSERT from there.

A row's text is made from a template: what is the same for many rows is written out once. Only what the models say
stands in a template, so that a column that somebody adds is stored with the value the services would give it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from django.db import connection, models

from crypto import rows as crypto
from crypto.fields import EncryptedField
from tenancy import context

# Of one column: the row to write into, its id, the plaintext.
Sealing = list[tuple[dict[str, str], UUID, bytes]]
_NULL = "\\N"
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def text_of(value: Any) -> str:
    """Write a value as COPY's text format has it."""
    if value is None:
        return _NULL
    if isinstance(value, str):
        return value.translate(_ESCAPES)
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, int | Decimal | UUID):
        return str(value)
    if isinstance(value, bytes | memoryview):
        return bytes_text(bytes(value))
    raise TypeError(f"{type(value).__name__} has no text for COPY")


def bytes_text(value: bytes) -> str:
    """Write bytes as COPY's text format has them."""
    return "\\\\x" + value.hex()


class Stage:
    """The temporary table of one model in this session."""

    def __init__(
        self,
        model: type[models.Model],
        *,
        varying: Mapping[str, str],
        later: Sequence[str] = (),
        extra: Sequence[str] = (),
    ) -> None:
        """`varying` names a template's holes by column; `later` stay empty; `extra` are further columns, as SQL."""
        self.model = model
        self.table = model._meta.db_table
        self.name = f"run_{model._meta.model_name}"
        self.fields = [field for field in model._meta.concrete_fields if not field.generated]
        self.columns = [field.column for field in self.fields]
        self.sealed = [field.attname for field in self.fields if isinstance(field, EncryptedField)]
        self.listed = ", ".join(f'"{column}"' for column in self.columns)
        self._varying = varying
        self._later, self._extra = frozenset(later), extra
        names = [part.partition(" ")[0] for part in extra]
        self._copy = f"COPY pg_temp.{self.name} ({', '.join([self.listed, *names])}) FROM STDIN"

    @property
    def definition(self) -> str:
        """Say how the temporary table is made."""
        columns = ", ".join([f"LIKE {self.table}", *self._extra])
        return f"CREATE TEMPORARY TABLE IF NOT EXISTS pg_temp.{self.name} ({columns}) ON COMMIT DELETE ROWS"

    def template(self, row: models.Model, *further: str) -> str:
        """Write one row with `%(hole)s` for what varies and for every encrypted value that is there."""
        cells = []
        for field in self.fields:
            hole = self._varying.get(field.attname)
            value = None if field.attname in self._later else getattr(row, field.attname)
            if hole is not None:
                cells.append(f"%({hole})s")
            elif field.attname == "tenant_id":
                cells.append(str(context.current_tenant()))
            elif isinstance(field, EncryptedField) and value is not None:
                cells.append(f"%({field.attname})s")
            elif isinstance(field, models.JSONField) and value is not None:
                cells.append(text_of(json.dumps(value)).replace("%", "%%"))
            else:
                cells.append(text_of(value).replace("%", "%%"))
        return "\t".join([*cells, *further])

    def plaintexts(self, row: models.Model) -> tuple[tuple[str, bytes], ...]:
        """Return the encrypted values of a row that are there, by name, as bytes to encrypt."""
        found = []
        for name in self.sealed:
            value, field = getattr(row, name), self.model._meta.get_field(name)
            if value is not None and isinstance(field, EncryptedField):
                found.append((name, field.to_bytes(value)))
        return tuple(found)

    def fill(self, rows: Iterable[str]) -> None:
        """Copy rows into the temporary table, in one statement."""
        text = "\n".join(rows)
        if not text:
            return
        with connection.cursor() as cursor, cursor.copy(self._copy) as copy:
            copy.write(text.encode() + b"\n")

    def insertion(self, joined: str = "") -> str:
        """Write the statement that moves the rows on; what was left for later comes from `given`, which is joined."""
        chosen = ", ".join(
            f'given."{column}"' if column in self._later else f'staged."{column}"' for column in self.columns
        )
        source = f"pg_temp.{self.name} AS staged {joined}"
        return f"INSERT INTO {self.table} ({self.listed}) SELECT {chosen} FROM {source}"  # noqa: S608  names of ours


def seal(model: type[models.Model], sealed: Mapping[str, Sealing]) -> None:
    """Encrypt column by column, and write each value into the row it is for."""
    for name, entries in sealed.items():
        close = crypto.each_closer(model, name)
        done = close([(key, plaintext) for _, key, plaintext in entries])
        for (filled, _, _), value in zip(entries, done, strict=True):
            filled[name] = bytes_text(cast(bytes, value))
