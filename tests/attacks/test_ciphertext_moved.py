"""Ciphertext moved to another organization, table, column, row, key, version or algorithm opens nowhere.

The cases come from the running system: every encrypted field of every model, so that a new one is attacked.
"""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.db import models

from core import ids, primitives
from crypto import envelope, keyring
from crypto.envelope import Purpose
from crypto.fields import EncryptedField, EncryptedJSONField, SubjectKeyField
from crypto.fields.bound import BoundField
from crypto.fields.subject import SUBJECT_KEY
from crypto.values import Envelope
from tenancy import context
from tenancy.checks import managed_models

pytestmark = pytest.mark.django_db

Refused = primitives.InvalidCiphertext

COLUMNS: list[BoundField] = [
    field
    for model in managed_models()
    for field in model._meta.concrete_fields
    if isinstance(field, BoundField)
]
FIELDS: list[EncryptedField] = [field for field in COLUMNS if isinstance(field, EncryptedField)]


def label(field: Any) -> str:
    return f"{field.model._meta.label}.{field.name}" if isinstance(field, models.Field) else str(field)


def sample(field: EncryptedField) -> Any:
    return {"street": ["Lindenallee", 7, None]} if isinstance(field, EncryptedJSONField) else "Ann Example"


def row_of(model: type[models.Model], tenant_id: UUID, row_id: UUID | None = None) -> models.Model:
    """Make an unsaved row whose subjects, if its fields have some, are unsaved rows as well."""
    row = model(id=row_id or ids.uuid7())
    if hasattr(model, "tenant"):
        row.tenant_id = tenant_id  # type: ignore[attr-defined]
    for field in model._meta.concrete_fields:
        subject = getattr(field, "subject", None)
        if subject not in (None, "self"):
            other = model._meta.get_field(subject).related_model
            setattr(row, subject, row_of(other, tenant_id))
    return row


def with_id(row: models.Model, row_id: UUID) -> models.Model:
    """Return another row of the same organization and subjects."""
    other = row_of(type(row), getattr(row, "tenant_id", None) or ids.uuid7(), row_id)
    for name in [SUBJECT_KEY, "_subject", *(f.subject for f in FIELDS if f.model is type(row) and f.subject)]:
        if name in row.__dict__:
            other.__dict__[name] = row.__dict__[name]
        elif name in row._state.fields_cache:
            setattr(other, name, row._state.fields_cache[name])
    return other


@pytest.fixture
def inside(in_a: UUID) -> Iterator[UUID]:
    yield in_a


def test_there_are_fields_to_attack() -> None:
    assert len(FIELDS) >= 10
    assert {field.model._meta.app_label for field in FIELDS} >= {"accounts", "billing", "edge"}


@pytest.mark.parametrize("field", FIELDS, ids=label)
def test_a_value_opens_in_its_place(field: EncryptedField, inside: UUID) -> None:
    row = row_of(field.model, inside)
    assert field.decrypt(row, field.encrypt(row, sample(field))) == sample(field)


@pytest.mark.parametrize("field", FIELDS, ids=label)
def test_moved_to_another_row(field: EncryptedField, inside: UUID) -> None:
    row = row_of(field.model, inside)
    stored = field.encrypt(row, sample(field))
    other = with_id(row, ids.uuid7())
    assert field.decrypt(other, field.encrypt(other, sample(field))) == sample(field)
    with pytest.raises(Refused):
        field.decrypt(other, stored)


@pytest.mark.parametrize("field", FIELDS, ids=label)
def test_moved_to_every_other_column(field: EncryptedField, inside: UUID) -> None:
    row = row_of(field.model, inside)
    stored = field.encrypt(row, sample(field))
    key = keyring.of(stored, field.tenant_of(row))
    # The strongest mover: same organization, same row id, same subject, same key; the place alone differs.
    subject = field._subject_of(row)
    cipher = None if subject is None else subject.cipher(key)
    assert field.of_bytes(key.decrypt(stored, field.place(row.pk), cipher)) == sample(field)
    refused = 0
    for other in COLUMNS:
        if other is not field:
            with pytest.raises(Refused):
                key.decrypt(stored, other.place(row.pk), cipher)
            refused += 1
    assert refused == len(COLUMNS) - 1


