"""A blind index column, computed from its encrypted neighbour whenever the row is saved."""

from collections.abc import Callable
from typing import Any, cast
from uuid import UUID

from django.core import checks
from django.db import models
from django.db.models import signals

from crypto import blindindex, keyring
from crypto.fields import bound
from crypto.fields.encrypted import EncryptedField
from crypto.values import ERASED, BlindIndex, EncryptedFieldCannotBeUpdated, Envelope


class BlindIndexWouldGoStale(ValueError):
    """`update_fields` names an encrypted field without the blind index that is computed from it."""


class BlindIndexField(bound.Field):
    """HMAC-SHA-256 of another field's normalized value, for exact search; see crypto.blindindex.

    source: the encrypted text field. bits: None for all 256 where it is unique, fewer where it only narrows.
    NULL where the source is NULL or erased.
    """

    description = "Blind index"
    of_operator = False

    def __init__(
        self,
        *args: Any,
        source: str,
        normalize: Callable[[str], str] = blindindex.normalize,
        bits: int | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("editable", False)
        super().__init__(*args, **kwargs)
        self.source, self.normalize, self.bits = source, normalize, bits

    def deconstruct(self) -> Any:
        """Describe the field for migrations."""
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("editable", None)
        kwargs["source"] = self.source
        if self.normalize is not blindindex.normalize:
            kwargs["normalize"] = self.normalize
        if self.bits is not None:
            kwargs["bits"] = self.bits
        return name, path, args, kwargs

    def contribute_to_class(self, cls: type[models.Model], name: str, private_only: bool = False) -> None:
        """Watch for saves that would leave the index behind."""
        super().contribute_to_class(cls, name, private_only=private_only)
        self.of_operator = getattr(cls, "crypto_owner", "") == "operator"
        if not cls._meta.abstract:
            # Django's own hook: a field learns `update_fields` in no other way.
            signals.pre_save.connect(self._refuse_stale, sender=cls)

    def _refuse_stale(self, update_fields: frozenset[str] | None, **kwargs: Any) -> None:
        if update_fields is not None and self.source in update_fields and self.name not in update_fields:
            raise BlindIndexWouldGoStale(f"{self.model.__name__}: name {self.name} beside {self.source}")

    def get_internal_type(self) -> str:
        """Store bytes."""
        return "BinaryField"

    def from_db_value(self, value: bytes | None, expression: Any, connection: Any) -> BlindIndex | None:
        """Mark bytes as computed, so that a loaded row can be compared with (validate_constraints)."""
        return None if value is None else BlindIndex(value)

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        """Pass on what pre_save has computed.

        Raises:
            EncryptedFieldCannotBeUpdated: the value was not computed by crypto.blindindex.
        """
        if value is None or type(value) is BlindIndex or hasattr(value, "as_sql"):
            return value
        raise EncryptedFieldCannotBeUpdated(
            f"{self.model.__name__}.{self.name} is computed; search with crypto.blindindex.lookup"
        )

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        """Compare with computed indexes alone."""
        return self.get_db_prep_save(value, connection)

    def pre_save(self, model_instance: models.Model, add: bool) -> BlindIndex | None:
        """Return the index of the source's value as it will be saved."""
        held = model_instance.__dict__.get(self.source)
        if type(held) is Envelope and not add:
            # Nobody read or changed the source: its index stands.
            kept = getattr(model_instance, self.attname)
            return None if kept is None else BlindIndex(kept)
        value = getattr(model_instance, self.source)
        index = None
        if value is not None and value is not ERASED:
            tenant_id = keyring.operator() if self.of_operator else model_instance.tenant_id  # type: ignore[attr-defined]
            index = self.index_of(tenant_id, value)
        setattr(model_instance, self.attname, index)
        return index

    def index_of(self, tenant_id: UUID, value: str) -> BlindIndex:
        """Return the index of a value in this column, for one organization."""
        return blindindex.compute(
            tenant_id=tenant_id,
            table=self.model._meta.db_table,
            column=cast(str, self.column),
            text=self.normalize(value),
            bits=self.bits,
        )

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        """Check that the source is an encrypted field, and the length."""
        found = super().check(**kwargs)
        fields = {field.name: field for field in self.model._meta.concrete_fields}
        if not isinstance(fields.get(self.source), EncryptedField):
            found.append(
                checks.Error(f"{self.source} is not an encrypted field.", obj=self, id="crypto.E007")
            )
        if self.bits is not None and not 8 <= self.bits <= 256:
            found.append(checks.Error("bits must be from 8 to 256.", obj=self, id="crypto.E008"))
        return found
