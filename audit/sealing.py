"""Sealing: every few seconds a signed Merkle root over what can no longer change.

Promise kept: nothing can appear behind a seal. The bound is the oldest running transaction
(`pg_snapshot_xmin`): every event of an older transaction is there, and no later one can have an older
number. The sealer has a database role of its own that reads events, adds seals and does nothing else, and
alone holds the signing key.
"""

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import Error as DatabaseFailure
from django.db import connections, transaction

from audit import bundles, checkpoints, events, keys, rules, services
from core import clock
from core.actor import Actor, Via

log = logging.getLogger(__name__)
EVENTS_A_ROUND = 50_000
_FETCH = 5_000
_ROUND = f"SELECT {rules.SELECT} FROM audit_event AS e WHERE epoch = %s AND xid >= %s::xid8"  # noqa: S608
_ORDER = " ORDER BY e.tenant_id, e.xid, e.id"  # the columns, not their texts
_INSERT = (
    "INSERT INTO audit_seal (tenant_id, n, epoch, xid_from, xid_to, count, root, leaves, prev, sealed_at, "
    "key_id, hash, signature) "
    "VALUES (%s, %s, %s, %s::xid8, %s::xid8, %s, %s, %s, %s, %s::timestamptz, %s, %s, %s)"
)
# One index look-up an organization: a plain DISTINCT ON would read every seal there ever was.
_HEADS = (
    "SELECT wanted.id, head.n, head.hash FROM unnest(%s::uuid[]) AS wanted (id) CROSS JOIN LATERAL "
    "(SELECT n, hash FROM audit_seal WHERE tenant_id = wanted.id ORDER BY n DESC LIMIT 1) AS head"
)


class ForeignCluster(RuntimeError):
    """This database was restored into another cluster. Open a new epoch before anything is sealed."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far everything is sealed: transactions of this epoch below `sealed_to`."""

    epoch: int
    sealed_to: str


@dataclass(frozen=True, slots=True)
class Round:
    """What one round sealed."""

    events: int
    seals: Sequence[rules.SealRecord]
    resumed: int | None = None


def alias() -> str:
    """Return the database alias of the sealer's role."""
    return "sealer" if "sealer" in settings.DATABASES else "default"


def seal_once(key: keys.SigningKey, *, at: datetime, most: int = EVENTS_A_ROUND) -> Round:
    """Seal what has become final and return what was sealed; call again while it seals `most` events or more.

    Raises:
        ForeignCluster: the database was restored elsewhere and no epoch was opened.
    """
    using = alias()
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        # The row lock first: the next statement's snapshot is then younger than the previous seal.
        cursor.execute("SELECT epoch, sealed_to::text FROM audit_mark FOR UPDATE")
        mark = Mark(*cursor.fetchone())
        latest, first_xid = _latest_epoch(cursor)
        upper = _upper_bound(cursor, mark, latest, most)
        made = _seal_range(cursor, key, mark, upper, at)
        # Once nothing of the old epoch is left, the mark moves into the new one.
        moves_on = upper is None
        cursor.execute(
            "UPDATE audit_mark SET epoch = %s, sealed_to = %s::xid8, sealed_at = %s",
            [latest if moves_on else mark.epoch, first_xid if moves_on else upper, at],
        )
    return Round(sum(seal.count for seal in made), made, latest if moves_on else None)


def _latest_epoch(cursor: Any) -> tuple[int, str]:
    cursor.execute(
        "SELECT epoch, first_xid::text, system_identifier = audit_system_identifier() FROM audit_epoch "
        "ORDER BY epoch DESC LIMIT 1"
    )
    epoch, first_xid, same_cluster = cursor.fetchone()
    if not same_cluster:
        raise ForeignCluster
    return epoch, first_xid


def _upper_bound(cursor: Any, mark: Mark, latest: int, most: int) -> str | None:
    """Return the first transaction that stays unsealed; None when the rest of an old epoch is final."""
    cursor.execute(
        "SELECT xid::text FROM audit_event WHERE epoch = %s AND xid >= %s::xid8 "
        "ORDER BY xid OFFSET %s LIMIT 1",
        [mark.epoch, mark.sealed_to, most],
    )
    too_many = cursor.fetchone()
    if mark.epoch < latest:
        return str(int(too_many[0]) + 1) if too_many else None
    cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")
    final = int(cursor.fetchone()[0])
    # A transaction is sealed whole, so a round may hold more than `most` by the rest of one transaction.
    return str(min(final, int(too_many[0]) + 1) if too_many else max(final, int(mark.sealed_to)))


