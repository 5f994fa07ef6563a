"""The organization that bills, over its API alone; every call is repeated until it is answered."""

from __future__ import annotations

import http.client
import json
import secrets
import time
from collections.abc import Callable
from typing import Any

PATIENCE_SECONDS = 120.0
_CONNECTION = (OSError, http.client.HTTPException)


class GaveUp(Exception):
    """Nobody answered for two minutes: the stack did not come back."""


def again_and_again(act: Callable[[], Any]) -> Any:
    """Do something until it is answered; what was lost on the way is asked anew, under the same key."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            found = act()
        except _CONNECTION:
            found = None
        if found is not None:
            return found
        if time.monotonic() > until:
            raise GaveUp
        time.sleep(0.3)


class Shop:
    """An integrator with a key."""

    def __init__(self, port: int, key: str) -> None:
        self.port, self.key = port, key

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call the API until it answers with something final, and return what it says."""
        once = secrets.token_hex(16)
        headers = {
            "Authorization": f"Bearer {self.key}",
            "Content-Type": "application/json",
            "Idempotency-Key": once,
        }

        def attempt() -> dict[str, Any] | None:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            try:
                connection.request(
                    method, f"/api/v1{path}", json.dumps(body) if body is not None else None, headers
                )
                answer = connection.getresponse()
                text = answer.read()
            finally:
                connection.close()
            if answer.status in (409, 429, 500, 502, 503):
                return None
            if answer.status >= 400:
                raise AssertionError(f"{method} {path}: {answer.status} {text[:300]!r}")
            return dict(json.loads(text)) if text else {}

        return dict(again_and_again(attempt))

    def customer(self) -> str:
        """Add somebody who can be billed."""
        name = {"name": "Faultless Ltd", "email": "payer@faultless.example", "currency": "EUR"}
        return str(self.call("POST", "/customers", name)["id"])

    def invoice(self, customer: str, number: int) -> dict[str, Any]:
        """Bill something and return the invoice with its pay link. Amounts differ, so that none is mistaken."""
        amount = f"{10 + number}.{number % 100:02d}"
        lines = [{"description": f"Work, part {number}", "unit_amount": amount}]
        asked = {"customer": customer, "currency": "EUR", "lines": lines}
        draft = self.call("POST", "/invoices", asked)
        self.call("POST", f"/invoices/{draft['id']}/finalize")
        return self.call("POST", f"/invoices/{draft['id']}/send")

    def all(self, path: str) -> list[dict[str, Any]]:
        """Read a whole list, page by page."""
        found: list[dict[str, Any]] = []
        first, cursor = f"{path}{'&' if '?' in path else '?'}limit=100", ""
        while True:
            page = self.call("GET", first + (f"&cursor={cursor}" if cursor else ""))
            found += page["data"]
            if not page["has_more"]:
                return found
            cursor = page["next_cursor"]
