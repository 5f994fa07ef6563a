"""The API's doorway: whose key, which call, which fault strikes, and whether the answer was given before.

Same key and same parameters give the same answer again, declined cards included; other parameters are refused; a
second call while the first is under way is refused (Stripe, idempotent requests).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sandbox import faults, guard, shapes
from sandbox.api import table
from sandbox.api.calls import Call, Handler, expand
from sandbox.errors import ApiError
from sandbox.faults import Fault
from sandbox.forms import Params, parse
from sandbox.http import Answer, Request, Silence, of_json
from sandbox.store import Account, Origin, Store, new_id

_KEEP_SECONDS = 24 * 3600
_KEY = re.compile(r"(sk|rk)_test_[A-Za-z0-9_]{4,240}", re.ASCII)
_BROKEN = {"error": {"type": "api_error", "message": "An unknown error occurred."}}


def account_key(headers: Mapping[str, str]) -> str:
    """Return the test key that a request carries.

    Raises: ApiError for none, and for a live one.
    """
    kind, _, value = headers.get("Authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            value = base64.b64decode(value, validate=True).decode("ascii").partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            value = ""
    if value.startswith(guard.LIVE):
        raise ApiError(
            401, "This is the sandbox: it takes no live key. Revoke the key if it was sent by mistake."
        )
    if kind.lower() not in ("basic", "bearer") or not _KEY.fullmatch(value):
        raise ApiError(401, "Invalid API Key provided: a key that begins with sk_test_ is needed.")
    return value


class Gateway:
    """Answers the API."""

    def __init__(self, store: Store, base: str, nudge: Callable[[], None]) -> None:
        self._store = store
        self._base = base
        self._nudge = nudge
        self._under_way: set[tuple[str, str]] = set()
        self._guard = threading.Lock()

    def answer(self, request: Request) -> Answer | Silence:
        """Answer one call."""
        name = new_id("req", 14)
        headers = {"Request-Id": name, "Stripe-Version": shapes.API_VERSION}
        try:
            account = self._store.account_of(account_key(request.headers))
            found = table.find(request.method, request.path)
            if found is None:
                raise ApiError(404, f"Unrecognized request URL ({request.method}: {request.path[:80]}).")
            return self._call(request, account, Origin(name, _idempotency_key(request)), found, headers)
        except ApiError as error:
            return of_json(error.status, error.envelope(), headers=headers, route="/v1/…")

    def _call(
        self,
        request: Request,
        account: str,
        origin: Origin,
        found: tuple[str, dict[str, str], Handler],
        headers: dict[str, str],
    ) -> Answer | Silence:
        pattern, part, handler = found
        if origin.key is not None:
            headers["Idempotency-Key"] = origin.key
        with self._alone(account, origin.key):
            with self._store.transaction() as db:
                fault = faults.draw(db, account, method=request.method, path=request.path)
            struck = _before(fault, pattern, headers)
            if struck is not None:
                return struck
            answer = self._run(request, account, origin, part, handler)
        self._nudge()
        answer.headers.update({**headers, **answer.headers})
        return _after(fault, Answer(answer.status, answer.body, headers=answer.headers, route=pattern))

    @contextmanager
    def _alone(self, account: str, key: str | None) -> Iterator[None]:
        if key is None:
            yield
            return
        with self._guard:
            if (account, key) in self._under_way:
                raise ApiError(
                    409,
                    "There is currently another in-progress request using this Idempotency-Key.",
                    kind="idempotency_error",
                    code="idempotency_key_in_use",
                )
            self._under_way.add((account, key))
        try:
            yield
        finally:
            with self._guard:
                self._under_way.discard((account, key))

    def _run(
        self, request: Request, name: str, origin: Origin, part: dict[str, str], handler: Handler
    ) -> Answer:
        """Do the work, or give the answer that was given before; both in one transaction."""
        encoded = request.body.decode("utf-8", "replace") if request.method == "POST" else request.query
        call_digest = hashlib.sha256(f"{request.method} {request.path}\n{encoded}".encode()).hexdigest()
        try:
            with self._store.transaction() as db:
                kept = _kept(db, name, origin.key, call_digest)
                if kept is not None:
                    return kept
                account = Account(db, name, base=self._base, origin=origin)
                try:
                    body = _perform(account, request, encoded, part, handler)
                except ApiError as error:
                    if error.keep:
                        _keep(db, name, origin, call_digest, error.status, json.dumps(error.envelope()))
                    raise
                text = json.dumps(body)
                _keep(db, name, origin, call_digest, 200, text)
        except ApiError as error:
            return of_json(error.status, error.envelope())
        return Answer(200, text.encode())


def _perform(
    account: Account, request: Request, encoded: str, part: dict[str, str], handler: Handler
) -> dict[str, Any]:
    params = Params(parse(encoded))
    paths = params.texts("expand")
    body = handler(Call(account, params, part, request.path))
    params.finish()
    if paths:
        body = json.loads(json.dumps(body))
        expand(account, body, paths)
    return body


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("Idempotency-Key") if request.method == "POST" else None
    if key is not None and len(key) > 255:
        raise ApiError(400, "Idempotency-Key: at most 255 characters.", kind="idempotency_error")
    return key or None


def _kept(db: sqlite3.Connection, account: str, key: str | None, call: str) -> Answer | None:
    if key is None:
        return None
    row = db.execute(
        "SELECT * FROM kept_answers WHERE account = ? AND key = ? AND at > ?",
        (account, key, time.time() - _KEEP_SECONDS),
    ).fetchone()
    if row is None:
        return None
    if row["call"] != call:
        raise ApiError(
            400,
            "Keys for idempotent requests can only be used with the same parameters they were first used with.",
            kind="idempotency_error",
        )
    headers = {"Idempotent-Replayed": "true", "Original-Request": row["request"]}
    return Answer(row["status"], row["body"].encode(), headers=headers)


def _keep(db: sqlite3.Connection, account: str, origin: Origin, call: str, status: int, body: str) -> None:
    if origin.key is not None:
        db.execute(
            "INSERT OR REPLACE INTO kept_answers (account, key, call, status, body, request, at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (account, origin.key, call, status, body, origin.request, time.time()),
        )


def _before(fault: Fault | None, route: str, headers: dict[str, str]) -> Answer | Silence | None:
    if fault is None:
        return None
    if fault.kind == "slow":
        time.sleep(fault.seconds)
    if fault.kind == "reset_before":
        return Silence(0, route)
    if fault.kind == "error_before":
        return of_json(500, _BROKEN, headers=headers, route=route)
    return None


def _after(fault: Fault | None, answer: Answer) -> Answer | Silence:
    if fault is None or not fault.kind.endswith("_after"):
        return answer
    if fault.kind == "error_after":
        return of_json(500, _BROKEN, headers=answer.headers, route=answer.route)
    return Silence(fault.seconds if fault.kind == "timeout_after" else 0, answer.route)
