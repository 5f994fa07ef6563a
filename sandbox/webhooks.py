"""Events, and their delivery: signed, at least once, tried again while the receiver is away.

An event is written in the transaction that made it true. Deliveries are made by threads of their own after that
transaction, in no promised order, as Stripe's are.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import sqlite3
import threading
import time
from urllib.parse import urlsplit

from sandbox import shapes
from sandbox.faults import delivery_plan
from sandbox.store import Account, Record, Store

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 15.0
GIVE_UP_AFTER_TRIES = 400
ANSWER_SECONDS = 15.0
SENDERS = 4
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def is_reachable(url: str) -> bool:
    """Tell whether the sandbox may send there: it speaks to this machine only."""
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") and parts.hostname in _LOOPBACK


def emit(account: Account, kind: str, subject: Record) -> None:
    """Write an event and what has to be delivered of it."""
    body = shapes.event(kind, subject.body, request=account.origin.request, key=account.origin.key)
    wanting = [
        endpoint
        for endpoint in account.all("webhook_endpoint")
        if endpoint["status"] == "enabled"
        and (kind in endpoint["enabled_events"] or "*" in endpoint["enabled_events"])
    ]
    body["pending_webhooks"] = len(wanting)
    account.add(body)
    for endpoint in wanting:
        plan = delivery_plan(account)
        for due in plan or [0.0]:
            account.db.execute(
                "INSERT INTO deliveries (account, event, endpoint, state, due) VALUES (?, ?, ?, ?, ?)",
                (account.id, body["id"], endpoint.id, "waiting" if plan else "lost", time.time() + due),
            )


def signature(secret: str, payload: bytes, at: int) -> str:
    """Return the value of the Stripe-Signature header."""
    signed = hmac.digest(secret.encode(), b"%d." % at + payload, hashlib.sha256).hex()
    return f"t={at},v1={signed}"


class Dispatcher:
    """The threads that deliver."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._taken: set[int] = set()
        self._wake = threading.Condition()
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._run, name=f"sender-{number}", daemon=True)
            for number in range(SENDERS)
        ]

    def start(self) -> None:
        """Begin to deliver."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End after the deliveries under way."""
        with self._wake:
            self._stopping = True
            self._wake.notify_all()

    def nudge(self) -> None:
        """Say that something may be due."""
        with self._wake:
            self._wake.notify_all()

    def _run(self) -> None:
        while not self._stopping:
            found = self._take()
            if found is None:
                with self._wake:
                    if not self._stopping:
                        self._wake.wait(0.1)
                continue
            try:
                self._deliver(found)
            finally:
                with self._wake:
                    self._taken.discard(found["id"])

    def _take(self) -> sqlite3.Row | None:
        with self._store.transaction() as db, self._wake:
            rows = db.execute(
                "SELECT d.id, d.tries, e.body AS event, w.body AS endpoint, w.notes AS notes FROM deliveries d"
                " JOIN objects e ON e.id = d.event LEFT JOIN objects w ON w.id = d.endpoint"
                " WHERE d.state = 'waiting' AND d.due <= ? ORDER BY d.due, d.id LIMIT 40",
                (time.time(),),
            )
            row: sqlite3.Row
            for row in rows:
                if row["id"] not in self._taken:
                    self._taken.add(row["id"])
                    return row
        return None

    def _deliver(self, row: sqlite3.Row) -> None:
        if row["endpoint"] is None:
            answer, done = "the endpoint was deleted", True
        else:
            url, secret = json.loads(row["endpoint"])["url"], json.loads(row["notes"])["secret"]
            answer, done = post(url, row["event"].encode(), secret)
        tries = row["tries"] + 1
        pause = min(FIRST_PAUSE * 2 ** min(row["tries"], 12), LONGEST_PAUSE)
        state = "delivered" if done else "given up" if tries >= GIVE_UP_AFTER_TRIES else "waiting"
        if done and row["endpoint"] is None:
            state = "given up"
        with self._store.transaction() as db:
            db.execute(
                "UPDATE deliveries SET tries = ?, state = ?, answer = ?, due = ? WHERE id = ?",
                (tries, state, answer, time.time() + pause, row["id"]),
            )


def post(url: str, payload: bytes, secret: str) -> tuple[str, bool]:
    """Send an event; returns what came back and whether it was taken (2xx; redirects are not followed)."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=ANSWER_SECONDS)
    try:
        connection.request(
            "POST",
            (parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
            body=payload,
            headers={
                "Content-Type": "application/json; charset=utf-8",
                "User-Agent": "Stripe/1.0 (sandbox)",
                "Stripe-Signature": signature(secret, payload, int(time.time())),
            },
        )
        answer = connection.getresponse()
        answer.read(65_536)
        return str(answer.status), 200 <= answer.status < 300
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__, False
    finally:
        connection.close()
