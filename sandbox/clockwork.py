"""The thread that brings about what was planned, each thing in a transaction of its own."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable

from sandbox import checkout, disputes, later, payments, refunds
from sandbox.store import Account, Store

_PAUSE = 0.1
_DEEDS: dict[str, Callable[[Account, str], None]] = {
    "debit": payments.end_debit,
    "refund": refunds.end,
    "dispute": disputes.arrive,
    "verdict": disputes.decide,
    "expiry": checkout.expire_due,
}


class Clockwork:
    """Looks for what is due."""

    def __init__(self, store: Store, base: str, nudge: Callable[[], None]) -> None:
        self._store = store
        self._base = base
        self._nudge = nudge
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="clockwork", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(_PAUSE):
            while self._one("due <= ?", time.time()):
                continue

    def advance(self, account: str) -> int:
        """Bring about now what an account waits for; returns how many things happened."""
        marks = ",".join(f"'{kind}'" for kind in later.AWAITED)
        done = 0
        while self._one(f"account = ? AND kind IN ({marks})", account):
            done += 1
        return done

    def _one(self, condition: str, value: str | float) -> bool:
        with self._store.transaction() as db:
            row: sqlite3.Row | None = db.execute(
                f"SELECT * FROM later WHERE {condition} ORDER BY due, id LIMIT 1",  # noqa: S608  our own words
                (value,),
            ).fetchone()
            if row is None:
                return False
            db.execute("DELETE FROM later WHERE id = ?", (row["id"],))
            _DEEDS[row["kind"]](Account(db, row["account"], base=self._base), row["object"])
        self._nudge()
        return True
