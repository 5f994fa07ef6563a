"""Checking the trail of one organization against its seals, event by event.

Promise kept: an event that was changed, deleted or added behind a seal is found and named, and so is a seal
that was changed, exchanged or cut off. It reads in pages of short transactions and holds only what is not
matched yet, so a trail of any length is checked in bounded memory.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from uuid import UUID

from django.db import connections

from audit import checkpoints, events, keys, rules, services
from audit.models import Verification
from core import clock
from core.actor import Actor
from tenancy import context

_PAGE = 20_000
_SEALS = (
    "SELECT tenant_id, n, epoch, xid_from::text, xid_to::text, count, root, leaves, prev, "
    "to_json(sealed_at AT TIME ZONE 'UTC') #>> '{}', key_id, hash, signature FROM ("
    "SELECT *, sum(count) OVER (ORDER BY n) - count AS before FROM audit_seal "
    "WHERE tenant_id = %s AND n > %s AND n <= %s ORDER BY n LIMIT 2000) AS seals WHERE before < %s ORDER BY n"
)
_EVENTS = (
    f"SELECT {rules.SELECT}, at::text FROM audit_event AS e WHERE tenant_id = %s "  # noqa: S608  constants only
    "AND (at, id) > (%s, %s) ORDER BY e.at, e.id LIMIT %s"
)
_EXTENT = (
    "SELECT mark.epoch, mark.sealed_to::text, head.n, head.hash FROM audit_mark AS mark LEFT JOIN LATERAL ("
    "SELECT n, hash FROM audit_seal WHERE tenant_id = %s ORDER BY n DESC LIMIT 1) AS head ON true"
)
_MISSING = frozenset({"event_deleted", "seal_missing", "rolled_back"})
_NIL = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of tampering, with the first event it touches and how many there are."""

    kind: str
    first_event: UUID | None
    count: int
    seal: int | None = None

    def as_json(self) -> dict[str, str | int | None]:
        """Return the finding as it is stored and printed."""
        first = None if self.first_event is None else str(self.first_event)
        return {"kind": self.kind, "first_event": first, "count": self.count, "seal": self.seal}


@dataclass(slots=True)
class Report:
    """What a check found. `events` counts all, `unsealed` those of the last seconds, which is no error."""

    events: int = 0
    seals: int = 0
    unsealed: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Tell whether nothing was tampered with."""
        return not self.findings

    @property
    def state(self) -> Verification.State:
        """Return what the badge says."""
        if self.is_whole:
            return Verification.State.VERIFIED
        missing = all(finding.kind in _MISSING for finding in self.findings)
        return Verification.State.GAP if missing else Verification.State.BROKEN


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the order of sealing: epoch, then transaction id."""

    epoch: int
    xid: int


@dataclass(frozen=True, slots=True)
class Extent:
    """How far one organization is sealed at one moment: its last seal, and the first place not yet sealed."""

    seals: int
    head: bytes
    sealed_below: Position


def extent(tenant: UUID) -> Extent:
    """Return how far an organization is sealed now, as one snapshot."""
    with context.scope(context.Scope(tenant)), connections["default"].cursor() as cursor:
        cursor.execute(_EXTENT, [tenant])
        epoch, xid, n, hash_ = cursor.fetchone()
    return Extent(n or 0, bytes(hash_ or rules.FIRST_PREV), Position(epoch, int(xid)))


def seal_pages(tenant: UUID, *, last: int) -> Iterator[list[rules.SealRecord]]:
    """Yield an organization's seals in order, about 20,000 events a page, each in its own transaction."""
    n = 0
    while True:
        with context.scope(context.Scope(tenant)), connections["default"].cursor() as cursor:
            cursor.execute(_SEALS, [tenant, n, last, _PAGE])
            page = [_seal(row) for row in cursor.fetchall()]
        if not page:
            return
        yield page
        n = page[-1].n


def _seal(row: Sequence[Any]) -> rules.SealRecord:
    tenant, n, epoch, xid_from, xid_to, count, root, leaves, prev, sealed_at, key_id, hash_, signature = row
    return rules.SealRecord(
        tenant_id=tenant,
        n=n,
        epoch=epoch,
        xid_from=xid_from,
        xid_to=xid_to,
        count=count,
        root=bytes(root),
        leaves=bytes(leaves),
        prev=bytes(prev),
        sealed_at=sealed_at,
        key_id=bytes(key_id),
        hash=bytes(hash_),
        signature=bytes(signature),
    )


