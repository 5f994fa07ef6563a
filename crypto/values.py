"""What stands in a model instance in place of an encrypted value."""

import copy
from typing import Any, Final, NoReturn, SupportsIndex

from django.core.exceptions import FieldError

from core import primitives
from core.errors import Conflict
from crypto import keyring

SUBJECT_INFO: Final = b"subject"


class EncryptedFieldCannotBeUpdated(FieldError):
    """An encrypted field is written by save() or bulk_create(), which know the row it is bound to."""


class EncryptedFieldCannotBeSearched(FieldError):
    """An encrypted field knows only `isnull`; search by its blind index."""


class SubjectIsErased(Conflict):
    """This person has been erased: nothing new can be kept about them here."""


class Erased(str):
    """What an erased value reads as. There is one, ERASED: compare with `is`."""

    __slots__ = ()


ERASED: Final = Erased("[erased]")


class Envelope(bytes):
    """Bytes of an encrypted value as stored, told apart from plaintext bytes by their type."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<Envelope of {len(self)} bytes>"


class BlindIndex(bytes):
    """A computed blind index: the only thing such a column is compared with."""

    __slots__ = ()


class Plain(tuple[Any, "Envelope | None"]):
    """A value in clear inside a model instance, with the envelope it came from as long as they agree.

    A tuple because one is made at each first reading; it shows and gives away nothing by itself.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "<encrypted value>"

    __str__ = __repr__

    def __copy__(self) -> "Plain":
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> "Plain":
        return Plain((copy.deepcopy(self[0], memo), self[1]))

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("a decrypted value does not leave its process; pass the row's id instead")


class Subject:
    """One person's secret, unwrapped inside one model instance, and the ciphers derived from it."""

    __slots__ = ("_ciphers", "_secret")

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._ciphers: dict[bytes, primitives.Aead] = {}

    def cipher(self, key: keyring.LiveKey) -> primitives.Aead:
        """Return the cipher of this subject's values under a data key."""
        found = self._ciphers.get(key.id)
        if found is None:
            found = self._ciphers[key.id] = key.derive(SUBJECT_INFO + self._secret)
        return found

    def __repr__(self) -> str:
        return "<Subject>"

    def __deepcopy__(self, memo: dict[int, Any]) -> "Subject":
        return self

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("a subject's secret does not leave its process")
