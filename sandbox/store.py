"""What the sandbox keeps: one SQLite file; what an answer says is committed before the answer is given.

Every object belongs to one account (one test key); no reading crosses accounts. One transaction runs at a time,
so a payment is decided once however many ask for it together. Write-ahead logging: `kill -9` loses nothing that
was answered.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
import string
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.errors import ApiError, missing

# Grows with the tables below.
_VERSION = 2
_SCHEMA = """
CREATE TABLE IF NOT EXISTS accounts (
    id TEXT PRIMARY KEY, key_digest TEXT NOT NULL UNIQUE, key_end TEXT NOT NULL, created INTEGER NOT NULL,
    delay REAL);
CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account TEXT NOT NULL, kind TEXT NOT NULL,
    created INTEGER NOT NULL, customer TEXT, payment TEXT, body TEXT NOT NULL, notes TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS objects_list ON objects (account, kind, seq);
CREATE INDEX IF NOT EXISTS objects_customer ON objects (account, customer, kind) WHERE customer IS NOT NULL;
CREATE INDEX IF NOT EXISTS objects_payment ON objects (account, payment, kind) WHERE payment IS NOT NULL;
CREATE TABLE IF NOT EXISTS kept_answers (
    account TEXT NOT NULL, key TEXT NOT NULL, call TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL,
    request TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (account, key));
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, event TEXT NOT NULL, endpoint TEXT NOT NULL,
    state TEXT NOT NULL, tries INTEGER NOT NULL DEFAULT 0, due REAL NOT NULL, answer TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (due) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS deliveries_account ON deliveries (account, id);
CREATE INDEX IF NOT EXISTS deliveries_event ON deliveries (event);
CREATE TABLE IF NOT EXISTS later (
    id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, kind TEXT NOT NULL, object TEXT NOT NULL,
    due REAL NOT NULL);
CREATE TABLE IF NOT EXISTS faults (
    id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, kind TEXT NOT NULL, chance REAL NOT NULL,
    remaining INTEGER, path TEXT NOT NULL, seconds REAL NOT NULL);
"""
# How much of a key is kept, so that people can tell accounts apart.
_SHOWN = 4
_LETTERS = string.ascii_letters + string.digits
Body = dict[str, Any]


def new_id(prefix: str, length: int = 24) -> str:
    """Draw an identifier."""
    return prefix + "_" + "".join(secrets.choice(_LETTERS) for _ in range(length))


@dataclass
class Record:
    """One object: `body` as the API shows it, `notes` what only the gateway knows of it."""

    body: Body
    notes: Body = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Return its identifier."""
        return str(self.body["id"])

    @property
    def kind(self) -> str:
        """Return which object it is, as Stripe names it."""
        return str(self.body["object"])

    def __getitem__(self, name: str) -> Any:
        return self.body[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self.body[name] = value

    def __ior__(self, values: Body) -> Record:
        self.body |= values
        return self


class Store:
    """The file."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A file of another version is left alone: nothing in it is worth being carried over.
        file = folder / f"sandbox-{_VERSION}.sqlite"
        file.touch(mode=0o600)
        self._lock = threading.RLock()
        self._db = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(_SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run one transaction; an error that keeps what happened commits and goes on its way."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException as error:
                keep = isinstance(error, ApiError) and error.keep
                self._db.execute("COMMIT" if keep else "ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def account_of(self, key: str) -> str:
        """Return the account of a test key, opening it at the first use. Of the key only its end is kept."""
        digest = hashlib.sha256(key.encode()).hexdigest()
        with self.transaction() as db:
            found = db.execute("SELECT id FROM accounts WHERE key_digest = ?", (digest,)).fetchone()
            if found:
                return str(found["id"])
            name = new_id("acct", 16)
            db.execute(
                "INSERT INTO accounts (id, key_digest, key_end, created) VALUES (?, ?, ?, ?)",
                (name, digest, key[-_SHOWN:], int(time.time())),
            )
            return name

    def owner(self, reference: str) -> str | None:
        """Return the account of an object; pages are reached by the unguessable id of what they show."""
        with self.transaction() as db:
            row = db.execute("SELECT account FROM objects WHERE id = ?", (reference,)).fetchone()
        return str(row["account"]) if row else None

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()


@dataclass
class Origin:
    """The API request an event comes from; none for what happens later by itself."""

    request: str | None = None
    key: str | None = None


class Account:
    """The objects of one account inside one transaction. `base` is the address of the sandbox's own pages."""

    def __init__(self, db: sqlite3.Connection, name: str, *, base: str, origin: Origin | None = None) -> None:
        self.db = db
        self.id = name
        self.base = base
        self.origin = origin or Origin()

    def add(self, body: Body, **notes: Any) -> Record:
        """Keep a new object."""
        record = Record(body, notes)
        self.db.execute(
            "INSERT INTO objects (id, account, kind, created, customer, payment, body, notes)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (record.id, self.id, record.kind, int(body["created"]), *self._columns(record)),
        )
        return record

    def save(self, record: Record) -> None:
        """Keep an object's change."""
        self.db.execute(
            "UPDATE objects SET customer = ?, payment = ?, body = ?, notes = ? WHERE id = ? AND account = ?",
            (*self._columns(record), record.id, self.id),
        )

    @staticmethod
    def _columns(record: Record) -> tuple[Any, ...]:
        customer, payment = record.body.get("customer"), record.body.get("payment_intent")
        return customer, payment, json.dumps(record.body), json.dumps(record.notes)

    def remove(self, record: Record) -> None:
        """Forget an object."""
        self.db.execute("DELETE FROM objects WHERE id = ? AND account = ?", (record.id, self.id))

    def find(self, reference: str | None, kind: str = "") -> Record | None:
        """Return an object of this account, or None."""
        row = self.db.execute(
            "SELECT kind, body, notes FROM objects WHERE id = ? AND account = ?", (reference, self.id)
        ).fetchone()
        if row is None or (kind and row["kind"] != kind):
            return None
        return _record(row)

    def get(self, kind: str, reference: str, param: str = "id") -> Record:
        """Return an object of this account.

        Raises: ApiError 404.
        """
        found = self.find(reference, kind)
        if found is None:
            raise missing(kind, reference[:80], param)
        return found

    def all(self, kind: str, **columns: str | None) -> list[Record]:
        """Return objects, the newest first, of a customer or a payment."""
        sql, values = "SELECT body, notes FROM objects WHERE account = ? AND kind = ?", [self.id, kind]
        for name, value in columns.items():
            if value is not None:
                sql += f" AND {_COLUMN[name]} = ?"
                values.append(value)
        return [_record(row) for row in self.db.execute(sql + " ORDER BY seq DESC", values)]


_COLUMN = {"customer": "customer", "payment": "payment"}


def _record(row: sqlite3.Row) -> Record:
    return Record(json.loads(row["body"]), json.loads(row["notes"]))
