"""Recording what happens: one SQL statement, in the transaction of the change it speaks of.

Promise kept: a change and its event stand or fall together, and an event never carries a value. It names
records by id and fields by name; facts are ids, codes, counts, yes or no (ASVS 16.2.5, GDPR Article 5(1)(c)).
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias
from uuid import UUID

from django.db import connections

from audit.events import REGISTRY, EventType, UnknownEvent
from core import ids
from core.actor import Actor
from tenancy import context

Facts: TypeAlias = Mapping[str, str | int | bool]
Result: TypeAlias = Literal["success", "refused", "failed"]
Subject: TypeAlias = tuple[str, UUID | None]

MOST_SUBJECTS = 1_000
_MOST_FACTS = 16
_LARGEST_NUMBER = 10**12 - 1
_NAME = re.compile(r"[a-z][a-z0-9_.]{0,63}")
# No space, no @: neither a sentence nor an e-mail address passes.
_CODE = re.compile(r"[A-Za-z0-9_.:-]{0,64}")
_LABEL = re.compile(r"[A-Za-z0-9_.:-]{0,128}")
# Thirteen digits or more, however separated, may be a card or account number; no id of ours looks like that.
_LONG_NUMBER = re.compile(r"[0-9][0-9.:_-]{11,}[0-9]")
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")

COLUMNS = (
    "tenant_id, id, event, result, actor_kind, actor_id, actor_label, on_behalf_of, via, session_id, key_id, "
    "request_id, network, subject_kind, subject_id, subject_ids, fields, facts, reason"
)
_INSERT = (
    f"INSERT INTO audit_event ({COLUMNS}) VALUES ("  # noqa: S608  constants only
    "%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s::uuid[], %s::text[], %s::jsonb, %s)"
)
_INSERT_FOR_OPERATOR = (
    "SELECT audit_record_for_operator(%s::uuid, %s::text, %s::text, %s::text, %s::uuid, %s::text, "
    "%s::uuid, %s::text, %s::uuid, %s::uuid, %s::uuid, %s::text, %s::text, %s::uuid, %s::uuid[], "
    "%s::text[], %s::jsonb, %s::text)"
)


class ValueInAudit(ValueError):
    """An audit event holds ids, codes, counts and names of fields, never a value."""


def record(
    event: EventType,
    *,
    actor: Actor,
    subject: Subject | None = None,
    subjects: Sequence[UUID] = (),
    fields: Iterable[str] = (),
    facts: Facts | None = None,
    reason: str = "",
    result: Result = "success",
    tenant_id: UUID | None = None,
) -> UUID:
    """Record one event in the caller's transaction and return its id.

    `subject` is (kind, id); `subjects` are the ids a list read showed, at most 1,000. `reason` is a code, or
    the id under which somebody's words stand encrypted. Without `tenant_id` the organization in scope owns
    the event; without one in scope it goes to the operator's log.

    Raises:
        ValueInAudit: something given could be a value.
        UnknownEvent: the event type is not registered.
        NoScope: no scope is open.
    """
    inside = context.current()
    if inside is None:
        raise context.NoScope(f"{event.code} was recorded outside a scope")
    owner = tenant_id or inside.tenant
    row = _row(event, actor, subject, subjects, fields, facts, reason, result)
    with connections["default"].cursor() as cursor:
        if owner is None:
            cursor.execute(_INSERT_FOR_OPERATOR, row)
        else:
            cursor.execute(_INSERT, [owner, *row])
    return UUID(str(row[0]))


def record_for_operator(
    event: EventType,
    *,
    actor: Actor,
    subject: Subject | None = None,
    fields: Iterable[str] = (),
    facts: Facts | None = None,
    reason: str = "",
    result: Result = "success",
    using: str = "default",
) -> UUID:
    """Record one event in the operator's log, whatever scope is open: host-wide acts, and acts of the sealer.

    It goes through a function of the database's owner that can only add, and only there.

    Raises:
        ValueInAudit: something given could be a value.
    """
    row = _row(event, actor, subject, (), fields, facts, reason, result)
    with connections[using].cursor() as cursor:
        cursor.execute(_INSERT_FOR_OPERATOR, row)
    return UUID(str(row[0]))


def record_apart(
    event: EventType,
    *,
    actor: Actor,
    subject: Subject | None = None,
    fields: Iterable[str] = (),
    facts: Facts | None = None,
    reason: str = "",
    result: Result = "refused",
    tenant_id: UUID | None = None,
) -> UUID:
    """Record one event in a transaction of its own: a refusal, once its own has been rolled back.

    Without `tenant_id` it goes to the operator's log.

    Raises:
        RuntimeError: a scope is still open, so the event would be rolled back with it.
        ValueInAudit: something given could be a value.
    """
    if context.current() is not None:
        raise RuntimeError(f"{event.code}: leave the scope first, or the event falls with it")
    with context.scope(context.Scope(tenant=tenant_id)):
        return record(
            event, actor=actor, subject=subject, fields=fields, facts=facts, reason=reason, result=result
        )


def record_each(
    event: EventType,
    *,
    actor: Actor,
    kind: str,
    subjects: Sequence[UUID],
    fields: Iterable[str] = (),
    facts: Facts | None = None,
    reason: str = "",
) -> int:
    """Record the same event about many records of the organization in scope, one row each, in one statement.

    For billing runs and imports. Returns how many were recorded.

    Raises:
        ValueInAudit: something given could be a value.
    """
    if not subjects:
        return 0
    row = _row(event, actor, (kind, None), (), fields, facts, reason, "success")
    sql = (
        f"INSERT INTO audit_event ({COLUMNS}) SELECT %s, pair.id, "  # noqa: S608  constants only
        "%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, pair.subject, '{}',"
        " %s::text[], %s::jsonb, %s "
        "FROM unnest(%s::uuid[], %s::uuid[]) AS pair (id, subject)"
    )
    before_subject, after_subjects = row[1:13], row[15:]
    values = [context.current_tenant(), *before_subject, *after_subjects]
    with connections["default"].cursor() as cursor:
        cursor.execute(sql, [*values, [ids.uuid7() for _ in subjects], list(subjects)])
        return int(cursor.rowcount)


def _row(
    event: EventType,
    actor: Actor,
    subject: Subject | None,
    subjects: Sequence[UUID],
    fields: Iterable[str],
    facts: Facts | None,
    reason: str,
    result: Result,
) -> list[Any]:
    if REGISTRY.get(event.code) is not event:
        raise UnknownEvent(event.code)
    names = list(fields)
    kind, subject_id = subject or ("", None)
    _refuse_values(event, kind, names, facts or {}, reason, actor)
    if len(subjects) > MOST_SUBJECTS:
        raise ValueInAudit(f"{event.code}: more than {MOST_SUBJECTS} subjects; record a page at a time")
    return [
        ids.uuid7(), event.code, result, actor.kind.value, actor.id, actor.label, actor.on_behalf_of,
        actor.via.value, actor.session_id, actor.key_id, actor.request_id, actor.network, kind, subject_id,
        _uuids(subjects), names, json.dumps(facts, sort_keys=True) if facts else "{}", reason,
    ]  # fmt: skip


def _uuids(found: Sequence[UUID]) -> str:
    # PostgreSQL's own notation of an array: a list read names a page of records, and psycopg would write them
    # one by one.
    return "{" + ",".join([one.hex for one in found]) + "}"


def _refuse_values(
    event: EventType, kind: str, fields: Sequence[str], facts: Facts, reason: str, actor: Actor
) -> None:
    for name in (*fields, *facts, *([kind] if kind else ())):
        if not _NAME.fullmatch(name):
            raise ValueInAudit(f"{event.code}: a kind, field or fact has a plain name")
    if len(facts) > _MOST_FACTS:
        raise ValueInAudit(f"{event.code}: more than {_MOST_FACTS} facts")
    for name, value in facts.items():
        if isinstance(value, bool):
            continue
        if isinstance(value, int):
            if abs(value) > _LARGEST_NUMBER:
                raise ValueInAudit(f"{event.code}: the number {name} is too large for a count")
        elif not isinstance(value, str) or not is_code(value):
            raise ValueInAudit(f"{event.code}: {name} is no id or code")
    if not is_code(reason):
        raise ValueInAudit(f"{event.code}: the reason is a code, not words")
    if not _LABEL.fullmatch(actor.label) or not _CODE.fullmatch(actor.network):
        raise ValueInAudit(f"{event.code}: the actor's label or network is no code")


def is_code(text: str) -> bool:
    """Tell whether a text may stand in the trail.

    At most 64 of A-Z a-z 0-9 _ . : and -; no run of 13 or more digits (separators or not), unless it is a
    UUID; nothing of the shape of an IBAN.
    """
    if not _CODE.fullmatch(text):
        return False
    if len(text) == 36 and _is_uuid(text):
        return True
    return not _LONG_NUMBER.search(text) and not _IBAN.fullmatch(text)


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
