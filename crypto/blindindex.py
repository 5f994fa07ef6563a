"""Finding an encrypted value without decrypting: a keyed digest of its normalized text beside it.

Promise kept: equal values have equal indexes within one column of one organization, and nowhere else; without
the organization's key nobody can test a guess. What the index reveals to a reader of the database is which
rows are equal; with `bits` it is truncated, so that strangers collide and equality is only likely.
"""

import unicodedata
from uuid import UUID

from django.db import models

from crypto import envelope, keyring
from crypto.envelope import Purpose
from crypto.values import BlindIndex
from tenancy import context


def normalize(text: str) -> str:
    """Fold what people hold to be the same: case, width, composition (Unicode NFKC), and spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def compute(*, tenant_id: UUID, table: str, column: str, text: str, bits: int | None = None) -> BlindIndex:
    """Return the index of normalized `text`: 32 bytes, or its first `bits`, zero-padded to whole bytes.

    Raises:
        Sealed: the organization or the installation is sealed.
    """
    message = envelope.length_prefixed(tenant_id.bytes, table.encode(), column.encode(), text.encode())
    digest = keyring.primary(tenant_id, Purpose.BLIND_INDEX).mac(message)
    if bits is None:
        return BlindIndex(digest)
    length = (bits + 7) // 8
    spare = 8 * length - bits
    return BlindIndex((int.from_bytes(digest[:length], "big") >> spare << spare).to_bytes(length, "big"))


def lookup(model: type[models.Model], column: str, value: str) -> BlindIndex:
    """Return what to compare a blind index column with, in the organization in scope.

    `Customer.objects.filter(email_index=blindindex.lookup(Customer, "email_index", "ann@example.com"))`

    Raises:
        NoScope: no organization is in scope, and the model is not the operator's.
        Sealed: the organization or the installation is sealed.
    """
    field = model._meta.get_field(column)
    tenant_id = keyring.operator() if field.of_operator else context.current_tenant()  # type: ignore[union-attr]
    index: BlindIndex = field.index_of(tenant_id, value)  # type: ignore[union-attr]
    return index