def _seal_range(
    cursor: Any, key: keys.SigningKey, mark: Mark, upper: str | None, at: datetime
) -> list[rules.SealRecord]:
    bound, values = ("", []) if upper is None else (" AND xid < %s::xid8", [upper])
    cursor.execute(_ROUND + bound + _ORDER, [mark.epoch, mark.sealed_to, *values])
    leaves_of = {
        UUID(tenant): b"".join(rules.leaf_record(row) for row in rows)
        for tenant, rows in groupby(_rows(cursor), key=lambda row: row[1])
    }
    if not leaves_of:
        return []
    cursor.execute(_HEADS, [list(leaves_of)])
    heads: dict[UUID, tuple[int, bytes]] = {
        tenant: (n, bytes(hash_)) for tenant, n, hash_ in cursor.fetchall()
    }
    xid_to = upper or str(2**63 - 1)
    made = [
        _make(key, tenant, leaves, heads.get(tenant, (0, rules.FIRST_PREV)), mark, xid_to, at)
        for tenant, leaves in leaves_of.items()
    ]
    cursor.executemany(
        _INSERT,
        [
            (s.tenant_id, s.n, s.epoch, s.xid_from, s.xid_to, s.count, s.root, s.leaves, s.prev, s.sealed_at,
             s.key_id, s.hash, s.signature)
            for s in made
        ],
    )  # fmt: skip
    return made


def _rows(cursor: Any) -> Iterator[Sequence[Any]]:
    while rows := cursor.fetchmany(_FETCH):
        yield from rows


def _make(
    key: keys.SigningKey,
    tenant: UUID,
    leaves: bytes,
    head: tuple[int, bytes],
    mark: Mark,
    xid_to: str,
    at: datetime,
) -> rules.SealRecord:
    seal = rules.SealRecord(
        tenant_id=tenant,
        n=head[0] + 1,
        epoch=mark.epoch,
        xid_from=mark.sealed_to,
        xid_to=xid_to,
        count=len(leaves) // rules.LEAF_BYTES,
        root=rules.merkle_root([content for _, content in rules.split(leaves)]),
        leaves=leaves,
        prev=head[1],
        sealed_at=rules.moment(at),
        key_id=key.key_id,
    )
    hash_ = seal.computed_hash()
    return replace(seal, hash=hash_, signature=key.sign(rules.SEAL_DOMAIN, hash_))


class Sealer:
    """The sealer's process: a round every `interval` seconds until told to stop."""

    def __init__(self, *, interval_seconds: float = 2.0) -> None:
        self.stopping = threading.Event()
        self.events = 0
        self.seals = 0
        self._interval = interval_seconds
        self._actor = Actor.system("sealer", via=Via.COMMAND)

    def run(self) -> None:
        """Seal, sign waiting exports, wait; a database that does not answer is tried again until it does."""
        key = keys.signing_key()
        witness = checkpoints.Writer(key, using=alias())
        self._note(events.SEALING_STARTED, "success")
        failing = False
        while not self.stopping.is_set():
            started = time.monotonic()
            try:
                self._round(key, witness)
                if failing:
                    failing = False
                    log.info("sealing works again")
            except (DatabaseFailure, OSError, ForeignCluster) as error:
                # Once an outage, not once a round: the trail is for people.
                if not failing:
                    failing = True
                    log.error("sealing failed: %s", type(error).__name__)
                    self._note(events.SEALING_FAILED, "failed", reason=type(error).__name__)
                connections[alias()].close()
            self.stopping.wait(max(0.0, self._interval - (time.monotonic() - started)))
        self._note(events.SEALING_STOPPED, "success")
        connections[alias()].close()

    def _round(self, key: keys.SigningKey, witness: checkpoints.Writer) -> None:
        while True:
            at = clock.now()
            done = seal_once(key, at=at)
            witness.note(done.seals, at=at, resumed=done.resumed)
            self.events += done.events
            self.seals += len(done.seals)
            if self.stopping.is_set() or (done.events < EVENTS_A_ROUND and done.resumed is None):
                break
        bundles.sign_waiting(key, using=alias())

    def _note(self, event: events.EventType, result: services.Result, reason: str = "") -> None:
        """Record in the operator's log that sealing starts, stops or fails (PCI DSS 10.2.1.6)."""
        try:
            services.record_for_operator(
                event, actor=self._actor, result=result, reason=reason, using=alias()
            )
        except DatabaseFailure as error:
            log.warning("%s was not recorded: %s", event.code, type(error).__name__)
            connections[alias()].close()