def event_pages(tenant: UUID) -> Iterator[list[Sequence[Any]]]:
    """Yield the events of an organization, oldest first, each page read in a transaction of its own."""
    after: tuple[Any, UUID] = ("-infinity", _NIL)
    while True:
        with context.scope(context.Scope(tenant)), connections["default"].cursor() as cursor:
            cursor.execute(_EVENTS, [tenant, *after, _PAGE])
            rows = cursor.fetchall()
        if rows:
            yield [row[:-1] for row in rows]
        if len(rows) < _PAGE:
            return
        after = (rows[-1][-1], UUID(rows[-1][rules.ID]))


# What a seal says of an event: its hash, and the first time it can carry.
_Leaf: TypeAlias = tuple[bytes, str]


class _Check:
    """One run: the seals go a page ahead of the events, and each event strikes out its leaf."""

    def __init__(self, tenant: UUID) -> None:
        self.tenant = tenant
        self.report = Report()
        self.trusted = keys.public_keys()
        self.expected: dict[bytes, _Leaf] = {}
        self.strays: dict[bytes, list[tuple[Position, bytes, str]]] = {}
        self.bad: dict[str, list[bytes]] = {}
        self.bad_seals: dict[str, list[tuple[int, bytes | None]]] = {}
        self.previous: rules.SealRecord | None = None
        # The witness first: what it names was sealed before the extent is read.
        self.witnessed = self._witness()
        # Seals made while this runs are left for the next check: their events may lie behind the page being
        # read.
        self.extent = extent(tenant)
        self.sealed_below = self.extent.sealed_below

    def run(self, progress: Callable[[int], None] | None) -> Report:
        seals = seal_pages(self.tenant, last=self.extent.seals)
        rows = event_pages(self.tenant)
        more_seals = more_events = True
        while more_seals or more_events:
            if more_seals and (len(self.expected) < _PAGE or not more_events):
                more_seals = self._take_seals(next(seals, None))
            elif more_events:
                more_events = self._take_events(next(rows, None))
                if progress is not None:
                    progress(self.report.events)
        self._close()
        return self.report

    def _witness(self) -> tuple[int, bytes] | None:
        try:
            return checkpoints.latest(self.tenant, self.trusted)
        except checkpoints.ForgedCheckpoint:
            self.bad_seals["checkpoint_forged"] = [(0, None)]
            return None

    def _take_seals(self, page: list[rules.SealRecord] | None) -> bool:
        for seal in page or ():
            self._check_seal(seal)
            first = rules.earliest(self.previous.sealed_at if self.previous else None)
            self.previous = seal
            self.report.seals += 1
            for event, content in rules.split(seal.leaves):
                if event in self.strays:
                    self._strike(event, (content, first), self.strays[event])
                    if not self.strays[event]:
                        del self.strays[event]
                else:
                    self.expected[event] = content, first
        return page is not None

    def _check_seal(self, seal: rules.SealRecord) -> None:
        hashes = [content for _, content in rules.split(seal.leaves)]
        after = self.previous
        if seal.n != (after.n + 1 if after else 1):
            self._blame(seal, "seal_missing")
        elif seal.prev != (after.hash if after else rules.FIRST_PREV):
            self._blame(seal, "chain_broken")
        if seal.computed_hash() != seal.hash or not hashes or rules.merkle_root(hashes) != seal.root:
            self._blame(seal, "seal_changed")
        try:
            rules.verify_signature(self.trusted, seal)
        except rules.BadSignature:
            self._blame(seal, "seal_forged")
        if after and (seal.epoch, int(seal.xid_from)) < (after.epoch, int(after.xid_to)):
            self._blame(seal, "seal_overlaps")
        if self.witnessed and seal.n == self.witnessed[0] and seal.hash != self.witnessed[1]:
            self._blame(seal, "rolled_back")

    def _blame(self, seal: rules.SealRecord, kind: str) -> None:
        self.bad_seals.setdefault(kind, []).append((seal.n, seal.leaves[:16] or None))

    def _take_events(self, page: list[Sequence[Any]] | None) -> bool:
        expected, strays = self.expected, self.strays
        for row in page or ():
            record = rules.leaf_record(row)
            event, content = record[:16], record[16:]
            wanted = expected.pop(event, None)
            if wanted is None:
                place = Position(row[rules.EPOCH], int(row[rules.XID]))
                strays.setdefault(event, []).append((place, content, row[rules.AT]))
            else:
                self._judge(event, wanted, content, row[rules.AT])
        self.report.events += len(page or ())
        return page is not None

    def _judge(self, event: bytes, wanted: _Leaf, content: bytes, at: str) -> None:
        sealed, first = wanted
        if sealed != content:
            self.bad.setdefault("event_changed", []).append(event)
        elif at < first:
            self.bad.setdefault("event_backdated", []).append(event)

    def _strike(self, event: bytes, wanted: _Leaf, found: list[tuple[Position, bytes, str]]) -> None:
        same = next((place for place, (_, content, _) in enumerate(found) if content == wanted[0]), 0)
        _, content, at = found.pop(same)
        self._judge(event, wanted, content, at)

    def _close(self) -> None:
        last = self.previous
        if last is not None:
            # The mark is a row like any other; a signed seal says at least as much.
            self.sealed_below = max(self.sealed_below, Position(last.epoch, int(last.xid_to)))
        if self.expected:
            self.bad["event_deleted"] = list(self.expected)
        for event, found in self.strays.items():
            for place, _, _ in found:
                if place < self.sealed_below:
                    self.bad.setdefault("event_inserted", []).append(event)
                else:
                    self.report.unsealed += 1
        if self.witnessed and (last is None or last.n < self.witnessed[0]):
            self.bad_seals.setdefault("rolled_back", []).append((last.n + 1 if last else 1, None))
        findings = [
            Finding(kind, UUID(bytes=min(found)), len(found)) for kind, found in sorted(self.bad.items())
        ]
        for kind, seals in sorted(self.bad_seals.items()):
            n, first = seals[0]
            findings.append(Finding(kind, UUID(bytes=first) if first else None, len(seals), n))
        self.report.findings = findings


