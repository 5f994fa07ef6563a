"""Asking the product as somebody, and taking back what that did."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from django.test import Client

from edge.access import rules_of
from tests.guarantees.world import Someone


@contextmanager
def undone() -> Iterator[None]:
    """Take back whatever a request did, so that every cell of the matrix starts alike."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def sends_to(response: HttpResponse) -> str:
    return response.headers.get("Location", "").partition("?")[0]


def methods(view: Any) -> list[tuple[str, Any]]:
    return [(method, rule) for method, rule in (rules_of(view) or {}).items() if method != "HEAD"]


def call(who: Someone | None, method: str, url: str) -> HttpResponse:
    client = who.client if who else stranger()
    if not url.startswith("/api/"):
        return client.generic(method, url, b"", content_type=_type(url))
    # Without a key nobody is told more than that one is missing.
    headers = {"Idempotency-Key": "walk"} if method == "POST" else {}
    return client.generic(method, url, b"{}", content_type=_type(url), headers=headers)


def _type(url: str) -> str:
    return "application/json" if url.startswith("/api/") else "application/x-www-form-urlencoded"


def stranger() -> Any:
    return Client(raise_request_exception=False)
