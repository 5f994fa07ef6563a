"""Encrypted bytes that stand in no encrypted field, such as files: who keeps them, how a rotation finds them.

Promise kept: nothing can be encrypted that a rotation would leave behind. `services.encrypt_bytes` works for
registered stores alone, and a key is disabled only when every store of its purpose says that nothing is left.
"""

from collections.abc import Callable
from dataclasses import dataclass

from crypto.envelope import Purpose


class DuplicateStore(ValueError):
    """Two stores have the same name."""


class UnknownStore(LookupError):
    """Register the store first, or a rotation would not find what it keeps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """One keeper of encrypted bytes. Both functions work in the scope of the organization that is rotated.

    stale(key_id): how many values are under another key than this one (16 bytes).
    rewrite(key_id, limit): encrypt up to `limit` of them again and return how many; 0 when none is left. What
    it writes must be safe against a writer of the same value (compare and set), and against being killed.
    """

    name: str
    purpose: Purpose
    stale: Callable[[bytes], int]
    rewrite: Callable[[bytes, int], int]


_stores: dict[str, Store] = {}


def register(store: Store) -> None:
    """Make a store known (AppConfig.ready).

    Raises:
        DuplicateStore: the name is taken.
    """
    if store.name in _stores:
        raise DuplicateStore(store.name)
    _stores[store.name] = store


def of(name: str) -> Store:
    """Return a store by name.

    Raises:
        UnknownStore: there is none.
    """
    try:
        return _stores[name]
    except KeyError:
        raise UnknownStore(name) from None


def serving(purpose: Purpose) -> list[Store]:
    """List the stores whose bytes are under keys of a purpose."""
    return [store for store in _stores.values() if store.purpose == purpose]
