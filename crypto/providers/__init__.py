"""Where the root key lives: the contract that a file, a vault or a key management service fulfils.

A provider wraps tenant keys. It is a module or object with

- `name`: the word stored beside what it wrapped (TenantKey.provider);
- `ready()`: whether it can unwrap now, without raising (asked by /readyz);
- `wrap(key, context)`: 32 bytes in, opaque bytes out, bound to `context`;
- `unwrap(wrapped, context)`: the reverse. It raises RootKeyUnavailable when it cannot be reached or the root
  key is missing, and core.primitives.InvalidCiphertext when the bytes or the context are not what it wrapped.

The product keeps no root key in memory: a provider is asked once per organization and process.
"""

from typing import Protocol

from django.utils.module_loading import import_string

from core.errors import Sealed

PROVIDERS = {"file": "crypto.providers.file.FileProvider"}


class RootKeyUnavailable(Sealed):
    """The root key is not available: nothing encrypted can be read until it is."""


class RootKeyIsUnsafe(RootKeyUnavailable):
    """The root key's file may be read or changed by others, or does not hold a key."""


class Provider(Protocol):
    """What the keyring asks of a root key's keeper."""

    name: str

    def ready(self) -> bool:
        """Tell whether tenant keys can be unwrapped now."""

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """Wrap 32 bytes, bound to `context`."""

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Return what `wrap` was given."""


def current() -> Provider:
    """Return the provider that wraps new tenant keys."""
    return named("file")


def named(name: str) -> Provider:
    """Return the provider that wrapped a tenant key.

    Raises:
        RootKeyUnavailable: this installation has no such provider.
    """
    if name not in PROVIDERS:
        raise RootKeyUnavailable(f"This installation has no root key provider named {name}.")
    provider: Provider = import_string(PROVIDERS[name])()
    return provider
