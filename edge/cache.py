"""The cache speaks JSON: whoever can write to it must not be able to run code here (Django's default pickles)."""

import json
from typing import Any


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