@pytest.mark.parametrize("field", FIELDS, ids=label)
def test_moved_to_another_organization(field: EncryptedField, tenant_a: UUID, tenant_b: UUID) -> None:
    row_id = ids.uuid7()
    with context.scope(context.Scope(tenant_a)):
        row = row_of(field.model, tenant_a, row_id)
        stored = field.encrypt(row, sample(field))
        key_of_a = keyring.of(stored, field.tenant_of(row))
    if field.of_operator:
        # A row of no organization has the operator's keys alone: an organization's key opens nothing there.
        with context.scope(context.Scope(tenant_b)):
            own = keyring.primary(tenant_b, field.purpose)
            with pytest.raises(Refused):
                field.decrypt(row, Envelope(own.encrypt(b"x", field.place(row_id))))
        return
    with context.scope(context.Scope(tenant_b)):
        other = row_of(field.model, tenant_b, row_id)
        with pytest.raises(Refused):
            field.decrypt(other, stored)
        keyring.forget()
        with pytest.raises(Refused):
            field.decrypt(other, stored)
        # Under b's header the bytes of a are no better.
        own = keyring.primary(tenant_b, field.purpose)
        assert own.header != key_of_a.header
        with pytest.raises(Refused):
            field.decrypt(other, Envelope(own.header + stored[18:]))


@pytest.mark.parametrize("field", FIELDS, ids=label)
def test_under_every_other_key(field: EncryptedField, inside: UUID) -> None:
    row = row_of(field.model, inside)
    stored = field.encrypt(row, sample(field))
    tenant_id = field.tenant_of(row)
    others = [keyring.primary(tenant_id, purpose.value) for purpose in Purpose if purpose != field.purpose]
    assert len(others) == len(Purpose) - 1
    for header in [
        *(key.header for key in others),
        envelope.MAGIC + ids.uuid7().bytes,
        envelope.MAGIC + bytes(16),
    ]:
        with pytest.raises(Refused):
            field.decrypt(row, Envelope(header + stored[18:]))


@pytest.mark.parametrize("field", FIELDS, ids=label)
def test_every_other_version_and_algorithm(field: EncryptedField, inside: UUID) -> None:
    row = row_of(field.model, inside)
    stored = field.encrypt(row, sample(field))
    for place in (0, 1):
        for value in set(range(256)) - {stored[place]}:
            changed = bytearray(stored)
            changed[place] = value
            with pytest.raises(envelope.MalformedEnvelope):
                field.decrypt(row, Envelope(changed))


@pytest.mark.parametrize("field", FIELDS, ids=label)
def test_truncated_anywhere_or_extended(field: EncryptedField, inside: UUID) -> None:
    row = row_of(field.model, inside)
    stored = field.encrypt(row, sample(field))
    for length in range(len(stored)):
        with pytest.raises(Refused):
            field.decrypt(row, Envelope(stored[:length]))
    with pytest.raises(Refused):
        field.decrypt(row, Envelope(stored + b"\0"))


@pytest.mark.parametrize("field", FIELDS, ids=label)
def test_every_bit_flipped(field: EncryptedField, inside: UUID) -> None:
    row = row_of(field.model, inside)
    stored = field.encrypt(row, sample(field))
    refused = 0
    for bit in range(8 * 18, 8 * len(stored)):
        changed = bytearray(stored)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Refused):
            field.decrypt(row, Envelope(changed))
        refused += 1
    assert refused == 8 * (len(stored) - 18)
    for bit in (16, 80, 143):  # in the key id: each asks the database for a key that is not there
        changed = bytearray(stored)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Refused):
            field.decrypt(row, Envelope(changed))


@pytest.mark.parametrize("field", [field for field in FIELDS if field.subject], ids=label)
def test_under_another_persons_key(field: EncryptedField, inside: UUID) -> None:
    """The same place, the same data key: what one person's key encrypted, another's does not open."""
    row = row_of(field.model, inside)
    stored = field.encrypt(row, sample(field))
    stranger = row_of(field.model, inside, row.pk)
    field.encrypt(stranger, sample(field))
    with pytest.raises(Refused):
        field.decrypt(stranger, stored)


@pytest.mark.parametrize(
    "field", [field for field in COLUMNS if isinstance(field, SubjectKeyField)], ids=label
)
def test_a_subject_key_moved_to_another_person(field: SubjectKeyField, inside: UUID) -> None:
    one, two = row_of(field.model, inside), row_of(field.model, inside)
    wrapped = field.wrap(one, primitives.random_key())
    assert len(field.unwrap(one, wrapped)) == primitives.KEY_BYTES
    with pytest.raises(Refused):
        field.unwrap(two, wrapped)
