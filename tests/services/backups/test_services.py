"""What is done with backups: noted, kept, held, late, asked for by one and agreed to by another."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import override_settings

from accounts.services import approvals
from audit.models import Event
from backups import lateness, lost, newest, places, queries, rules, services, work
from backups.drills import results
from backups.models import Backup, Copy, RestoreRequest
from core import clock
from core.actor import Actor
from core.errors import Invalid
from tenancy.context import Scope, attempt, scope
from tenancy.models import Job
from tests.make import accounts as make
from tests.make import installation
from tests.make.backups import backup, drill, found

pytestmark = pytest.mark.django_db
ACTOR = Actor.system("tests")


@pytest.fixture
def operator() -> Any:
    tenant = installation.tenant("operator")
    with scope(Scope(tenant)):
        yield tenant


def events(code: str) -> list[Event]:
    return list(Event.objects.filter(event=code))


def test_generations_grow_above_everything_known(operator: UUID) -> None:
    first = backup()
    assert (first.state, first.generation, first.milliseconds) == ("done", 1, 9000)
    second = services.begin(kind="full", parent=None, floor=41, job_id=None, actor=ACTOR, at=clock.now())
    assert second.generation == 42
    with pytest.raises(services.BackupRuns), attempt():
        services.begin(kind="full", parent=None, floor=0, job_id=None, actor=ACTOR, at=clock.now())
    # What a process left behind when it died keeps nobody waiting for ever.
    later = clock.now() + services.ABANDONED_AFTER * 2
    third = services.begin(kind="full", parent=None, floor=0, job_id=None, actor=ACTOR, at=later)
    second.refresh_from_db()
    assert (second.state, second.code, third.generation) == ("failed", "abandoned", 43)
    assert len(events("backup.completed")) == 1


def test_a_failure_is_noted_with_its_code(operator: UUID) -> None:
    made = backup(code="backup_no_target")
    made.refresh_from_db()
    assert (made.state, made.code) == ("failed", "backup_no_target")
    (event,) = events("backup.failed")
    assert event.facts["code"] == "backup_no_target"
    assert queries.latest_done() is None
    with pytest.raises(services.BackupNotRestorable), attempt():
        services.hold(backup_id=made.pk, held=True, actor=ACTOR, at=clock.now())


def test_a_copy_that_is_not_sound_makes_the_backup_unsound(operator: UUID) -> None:
    made = backup()
    assert services.note_verified(backup_id=made.pk, sound=1, faults={}, actor=ACTOR, at=clock.now()).is_sound
    copy = Copy.objects.get(backup=made, part="database")
    services.note_verified(
        backup_id=made.pk, sound=0, faults={copy.pk: "archive_damaged"}, actor=ACTOR, at=clock.now()
    )
    made.refresh_from_db()
    copy.refresh_from_db()
    assert (made.is_sound, copy.state) == (False, "missing")
    assert len(events("backup.verified")) == len(events("backup.verify_failed")) == 1


def test_a_hold_keeps_a_backup_from_being_pruned(operator: UUID) -> None:
    long_ago = clock.now() - timedelta(days=100)
    old, _ = backup(at=long_ago), backup()
    assert rules.to_prune(clock.now(), kept=queries.kept()) == [old.generation]
    services.hold(backup_id=old.pk, held=True, actor=ACTOR, at=clock.now())
    assert rules.to_prune(clock.now(), kept=queries.kept()) == []
    assert len(events("backup.held")) == 1


def test_the_plan_stays_within_its_bounds(operator: UUID) -> None:
    services.change_plan(keep_days=90, drill_days=3, actor=ACTOR, at=clock.now())
    with pytest.raises(Invalid), attempt():
        services.change_plan(keep_days=3, drill_days=90, actor=ACTOR, at=clock.now())
    found = services.plan()
    assert (found.keep_days, found.drill_days) == (90, 3)
    assert len(events("backup.retention_changed")) == 1


def test_each_lateness_is_signalled_once_and_again_after_it_was_mended(operator: UUID) -> None:
    since, at = clock.now() - timedelta(days=60), clock.now()

    def look(when):
        return lateness.look_for_lateness(since=since, actor=ACTOR, at=when)

    assert look(at) == ["overdue_since", "drill_overdue_since", "stream_behind_since"]
    assert look(at + timedelta(minutes=5)) == []
    backup(at=at)
    lateness.note_stream(segment="0" * 24, stored_at=at, covers_at=at, lag_bytes=0, at=at)
    assert look(at + timedelta(minutes=1)) == []
    assert services.plan().overdue_since is None
    assert look(at + timedelta(days=2)) == ["overdue_since", "stream_behind_since"]
    codes = ("backup.overdue", "drill.overdue", "backup.stream_behind")
    assert [len(events(code)) for code in codes] == [2, 1, 2]


def test_a_drill_passes_only_with_every_check(operator: UUID) -> None:
    backup()
    assert drill(found()).state == "passed"
    assert drill(found(wrong="ledger")).code == "books_do_not_balance"
    assert drill(found()[:-1]).code == "checks_are_missing"
    assert drill([]).state == "failed"
    assert [len(events(code)) for code in ("drill.passed", "drill.failed")] == [1, 3]


def test_a_result_that_was_changed_in_the_database_is_not_genuine(operator: UUID) -> None:
    backup()
    made = drill(found(wrong="seals"))
    assert results.is_genuine(made)
    made.state = "passed"
    assert not results.is_genuine(made)
    made.result = {**made.result, "state": "passed"}
    assert not results.is_genuine(made)
    other = drill(found())
    made.result, made.signature = other.result, other.signature
    assert not results.is_genuine(made)


def test_a_person_signs_once_for_a_drill_that_passed_and_is_genuine(operator: UUID) -> None:
    backup()
    first, second = (make.actor(make.member("operator").user) for _ in range(2))
    passed, failed, changed = drill(found()), drill(found(wrong="seals")), drill(found())
    changed.result = {**changed.result, "rto_milliseconds": 1}
    changed.save()
    for made in (failed, changed):
        with pytest.raises(results.NotToBeSignedFor), attempt():
            results.sign_for(drill_id=made.pk, actor=first, at=clock.now())
    assert events("drill.signed") == []
    results.sign_for(drill_id=passed.pk, actor=first, at=clock.now())
    with pytest.raises(results.SignedForAlready), attempt():
        results.sign_for(drill_id=passed.pk, actor=second, at=clock.now())
    signed = results.signed_for(passed)
    assert signed is not None
    assert (signed.actor_id, signed.facts) == (first.id, {"generation": 1})
    assert events("drill.signed") == [signed]
    assert results.signed_for(changed) is None


def test_a_restore_waits_for_a_second_person(operator: UUID) -> None:
    first, second = make.member("operator"), make.member("owner")
    at = clock.now()
    made = backup(at=at - timedelta(hours=1))
    asked = services.ask_restore(
        kind="organization",
        organization="a",
        wanted_at=made.consistent_at,
        reason="A bad import",
        actor=make.actor(first.user),
        at=at,
    )

    def agreed(**changed):
        given = {
            "kind": "organization",
            "organization_id": asked.organization_id,
            "wanted_at": None,
            "at": at,
            **changed,
        }
        return services.agreed_restore(request_id=asked.pk, **given)

    with pytest.raises(services.RestoreNotAgreed), attempt():
        agreed()
    approvals.approve(request_id=asked.approval_id, actor=make.actor(second.user), at=at)
    assert agreed().approved_by == second.user_id
    for changed in (
        {"organization_id": uuid4()},
        {"kind": "cluster"},
        {"organization_id": None},
        {"wanted_at": at - timedelta(hours=2)},
        {"at": at + timedelta(days=8)},
    ):
        with pytest.raises(services.RestoreNotAgreed), attempt():
            agreed(**changed)
    services.note_restored(kind="organization", request_id=asked.pk, counts={"rows": 3}, actor=ACTOR, at=at)
    # An agreement is used once.
    with pytest.raises(services.RestoreNotAgreed), attempt():
        agreed()
    codes = ("restore.requested", "restore.approved", "restore.completed")
    assert [len(events(code)) for code in codes] == [1, 1, 1]


def test_what_a_restore_brought_back_as_under_way_is_ended(tmp_path: Path, settings: Any) -> None:
    settings.STATE_DIR = tmp_path
    at, minute = clock.now(), timedelta(minutes=1)

    def ask(after: int) -> Job:
        with queries.of_operator():
            return work.ask(
                kind=work.BACKUP, backup_kind="full", actor=ACTOR, at=at + after * minute, send=lambda _: None
            )

    job = ask(0)
    with queries.of_operator():
        row = services.begin(kind="full", parent=None, floor=0, job_id=job.pk, actor=ACTOR, at=at)
        tried = results.begin(wanted=None, job_id=None, actor=ACTOR, at=at)
    # Without a restore it lasts, and holds the next one up.
    work.end_lost_work(at=at + minute)
    with pytest.raises(work.BackupWorkRuns):
        ask(2)
    lost.marker().write_text(json.dumps({"request": "", "files": 4, "at": (at + 2 * minute).isoformat()}))
    work.end_lost_work(at=at + 3 * minute)
    with queries.of_operator():
        job.refresh_from_db()
        row.refresh_from_db()
        tried.refresh_from_db()
    assert (job.state, job.code, row.state, row.code) == ("failed", "restored", "failed", "restored")
    assert (tried.state, tried.code) == ("failed", "restored")
    # What is asked for after the restore is not ended with it.
    ask(4)
    work.tick(actor=ACTOR, now=lambda: at + 5 * minute, send=lambda _: None)
    with pytest.raises(work.BackupWorkRuns):
        ask(6)
    with queries.of_operator():
        assert [event.facts["files"] for event in events("restore.completed")] == [4]
    assert not lost.marker().exists()


def test_a_declined_restore_is_none(operator: UUID) -> None:
    first, second = make.member("operator"), make.member("owner")
    asked = services.ask_restore(
        kind="cluster",
        organization="",
        wanted_at=None,
        reason="A try",
        actor=make.actor(first.user),
        at=clock.now(),
    )
    approvals.decline(request_id=asked.approval_id, actor=make.actor(second.user), at=clock.now())
    asked.refresh_from_db()
    assert asked.state == RestoreRequest.State.DECLINED


def test_what_cannot_be_restored_is_not_asked_for(operator: UUID) -> None:
    who = make.actor(make.member("operator").user)
    with pytest.raises(Invalid) as refused, attempt():
        services.ask_restore(
            kind="organization",
            organization="nobody",
            wanted_at=clock.now() - timedelta(days=9),
            reason=" ",
            actor=who,
            at=clock.now(),
        )
    assert [fault.pointer for fault in refused.value.errors] == ["/organization", "/wanted_at", "/reason"]
    assert not RestoreRequest.objects.exists()


def test_the_same_work_is_asked_for_once(operator: UUID) -> None:
    sent: list[Any] = []
    given = {"kind": work.BACKUP, "backup_kind": "full", "actor": ACTOR, "send": sent.append}
    work.ask(**given, at=clock.now())
    with pytest.raises(work.BackupWorkRuns), attempt():
        work.ask(**given, at=clock.now())
    work.ask(kind=work.DRILL, actor=ACTOR, at=clock.now(), send=sent.append)
    assert [len(events(code)) for code in ("backup.requested", "drill.requested")] == [1, 1]


def test_other_organizations_see_figures_and_nothing_else(operator: UUID) -> None:
    backup()
    drill(found())
    mine = queries.evidence()
    assert (mine.backups_kept, mine.last_drill_passed, mine.rto_milliseconds) == (1, True, 21_400)
    assert dict(mine.checks)["ledger"] is True


def test_an_organization_reads_none_of_the_operators_rows(db: None, tenant_a: UUID) -> None:
    with scope(Scope(installation.tenant("operator"))):
        backup()
    with scope(Scope(tenant_a)):
        assert list(Backup.objects.all()) == []
        assert queries.evidence().backups_kept == 1
        assert queries.evidence().is_drill_late


def test_work_that_is_delivered_again_takes_the_place_of_its_first_try(operator: UUID) -> None:
    job = uuid4()
    given = {"kind": "full", "parent": None, "floor": 0, "job_id": job, "actor": ACTOR, "at": clock.now()}
    first, second = services.begin(**given), services.begin(**given)
    first.refresh_from_db()
    assert (first.state, first.code, second.state) == ("failed", "abandoned", "running")


def test_what_a_killed_process_left_of_a_copy_is_removed(tmp_path: Any, settings: Any) -> None:
    settings.BACKUP_WORK_DIR = tmp_path
    (tmp_path / "s00000000").mkdir()
    (tmp_path / "s00000000" / "secret").write_text("pages")
    with places.scratch() as mine:
        assert not (tmp_path / "s00000000").exists()
        with places.scratch() as other:
            assert mine.exists() and other.exists()
    assert list(tmp_path.iterdir()) == []


def test_the_note_of_the_newest_backup_is_signed_and_only_goes_up(settings: Any, tmp_path: Path) -> None:
    settings.ERASURE_DIR = tmp_path / "beside"
    with pytest.raises(newest.NewestUnknown):
        newest.demanded(told=None, accepted=None)
    for generation, held in ((7, ["a", "b"]), (8, ["a"]), (6, ["a", "b"])):
        newest.note_backup(
            generation=generation,
            archive_id=f"id-{generation}",
            manifest_sha256="ab" * 32,
            held=held,
            at=clock.now(),
        )
    newest.note_changes(system="42", segment="0" * 24)
    assert {name: one["generation"] for name, one in newest.by_target().items()} == {"a": 8, "b": 7}
    found = newest.demanded(told=5, accepted=None)
    assert (found.generation, found.archive_id, found.segment) == (8, "id-8", "0" * 24)
    # Whoever may write there and cannot sign makes nothing older of it.
    note = settings.ERASURE_DIR / newest.BACKUPS
    note.write_text(note.read_text().replace('"generation":8', '"generation":2'))
    with pytest.raises(newest.NewestNoteBroken):
        newest.demanded(told=None, accepted=None)
    assert newest.demanded(told=9, accepted=None) == newest.Newest(generation=9)
    # Notes of one kind are not believed as notes of the other.
    note.write_text((settings.ERASURE_DIR / newest.CHANGES).read_text())
    with pytest.raises(newest.NewestNoteBroken):
        newest.known()


def test_the_kind_of_the_places_is_told_once_a_change(operator: UUID) -> None:
    for immutable in (0, 0, 1):
        found = lateness.Places(targets=2, immutable=immutable, offsite=1)
        lateness.note_places(found=found, actor=ACTOR, at=clock.now())
    assert [event.result for event in events("backup.places_changed")] == ["failed", "success"]
    known = queries.evidence()
    assert (known.targets_immutable, known.targets_offsite, known.places_seen_at) == (
        1,
        1,
        known.places_seen_at,
    )
    urls = "disk=file:///x far=sftp://u@backup.example/x near=sftp://u@127.0.0.1/x s=s3://b/p?endpoint=https://localhost"
    with override_settings(BACKUP_TARGETS=urls):
        assert [places._is_offsite(url) for _, url in places._targets()] == [False, True, False, False]


def test_a_drill_that_a_dead_worker_left_is_over(operator: UUID) -> None:
    at, job = clock.now(), uuid4()
    left = results.begin(wanted=None, job_id=job, actor=ACTOR, at=at)
    results.begin(wanted=None, job_id=job, actor=ACTOR, at=at + timedelta(minutes=1))
    left.refresh_from_db()
    assert (left.state, left.code, results.is_genuine(left)) == ("failed", "abandoned", False)
    assert [event.facts["code"] for event in events("drill.failed")] == ["abandoned"]
