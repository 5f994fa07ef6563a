"""The cache speaks JSON: whoever can write to it must not be able to run code here (Django's default pickles)."""

import json
from functools import cached_property
from typing import Any

from django.core.cache.backends import redis


class JsonSerializer:
    """Serializer of `django.core.cache.backends.redis.RedisCache`; whole numbers stay numbers, so that INCR works."""

    def dumps(self, obj: Any) -> Any:
        """Write a value."""
        if isinstance(obj, int) and not isinstance(obj, bool):
            return obj
        return json.dumps(obj, separators=(",", ":")).encode()

    def loads(self, data: bytes) -> Any:
        """Read a value."""
        try:
            return int(data)
        except ValueError:
            return json.loads(data)


class _Client(redis.RedisCacheClient):
    """Keeps the one client of its thread's cache; a new one for each command makes a table of 170 commands first."""

    @cached_property
    def client(self) -> Any:
        """Return the client."""
        return super().get_client(write=True)

    def get_client(self, key: Any = None, *, write: bool = False) -> Any:
        """Return the client; there is one server to read from and write to."""
        return self.client


class Cache(redis.RedisCache):
    """Django's cache on Valkey or Redis."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = _Client

    @property
    def client(self) -> Any:
        """Return the client itself, for what a cache has no words for."""
        return self._cache.client  # type: ignore[attr-defined]  # of our class
