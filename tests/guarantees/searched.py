"""What a marker could have come to: every store of the installation, read past everything that would hide it."""

import io
import json
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from celery import current_app
from django.conf import settings
from django.core.cache import caches

from config.embedded import home
from crypto.fields import EncryptedJSONField, EncryptedTextField
from tenancy.checks import managed_models
from tenancy.context import Scope, scope, system_scope
from tenancy.models import Tenant, TenantModel
from tests import databases
from tests.guarantees import canaries

# What is searched, and the least that must be there for the search to mean anything.
STORES = {"database": 200_000, "cache and queue": 5_000, "logs": 2_000, "files": 500, "provider": 5_000}


def folder() -> Path:
    """Return where stored files lie."""
    folder = Path(settings.FILES_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def provider_folder() -> Path:
    """Return where the provider's stand-in keeps what it knows."""
    return Path(os.environ["STRONGBOX_STATE_DIR"]) / "sandbox"


def columns() -> dict[str, list[str]]:
    """Decrypt every value of every encrypted column."""
    with system_scope(reason="the canaries look into every organization"):
        tenants = list(Tenant.objects.values_list("pk", flat=True))
    found: dict[str, list[str]] = {}
    for model in managed_models():
        for column in model._meta.concrete_fields:
            if isinstance(column, EncryptedTextField | EncryptedJSONField):
                of_tenant = issubclass(model, TenantModel)
                values = found.setdefault(f"{model._meta.label}.{column.name}", [])
                for inside in [Scope(tenant) for tenant in tenants] if of_tenant else [Scope(tenants[0])]:
                    with scope(inside):
                        values += [text(getattr(row, column.name)) for row in model._default_manager.all()]
    return {name: [value for value in values if value] for name, values in found.items()}


def text(value: Any) -> str:
    """Write a decrypted value as it can be searched."""
    return value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)


def stores(database: str, log: io.StringIO) -> dict[str, bytes]:
    """Read every store as bytes: what is on disk, in memory, and dumped past every policy."""
    state = Path(os.environ["STRONGBOX_STATE_DIR"])
    place = home.prepare(state)
    readable = [path for path in state.rglob("*") if path.is_file()]
    valkey = [path for path in readable if path.is_relative_to(state / "valkey")]
    logs = [path for path in readable if path.suffix == ".log"]
    provider = [path for path in readable if path.is_relative_to(provider_folder())]
    rest = [path for path in readable if path not in {*valkey, *logs, *provider}]
    return {
        "database": databases.dump(database).encode(),
        "cache and queue": b"".join([*(path.read_bytes() for path in valkey), *live()]),
        "logs": log.getvalue().encode() + b"".join(path.read_bytes() for path in [*logs, place.log]),
        "files": b"".join(path.read_bytes() for path in rest),
        "provider": b"".join(path.read_bytes() for path in provider),
    }


def live() -> Iterator[bytes]:
    """Every key of the cache and of the queue with its value, as their own users read them."""
    with current_app.connection_for_read() as connection:
        for client in (caches["default"]._cache.get_client(), connection.default_channel.client):  # type: ignore[attr-defined]
            readers: dict[bytes, Callable[[bytes], Any]] = {
                b"string": client.get,
                b"list": lambda key, client=client: client.lrange(key, 0, -1),
                b"hash": client.hgetall,
                b"set": client.smembers,
                b"zset": lambda key, client=client: client.zrange(key, 0, -1, withscores=True),
            }
            for key in client.scan_iter(count=1000):
                yield key + repr(readers[client.type(key)](key)).encode()


def plant(marker: str) -> None:
    """Do what must be found: one marker in each store, in the spellings that would be missed by a careless search."""
    databases.as_owner("UPDATE tenancy_job SET kind = encode(%s::bytea, 'hex')", [marker])
    caches["default"].set("planted", f"{marker} in the cache", 60)
    logging.getLogger("strongbox.request").info("%s in a message", marker)
    folder().joinpath("planted").write_bytes(canaries.spellings(marker)["base64 at 1"])
    provider_folder().joinpath("planted").write_text(f"{marker} at the provider")
