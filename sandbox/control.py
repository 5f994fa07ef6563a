"""The control API, for tests and demonstrations: faults, time, disputes, webhooks, and the truth.

JSON in and out under /sandbox/. The account is named by its key (`Authorization: Bearer sk_test_…`) or by `account`;
a fault without either strikes everybody. It is reached from this machine only, as everything here is.
"""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Callable
from typing import Any

from sandbox import disputes, faults, refunds, truth
from sandbox.clockwork import Clockwork
from sandbox.errors import ApiError, invalid
from sandbox.gateway import account_key
from sandbox.http import Answer, Request, of_json
from sandbox.store import Account, Store

_LONGEST_WAIT = 600.0
_MOST_DELIVERIES = 1000


class Control:
    """Answers the control API."""

    def __init__(self, store: Store, base: str, clockwork: Clockwork, nudge: Callable[[], None]) -> None:
        self._store = store
        self._base = base
        self._clockwork = clockwork
        self._nudge = nudge

    def answer(self, request: Request) -> Answer:
        """Answer one call."""
        for method, pattern, name in _CALLS:
            match = re.fullmatch(pattern, request.path)
            if match and method == request.method:
                try:
                    body = self._dispatch(request, name, match.groups())
                except ApiError as error:
                    return of_json(error.status, error.envelope(), route=pattern)
                self._nudge()
                return of_json(200, body, route=pattern)
        return of_json(404, {"error": {"message": "There is no such control."}}, route="/sandbox/…")

    def _dispatch(self, request: Request, name: str, parts: tuple[str, ...]) -> Any:
        given = _given(request)
        account = self._account(request, given)
        if name == "ready":
            return {"ready": True}
        if name == "advance":
            return {"happened": self._clockwork.advance(_needed(account))}
        with self._store.transaction() as db:
            if name in _FAULTS:
                return _FAULTS[name](db, account, given)
            return _DEEDS[name](Account(db, _needed(account), base=self._base), given, *parts)

    def _account(self, request: Request, given: dict[str, Any]) -> str:
        if request.headers.get("Authorization"):
            return self._store.account_of(account_key(request.headers))
        return str(given.get("account", faults.EVERYBODY))


def _needed(account: str) -> str:
    if account == faults.EVERYBODY:
        raise invalid("Name the account: by its key, or by `account`.", "account")
    return account


