"""Model fields whose values are encrypted in the database and decrypted on first use.

Promises kept:
- A value is bound to its organization, table, column and row: moved anywhere else it does not open.
- Loading a row decrypts nothing; an attribute that nobody reads is never plaintext in memory (ASVS 11.7.2).
- NULL stays NULL, and the empty text is encrypted like any other.
- `QuerySet.update()` and `bulk_update()` are refused: they know no row that a value could be bound to.
- What is erased stays erased: once a subject's key is gone its values read as ERASED, and saving keeps them
  so.

A field with `subject="self"` is encrypted under a key derived from the row's own subject key, one with
`subject="customer"` under that of the row its foreign key names (which must not change while values exist).
A model of no organization declares `crypto_owner = "operator"`: the operator's shared keys encrypt its rows.
Renaming a table or a column unbinds its values; such a migration must encrypt them again.
"""

from crypto.fields.encrypted import (
    EncryptedField,
    EncryptedJSONField,
    EncryptedTextField,
)
from crypto.fields.index import BlindIndexField
from crypto.fields.subject import SubjectKeyField
from crypto.values import (
    ERASED,
    EncryptedFieldCannotBeSearched,
    EncryptedFieldCannotBeUpdated,
    SubjectIsErased,
)

__all__ = [
    "ERASED",
    "BlindIndexField",
    "EncryptedField",
    "EncryptedFieldCannotBeSearched",
    "EncryptedFieldCannotBeUpdated",
    "EncryptedJSONField",
    "EncryptedTextField",
    "SubjectIsErased",
    "SubjectKeyField",
]