def verify(tenant: UUID, *, progress: Callable[[int], None] | None = None) -> Report:
    """Check every event and every seal of one organization.

    `progress` is told how many events were checked. Call it outside a scope, or inside one of this
    organization.

    Raises:
        PublicKeyMissing: there is no key to check with.
    """
    return _Check(tenant).run(progress)


def check(tenant: UUID, *, actor: Actor) -> Report:
    """Verify one organization, keep the result for its badge, and record the check in its trail.

    Call it outside a scope: it opens short ones.

    Raises:
        PublicKeyMissing: there is no key to check with.
    """
    _store(
        tenant,
        state=Verification.State.CHECKING,
        started_at=clock.now(),
        finished_at=None,
        events=0,
        total=_sealed_events(tenant),
        errors=[],
    )
    report = verify(tenant, progress=lambda done: _store(tenant, events=done))
    with context.scope(context.Scope(tenant)):
        services.record(
            events.AUDIT_VERIFIED if report.is_whole else events.AUDIT_BROKEN,
            actor=actor,
            subject=("audit_trail", None),
            facts={
                "events": report.events,
                "seals": report.seals,
                **{finding.kind: finding.count for finding in report.findings},
            },
            result="success" if report.is_whole else "failed",
        )
        _store(
            tenant,
            state=report.state,
            finished_at=clock.now(),
            events=report.events,
            seals=report.seals,
            unsealed=report.unsealed,
            errors=[finding.as_json() for finding in report.findings],
        )
    return report


def _sealed_events(tenant: UUID) -> int:
    with context.scope(context.Scope(tenant)), connections["default"].cursor() as cursor:
        cursor.execute("SELECT coalesce(sum(count), 0) FROM audit_seal WHERE tenant_id = %s", [tenant])
        return int(cursor.fetchone()[0])


def _store(tenant: UUID, **values: Any) -> None:
    with context.scope(context.Scope(tenant)):
        if not Verification.objects.update(**values):
            Verification.objects.create(**values)
