"""The trail, sent on: to a real rsyslogd over TLS and a real HTTP collector, each event at least once, in order."""

import signal
import threading
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connections

from alerts.models import AuditStream
from alerts.streams import queries, rules, sending
from alerts.streams import services as streams
from audit.models import Event
from core import clock
from core.actor import Actor
from core.errors import NotFound
from tenancy.context import Scope, attempt, scope
from tests import databases
from tests.make import billing
from tests.services.alerts.collectors import Collector, Rsyslog, collector, rsyslog
from tests.services.outbound.test_http import certificate

ACTOR = Actor.system("tests")


@pytest.fixture(scope="module")
def log_server(tmp_path_factory) -> Iterator[Rsyslog]:
    folder = tmp_path_factory.mktemp("rsyslog")
    with rsyslog(folder, certificate(folder, "localhost")) as made:
        yield made


@pytest.fixture
def house(tmp_path, settings) -> Iterator[Collector]:
    with collector(tmp_path) as made:
        settings.OUTBOUND_PRIVATE_ORIGINS = [made.origin]
        yield made


@pytest.fixture
def logs(log_server, settings) -> Rsyslog:
    # As an installation names its own: in STRONGBOX_COLLECTORS.
    settings.OUTBOUND_COLLECTORS = [log_server.address]
    return log_server


def create(tenant: UUID, **given) -> AuditStream:
    # What was open anywhere when a stream was made may be older than its first event, and comes before it.
    databases.let_settle()
    with scope(Scope(tenant)):
        return streams.create(actor=ACTOR, at=clock.now(), **given)


def deliver(tenant: UUID, after: timedelta = timedelta()) -> int:
    """Deliver until nothing waits: what a delivery itself writes, once a day, goes with the next."""
    sent = 0
    while True:
        databases.let_settle()
        more = deliver_once(tenant, after)
        sent += more
        if not more:
            return sent


def deliver_once(tenant: UUID, after: timedelta = timedelta()) -> int:
    return sending.deliver_due(tenant_id=tenant, actor=ACTOR, now=lambda: clock.now() + after)


def happen(tenant: UUID, many: int = 1) -> None:
    for _ in range(many):
        with scope(Scope(tenant)):
            billing.customer()


def trail(tenant: UUID, since: UUID | None = None) -> list[str]:
    """Return the ids of the trail in the order of transactions."""
    with scope(Scope(tenant)):
        rows = Event.objects.all().extra(order_by=["xid", "id"])
        found = [str(row.id) for row in rows]
    return found if since is None else found[found.index(str(since)) :]


def stored(tenant: UUID, row: AuditStream) -> AuditStream:
    with scope(Scope(tenant)):
        return AuditStream.objects.get(pk=row.pk)


def recorded(tenant: UUID, code: str) -> list[Event]:
    with scope(Scope(tenant)):
        return list(Event.objects.filter(event=code).order_by("at"))


def uids(found) -> list[str]:
    return [one["metadata"]["uid"] for one in found]


@pytest.mark.django_db(transaction=True)
def test_the_whole_trail_reaches_a_collector_in_order_and_carries_nothing_twice(tenant_a, house):
    happen(tenant_a, 3)
    row = create(tenant_a, kind="http", address=house.address, secret="Splunk s3cret", begin="all")
    sent = deliver(tenant_a)
    found = house.events()
    assert uids(found) == trail(tenant_a)
    assert sent == len(found) == stored(tenant_a, row).sent
    assert set(house.authorizations()) == {"Splunk s3cret"}
    assert deliver(tenant_a) == 0
    happen(tenant_a)
    deliver(tenant_a)
    assert uids(house.events()) == trail(tenant_a)
    with scope(Scope(tenant_a)):
        assert queries.lag(stored(tenant_a, row)).events == 0


@pytest.mark.django_db(transaction=True)
def test_a_new_stream_begins_with_the_record_of_its_making(tenant_a, tenant_b, house):
    happen(tenant_a)
    happen(tenant_b)
    create(tenant_a, kind="http", address=house.address)
    happen(tenant_a)
    happen(tenant_b)
    deliver(tenant_a)
    deliver(tenant_b)
    (made,) = recorded(tenant_a, "audit_stream.created")
    found = house.events()
    assert uids(found) == trail(tenant_a, since=made.id)
    assert {one["metadata"]["tenant_uid"] for one in found} == {str(tenant_a)}


