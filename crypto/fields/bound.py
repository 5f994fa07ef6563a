"""A column whose bytes are bound to one place: what all encrypted fields share."""

from typing import TYPE_CHECKING, Any, NoReturn, cast
from uuid import UUID

from django.core import checks
from django.db import models

from crypto import envelope, keyring
from crypto.envelope import Purpose
from crypto.values import EncryptedFieldCannotBeSearched, EncryptedFieldCannotBeUpdated, Envelope

# django-stubs makes Field generic; Django itself does not.
if TYPE_CHECKING:
    Field = models.Field[Any, Any]
else:
    Field = models.Field


class BoundField(Field):
    """A bytea column whose bytes are bound to organization, table, column, row and purpose."""

    purpose: str = Purpose.FIELDS.value
    of_operator = False
    before = b""
    after = b""

    def contribute_to_class(self, cls: type[models.Model], name: str, private_only: bool = False) -> None:
        """Fix what the column's values are bound to, once the table's name is known."""
        super().contribute_to_class(cls, name, private_only=private_only)
        self.of_operator = getattr(cls, "crypto_owner", "") == "operator"
        self.before = envelope.column(cls._meta.db_table, cast(str, self.column))
        self.after = envelope.ending(self.purpose)

    def get_internal_type(self) -> str:
        """Store bytes."""
        return "BinaryField"

    def place(self, row_id: UUID) -> bytes:
        """Return the associated data of one row's value, from the table on."""
        return self.before + row_id.bytes + self.after

    def tenant_of(self, instance: models.Model) -> UUID:
        """Return the organization whose keys encrypt this instance."""
        return keyring.operator() if self.of_operator else instance.tenant_id  # type: ignore[attr-defined]

    def from_db_value(self, value: bytes | None, expression: Any, connection: Any) -> Envelope | None:
        """Mark bytes as what the database holds."""
        return None if value is None else Envelope(value)

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        """Pass on what pre_save has encrypted.

        Raises:
            EncryptedFieldCannotBeUpdated: the value comes from update() or bulk_update().
        """
        if value is None or type(value) is Envelope or hasattr(value, "as_sql"):
            return value
        raise EncryptedFieldCannotBeUpdated(
            f"{self.model.__name__}.{self.name}: {_sentence(EncryptedFieldCannotBeUpdated)}"
        )

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        """Refuse values that no row has bound."""
        return self.get_db_prep_save(value, connection)

    def get_lookup(self, lookup_name: str) -> Any:
        """Allow `isnull` alone: two equal values have different bytes.

        Raises:
            EncryptedFieldCannotBeSearched: any other lookup.
        """
        if lookup_name != "isnull":
            raise EncryptedFieldCannotBeSearched(
                f"{self.model.__name__}.{self.name}: {_sentence(EncryptedFieldCannotBeSearched)}"
            )
        return super().get_lookup(lookup_name)

    def value_to_string(self, obj: models.Model) -> NoReturn:
        """Refuse serializers: what they write is not protected.

        Raises:
            TypeError: always.
        """
        raise TypeError(
            f"{self.model.__name__}.{self.name} is encrypted and leaves by the encrypted export alone"
        )

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        """Check what the binding needs (a UUID and an organization), and that no ciphertext is indexed."""
        found = super().check(**kwargs)
        key = self.model._meta.pk
        if not isinstance(key, models.UUIDField) or key.name != "id":
            found.append(checks.Error("needs a primary key `id` that is a UUID.", obj=self, id="crypto.E001"))
        if not self.of_operator and not hasattr(self.model, "tenant"):
            found.append(
                checks.Error(
                    'names no organization; say crypto_owner = "operator".', obj=self, id="crypto.E002"
                )
            )
        if self.unique or self.db_index:  # type: ignore[attr-defined]  # django-stubs omits it
            found.append(checks.Error("ciphertext cannot be indexed.", obj=self, id="crypto.E003"))
        return found


def _sentence(error: type[Exception]) -> str:
    return (error.__doc__ or "").strip()


def load(instance: models.Model, name: str) -> Any:
    """Fetch one deferred column as stored, without decrypting it."""
    rows = type(instance)._base_manager.using(instance._state.db).filter(pk=instance.pk)
    return rows.values_list(name, flat=True).get()


def row_id(instance: models.Model) -> UUID:
    """Return the id a value is bound to, also of an instance that was given it as text."""
    found = instance.pk
    return found if isinstance(found, UUID) else UUID(str(found))
