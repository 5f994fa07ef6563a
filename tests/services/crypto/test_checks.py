"""The system checks stop the start when something that must be encrypted is not, or cannot be bound."""

import dataclasses
from typing import Any

import pytest
from django.db import models
from django.test.utils import isolate_apps

from accounts.models import Role
from core.datapolicy import FieldClass
from crypto.checks import sensitive_fields_are_encrypted
from crypto.fields import BlindIndexField, EncryptedTextField, SubjectKeyField
from crypto.fields.bound import BoundField
from tenancy.models import TenantModel


def codes(field: Any) -> list[str]:
    return [message.id for message in field.check() if str(message.id).startswith("crypto.")]


def test_the_product_passes() -> None:
    assert sensitive_fields_are_encrypted(None) == []


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ("code", FieldClass.PERSONAL),
        ("code", FieldClass.SECRET),
        ("code", FieldClass.CONTENT),
        ("code", FieldClass.BLIND_INDEX),
        ("label", FieldClass.STATE),
        ("label", FieldClass.HASH),
    ],
)
def test_a_class_that_the_column_does_not_keep_is_refused(
    column: str, kind: FieldClass, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = {**Role.data_policy.fields, column: kind}
    monkeypatch.setattr(Role, "data_policy", dataclasses.replace(Role.data_policy, fields=fields))
    found = sensitive_fields_are_encrypted(None)
    assert [(message.id, message.obj) for message in found] == [("crypto.E009", Role)]


@isolate_apps("crypto")
def test_what_cannot_be_bound_is_refused() -> None:
    class Numbered(models.Model):
        value = EncryptedTextField()

        class Meta:
            app_label = "crypto"

    class Homeless(models.Model):
        id = models.UUIDField(primary_key=True)
        value = EncryptedTextField()

        class Meta:
            app_label = "crypto"

    class Operated(models.Model):
        crypto_owner = "operator"
        id = models.UUIDField(primary_key=True)
        value = EncryptedTextField()

        class Meta:
            app_label = "crypto"

    assert codes(Numbered._meta.get_field("value")) == ["crypto.E001", "crypto.E002"]
    assert codes(Homeless._meta.get_field("value")) == ["crypto.E002"]
    assert codes(Operated._meta.get_field("value")) == []


@isolate_apps("crypto")
def test_what_would_reveal_or_lose_values_is_refused() -> None:
    class Person(TenantModel):
        indexed = EncryptedTextField(db_index=True)
        unique = EncryptedTextField(unique=True)
        keyed = EncryptedTextField(purpose="blind_index")
        orphan = EncryptedTextField(subject="self")
        misnamed = SubjectKeyField()
        plain = models.TextField()
        plain_index = BlindIndexField(source="plain")
        tiny_index = BlindIndexField(source="indexed", bits=4)

        class Meta:
            app_label = "crypto"

    found = {field.name: codes(field) for field in Person._meta.concrete_fields if codes_of(field)}
    assert found == {
        "indexed": ["crypto.E003"],
        "unique": ["crypto.E003"],
        "keyed": ["crypto.E004"],
        "orphan": ["crypto.E005"],
        "misnamed": ["crypto.E006"],
        "plain_index": ["crypto.E007"],
        "tiny_index": ["crypto.E008"],
    }


def codes_of(field: Any) -> bool:
    return isinstance(field, BoundField | BlindIndexField)


def test_an_unknown_purpose_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="gossip"):
        EncryptedTextField(purpose="gossip")


@pytest.mark.parametrize(
    "field",
    [
        EncryptedTextField(purpose="documents", subject="self", max_length=9, null=True),
        EncryptedTextField(),
        SubjectKeyField(),
        BlindIndexField(source="email", bits=16, normalize=str.upper, null=True),
        BlindIndexField(source="email"),
    ],
)
def test_a_field_is_written_into_migrations_as_it_is(field: Any) -> None:
    _, path, args, kwargs = field.deconstruct()
    assert path == f"{type(field).__module__}.{type(field).__name__}"
    assert type(field)(*args, **kwargs).deconstruct()[1:] == (path, args, kwargs)