@pytest.mark.django_db(transaction=True)
def test_what_was_taken_without_a_word_is_sent_again(tenant_a, house):
    row = create(tenant_a, kind="http", address=house.address)
    house.answer(599)
    assert deliver(tenant_a) == 0
    first = uids(house.events())
    assert first
    after = stored(tenant_a, row)
    assert (after.sent, after.last_code, after.attempts) == (0, "no_answer", 1)
    house.answer(503)
    assert deliver(tenant_a, timedelta(minutes=1)) == 0
    assert stored(tenant_a, row).last_code == "http_503"
    house.answer(200)
    deliver(tenant_a, timedelta(minutes=10))
    assert uids(house.events())[: len(first) * 2] == first * 2
    after = stored(tenant_a, row)
    assert (after.failing_since, after.attempts, after.last_code) == (None, 0, "")


@pytest.mark.django_db(transaction=True)
def test_an_event_that_commits_late_is_neither_lost_nor_overtaken(tenant_a, house):
    create(tenant_a, kind="http", address=house.address)
    deliver(tenant_a)
    inside, release = threading.Event(), threading.Event()

    def slow() -> None:
        try:
            with scope(Scope(tenant_a)):
                billing.customer("Slow")
                inside.set()
                release.wait(60)
        finally:
            connections.close_all()

    thread = threading.Thread(target=slow)
    thread.start()
    inside.wait(60)
    happen(tenant_a, 2)
    deliver_once(tenant_a)
    waiting = set(trail(tenant_a)) - set(uids(house.events()))
    assert waiting  # behind a transaction that may still add to the trail nothing is sent
    release.set()
    thread.join()
    deliver(tenant_a)
    (made,) = recorded(tenant_a, "audit_stream.created")
    assert uids(house.events()) == trail(tenant_a, since=made.id)


@pytest.mark.django_db(transaction=True)
def test_a_batch_has_an_end_in_events_and_bytes_and_is_halved_where_it_is_refused(
    tenant_a, house, monkeypatch
):
    happen(tenant_a, 4)
    row = create(tenant_a, kind="http", address=house.address, begin="all")
    monkeypatch.setattr(rules, "MOST_BYTES", 3_000)
    databases.let_settle()
    with scope(Scope(tenant_a)):
        batch = sending.take(stream_id=row.pk, claim=None, at=clock.now())
        assert 1 <= len(batch.events) == len(batch.lines) < len(trail(tenant_a))
        assert sum(map(len, batch.lines)) <= 3_000
    house.answer(413)
    now = clock.now() + timedelta(minutes=5)
    sizes = []
    monkeypatch.setattr(rules, "MOST_AT_ONCE", 4)
    monkeypatch.setattr(rules, "MOST_BYTES", 1_000_000)
    for _ in range(4):
        databases.let_settle()
        with scope(Scope(tenant_a)):
            batch = sending.take(stream_id=row.pk, claim=None, at=now)
        sizes.append(len(batch.events))
        with scope(Scope(tenant_a)):
            sending.note(batch=batch, code=sending.send(batch), actor=ACTOR, at=now)
    assert sizes == [4, 2, 1, 1]
    house.answer(200)
    deliver(tenant_a, timedelta(minutes=30))
    assert uids(house.events()) == trail(tenant_a)


def test_an_event_that_breaks_the_receiver_hides_what_follows_for_a_day_at_most():
    days = sum((rules.wait(attempts) for attempts in range(1, rules.BROKEN_OFTEN)), timedelta()) / timedelta(
        days=1
    )
    assert 0.9 < days < 1.1
    for code, attempts, gone in (
        ("http_500", rules.BROKEN_OFTEN, True), ("http_500", rules.BROKEN_OFTEN - 1, False),
        ("http_503", 10_000, False), ("http_401", 10_000, False), ("http_422", rules.REFUSED_OFTEN, True),
    ):  # fmt: skip
        assert rules.is_refused_for_ever(code, events=1, attempts=attempts, aside=0) is gone, code
    assert not rules.is_refused_for_ever("http_500", events=2, attempts=10_000, aside=0)


