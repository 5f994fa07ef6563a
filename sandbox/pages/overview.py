"""The page that shows what happened: accounts, and of each its payments, refunds, disputes and webhooks."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sandbox import control, disputes, truth
from sandbox.clockwork import Clockwork
from sandbox.errors import ApiError
from sandbox.http import Answer, Request
from sandbox.pages import html
from sandbox.pages.html import Html, fill, join, money
from sandbox.store import Account, Store

_ACCOUNT = re.compile(r"/accounts/(acct_\w+)(?:/(advance|deliver|dispute|close))?", re.ASCII)
_ROWS = 100
_GOOD = ("succeeded", "delivered", "won", "paid", "complete")
_BAD = ("failed", "lost", "canceled", "given up", "requires_payment_method", "needs_response", "expired")


class Overview:
    """Answers the pages that show what happened."""

    def __init__(self, store: Store, base: str, clockwork: Clockwork, nudge: Callable[[], None]) -> None:
        self._store = store
        self._base = base
        self._clockwork = clockwork
        self._nudge = nudge

    def answer(self, request: Request) -> Answer:
        """Answer one request."""
        match = _ACCOUNT.fullmatch(request.path)
        if request.path == "/" and request.method == "GET":
            return self._accounts()
        if match is None or not self._exists(match[1]):
            content = fill(
                "message.html", heading="Nothing here", text="There is no such page.", back=Html("")
            )
            return html.page("Nothing here", content, status=404, route="none")
        if request.method == "POST" and match[2]:
            self._act(match[1], match[2], request.form())
            self._nudge()
            return html.redirect(f"{self._base}/accounts/{match[1]}", route="/accounts/{account}/{act}")
        return self._account(match[1])

    def _exists(self, account: str) -> bool:
        with self._store.transaction() as db:
            return db.execute("SELECT 1 FROM accounts WHERE id = ?", (account,)).fetchone() is not None

    def _act(self, name: str, act: str, form: dict[str, str]) -> None:
        if act == "advance":
            self._clockwork.advance(name)
            return
        try:
            with self._store.transaction() as db:
                account = Account(db, name, base=self._base)
                if act == "deliver":
                    control.deliver_again(account, {"delivery": form.get("delivery", "")})
                elif act == "dispute":
                    disputes.open_for(account, account.get("charge", form.get("charge", "")))
                else:
                    found = account.get("dispute", form.get("dispute", ""))
                    disputes.close(account, found, won=form.get("verdict") == "won")
        except ApiError:
            # Somebody else was quicker; the page shows how it stands.
            return

    def _accounts(self) -> Answer:
        with self._store.transaction() as db:
            rows = db.execute(
                "SELECT a.id, a.key_end, a.created,"
                " (SELECT count(*) FROM objects o WHERE o.account = a.id AND o.kind = 'payment_intent') AS payments"
                " FROM accounts a ORDER BY a.created DESC, a.rowid DESC LIMIT 50"
            ).fetchall()
        listed = [
            fill(
                "account_row.html",
                id=row["id"],
                end=row["key_end"],
                opened=_when(row["created"]),
                payments=row["payments"],
            )
            for row in rows
        ]
        empty = Html('<tr><td colspan="4">No key has been used yet.</td></tr>')
        content = fill("accounts.html", rows=join(listed) or empty)
        return html.page("What happened", content, route="/")

    def _account(self, name: str) -> Answer:
        with self._store.transaction() as db:
            account = Account(db, name, base=self._base)
            known = truth.of(account)
            webhooks = truth.deliveries(account, limit=_ROWS)
            waiting = _waiting(db, name)
        payments = [_payment(name, row) for row in _last(known["payments"])]
        refunds = [_refund(row) for row in _last(known["refunds"])]
        disputed = [_dispute(name, row) for row in _last(known["disputes"])]
        sent = [_webhook(name, row) for row in webhooks]
        sections = [
            _section("Payments", "Payment For Amount State Charges Made", payments),
            _section("Refunds", "Refund Amount State Payment Made", refunds),
            _section("Disputes", "Dispute Amount State Reason Decide", disputed),
            _section("Webhooks", "Event State Tries Answer Again", sent),
        ]
        content = fill("account.html", id=name, waiting=waiting, sections=join(sections))
        return html.page(name, content, route="/accounts/{account}")


def _waiting(db: sqlite3.Connection, account: str) -> int:
    sql = "SELECT count(*) FROM later WHERE account = ? AND kind != 'expiry'"
    return int(db.execute(sql, (account,)).fetchone()[0])


def _last(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return rows[::-1][:_ROWS]


def _when(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _section(title: str, columns: str, rows: list[Html]) -> Html:
    names = columns.split()
    heads = join([fill("head.html", name=name) for name in names])
    none = fill("none.html", columns=len(names))
    return fill("section.html", title=title, id=title.lower(), heads=heads, rows=join(rows) or none)


def _cells(*values: object) -> Html:
    cells = (value if isinstance(value, Html) else fill("text.html", text=value) for value in values)
    return Html("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>\n")


def _state(state: str) -> Html:
    tone = "ok" if state in _GOOD else "bad" if state in _BAD else "wait"
    return fill("state.html", tone=tone, state=state.replace("_", " "))


def _button(account: str, act: str, label: str, **fields: str) -> Html:
    hidden = join([fill("hidden.html", name=name, value=value) for name, value in fields.items()])
    return fill("act.html", action=f"/accounts/{account}/{act}", label=label, hidden=hidden)


def _mono(text: str) -> Html:
    return fill("mono.html", text=text)


def _payment(account: str, row: dict[str, Any]) -> Html:
    taken = [charge for charge in row["charges"] if charge["status"] == "succeeded"]
    counted: Html | str = f"{len(taken)} of {len(row['charges'])} succeeded"
    if taken and not taken[-1]["disputed"]:
        counted = Html(f"{counted} " + _button(account, "dispute", "Dispute", charge=taken[-1]["id"]))
    amount = money(row["amount"], row["currency"])
    what, made = row["description"] or "", _when(row["created"])
    return _cells(_mono(row["id"]), what, amount, _state(row["status"]), counted, made)


def _refund(row: dict[str, Any]) -> Html:
    amount = money(row["amount"], row["currency"])
    made = _when(row["created"])
    return _cells(_mono(row["id"]), amount, _state(row["status"]), _mono(row["payment_intent"]), made)


def _dispute(account: str, row: dict[str, Any]) -> Html:
    decide: Html | str = ""
    if row["status"] in disputes.OPEN:
        decide = join(
            [
                _button(account, "close", "Won", dispute=row["id"], verdict="won"),
                Html(" "),
                _button(account, "close", "Lost", dispute=row["id"], verdict="lost"),
            ]
        )
    amount = money(row["amount"], row["currency"])
    return _cells(_mono(row["id"]), amount, _state(row["status"]), row["reason"], decide)


def _webhook(account: str, row: dict[str, Any]) -> Html:
    again = _button(account, "deliver", "Send", delivery=str(row["id"]))
    return _cells(row["type"], _state(row["state"]), row["tries"], row["answer"], again)
