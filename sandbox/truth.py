"""What really happened in an account: what double charges and lost payments are counted against."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from sandbox.store import Account

_KINDS = {
    "payments": "payment_intent",
    "charges": "charge",
    "refunds": "refund",
    "disputes": "dispute",
    "sessions": "checkout.session",
}
_SHOWN = (
    "id", "amount", "amount_received", "amount_captured", "amount_refunded", "amount_total", "currency", "status",
    "payment_status", "paid", "captured", "disputed", "reason", "description", "metadata", "client_reference_id",
    "customer", "payment_intent", "charge", "latest_charge", "created",
)  # fmt: skip


def of(account: Account) -> dict[str, Any]:
    """Return every payment, charge, refund, dispute and page of an account, the oldest first, and its webhooks."""
    found: dict[str, Any] = {"account": account.id}
    for name, kind in _KINDS.items():
        records = account.all(kind)[::-1]
        found[name] = [{key: record[key] for key in _SHOWN if key in record.body} for record in records]
    by_payment: dict[str, list[dict[str, Any]]] = {}
    for charge in found["charges"]:
        by_payment.setdefault(charge["payment_intent"], []).append(charge)
    for payment in found["payments"]:
        payment["charges"] = by_payment.get(payment["id"], [])
    taken = [charge for charge in found["charges"] if charge["status"] == "succeeded"]
    found["sums"] = {
        "taken": sum(charge["amount_captured"] for charge in taken),
        "refunded": sum(charge["amount_refunded"] for charge in taken),
        "charges": len(taken),
    }
    found["webhooks"] = counts(account)
    return found


def counts(account: Account) -> dict[str, int]:
    """Return how many webhooks are in which state."""
    rows = account.db.execute(
        "SELECT state, count(*) AS many FROM deliveries WHERE account = ? GROUP BY state", (account.id,)
    )
    return {row["state"]: row["many"] for row in rows}


def deliveries(account: Account, *, limit: int) -> list[dict[str, Any]]:
    """Return the newest webhooks with their state."""
    rows = account.db.execute(
        "SELECT d.id, d.event, d.endpoint, d.state, d.tries, d.due, d.answer, e.body FROM deliveries d"
        " JOIN objects e ON e.id = d.event WHERE d.account = ? ORDER BY d.id DESC LIMIT ?",
        (account.id, limit),
    )
    return [_delivery(row) for row in rows]


def _delivery(row: sqlite3.Row) -> dict[str, Any]:
    event = json.loads(row["body"])
    names = ("id", "event", "endpoint", "state", "tries", "due", "answer")
    return {name: row[name] for name in names} | {
        "type": event["type"],
        "object": event["data"]["object"]["id"],
        "created": event["created"],
    }