@pytest.mark.django_db(transaction=True)
def test_an_event_that_is_refused_for_ever_is_set_aside_and_holds_up_nobody(tenant_a, house, monkeypatch):
    monkeypatch.setattr(rules, "MOST_AT_ONCE", 2)
    monkeypatch.setattr(rules, "REFUSED_OFTEN", 3)
    happen(tenant_a, 2)
    row = create(tenant_a, kind="http", address=house.address, begin="all")
    before = trail(tenant_a)
    (house.folder / "poison").write_text(f'"uid":"{before[1]}"')
    # A key that is not taken is no fault of the event: nothing is set aside, however often.
    house.answer(401)
    for minutes in range(0, 60, 6):
        deliver(tenant_a, timedelta(minutes=minutes))
    assert (stored(tenant_a, row).set_aside, house.events()) == ([], [])
    house.answer(200)
    for minutes in range(60, 120, 6):
        deliver(tenant_a, timedelta(minutes=minutes))
    aside = stored(tenant_a, row).set_aside
    assert [(one["event"], one["code"]) for one in aside] == [(before[1], "http_422")]
    assert [one for one in trail(tenant_a) if one not in uids(house.events())] == [before[1]]
    (told,) = recorded(tenant_a, "audit_stream.set_aside")
    assert (told.result, told.facts["event"], told.subject_id) == ("failed", before[1], row.pk)
    # Sent again it is refused again, and stays; once it is taken it leaves the list, and the place never moves back.
    later = clock.now() + timedelta(hours=3)
    for poisoned, left in ((True, [before[1]]), (False, [])):
        if not poisoned:
            (house.folder / "poison").unlink()
        with scope(Scope(tenant_a)):
            streams.try_again(stream_id=row.pk, actor=ACTOR, at=later)
        deliver(tenant_a, timedelta(hours=3))
        assert [one["event"] for one in stored(tenant_a, row).set_aside] == left
    assert sorted(uids(house.events())) == sorted(trail(tenant_a))
    assert [event.facts["events"] for event in recorded(tenant_a, "audit_stream.tried_again")] == [1, 1]
    # One that the trail no longer keeps holds nothing up either.
    gone = {"event": str(row.pk), "code": "http_422", "at": later.isoformat(), "tries": 3, "again": True}
    with scope(Scope(tenant_a)):
        AuditStream.objects.filter(pk=row.pk).update(set_aside=[gone])
    happen(tenant_a)
    assert deliver(tenant_a, timedelta(hours=4)) > 0 and stored(tenant_a, row).set_aside == []
    with scope(Scope(tenant_a)), pytest.raises(streams.NothingSetAside), attempt():
        streams.try_again(stream_id=row.pk, actor=ACTOR, at=later)


@pytest.mark.django_db(transaction=True)
def test_rsyslog_gets_every_event_over_tls_though_it_is_killed_meanwhile(tenant_a, logs):
    before = len(logs.lines())
    row = create(tenant_a, kind="syslog", address=logs.address, ca=logs.ca)
    happen(tenant_a, 3)
    assert deliver(tenant_a) > 0
    logs.stop(signal.SIGKILL)
    happen(tenant_a, 2)
    assert deliver(tenant_a) == 0
    assert stored(tenant_a, row).last_code == "no_answer"
    logs.start()
    assert deliver(tenant_a, timedelta(minutes=1)) > 0
    (made,) = recorded(tenant_a, "audit_stream.created")
    wanted = trail(tenant_a, since=made.id)
    lines = logs.lines(before + len(wanted))[before:]
    assert {(line[1], line[2], line[3]) for line in lines} == {("a", "strongbox", "audit")}
    found = uids(logs.events()[before:])
    assert list(dict.fromkeys(found)) == wanted
    assert stored(tenant_a, row).sent == len(wanted)


