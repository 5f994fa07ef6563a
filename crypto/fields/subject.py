"""The key of one person, in that person's own row: destroying it erases every value under it."""

from typing import Any, Final
from uuid import UUID

from django.core import checks
from django.db import models
from django.db.models.query_utils import DeferredAttribute

from core import primitives
from crypto import envelope, keyring
from crypto.fields import bound
from crypto.values import Envelope, Subject

SUBJECT_KEY: Final = "subject_key"
GONE: Final = object()
_SUBJECT: Final = "_subject"
# About 3 kB each with one cipher.
_MOST_SUBJECTS = 2048
# As far as lists fill this room: the rest is for pages.
MOST_OF_LISTS = 1536


class SubjectKeyAttribute(DeferredAttribute):
    """The wrapped subject key. Setting it to None erases, also for what this instance had unwrapped."""

    field: "SubjectKeyField"

    def __get__(self, instance: models.Model | None, owner: type[models.Model] | None = None) -> Any:
        if instance is None:
            return self
        name = self.field.attname
        if name not in instance.__dict__:
            instance.__dict__[name] = bound.load(instance, name)
        return instance.__dict__[name]

    def __set__(self, instance: models.Model, value: Any) -> None:
        if value is not None and type(value) is not Envelope:
            raise TypeError("a subject key is made when the row is first saved, and can only be erased")
        if instance.__dict__.get(self.field.attname) != value:
            instance.__dict__.pop(_SUBJECT, None)
        instance.__dict__[self.field.attname] = value


class SubjectKeyField(bound.BoundField):
    """The secret of one person, wrapped by the data key for fields. Must be named `subject_key`.

    Made when the row is inserted. Erasing the person sets it to NULL (by save() or update()): no value under
    it can be read again, in this table or in those that name this row as their subject (GDPR Article 17).
    """

    description = "Wrapped subject key"
    descriptor_class = SubjectKeyAttribute

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs |= {"null": True, "editable": False, "default": None}
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        """Describe the field for migrations."""
        name, path, args, kwargs = super().deconstruct()
        for fixed in ("null", "editable", "default"):
            kwargs.pop(fixed, None)
        return name, path, args, kwargs

    def pre_save(self, model_instance: models.Model, add: bool) -> Envelope | None:
        """Return the wrapped secret: made now for a new row, wrapped again where its key is an old one."""
        if add:
            subject_of(model_instance)
        stored: Envelope | None = getattr(model_instance, self.attname)
        if stored is None:
            return None
        key = keyring.primary(self.tenant_of(model_instance), self.purpose)
        if add or key.id != envelope.key_id(stored):
            stored = self.wrap(model_instance, self.unwrap(model_instance, stored))
            model_instance.__dict__[self.attname] = stored
        return stored

    def wrap(self, instance: models.Model, secret: bytes) -> Envelope:
        """Wrap a subject's secret for one row."""
        key = keyring.primary(self.tenant_of(instance), self.purpose)
        return Envelope(key.encrypt(secret, self.place(bound.row_id(instance))))

    def unwrap(self, instance: models.Model, stored: bytes) -> bytes:
        """Return a subject's secret. Raises InvalidCiphertext when it was wrapped for another row."""
        key = keyring.of(stored, self.tenant_of(instance))
        return key.decrypt(stored, self.place(bound.row_id(instance)))

    def open(self, tenant_id: UUID, row_id: UUID, stored: bytes) -> Subject:
        """Return the Subject of a row from its wrapped key, opened before or now.

        Some thousand are kept with the key that wraps them: a page shows the same people again and again. An
        erased one is never asked for, since its wrapped bytes are gone.

        Raises:
            InvalidCiphertext: it was wrapped for another row, or touched.
        """
        key = keyring.of(stored, tenant_id)
        known: Subject | None = key.subjects.get(stored + row_id.bytes)
        if known is None:
            known = Subject(key.decrypt(stored, self.place(row_id)))
            if len(key.subjects) >= _MOST_SUBJECTS:
                key.subjects.clear()
            key.subjects[stored + row_id.bytes] = known
        return known

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        """Check the name, by which the fields find it."""
        found = super().check(**kwargs)
        if self.name != SUBJECT_KEY:
            found.append(checks.Error(f"must be named {SUBJECT_KEY}.", obj=self, id="crypto.E006"))
        return found


def subject_of(owner: models.Model) -> Any:
    """Return the Subject of a row with a SubjectKeyField: made now for a new row, GONE once erased."""
    known = owner.__dict__.get(_SUBJECT)
    if known is not None:
        return known
    field = owner._meta.get_field(SUBJECT_KEY)
    assert isinstance(field, SubjectKeyField)  # noqa: S101  checked: crypto.E005
    stored = getattr(owner, SUBJECT_KEY)
    if stored is not None:
        subject = owner.__dict__[_SUBJECT] = field.open(field.tenant_of(owner), bound.row_id(owner), stored)
        return subject
    if owner._state.adding:
        secret = primitives.random_key()
        owner.__dict__[SUBJECT_KEY] = field.wrap(owner, secret)
        subject = owner.__dict__[_SUBJECT] = Subject(secret)
        return subject
    return GONE
