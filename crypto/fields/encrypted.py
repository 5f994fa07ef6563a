"""The encrypted fields: text and JSON."""

import json
from time import monotonic
from typing import Any, ClassVar, Final

from django import forms
from django.core import checks, validators
from django.db import models
from django.db.models.query_utils import DeferredAttribute

from crypto import envelope, keyring
from crypto.envelope import Purpose
from crypto.fields import bound
from crypto.fields import subject as subjects
from crypto.values import ERASED, Envelope, Plain, SubjectIsErased

_ABSENT: Final = object()


class _EncryptedAttribute(DeferredAttribute):
    """The attribute of an encrypted field: decrypts on first reading, holds what is assigned until saving."""

    field: "EncryptedField"

    def __init__(self, field: "EncryptedField") -> None:
        super().__init__(field)
        self.name = field.attname
        self.decrypt = field.decrypt

    def __get__(self, instance: models.Model | None, owner: type[models.Model] | None = None) -> Any:
        if instance is None:
            return self
        data = instance.__dict__
        held = data.get(self.name, _ABSENT)
        if type(held) is Plain:
            return held[0]
        if held is _ABSENT:
            held = data[self.name] = bound.load(instance, self.name)
        if held is None:
            return None
        value = self.decrypt(instance, held)
        if value is not ERASED:
            data[self.name] = Plain((value, held))
        return value

    def __set__(self, instance: models.Model, value: Any) -> None:
        held = instance.__dict__.get(self.name)
        if value is None or type(value) is Envelope:
            instance.__dict__[self.name] = value
        elif value is ERASED and type(held) is Envelope:
            # A form or refresh_from_db hands back the marker it has just read: the stored bytes stay.
            return
        elif self.field.keeps_envelope and type(held) is Plain and held[0] == value:
            return
        else:
            instance.__dict__[self.name] = Plain((value, None))


