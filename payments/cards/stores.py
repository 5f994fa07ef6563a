"""Every stored text there is: rows, files, the cache and the queue, read as their owners read them.

Promise kept: the tables come from the running models, so that a new one cannot be forgotten. Left out are only columns
of random secrets and digests that we make ourselves, in which digits mean nothing; what cannot be read as text is
counted and said, never passed over in silence.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from celery import current_app
from django.core.cache import caches
from django.db import models

from core import cardnumbers
from core.actor import Actor
from core.datapolicy import FieldClass
from crypto.fields import EncryptedJSONField, EncryptedTextField
from outbound import files
from outbound.models import StoredFile
from tenancy import context
from tenancy.checks import managed_models
from tenancy.models import TenantModel

PAGE = 500
_FIRST = UUID(int=0)
_TEXTS = (EncryptedTextField, EncryptedJSONField, models.CharField, models.TextField, models.JSONField)
_OURS = frozenset({FieldClass.SECRET, FieldClass.HASH, FieldClass.WRAPPED_KEY})
# A number may stand across the end of a piece.
_OVERLAP = 80


@dataclass(frozen=True, slots=True)
class Text:
    """One stored text and where it stands; the row is None where no row is."""

    place: str
    row: UUID | None
    text: str


def tables() -> list[tuple[type[TenantModel], list[str]]]:
    """Return every table of an organization with the columns that hold text."""
    found = []
    for model in managed_models():
        if issubclass(model, TenantModel):
            policy = model.data_policy  # type: ignore[attr-defined]  # every model has one (tenancy.E001)
            names = [
                column.name
                for column in model._meta.concrete_fields
                if isinstance(column, _TEXTS) and policy.fields[column.name] not in _OURS
            ]
            if names:
                found.append((model, names))
    return found


def rows(tenant_id: UUID, model: type[TenantModel], names: list[str]) -> Iterator[list[Text]]:
    """Read a table page by page, each in a scope of its own, which is closed before the page is handed out."""
    last: UUID | None = _FIRST
    while last is not None:
        with context.scope(context.Scope(tenant_id)):
            page = list(model._default_manager.filter(pk__gt=last).order_by("pk")[:PAGE])
            texts = [text for row in page for name in names for text in _of(model, row, name)]
        last = page[-1].pk if len(page) == PAGE else None
        yield texts


def _of(model: type[TenantModel], row: TenantModel, name: str) -> Iterator[Text]:
    place = f"{model._meta.db_table}.{name}"
    for text in cardnumbers.texts(getattr(row, name), "").values():
        if text and not _is_uuid(text):
            yield Text(place, row.pk, text)


def stored_files(tenant_id: UUID, actor: Actor) -> Iterator[tuple[UUID, Iterator[Text] | None]]:
    """Open every stored file; None for one that is no text. Reading each is recorded, as always."""
    with context.scope(context.Scope(tenant_id)):
        found = list(StoredFile.objects.filter(state=StoredFile.State.READY).order_by("id"))
    for file in found:
        if not files.is_text(file.media_type):
            yield file.pk, None
            continue
        with context.scope(context.Scope(tenant_id)):
            pieces = files.read(file=file, actor=actor)
            yield file.pk, _joined(file.pk, pieces)


def _joined(file_id: UUID, pieces: Iterator[bytes]) -> Iterator[Text]:
    tail = ""
    for piece in pieces:
        text = tail + piece.decode("utf-8", "replace")
        yield Text("file", file_id, text)
        tail = text[-_OVERLAP:]


# Identifiers, digests and fractions (what is left of a limit): random digits in a row, of which some would pass for a
# card number.
_DRAWN = re.compile(
    r"(?<![0-9a-z.])(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32,}|\d{1,3}\.\d{6,}(?:e-\d+)?)(?![0-9a-z.])",
    re.IGNORECASE,
)


def shared() -> Iterator[Text]:
    """Read every value of the cache and of the queue, which all organizations share."""
    cache: Any = caches["default"]
    for text in _of_store(cache._cache.get_client()):
        yield Text("cache", None, text)
    with current_app.connection_for_read() as connection:
        channel: Any = connection.default_channel
        for text in _of_store(channel.client):
            yield Text("queue", None, text)


def _of_store(client: Any) -> Iterator[str]:
    readers = {
        b"string": lambda key: [client.get(key)],
        b"list": lambda key: client.lrange(key, 0, -1),
        b"hash": lambda key: [part for pair in client.hgetall(key).items() for part in pair],
        b"set": client.smembers,
        b"zset": lambda key: client.zrange(key, 0, -1),
    }
    for key in client.scan_iter(count=1000):
        for value in readers.get(client.type(key), lambda key: [])(key):
            if isinstance(value, bytes):
                yield _DRAWN.sub("#", value.decode("utf-8", "replace"))


def _is_uuid(text: str) -> bool:
    if len(text) != 36:
        return False
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
