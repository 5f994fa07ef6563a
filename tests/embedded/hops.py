"""Reaches database, cache and queue as the product's own settings say, and prints how each went."""

import json
from collections.abc import Callable

import django

django.setup()

from django.core.cache import cache  # noqa: E402
from django.db import connection  # noqa: E402

from config.celery import app  # noqa: E402


def ask_database() -> None:
    connection.ensure_connection()
    connection.close()


def ask_queue() -> None:
    with app.connection_for_write() as queue:
        queue.ensure_connection(max_retries=1, timeout=2, interval_start=0)


def outcome(ask: Callable[[], object]) -> str:
    try:
        ask()
    except Exception as refusal:
        return str(refusal)
    return "ok"


asked = {"database": ask_database, "cache": lambda: cache.set("hop", 1, 10), "queue": ask_queue}
print(json.dumps({name: outcome(ask) for name, ask in asked.items()}))
