"""Encrypted columns of plain rows: for lists that read tuples and for bulk work that writes them.

Promise kept: the same bytes, bound to the same place, as the model's fields read and write; only the instance is
left out. The functions made here hold a key: use them inside the transaction that made them, then let them go.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

from django.db import models

from crypto import envelope, keyring
from crypto.fields import EncryptedField
from crypto.fields.subject import MOST_OF_LISTS, SUBJECT_KEY, SubjectKeyField
from crypto.values import ERASED, SUBJECT_INFO, Subject
from tenancy import context


class SubjectNeedsItsRow(TypeError):
    """A value under a person's own key is written by saving the model, which has that key."""


def _field_of(model: type[models.Model], name: str) -> tuple[EncryptedField, UUID]:
    field = model._meta.get_field(name)
    if not isinstance(field, EncryptedField):
        raise TypeError(f"{model.__name__}.{name} is not an encrypted field")
    return field, keyring.operator() if field.of_operator else context.current_tenant()


def opener(model: type[models.Model], name: str) -> Callable[[UUID, bytes | None], Any]:
    """Return `open(row_id, stored)`, which decrypts one column of rows of the organization in scope.

    For a column without a subject. `open` raises InvalidCiphertext when the bytes were touched or moved, Sealed
    when the organization is.

    Raises:
        SubjectNeedsItsRow: the column has a subject; use `subject_opener`.
    """
    field, tenant_id = _field_of(model, name)
    if field.subject is not None:
        raise SubjectNeedsItsRow(f"{model.__name__}.{name}: use subject_opener")
    before, after, decode, header_bytes = field.before, field.after, field.of_bytes, envelope.HEADER_BYTES
    header, prefix = b"", b""
    key: keyring.LiveKey | None = None

    def open_value(row_id: UUID, stored: bytes | None) -> Any:
        nonlocal header, prefix, key
        if stored is None:
            return None
        # Neighbours are nearly always under one key: it is looked up, and its organization compared, once.
        if key is None or stored[:18] != header:
            key = keyring.of(stored, tenant_id)
            header, prefix = key.header, key.authority + before
        key.decryptions += 1
        place = prefix + row_id.int.to_bytes(16, "big") + after
        return decode(key.aead.decrypt(stored, place, header_bytes))

    return open_value


def subject_opener(
    model: type[models.Model], name: str
) -> Callable[[UUID, bytes | None, UUID | None, bytes | None], Any]:
    """Return `open(row_id, stored, subject_id, subject_key)` for a column whose values are under people's keys.

    `subject_id` and `subject_key` are columns of the row the subject names (`id` and `subject_key` of the row
    itself for "self"). ERASED comes back for a subject whose key is gone. Errors as those of `opener`.
    """
    field, tenant_id = _field_of(model, name)
    if field.subject is None:
        raise TypeError(f"{model.__name__}.{name} has no subject: use opener")
    owner = model if field.subject == "self" else model._meta.get_field(field.subject).related_model
    wrapper = owner._meta.get_field(SUBJECT_KEY)  # type: ignore[union-attr]  # a foreign key names a model
    assert isinstance(wrapper, SubjectKeyField)  # noqa: S101  checked: crypto.E005

    def open_value(row_id: UUID, stored: bytes | None, subject_id: UUID | None, wrapped: bytes | None) -> Any:
        if stored is None:
            return None
        subject = None
        if subject_id is not None:
            if wrapped is None:
                return ERASED
            subject = wrapper.open(tenant_id, subject_id, wrapped)
        key = keyring.of(stored, tenant_id)
        cipher = None if subject is None else subject.cipher(key)
        return field.of_bytes(key.decrypt(stored, field.place(row_id), cipher))

    return open_value


def open_all(
    model: type[models.Model], name: str, rows: Iterable[tuple[UUID, bytes | None, bytes | None]]
) -> Iterator[tuple[UUID, Any]]:
    """Decrypt one column of many people, each under their own key: (id, value) of each row, in the rows' order.

    `rows` are (id, subject_key, column) as stored, for a column whose subject is its own row. What comes back and
    what is raised are as with `subject_opener`. Up to MOST_OF_LISTS people stay unwrapped for the next reading, such as
    a search at each key that is typed; beyond it nothing is kept, so that thousands do not crowd out a page's worth.
    """
    field, tenant_id = _field_of(model, name)
    wrapper = model._meta.get_field(SUBJECT_KEY) if field.subject == "self" else None
    if not isinstance(wrapper, SubjectKeyField):
        raise TypeError(f"the subject of {model.__name__}.{name} is not its own row")
    before, after, decode, header_bytes = field.before, field.after, field.of_bytes, envelope.HEADER_BYTES
    wrapper_before, wrapper_after = wrapper.before, wrapper.after
    above: keyring.LiveKey | None = None
    key: keyring.LiveKey | None = None
    above_header = above_prefix = header = prefix = b""
    for row_id, wrapped, stored in rows:
        if stored is None or wrapped is None:
            yield row_id, None if stored is None else ERASED
            continue
        row = row_id.int.to_bytes(16, "big")
        # Neighbours are nearly always under one key: it is looked up, and its organization compared, once.
        if above is None or wrapped[:18] != above_header:
            above = keyring.of(wrapped, tenant_id)
            above_header, above_prefix = above.header, above.authority + wrapper_before
        if key is None or stored[:18] != header:
            key = keyring.of(stored, tenant_id)
            header, prefix = key.header, key.authority + before
        key.decryptions += 1
        subject = above.subjects.get(wrapped + row)
        if subject is None:
            above.decryptions += 1
            secret = above.aead.decrypt(wrapped, above_prefix + row + wrapper_after, header_bytes)
            if len(above.subjects) < MOST_OF_LISTS:
                subject = above.subjects[wrapped + row] = Subject(secret)
        cipher = key.derive(SUBJECT_INFO + secret) if subject is None else subject.cipher(key)
        yield row_id, decode(cipher.decrypt(stored, prefix + row + after, header_bytes))