class EncryptedField(bound.BoundField):
    """Base of the encrypted fields; subclasses say how a value becomes bytes.

    purpose: the data key's. subject: None, "self", or the name of the foreign key to the person it is about.
    """

    descriptor_class = _EncryptedAttribute
    # Whether an unchanged value keeps its stored bytes at saving; a value that can change in place cannot
    # tell.
    keeps_envelope: ClassVar[bool] = True

    def __init__(
        self, *args: Any, purpose: str = Purpose.FIELDS, subject: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.purpose = Purpose(purpose).value
        self.subject = subject

    def deconstruct(self) -> Any:
        """Describe the field for migrations."""
        name, path, args, kwargs = super().deconstruct()
        if self.purpose != Purpose.FIELDS:
            kwargs["purpose"] = self.purpose
        if self.subject is not None:
            kwargs["subject"] = self.subject
        return name, path, args, kwargs

    def to_bytes(self, value: Any) -> bytes:
        """Return the bytes to encrypt. Raises TypeError for a value of another type."""
        raise TypeError(f"{type(self).__name__} says nothing about bytes")

    def of_bytes(self, data: bytes) -> Any:
        """Return the value that `to_bytes` was given."""
        raise TypeError(f"{type(self).__name__} says nothing about bytes")

    def encrypt(self, instance: models.Model, value: Any) -> Envelope:
        """Encrypt a value for one row under the primary key.

        Raises:
            SubjectIsErased: the person it is about has been erased.
            Sealed: the organization or the installation is sealed.
        """
        plaintext = self.to_bytes(value)
        data = instance.__dict__
        try:
            row, tenant_id = data["id"].int.to_bytes(16, "big"), data["tenant_id"]
        except (KeyError, AttributeError):  # of no organization, deferred, or given as text
            row, tenant_id = bound.row_id(instance).bytes, None
        if self.of_operator or tenant_id is None:
            tenant_id = self.tenant_of(instance)
        key = keyring.primary(tenant_id, self.purpose)
        if self.subject is None:
            return Envelope(key.encrypt(plaintext, self.before + row + self.after))
        subject = self._subject_of(instance)
        if subject is subjects.GONE:
            raise SubjectIsErased
        cipher = None if subject is None else subject.cipher(key)
        return Envelope(key.encrypt(plaintext, self.before + row + self.after, cipher))

    def decrypt(self, instance: models.Model, stored: Envelope) -> Any:
        """Decrypt one row's value, or return ERASED when its subject's key is gone.

        Raises:
            InvalidCiphertext: the bytes were touched, or written for another place.
            Sealed: the organization or the installation is sealed.
        """
        # Flat on purpose, and the checks of keyring.of repeated: a page of rows decrypts hundreds of values.
        data = instance.__dict__
        try:
            row, tenant_id = data["id"].int.to_bytes(16, "big"), data["tenant_id"]
        except (KeyError, AttributeError):  # of no organization, deferred, or given as text
            row, tenant_id = bound.row_id(instance).bytes, None
        if self.of_operator or tenant_id is None:
            tenant_id = self.tenant_of(instance)
        subject = None
        if self.subject is not None:
            subject = self._subject_of(instance)
            if subject is subjects.GONE:
                return ERASED
        key = keyring.live.get(stored[:18])
        if key is None or key.holding.trusted_until < monotonic() or key.tenant != tenant_id.int:
            key = keyring.of(stored, tenant_id)
        key.decryptions += 1
        aead = key.aead if subject is None else subject.cipher(key)
        return self.of_bytes(aead.decrypt(stored, key.authority + self.before + row + self.after, 18))

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """Return the bytes to store: new ones for a new value, the stored ones where nothing changed."""
        held = model_instance.__dict__.get(self.attname)
        if held is None:
            return None
        if type(held) is Envelope:
            model_instance.__dict__[self.attname] = kept = self._keep(model_instance, held, add)
            return kept
        value, stored = held
        if value is ERASED:
            if add:
                raise SubjectIsErased
            return models.F(self.attname)
        if stored is not None and self.keeps_envelope:
            kept = self._keep(model_instance, stored, add)
        else:
            kept = self.encrypt(model_instance, value)
        model_instance.__dict__[self.attname] = Plain((value, kept))
        return kept

    def _keep(self, instance: models.Model, stored: Envelope, add: bool) -> Envelope:
        """Keep stored bytes in place, unless they must be bound to a new row or moved to the primary key.

        Without the latter a row loaded before a rotation and saved after it would bring the old key back.
        """
        if not add and keyring.primary(self.tenant_of(instance), self.purpose).id == envelope.key_id(stored):
            return stored
        value = self.decrypt(instance, stored)
        return stored if value is ERASED else self.encrypt(instance, value)

    def _subject_of(self, instance: models.Model) -> Any:
        """Return the Subject, None where there is none, or subjects.GONE where it has been erased."""
        if self.subject is None:
            return None
        owner = instance if self.subject == "self" else getattr(instance, self.subject)
        return None if owner is None else subjects.subject_of(owner)

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        """Check the purpose and the way to the subject's key."""
        found = super().check(**kwargs)
        if self.purpose == Purpose.BLIND_INDEX:
            found.append(checks.Error("a blind index key encrypts nothing.", obj=self, id="crypto.E004"))
        owner: Any = self.model
        if self.subject not in (None, "self"):
            owner = self.model._meta.get_field(self.subject).related_model
        if self.subject is not None and not isinstance(
            getattr(owner, subjects.SUBJECT_KEY, None), subjects.SubjectKeyAttribute
        ):
            found.append(
                checks.Error(f"{owner.__name__} has no SubjectKeyField.", obj=self, id="crypto.E005")
            )
        return found


class EncryptedTextField(EncryptedField):
    """Text, encrypted. `max_length` counts characters and is a validator: the database sees none."""

    description = "Encrypted text"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.max_length is not None:
            self.validators.append(validators.MaxLengthValidator(self.max_length))

    def to_bytes(self, value: Any) -> bytes:
        """Return UTF-8. Raises TypeError for anything but text."""
        if not isinstance(value, str):
            raise TypeError(f"{self.name} takes text, not {type(value).__name__}")
        return value.encode()

    def of_bytes(self, data: bytes) -> str:
        """Return the text."""
        return data.decode()

    def formfield(self, **kwargs: Any) -> Any:
        """Offer a text input."""
        return super().formfield(**{"form_class": forms.CharField, "max_length": self.max_length, **kwargs})


class EncryptedJSONField(EncryptedField):
    """Any JSON value, encrypted as a whole. Python's None is NULL."""

    description = "Encrypted JSON"
    empty_strings_allowed = False
    keeps_envelope = False

    def to_bytes(self, value: Any) -> bytes:
        """Return JSON in UTF-8. Raises TypeError for what JSON has not, ValueError for NaN."""
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()

    def of_bytes(self, data: bytes) -> Any:
        """Return the value."""
        return json.loads(data)

    def formfield(self, **kwargs: Any) -> Any:
        """Offer a JSON input."""
        return super().formfield(**{"form_class": forms.JSONField, **kwargs})
