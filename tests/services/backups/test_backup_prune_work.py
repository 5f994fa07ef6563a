"""Pruning as the ops-worker does it: rows, bytes, proof and trail say the same."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from audit.models import Event
from backups import archive, keeping, places, pruning, queries, rules, services, taking, targets, work
from backups.models import Backup, Copy
from core.actor import Actor
from tests.services.backups.test_backup_pruning import RECIPIENT

pytestmark = pytest.mark.django_db
ACTOR = Actor.system("test")
START = datetime(2026, 9, 6, 2, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[targets.Target]:
    with override_settings(BACKUP_TARGETS=f"disk=file://{tmp_path}/disk"):
        yield places.open_targets()[0].place


def taken(disk: targets.Target, day: int, parent: Backup | None) -> Backup:
    """One backup as `taking` leaves it: a row, its archives, and the changes since."""
    at = START + day * DAY
    kind = rules.INCREMENTAL if parent else rules.FULL
    made = services.begin(kind=kind, parent=parent, floor=0, job_id=None, actor=ACTOR, at=at)
    copies = []
    for part in (Copy.Part.DATABASE, Copy.Part.FILES):
        name = f"backups/{made.generation:08d}-{kind}/{part.value}.sbk"
        described: dict[str, Any] = {"kind": archive.Kind.FILES, "parent": str(made.pk)}
        if part == Copy.Part.DATABASE:
            described = {"kind": archive.Kind(kind), "parent": str(parent.pk) if parent else None}
            described["archive"] = str(made.pk)
        written = stored(disk, name, made.keep_until, generation=made.generation, created_at=at, **described)
        copies.append(
            services.StoredCopy(
                part=part, target="disk", name=name, bytes_stored=written.bytes_out, sha256=written.sha256
            )
        )
    segment = f"0000000100000000{day:08X}"
    stored(
        disk,
        f"wal/7/{segment.lower()}.sbk",
        at,
        kind=archive.Kind.WAL,
        generation=made.generation,
        created_at=at,
        facts={"segment": segment},
    )
    return services.finish(
        backup_id=made.pk, copies=copies, actor=ACTOR, at=at + timedelta(minutes=5), first_segment=segment
    )


def stored(disk: targets.Target, name: str, keep_until: datetime, **header: Any) -> archive.Written:
    with disk.create(name, keep_until=keep_until) as sink:
        return archive.write(
            [name.encode()],
            sink,
            header=archive.Header(**header),
            recipients=[RECIPIENT],
            signer=places.signer(),
            finished=lambda: True,
        )


def names(disk: targets.Target, prefix: str = "") -> list[str]:
    return [found.name for found in disk.list(prefix)]


def test_what_has_had_its_day_goes_with_a_proof(disk: targets.Target) -> None:
    with queries.of_operator():
        keep_days = services.plan().keep_days
        full = taken(disk, 0, None)
        child = taken(disk, 1, full)
        last = taken(disk, keep_days, None)
    at = START + (keep_days + 1) * DAY + timedelta(hours=1)
    for other in (0, 1):  # what the disk says of when it was stored counts, and all of it was stored today
        move_back(disk, f"wal/7/0000000100000000{other:08x}.sbk")
    assert keeping.prune(actor=ACTOR, now=lambda: at) == [child.generation, full.generation]
    assert names(disk, "backups/") == [
        f"backups/{last.generation:08d}-full/database.sbk",
        f"backups/{last.generation:08d}-full/files.sbk",
    ]
    (name,) = names(disk, "proofs/")
    with disk.get(name) as source:
        proof = pruning.check(source.read(), trusted=places.trusted())
    assert [one["archive"] for one in proof["restorable"]] == [str(last.pk)]
    assert len([one for one in proof["gone"] if one["name"].startswith("backups/")]) == 4
    with queries.of_operator():
        states = dict(Backup.objects.values_list("generation", "state"))
        assert states == {full.generation: "pruned", child.generation: "pruned", last.generation: "done"}
        assert set(Copy.objects.exclude(backup=last).values_list("state", flat=True)) == {"pruned"}
        events = Event.objects.filter(event="backup.pruned").values_list("facts__objects", flat=True)
        assert list(events) == [2, 2]
    # The changes go at the next look: until the rows said so, an older backup might have needed them.
    assert keeping.prune(actor=ACTOR, now=lambda: at + DAY) == []
    assert names(disk, "wal/") == [f"wal/7/0000000100000000{keep_days:08x}.sbk"]
    assert len(names(disk, "proofs/")) == 2


def move_back(disk: targets.Target, name: str) -> None:
    path = disk.root / name  # type: ignore[attr-defined]
    os.utime(path, (START.timestamp(), START.timestamp()))


def test_a_target_that_does_not_fit_keeps_everything(disk: targets.Target) -> None:
    """The rows say that a chain may go; at the target lies a backup, unknown to them, that is built on it."""
    with queries.of_operator():
        keep_days = services.plan().keep_days
        full = taken(disk, 0, None)
        taken(disk, keep_days, None)
    stored(
        disk,
        "backups/00000009-incremental/database.sbk",
        START,
        kind=archive.Kind.INCREMENTAL,
        generation=9,
        created_at=START + DAY,
        archive="unknown",
        parent=str(full.pk),
    )
    before = names(disk)
    assert keeping.prune(actor=ACTOR, now=lambda: START + (keep_days + 1) * DAY) == []
    assert names(disk) == before
    with queries.of_operator():
        assert Backup.objects.get(pk=full.pk).state == "done"
        assert not Event.objects.filter(event="backup.pruned").exists()


def test_what_is_held_stays(disk: targets.Target) -> None:
    with queries.of_operator():
        keep_days = services.plan().keep_days
        full = taken(disk, 0, None)
        child = taken(disk, 1, full)
        taken(disk, keep_days, None)
        services.hold(backup_id=child.pk, held=True, actor=ACTOR, at=START)
    before = names(disk)
    assert keeping.prune(actor=ACTOR, now=lambda: START + 100 * DAY) == []
    assert names(disk) == before


def test_names_do_not_count_us_out_of_numbers(disk: targets.Target) -> None:
    """Whoever may write at the target lays a name with a number that no column holds."""
    with queries.of_operator():
        full = taken(disk, 0, None)
    opened = places.open_targets()[0]
    for name in ("backups/99999999999999999999-full/database.sbk", "backups/00000077-full/database.sbk"):
        with disk.create(name, keep_until=START) as sink:
            sink.write(b"SBXBAK not an archive")
    stranger = archive.Signer(bytes(range(32)))
    with disk.create("backups/00000088-full/database.sbk", keep_until=START) as sink:
        archive.write(
            [],
            sink,
            header=archive.Header(archive.Kind.FULL, 88, START),
            recipients=[RECIPIENT],
            signer=stranger,
            finished=lambda: True,
        )
    assert taking.highest_stored(opened) == full.generation
    other = "backups/00000090-full/database.sbk"
    stored(disk, other, START, kind=archive.Kind.FULL, generation=90, created_at=START)
    assert taking.highest_stored(opened) == 90


def test_what_is_built_on_is_locked_as_long_as_what_is_built_on_it(disk: targets.Target) -> None:
    """And a held one for another week at every look, with what it is built on."""
    with queries.of_operator():
        keep = services.plan().keep_days * DAY
        full = taken(disk, 0, None)
        child = taken(disk, 6, full)
        newest = taken(disk, 7, None)

    def locked(made: Backup) -> set[datetime | None]:
        folder = f"backups/{made.generation:08d}-{made.kind}/"
        return {found.keep_until for found in disk.list(folder)}

    assert locked(full) == {START + keep}
    assert keeping.prune(actor=ACTOR, now=lambda: START + 8 * DAY) == []
    assert (locked(full), locked(child)) == ({START + 6 * DAY + keep}, {START + 6 * DAY + keep})
    assert locked(newest) == {START + 7 * DAY + keep}
    held_at = START + keep
    with queries.of_operator():
        services.hold(backup_id=child.pk, held=True, actor=ACTOR, at=held_at)
        # Another hold is asked for while the first waits.
        asked = [work.ask(kind=work.KEEP, actor=ACTOR, at=held_at, send=lambda _: None) for _ in range(2)]
    # The worker lengthens the locks as soon as it is asked, not with the next backup.
    arguments = {"kind": work.KEEP, "job_id": str(asked[0].pk)}
    assert work.run(arguments, actor=ACTOR, now=lambda: held_at) == {"copies": 6}
    assert locked(full) == locked(child) == {held_at + 7 * DAY}
    late = START + keep + 5 * DAY
    assert keeping.prune(actor=ACTOR, now=lambda: late) == []
    assert locked(full) == locked(child) == locked(newest) == {late + 7 * DAY}


def test_what_a_backup_left_that_failed_half_way_goes_when_its_day_has_come(disk: targets.Target) -> None:
    with queries.of_operator():
        keep_days = services.plan().keep_days
        half = services.begin(kind="full", parent=None, floor=0, job_id=None, actor=ACTOR, at=START)
        services.fail(backup_id=half.pk, code="backup_no_target", actor=ACTOR, at=START)
        whole = taken(disk, 0, None)
    described: dict[str, Any] = {"kind": archive.Kind.FULL, "archive": str(half.pk), "created_at": START}
    name = taking.object_name(half, "database")
    stored(disk, name, half.keep_until, generation=half.generation, **described)
    keeping.prune(actor=ACTOR, now=lambda: START + (keep_days - 1) * DAY)
    assert name in names(disk)
    keeping.prune(actor=ACTOR, now=lambda: START + (keep_days + 1) * DAY)
    assert name not in names(disk) and taking.object_name(whole, "database") in names(disk)
    (proof,) = names(disk, "proofs/")
    with disk.get(proof) as source:
        (gone,) = pruning.check(source.read(), trusted=places.trusted())["gone"]
    assert (gone["name"], gone["why"]) == (name, "it belongs to a backup that failed")