def person_opener(
    model: type[models.Model], names: Sequence[str]
) -> Callable[[UUID, bytes | None, Sequence[Any]], dict[str, Any]]:
    """Return `open(row_id, subject_key, values)`: many columns of one person at once, as a dictionary by name.

    For rows that are their own subject. `values` are the columns in the order of `names`, as stored; those that are not
    encrypted pass as they are, and what is under a key that is gone comes back as ERASED. The person's cipher is
    derived once for all of them.
    """
    tenant_id = context.current_tenant()
    wrapper = model._meta.get_field(SUBJECT_KEY)
    assert isinstance(wrapper, SubjectKeyField)  # noqa: S101  checked: crypto.E005
    places: list[tuple[str, EncryptedField | None]] = []
    for name in names:
        field = model._meta.get_field(name)
        if isinstance(field, EncryptedField) and (
            field.subject != "self" or field.purpose != wrapper.purpose
        ):
            raise TypeError(f"{model.__name__}.{name} is not encrypted as its row's own key is")
        places.append((name, field if isinstance(field, EncryptedField) else None))
    wrapper_before, wrapper_after = wrapper.before, wrapper.after
    header_bytes = envelope.HEADER_BYTES

    def open_values(row_id: UUID, wrapped: bytes | None, values: Sequence[Any]) -> dict[str, Any]:
        if wrapped is None:
            return {
                name: stored if stored is None or field is None else ERASED
                for (name, field), stored in zip(places, values, strict=True)
            }
        row = row_id.int.to_bytes(16, "big")
        above = keyring.of(wrapped, tenant_id)
        secret = above.decrypt(wrapped, wrapper_before + row + wrapper_after)
        info = SUBJECT_INFO + secret
        ciphers: dict[bytes, Any] = {}
        found: dict[str, Any] = {}
        for (name, field), stored in zip(places, values, strict=True):
            if stored is None or field is None:
                found[name] = stored
                continue
            key = above if stored[:18] == above.header else keyring.of(stored, tenant_id)
            cipher = ciphers.get(key.id)
            if cipher is None:
                cipher = ciphers[key.id] = key.derive(info)
            key.decryptions += 1
            place = key.authority + field.before + row + field.after
            found[name] = field.of_bytes(cipher.decrypt(stored, place, header_bytes))
        return found

    return open_values


def closer(model: type[models.Model], name: str) -> Callable[[UUID, Any], bytes | None]:
    """Return `close(row_id, value)`, which encrypts one column of new rows for the organization in scope.

    Raises:
        SubjectNeedsItsRow: the column has a subject.
        Sealed: the organization or the installation is sealed.
    """
    field, tenant_id = _field_of(model, name)
    if field.subject is not None:
        raise SubjectNeedsItsRow
    key = keyring.primary(tenant_id, field.purpose)
    before, after, encode, encrypt = field.before, field.after, field.to_bytes, key.encrypt

    def close_value(row_id: UUID, value: Any) -> bytes | None:
        if value is None:
            return None
        return encrypt(encode(value), before + row_id.int.to_bytes(16, "big") + after)

    return close_value


def each_closer(
    model: type[models.Model], name: str
) -> Callable[[Sequence[tuple[UUID, bytes | None]]], list[bytes | None]]:
    """Return `close(rows)`, which encrypts one column of many new rows, of each (row_id, plaintext).

    The plaintext is what the field's `to_bytes` made of the value, so that equal values are written out once. What it
    encrypts is counted, and stands in the key's row after the commit.

    Raises:
        SubjectNeedsItsRow: the column has a subject.
        Sealed: the organization or the installation is sealed.
    """
    field, tenant_id = _field_of(model, name)
    if field.subject is not None:
        raise SubjectNeedsItsRow
    key = keyring.primary(tenant_id, field.purpose)
    header, prefix, after = key.header, key.authority + field.before, field.after

    def close_values(rows: Sequence[tuple[UUID, bytes | None]]) -> list[bytes | None]:
        pairs = [
            (plain, prefix + row_id.int.to_bytes(16, "big") + after)
            for row_id, plain in rows
            if plain is not None
        ]
        if not pairs:
            return [None] * len(rows)
        key.reserve(len(pairs))
        context.after_commit(key.count)
        if len(pairs) == len(rows):
            return [header + sealed for sealed in key.aead.encrypt_each(pairs)]
        ready = iter(key.aead.encrypt_each(pairs))
        return [None if plain is None else header + next(ready) for _, plain in rows]

    return close_values
