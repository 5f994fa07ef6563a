"""Publishing an event: one statement in the transaction of the change, told after it has committed.

Promise kept: the event and the change stand or fall together; what is published is kept 30 days, told to whoever
asked for it, and names nobody.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from kombu.exceptions import OperationalError

from core import ids
from outbound.webhooks import rules
from tenancy import context
from tenancy.context import use_case

_log = logging.getLogger("strongbox.outbound")
_BATCH = 500
_PUBLISH = "SELECT outbound_publish(%s::uuid[], %s::text, %s::text, %s::uuid[], %s::jsonb, %s::uuid)"


@use_case
def publish(*, type: str, subject: tuple[str, UUID], data: Mapping[str, rules.Value]) -> UUID:
    """Publish one event of the organization in scope and return its id.

    `type` is one of `rules.TYPES`, `subject` the record it is about as (kind, id). `data` are ids (UUIDs under the
    name of their kind, or outside names), states, amounts, currencies and times: never what names a person. It may
    be called from a customer's scope, and inside `together`: nothing is read back before the commit.

    Raises:
        UnknownEventType: there is no such type, or it speaks of another kind of record.
        ValueInEvent: something given could name a person.
    """
    kind, subject_id = subject
    return _publish(type, kind, [(subject_id, data)])[0]


@use_case
def publish_each(*, type: str, kind: str, rows: Sequence[tuple[UUID, Mapping[str, rules.Value]]]) -> None:
    """Publish the same about many records of one kind, 500 a statement: for imports and billing runs.

    Raises:
        UnknownEventType, ValueInEvent: as `publish`.
    """
    for start in range(0, len(rows), _BATCH):
        _publish(type, kind, rows[start : start + _BATCH])


class Alike:
    """What many events of one type have in common, checked and written once."""

    __slots__ = ("kind", "text", "type")

    def __init__(self, *, type: str, kind: str, data: Mapping[str, rules.Value]) -> None:
        """Raises UnknownEventType or ValueInEvent, as `publish`."""
        rules.check_type(type, kind)
        self.type, self.kind = type, kind
        self.text = json.dumps(rules.payload(data))[:-1]


@use_case
def publish_alike(*, type: str, kind: str, rows: Sequence[tuple[UUID, Alike, Mapping[str, UUID]]]) -> None:
    """Publish events that differ in ids alone, in one statement: (subject, what is common, ids by their kind).

    Raises:
        UnknownEventType: an event of another type is among them.
    """
    if not rows:
        return
    texts = []
    for _, common, own in rows:
        if common.type != type or common.kind != kind:
            raise rules.UnknownEventType(f"{common.type} among {type}")
        named = ",".join([f'"{name}":"{ids.encode(name, value)}"' for name, value in own.items()])
        texts.append(f"{common.text},{named}}}")
    made = ids.uuid7s(len(rows))
    _send(made, type, kind, [row[0] for row in rows], f"[{','.join(texts)}]", None)


@use_case
def publish_to(*, endpoint_id: UUID, type: str, subject: tuple[str, UUID]) -> UUID:
    """Publish an event to one endpoint alone, whatever it wants to hear, and return its id."""
    return _publish(type, subject[0], [(subject[1], {})], only=endpoint_id)[0]


def deliver_soon(tenant_id: UUID, *, after: timedelta = timedelta()) -> None:
    """Ask a worker to tell what is due after a while; without a broker the sweep will."""
    from outbound import tasks  # noqa: PLC0415  a task module imports this one

    try:
        tasks.deliver_webhooks.apply_async([str(tenant_id)], countdown=after.total_seconds() or None)
    except OperationalError:
        _log.warning("the broker is away; the sweep will tell the event")


def _publish(
    code: str, kind: str, rows: Sequence[tuple[UUID, Mapping[str, rules.Value]]], only: UUID | None = None
) -> list[UUID]:
    rules.check_type(code, kind)
    made = [ids.uuid7() for _ in rows]
    data = json.dumps([rules.payload(values) for _, values in rows])
    _send(made, code, kind, [subject for subject, _ in rows], data, only)
    return made


def _send(made: list[UUID], code: str, kind: str, subjects: list[UUID], data: str, only: UUID | None) -> None:
    tenant_id = context.current_tenant()
    # Not closed here: how many are told is read after the commit, so that nobody waits for the answer.
    cursor = connection.cursor()
    cursor.execute(_PUBLISH, [made, code, kind, subjects, data, only])
    context.after_commit(lambda: _tell(cursor, tenant_id))


def _tell(cursor: Any, tenant_id: UUID) -> None:
    with cursor:
        told = cursor.fetchone()
    if told is not None and told[0]:
        deliver_soon(tenant_id)
