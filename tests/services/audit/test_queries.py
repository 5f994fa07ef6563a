"""Investigating: filters, pages without gaps, who has seen a record, and what the badge says."""

from datetime import UTC, datetime, timedelta

import pytest

from audit import events, queries, services
from audit.models import Event, Verification
from core import ids
from core.actor import Actor, ActorKind, Via
from tenancy import context

AT = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def person(**changes):
    given = {"kind": ActorKind.USER, "via": Via.WEB, "request_id": ids.uuid7(), "id": ids.uuid7(), **changes}
    return Actor(**given)


@pytest.fixture
def empty(db, tenant_a):
    """Organization a, from which what its founding left behind is filtered out by time."""
    with context.scope(context.Scope(tenant_a)):
        last = Event.objects.order_by("-at").values_list("at", flat=True).first()
        yield last + timedelta(microseconds=1) if last else None


def ids_of(filters, **given):
    return [row.id for row in queries.events(filters, **given).events]


def test_each_filter_narrows(empty):
    one, two = person(session_id=ids.uuid7(), network="n1"), person(via=Via.API, key_id=ids.uuid7())
    invoice = ids.uuid7()
    first = services.record(events.AUDIT_READ, actor=one, subject=("invoice", invoice))
    second = services.record(events.ACCESS_REFUSED, actor=two, result="refused")
    assert ids_of(queries.Filters(since=empty)) == [second, first]
    for given, expected in [
        ({"actor": one.id}, first),
        ({"actor": two.id}, second),
        ({"subject": invoice}, first),
        ({"result": "refused"}, second),
        ({"event": "audit.read"}, first),
        ({"event": "access."}, second),
        ({"operation": "authorization"}, second),
        ({"operation": "access"}, first),
        ({"session": one.session_id}, first),
        ({"key": two.key_id}, second),
        ({"request": one.request_id}, first),
        ({"network": "n1"}, first),
        ({"via": "api"}, second),
    ]:
        assert ids_of(queries.Filters(since=empty, **given)) == [expected], given
    assert ids_of(queries.Filters(since=empty, actor=one.id, result="refused")) == []
    at = Event.objects.get(id=second).at
    assert ids_of(queries.Filters(since=empty, until=at)) == [first]


def test_pages_have_no_gap_and_no_repetition(empty):
    made = [services.record(events.AUDIT_READ, actor=person()) for _ in range(7)]
    filters, seen, cursor = queries.Filters(since=empty), [], ""
    for expected in (3, 3, 1):
        page = queries.events(filters, cursor=cursor, limit=3)
        assert len(page.events) == expected
        seen += [row.id for row in page.events]
        cursor = page.next_cursor
    assert (seen, cursor) == (made[::-1], None)
    # What is added meanwhile does not shift the pages.
    page = queries.events(filters, limit=3)
    services.record(events.AUDIT_READ, actor=person())
    assert [row.id for row in queries.events(filters, cursor=page.next_cursor, limit=3).events] == made[::-1][
        3:6
    ]


@pytest.mark.parametrize("cursor", ["x", "!!!", "AAAA", "MjAyNi0xMS0yNXw", "MjAyNi0xMS0yNVQxMjowMDowMHww"])
def test_a_damaged_cursor_is_refused(empty, cursor):
    with pytest.raises(queries.NoSuchPage):
        queries.events(queries.Filters(), cursor=cursor)


def test_a_list_read_is_part_of_a_records_history(empty):
    record, now = ids.uuid7(), datetime.now(UTC)
    opened = services.record(events.AUDIT_READ, actor=person(), subject=("customer", record))
    listed = services.record(events.AUDIT_READ, actor=person(), subjects=[ids.uuid7(), record])
    services.record(events.AUDIT_READ, actor=person(), subject=("customer", ids.uuid7()))
    assert [row.id for row in queries.access_history(record, at=now).events] == [listed, opened]
    later = now + queries.LIST_READS + timedelta(hours=1)
    assert [row.id for row in queries.access_history(record, at=later).events] == [opened]


def test_one_event_and_what_its_actor_did_around_it(empty):
    who = person()
    first = services.record(events.AUDIT_READ, actor=who)
    second = services.record(events.AUDIT_EXPORTED, actor=who)
    services.record(events.AUDIT_READ, actor=person())
    found = queries.event(first)
    assert (found.id, queries.event(ids.uuid7()), queries.seal_of(found)) == (first, None, None)
    assert ids_of(queries.around(found)) == [second, first]


def test_another_organizations_event_is_not_found(db, tenant_a, tenant_b):
    with context.scope(context.Scope(tenant_a)):
        made = services.record(events.AUDIT_READ, actor=person())
    with context.scope(context.Scope(tenant_b)):
        assert queries.event(made) is None
        assert ids_of(queries.Filters(event="audit.read", since=AT)) == []


def test_the_badge_says_what_the_last_check_found(in_a):
    assert queries.badge(at=AT).state == "unchecked"
    row = Verification.objects.create(state="checking", started_at=AT, events=25, total=100)
    badge = queries.badge(at=AT + timedelta(minutes=1))
    assert (badge.state, badge.percent) == ("checking", 25)
    # A check whose process died is not in progress for ever.
    assert queries.badge(at=AT + timedelta(hours=2)).state == "stale"
    for state in ("gap", "broken", "verified"):
        row.state, row.finished_at = state, AT
        row.save()
        assert queries.badge(at=AT + timedelta(hours=1)).state == state
    assert queries.badge(at=AT + timedelta(hours=25)).state == "stale"


def test_the_access_of_a_record_uses_its_index(in_a):
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            "EXPLAIN SELECT id FROM audit_event WHERE tenant_id = %s AND subject_id = %s ORDER BY at DESC LIMIT 5",
            [in_a, ids.uuid7()],
        )
        assert "subject" in "".join(line for (line,) in cursor.fetchall())
