"""Reading the trail for the watch: what is new in one organization, and what came before it.

Promise kept: nothing is missed and nothing waits. The stored place is below the oldest running transaction, so that no
event can appear behind it; what is visible above it is judged already now and read once more until it is final.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connections

from alerts.rules.base import Group, Seen

# So many events are judged in one transaction; the rest of a long absence in the next.
MOST = 20_000
# What came before is read up to here: far more than any threshold needs.
MOST_BEFORE = 50_000
_SELECT = (
    "SELECT id, event, at, result, actor_kind, actor_id, on_behalf_of, session_id, network, subject_kind, subject_id, "
    "subject_ids, fields, facts, reason FROM audit_event"
)
_NEW = "((epoch = %s AND xid >= %s::xid8) OR epoch > %s)"
_NEW_OF_EPOCH = "(epoch = %s AND xid >= %s::xid8)"


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the order of transactions: everything before it is final and has been judged."""

    epoch: int
    xid: str

    def order(self) -> tuple[int, int]:
        """Return it as numbers, to be compared."""
        return self.epoch, int(self.xid)


def edge() -> Place:
    """Return the place before which everything is final now."""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT max(epoch) FROM audit_epoch), pg_snapshot_xmin(pg_current_snapshot())::text"
        )
        epoch, xid = cursor.fetchone()
    return Place(epoch, xid)


def grown(since: Place) -> list[UUID]:
    """Return the organizations whose trail has anything from this place on."""
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT alerts_grown(%s, %s)", [since.epoch, since.xid])
        return [row[0] for row in cursor.fetchall()]


def fresh(since: Place, upto: Place, codes: Collection[str]) -> tuple[list[Seen], Place]:
    """Return what is new in the organization in scope, in the order of time, and the place to go on from."""
    same = since.epoch == upto.epoch
    where = _NEW_OF_EPOCH if same else _NEW
    values: list[Any] = [since.epoch, since.xid] if same else [since.epoch, since.xid, since.epoch]
    with connections["default"].cursor() as cursor:
        cursor.execute(
            f"SELECT epoch, xid::text FROM audit_event WHERE {where} "  # noqa: S608  constants only
            "ORDER BY epoch, xid OFFSET %s LIMIT 1",
            [*values, MOST],
        )
        too_many = cursor.fetchone()
        bound = ""
        if too_many is not None:
            # A transaction is taken whole, however much it wrote.
            upto = Place(too_many[0], str(int(too_many[1]) + 1))
            bound = " AND (epoch, xid) < (%s, %s::xid8)"
            values += [upto.epoch, upto.xid]
        cursor.execute(
            f"{_SELECT} WHERE {where}{bound} AND event = ANY(%s) ORDER BY at, id", [*values, sorted(codes)]
        )
        return [_seen(row) for row in cursor.fetchall()], upto


def before(
    codes: Collection[str],
    *,
    since: datetime,
    until: datetime,
    groups: Collection[Group],
    like: Iterable[Seen],
) -> list[Seen]:
    """Return events of these kinds from a span, of the same people, networks or sessions as the new ones."""
    where, new = "at >= %s AND at <= %s AND event = ANY(%s)", list(like)
    values: list[Any] = [since, until, sorted(codes)]
    if not {Group.ORGANIZATION, Group.CUSTOMER} & set(groups):
        same = [_same(group, new) for group in sorted(groups)]
        where += " AND (" + " OR ".join(condition for condition, _ in same) + ")"
        values += [value for _, more in same for value in more]
    with connections["default"].cursor() as cursor:
        cursor.execute(
            f"SELECT * FROM ({_SELECT} WHERE {where} ORDER BY at DESC, id DESC LIMIT %s) AS newest "  # noqa: S608
            "ORDER BY at, id",
            [*values, MOST_BEFORE],
        )
        return [_seen(row) for row in cursor.fetchall()]


def span(codes: Collection[str], *, since: datetime, until: datetime, most: int) -> list[Seen]:
    """Return events of these kinds from a span, the oldest first."""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            f"{_SELECT} WHERE at >= %s AND at < %s AND event = ANY(%s) ORDER BY at, id LIMIT %s",
            [since, until, sorted(codes), most],
        )
        return [_seen(row) for row in cursor.fetchall()]


def _same(group: Group, like: Sequence[Seen]) -> tuple[str, list[Any]]:
    if group is Group.NETWORK:
        return "network = ANY(%s)", [sorted({one.network for one in like if one.network})]
    if group is Group.SESSION:
        return "session_id = ANY(%s::uuid[])", [_ids(one.session_id for one in like)]
    if group is Group.SUBJECT:
        return "subject_id = ANY(%s::uuid[])", [_ids(one.subject_id for one in like)]
    if group is Group.PERSON:
        people = _ids(one.person for one in like)
        return "actor_id = ANY(%s::uuid[]) OR subject_id = ANY(%s::uuid[])", [people, people]
    networks = sorted({one.network for one in like if one.actor_id is None})
    actors = _ids(one.on_behalf_of or one.actor_id for one in like)
    return (
        "actor_id = ANY(%s::uuid[]) OR on_behalf_of = ANY(%s::uuid[]) "
        "OR (actor_id IS NULL AND network = ANY(%s))",
        [actors, actors, networks],
    )


def _ids(found: Iterable[UUID | None]) -> list[UUID]:
    return sorted({one for one in found if one is not None})


def _seen(row: Sequence[Any]) -> Seen:
    facts = row[13]
    return Seen(
        id=row[0],
        event=row[1],
        at=row[2],
        result=row[3],
        actor_kind=row[4],
        actor_id=row[5],
        on_behalf_of=row[6],
        session_id=row[7],
        network=row[8],
        subject_kind=row[9],
        subject_id=row[10],
        subject_ids=tuple(row[11]),
        fields=tuple(row[12]),
        facts=json.loads(facts) if isinstance(facts, str) else facts,
        reason=row[14],
    )
