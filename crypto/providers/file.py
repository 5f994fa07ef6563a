"""The root key in a file of 64 hexadecimal digits that its owner alone may read.

Promise kept: a file that others may read or write is refused, not repaired, because its key may be known
already. The file is read when an organization's keys are loaded and never kept.
"""

import os
import stat
from pathlib import Path

from django.conf import settings

from core import primitives
from crypto.providers import RootKeyIsUnsafe, RootKeyUnavailable

NAME = "file"
_DIGITS = 2 * primitives.KEY_BYTES
_ID_BYTES = 8


class WrongRootKey(RootKeyUnavailable):
    """This root key is another one than the key that wrapped the organization's keys."""


class FileProvider:
    """Keeper of the root key at settings.ROOT_KEY_FILE."""

    name = NAME

    def ready(self) -> bool:
        """Tell whether the file is there, safe, and holds a key."""
        try:
            _root_key()
        except RootKeyUnavailable:
            return False
        return True

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """Wrap 32 bytes, bound to `context`.

        Raises:
            RootKeyUnavailable: the file is missing or unsafe.
        """
        root = _root_key()
        return _identity(root) + primitives.aead_encrypt(root, key, context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Return what `wrap` was given.

        Raises:
            RootKeyUnavailable: the file is missing or unsafe.
            WrongRootKey: the file holds another root key.
            InvalidCiphertext: the bytes were touched or belong to another context.
        """
        root = _root_key()
        if not primitives.constant_time_equal(wrapped[:_ID_BYTES], _identity(root)):
            raise WrongRootKey
        return primitives.aead_decrypt(root, wrapped[_ID_BYTES:], context)


def _identity(root: bytes) -> bytes:
    return primitives.hkdf_expand(root, b"strongbox root key id", _ID_BYTES)


def _root_key() -> bytes:
    path: Path | None = settings.ROOT_KEY_FILE
    if path is None:
        raise RootKeyUnavailable("No root key file is named.")
    try:
        # Links are followed (orchestrators mount secrets as links); what counts is checked on the open file.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise RootKeyUnavailable(f"The root key file cannot be read: {error.strerror}.") from error
    try:
        _refuse_unsafe(os.fstat(descriptor))
        text = os.read(descriptor, _DIGITS + 2).rstrip(b"\r\n")
    finally:
        os.close(descriptor)
    try:
        key = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        key = b""
    if len(text) != _DIGITS or len(key) != primitives.KEY_BYTES:
        raise RootKeyIsUnsafe(f"The root key file must hold {_DIGITS} hexadecimal digits.")
    return key


def _refuse_unsafe(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise RootKeyIsUnsafe("The root key file is not a regular file.")
    if found.st_mode & 0o077:
        raise RootKeyIsUnsafe("The root key file may be used by others: its mode must be 0600 or 0400.")
    if found.st_uid not in (os.geteuid(), 0):
        raise RootKeyIsUnsafe("The root key file belongs to somebody else.")
