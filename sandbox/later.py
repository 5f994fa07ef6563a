"""What happens by itself after a while: debits end, refunds end, disputes arrive, pages expire."""

from __future__ import annotations

import time

from sandbox.store import Account

DELAY_SECONDS = 20.0
# What `advance` may bring about at once; a page expires at its own time only.
AWAITED = ("debit", "refund", "dispute", "verdict")


def plan(account: Account, kind: str, reference: str, *, due: float | None = None) -> None:
    """Note that something will happen to an object, after the account's delay unless `due` says when."""
    account.db.execute(
        "INSERT INTO later (account, kind, object, due) VALUES (?, ?, ?, ?)",
        (account.id, kind, reference, due if due is not None else time.time() + delay(account)),
    )


def delay(account: Account) -> float:
    """Return how many seconds things take in this account."""
    row = account.db.execute("SELECT delay FROM accounts WHERE id = ?", (account.id,)).fetchone()
    return DELAY_SECONDS if row is None or row["delay"] is None else float(row["delay"])