@pytest.mark.django_db(transaction=True)
def test_a_certificate_of_nobody_known_gets_nothing(tenant_a, logs, tmp_path):
    before = len(logs.lines())
    other = Rsyslog(tmp_path, certificate(tmp_path, "localhost"), 0).ca
    for ca in ("", other):
        row = create(tenant_a, kind="syslog", address=logs.address, ca=ca)
        assert deliver(tenant_a) == 0
        assert stored(tenant_a, row).last_code == "certificate_refused"
    assert len(logs.lines()) == before


@pytest.mark.django_db(transaction=True)
def test_lateness_is_recorded_once_and_once_when_it_is_over(tenant_a, house):
    row = create(tenant_a, kind="http", address=house.address)
    house.answer(500)
    deliver(tenant_a)
    later = clock.now() + timedelta(minutes=16)
    for _ in range(2):
        with scope(Scope(tenant_a)):
            assert sending.look_for_late(actor=ACTOR, at=later) == 1
    (late,) = recorded(tenant_a, "audit_stream.late")
    assert late.subject_id == row.pk
    assert late.reason == "http_500"
    assert late.facts["seconds"] >= 900
    house.answer(200)
    deliver(tenant_a, timedelta(minutes=20))
    with scope(Scope(tenant_a)):
        assert sending.look_for_late(actor=ACTOR, at=clock.now()) == 0
    assert len(recorded(tenant_a, "audit_stream.recovered")) == 1


@pytest.mark.django_db(transaction=True)
def test_a_paused_stream_keeps_its_place_and_a_day_is_summed_up(tenant_a, house):
    row = create(tenant_a, kind="http", address=house.address)
    deliver(tenant_a)
    with scope(Scope(tenant_a)):
        streams.pause(stream_id=row.pk, actor=ACTOR, at=clock.now())
    happen(tenant_a)
    assert deliver(tenant_a) == 0
    with scope(Scope(tenant_a)):
        streams.resume(stream_id=row.pk, actor=ACTOR, at=clock.now())
        streams.test(stream_id=row.pk, actor=ACTOR, at=clock.now())
        streams.update(
            stream_id=row.pk, changes={"description": "The house's SIEM"}, actor=ACTOR, at=clock.now()
        )
    deliver(tenant_a, timedelta(days=1))
    deliver(tenant_a, timedelta(days=1))
    (made,) = recorded(tenant_a, "audit_stream.created")
    codes = [one["metadata"]["event_code"] for one in house.events()]
    for code in ("paused", "resumed", "tested", "updated"):
        assert f"audit_stream.{code}" in codes
    (summed,) = recorded(tenant_a, "audit_stream.sent")
    # The sum of a day is an event like any other, and sent in its turn.
    assert uids(house.events()) == trail(tenant_a, since=made.id)
    assert uids(house.events())[-1] == str(summed.id)
    assert summed.facts["events"] == len(house.events()) - 1
    with scope(Scope(tenant_a)):
        streams.remove(stream_id=row.pk, actor=ACTOR)
    assert len(recorded(tenant_a, "audit_stream.removed")) == 1


@pytest.mark.django_db(transaction=True)
def test_a_batch_that_another_worker_has_taken_over_moves_nothing(tenant_a, house):
    row = create(tenant_a, kind="http", address=house.address)
    now = clock.now()
    databases.let_settle()
    with scope(Scope(tenant_a)):
        batch = sending.take(stream_id=row.pk, claim=None, at=now)
        assert sending.take(stream_id=row.pk, claim=None, at=now) is None
        later = now + sending.LEASE + timedelta(seconds=1)
        again = sending.take(stream_id=row.pk, claim=None, at=later)
        assert uids_of(again) == uids_of(batch)
        assert sending.note(batch=batch, code="", actor=ACTOR, at=later) == 0
        assert sending.note(batch=again, code="", actor=ACTOR, at=later) == len(again.events)


def uids_of(batch) -> list[UUID]:
    return [event.id for event in batch.events]


@pytest.mark.django_db
def test_another_organizations_stream_is_not_found(tenant_a, tenant_b):
    row = create(tenant_a, kind="http", address="https://93.184.216.34/")
    with pytest.raises(NotFound), scope(Scope(tenant_b)):
        streams.pause(stream_id=row.pk, actor=ACTOR, at=clock.now())
    assert stored(tenant_a, row).state == "active"
    assert not recorded(tenant_b, "audit_stream.paused")