def _given(request: Request) -> dict[str, Any]:
    if not request.body:
        return dict(request.fields())
    try:
        found = json.loads(request.body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise invalid("The body must be a JSON object.")
    return found


def _number(given: dict[str, Any], name: str, default: float, most: float) -> float:
    value = given.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise invalid(f"{name} must be a number from 0 to {most:g}.", name)
    return float(value)


def _set_fault(db: sqlite3.Connection, account: str, given: dict[str, Any]) -> dict[str, Any]:
    kind, many = given.get("kind"), given.get("next")
    if kind not in faults.KINDS:
        raise invalid(f"kind must be one of {', '.join(faults.KINDS)}.", "kind")
    if many is not None and (isinstance(many, bool) or not isinstance(many, int) or many < 1):
        raise invalid("next must be a whole number from 1.", "next")
    chance = _number(given, "chance", 1.0, 1.0)
    seconds = _number(given, "seconds", 2.0 if kind in ("slow", *faults.WEBHOOK) else 60.0, _LONGEST_WAIT)
    path = str(given.get("path", ""))
    made = db.execute(
        "INSERT INTO faults (account, kind, chance, remaining, path, seconds) VALUES (?, ?, ?, ?, ?, ?)",
        (account, kind, chance, many, path, seconds),
    )
    return {"id": made.lastrowid, "account": account, "kind": kind}


def _list_faults(db: sqlite3.Connection, account: str, given: dict[str, Any]) -> dict[str, Any]:
    rows = db.execute("SELECT * FROM faults WHERE account IN (?, '') ORDER BY id", (account,))
    return {"faults": [dict(row) for row in rows]}


def _clear_faults(db: sqlite3.Connection, account: str, given: dict[str, Any]) -> dict[str, Any]:
    """Without an account everybody's faults end."""
    if account == faults.EVERYBODY:
        return {"cleared": db.execute("DELETE FROM faults").rowcount}
    return {"cleared": db.execute("DELETE FROM faults WHERE account = ?", (account,)).rowcount}


def _set_delay(account: Account, given: dict[str, Any]) -> dict[str, Any]:
    delay = _number(given, "delay", 20.0, 86_400.0)
    account.db.execute("UPDATE accounts SET delay = ? WHERE id = ?", (delay, account.id))
    return {"delay": delay}


def _truth(account: Account, given: dict[str, Any]) -> dict[str, Any]:
    return truth.of(account)


def _open_dispute(account: Account, given: dict[str, Any]) -> dict[str, Any]:
    reference = str(given.get("charge") or "")
    if payment := given.get("payment_intent"):
        reference = str(account.get("payment_intent", str(payment))["latest_charge"])
    charge = account.get("charge", reference)
    return disputes.open_for(account, charge, reason=str(given.get("reason", "fraudulent"))).body


def _close_dispute(account: Account, given: dict[str, Any], reference: str) -> dict[str, Any]:
    found = account.get("dispute", reference)
    if not isinstance(given.get("won"), bool):
        raise invalid("won must be true or false.", "won")
    disputes.close(account, found, won=given["won"])
    return found.body


def _fail_refund(account: Account, given: dict[str, Any], reference: str) -> dict[str, Any]:
    found = account.get("refund", reference)
    refunds.fail(account, found)
    return found.body


def _webhooks(account: Account, given: dict[str, Any]) -> dict[str, Any]:
    return {"counts": truth.counts(account), "webhooks": truth.deliveries(account, limit=_MOST_DELIVERIES)}


def deliver_again(account: Account, given: dict[str, Any]) -> dict[str, Any]:
    """Send webhooks at once: those of `event`, the one `delivery`, or all that were lost or still wait."""
    condition, value = "state != 'delivered' AND ? = ''", ""
    for name, column in (("event", "event"), ("delivery", "CAST(id AS TEXT)")):
        if given.get(name):
            condition, value = f"{column} = ?", str(given[name])
    done = account.db.execute(
        f"UPDATE deliveries SET state = 'waiting', due = ? WHERE account = ? AND {condition}",  # noqa: S608  our words
        (time.time(), account.id, value),
    )
    return {"sent": done.rowcount}


_FAULTS: dict[str, Callable[[sqlite3.Connection, str, dict[str, Any]], dict[str, Any]]] = {
    "set_fault": _set_fault,
    "faults": _list_faults,
    "clear_faults": _clear_faults,
}
_DEEDS: dict[str, Callable[..., dict[str, Any]]] = {
    "settings": _set_delay,
    "truth": _truth,
    "open_dispute": _open_dispute,
    "close_dispute": _close_dispute,
    "fail_refund": _fail_refund,
    "webhooks": _webhooks,
    "deliver": deliver_again,
}
_CALLS = (
    ("GET", "/sandbox/ready", "ready"),
    ("POST", "/sandbox/faults", "set_fault"),
    ("GET", "/sandbox/faults", "faults"),
    ("DELETE", "/sandbox/faults", "clear_faults"),
    ("POST", "/sandbox/settings", "settings"),
    ("POST", "/sandbox/advance", "advance"),
    ("GET", "/sandbox/truth", "truth"),
    ("POST", "/sandbox/disputes", "open_dispute"),
    ("POST", r"/sandbox/disputes/(\w+)/close", "close_dispute"),
    ("POST", r"/sandbox/refunds/(\w+)/fail", "fail_refund"),
    ("GET", "/sandbox/webhooks", "webhooks"),
    ("POST", "/sandbox/webhooks/deliver", "deliver"),
)
