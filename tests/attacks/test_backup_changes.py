"""Whoever holds a place for backups hides, exchanges and invents segments of the stream of changes."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import override_settings

from audit.models import Event
from backups import archive, newest, places, queries, restoring, services, storing, streaming
from core import clock
from tests.attacks.held_places import SYSTEM, WRONG, Place, archived, flipped, known_backup, note, of_backup

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("backup places")]

SEGMENTS = [f"0000000100000000{number:08X}" for number in range(3, 10)]


def change(segment: str, **told: str) -> bytes:
    return archived(
        kind=archive.Kind.WAL,
        generation=5,
        content=b"changes",
        facts={"segment": segment, "system": SYSTEM, **told},
    )


def asked(tmp_path: Path, segments: Sequence[str]) -> dict[str, str]:
    """What the restored server gets for each segment it asks for: what it is, or what is wrong."""
    data = tmp_path / "data"
    (data / "pg_wal").mkdir(parents=True, exist_ok=True)
    (data / "pg_wal" / SEGMENTS[0]).touch()
    restored = restoring.Restored(data, None, [], SYSTEM, {})
    found = {}
    for segment in segments:
        with places.scratch() as folder:
            given = {"key": places.drill_key(), "trusted": places.trusted(), "newest": newest.known()}
            spool = restoring.Spool(folder, places.open_targets(), restored, **given)
            with spool:
                (spool.folder / f"{segment}.ask").touch()
                limit = clock.now() + timedelta(seconds=60)
                while not (
                    answers := [p for p in spool.folder.glob(f"{segment}.*") if p.suffix[1:] in ANSWERS]
                ):
                    assert clock.now() < limit
            found[segment] = spool.fault.code if spool.fault else answers[0].suffix[1:]
    return found


ANSWERS = ("have", "none", "broken")


def test_a_gap_in_the_changes_does_not_pass_for_their_end(place: Place, tmp_path: Path) -> None:
    brought, whole, absent, foreign, renamed, last, beyond = SEGMENTS
    made, _ = known_backup(of_backup)
    with place.used(tmp_path) as case:
        note(made)
        newest.note_changes(system=SYSTEM, segment=last)

        def lay(segment: str, content: bytes) -> None:
            place.lay(case, f"wal/{SYSTEM}/{segment.lower()}.sbk", content)

        lay(whole, change(whole))
        lay(last, flipped(change(last), -20))
        lay(foreign, change(foreign, system="9"))
        lay(renamed, change(whole))
        assert asked(tmp_path, [*SEGMENTS, "00000001.history", "00000002.history"]) == {
            brought: "none",
            whole: "have",
            absent: "changes_withheld",
            foreign: "another_archive",
            renamed: "another_archive",
            last: WRONG,
            beyond: "none",
            "00000001.history": "none",
            "00000002.history": "none",
        }
        # Silence is no end either, not even where nobody knows how far the changes go.
        place.withdraw()
        place.lies.withdrawn = "." if place.kind == "s3" else ""
        try:
            assert asked(tmp_path, [beyond]) == {beyond: "target_unusable"}
        finally:
            place.give_back()


def test_changes_that_a_place_missed_are_sent_again_as_they_are(place: Place, tmp_path: Path) -> None:
    """The stored bytes themselves, once they were checked; what is damaged where it lies is not spread."""
    moment = [clock.now()]
    good = tmp_path / "good"
    with override_settings(BACKUP_WORK_DIR=tmp_path / "work"):
        receiver = streaming.Receiver(now=lambda: moment[0])
        names = [f"wal/{receiver.system}/{segment.lower()}.sbk" for segment in SEGMENTS[:3]]
        with place.used(tmp_path, beside=f"good=file://{good}") as case:

            def missing() -> dict[str, int]:
                with queries.of_operator():
                    return dict(services.plan().changes_missing)

            place.withdraw()
            place.lies.withdrawn = "." if place.kind == "s3" else ""
            try:
                for segment in SEGMENTS[:3]:
                    (receiver.folder / segment).write_bytes(segment.encode())
                    assert receiver.step() == 1
                assert missing() == {"place": 3}
            finally:
                place.give_back()
            sound = (good / names[1]).read_bytes()
            (good / names[1]).chmod(0o600)
            (good / names[1]).write_bytes(flipped(sound, -20))
            moment[0] += streaming.AGAIN_EVERY
            receiver.step()
            there = places.open_targets()[0].place
            # The files of other workers' tests are added beside the changes.
            assert [stored.name for stored in there.list("wal/")] == [names[0], names[2]]
            assert missing() == {"place": 1}
            (good / names[1]).write_bytes(sound)
            moment[0] += streaming.AGAIN_EVERY
            receiver.step()
            for name in names:
                assert place.fetch(case, name) == (good / name).read_bytes()
                assert there.head(name).keep_until == places.open_targets()[1].place.head(name).keep_until
            assert missing() == {}
            with queries.of_operator():
                (missed,) = Event.objects.filter(event="backup.copy_missed")
                (caught,) = Event.objects.filter(event="backup.caught_up")
            assert (missed.facts["target"], caught.facts) == ("place", {"target": "place", "number": 3})


def test_who_stands_under_the_next_name_first_does_not_swallow_the_changes(
    place: Place, tmp_path: Path
) -> None:
    """The names of segments can be told beforehand; what stands there is believed only if it is ours."""
    with override_settings(BACKUP_WORK_DIR=tmp_path / "work"):
        receiver = streaming.Receiver(now=clock.now)

        def comes(case: str, segment: str) -> Path:
            place.lay(case, f"wal/{receiver.system}/{segment.lower()}.sbk", b"there first")
            path = receiver.folder / segment
            path.write_bytes(b"changes")
            return path

        with place.used(tmp_path, beside=f"good=file://{tmp_path / 'good'}") as case:
            for segment in SEGMENTS[:2]:
                path = comes(case, segment)
                assert (receiver.step(), path.exists()) == (1, False)
                # Told once, not every minute.
                with queries.of_operator():
                    told = Event.objects.get(event="backup.copy_missed")
                assert (told.facts["target"], told.facts["code"]) == ("place", "already_stored")
        with place.used(tmp_path) as case:
            path = comes(case, SEGMENTS[2])
            with pytest.raises(storing.EveryTargetFailed):
                receiver.step()
            assert path.read_bytes() == b"changes"
