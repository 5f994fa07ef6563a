"""Faults on demand: what a network and a gateway do on a bad day, by chance or to the next n calls.

On a call: `timeout_after` and `reset_after` do the work and do not answer, `error_after` does it and answers 500,
`error_before` and `reset_before` do nothing, `slow` waits first. On webhooks: `webhook_duplicate`, `webhook_reorder`,
`webhook_drop`, `webhook_delay`.
"""

from __future__ import annotations

import random
import sqlite3
from dataclasses import dataclass

from sandbox.store import Account

CALL = ("timeout_after", "reset_after", "error_after", "error_before", "reset_before", "slow")
WEBHOOK = ("webhook_duplicate", "webhook_reorder", "webhook_drop", "webhook_delay")
KINDS = (*CALL, *WEBHOOK)
EVERYBODY = ""
_REORDER_STEP = 0.4
_random = random.SystemRandom()


@dataclass(frozen=True)
class Fault:
    """A fault that strikes now. `left` is how many more of its kind are to come."""

    kind: str
    seconds: float
    left: int


def draw(db: sqlite3.Connection, account: str, *, method: str, path: str) -> Fault | None:
    """Return the fault that strikes this call, if one does."""
    for row in _rows(db, account, CALL):
        wanted, _, prefix = row["path"].rpartition(" ")
        if path.startswith(prefix) and wanted in ("", method) and _strikes(db, row):
            return _fault(row)
    return None


def delivery_plan(account: Account) -> list[float]:
    """Return after how many seconds a webhook is sent, once for each copy; empty when it is lost."""
    found = {
        row["kind"]: _fault(row)
        for row in _rows(account.db, account.id, WEBHOOK)
        if _strikes(account.db, row)
    }
    if "webhook_drop" in found:
        return []
    wait = found["webhook_delay"].seconds if "webhook_delay" in found else 0.0
    if reorder := found.get("webhook_reorder"):
        # Of the next n the first waits longest; by chance, each waits as long as it happens.
        wait += reorder.left * _REORDER_STEP if reorder.left >= 0 else _random.random() * reorder.seconds
    return [wait, wait + 0.05] if "webhook_duplicate" in found else [wait]


def _rows(db: sqlite3.Connection, account: str, kinds: tuple[str, ...]) -> list[sqlite3.Row]:
    marks = ",".join("?" * len(kinds))
    return db.execute(
        f"SELECT * FROM faults WHERE account IN (?, ?) AND kind IN ({marks}) ORDER BY id",  # noqa: S608  marks only
        (account, EVERYBODY, *kinds),
    ).fetchall()


def _strikes(db: sqlite3.Connection, row: sqlite3.Row) -> bool:
    if row["remaining"] is None:
        return bool(_random.random() < row["chance"])
    if row["remaining"] == 1:
        db.execute("DELETE FROM faults WHERE id = ?", (row["id"],))
    else:
        db.execute("UPDATE faults SET remaining = remaining - 1 WHERE id = ?", (row["id"],))
    return True


def _fault(row: sqlite3.Row) -> Fault:
    remaining = row["remaining"]
    return Fault(row["kind"], row["seconds"], remaining - 1 if remaining is not None else -1)
