"""Whoever holds a place for backups changes, exchanges, hides and invents what lies there, and none of it is believed.

Each through the product's own store, a bucket behind a server that speaks S3 and an account of a machine with
sshd, changed from the other side; and by a verification, a restore, a drill and the standalone reader alike.
"""

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from alerts.rules import keeping as watched
from audit.models import Event
from backups import (
    archive,
    manifests,
    newest,
    places,
    queries,
    restoring,
    services,
    storing,
    taking,
)
from backups.models import Backup
from backups.work import verify
from core import clock, primitives
from tests.attacks.held_places import (
    ACTOR,
    DAMAGED,
    KEEP,
    SYSTEM,
    Place,
    alterations,
    archived,
    drilling_says,
    flipped,
    known_backup,
    note,
    of_backup,
    reading_says,
    restoring_says,
    verifying_says,
)
from tests.services.backups import places as outside
from web.backups import ops

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("backup places")]


def test_every_change_in_the_place_is_refused_and_told(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made, whole = known_backup(of_backup)
    name, seen = taking.object_name(made, "database"), set[str]()
    for what, (altered, code) in alterations(made, whole).items():
        with place.used(tmp_path) as case:
            note(made)
            place.lay(case, name, altered)
            said = {drilling_says(), verifying_says(made)}
            # A drill restores as a restore does; that the restore itself says the same is asked once a code.
            said |= set() if code in seen else {restoring_says(tmp_path)}
            seen.add(code)
            assert said == {code}, (what, said)
            assert reading_says(tmp_path / "fetched", place.fetch(case, name), capsys), what
    # The alerts that belong to it, and the control above.
    codes = {rule.code: rule.codes for rule in watched.RULES}
    assert "backup.verify_failed" in codes["OPS-02"] and "drill.failed" in codes["OPS-03"]
    assert {"backup.failed", "backup.copy_missed"} <= codes["OPS-01"]


def test_what_is_signed_and_in_the_wrong_place_is_refused(place: Place, tmp_path: Path) -> None:
    """An older one, one of another cluster, one of another number: each of ours, and none the one that is wanted."""
    older, old = known_backup(of_backup)
    made, whole = known_backup(of_backup)
    name, old_name = (taking.object_name(one, "database") for one in (made, older))
    elsewhere = archived(
        generation=made.generation, archive=str(made.pk), told={"system": "9", "manifest_sha256": "cd" * 32}
    )
    twin = archived(generation=made.generation, archive=str(older.pk))
    for laid, code in (
        ({name: old, old_name: old}, "another_archive"),
        ({old_name: old}, "archive_older_than_known"),
        ({name: elsewhere}, "another_archive"),
        ({name: twin}, "another_archive"),
        # Links, and names that lead elsewhere, are no backups.
        ({"backups/../../x.sbk": whole, "backups/X/database.sbk": whole}, "nothing_stored"),
    ):
        with place.used(tmp_path) as case:
            note(made)
            for where, content in laid.items():
                place.lay(case, where, content)
            assert drilling_says() == code, laid.keys()
            assert {stored.name for stored in places.open_targets()[0].place.list()} <= {name, old_name}
            expected = {"another_archive", "archive_older_than_known", "not_stored", "not_what_was_stored"}
            assert verifying_says(made) in expected
    # With the same key, whole, newest and of another cluster: the changes that were stored last tell.
    foreign = archived(generation=made.generation + 1, archive="foreign", told={"system": "9"})
    with place.used(tmp_path) as case:
        note(made)
        newest.note_changes(system=SYSTEM, segment="000000010000000000000005")
        place.lay(case, f"backups/{made.generation + 1:08d}-full/database.sbk", foreign)
        assert {restoring_says(tmp_path), drilling_says()} == {"another_cluster"}


def test_what_is_laid_over_a_locked_backup_changes_nothing(bucket: Place, tmp_path: Path) -> None:
    """An older version of itself, another one, a delete marker: what counts is what was written first."""
    _, old = known_backup(of_backup)
    made, whole = known_backup(of_backup)
    name = taking.object_name(made, "database")
    for over in (old, b"rubbish", None):
        with bucket.used(tmp_path) as case:
            (one,) = places.open_targets()
            one.place.put(name, io.BytesIO(whole), clock.now() + KEEP)
            if over is None:
                bucket.take_away(case, name)
            else:
                bucket.lay(case, name, over)
                assert bucket.fetch(case, name) == over
            assert verify(made.pk, actor=ACTOR, now=clock.now) == (1, 0)


def test_links_on_the_machine_are_not_followed(account: Place, sshd: outside.Machine, tmp_path: Path) -> None:
    made, whole = known_backup(of_backup)
    name = Path(taking.object_name(made, "database"))
    for link in (name, name.parent):
        with account.used(tmp_path) as case:
            note(made)
            account.lay(case, "aside/database.sbk", whole)
            path = sshd.home / case / link
            path.parent.mkdir(parents=True)
            path.symlink_to(sshd.home / case / "aside" / ("database.sbk" if link is name else ""))
            assert {restoring_says(tmp_path), drilling_says()} == {"nothing_stored"}


def test_a_place_that_lies_is_found_out(liar: Place, tmp_path: Path) -> None:
    older, old = known_backup(of_backup)
    made, whole = known_backup(of_backup)
    name, old_name = (taking.object_name(one, "database") for one in (made, older))
    with liar.used(tmp_path) as case:
        note(made)
        liar.lay(case, old_name, old)
        liar.lay(case, name, whole)
        (one,) = places.open_targets()
        liar.lies.invented = ["../../../etc/passwd", "backups/../x.sbk", "A", "a b"]
        assert [stored.name for stored in one.place.list()] == [old_name, name]
        liar.lies.invented, liar.lies.hidden = [], f"{made.generation:08d}"
        assert {restoring_says(tmp_path), drilling_says()} == {"archive_older_than_known"}
        liar.lies.hidden = "backups"
        assert restoring_says(tmp_path) == "nothing_stored"
        liar.lies.hidden, liar.lies.halves = "", True
        # A machine says no more than that the file ends here; a bucket broke a promise.
        for smoothly in (False, True) if liar.kind == "s3" else (True,):
            liar.lies.smoothly = smoothly
            said = {restoring_says(tmp_path), drilling_says(), verifying_says(made)}
            assert said == {DAMAGED if smoothly else "target_unusable"}


def test_a_machine_whose_key_changed_is_not_spoken_to(
    account: Place, sshd: outside.Machine, tmp_path: Path
) -> None:
    made, whole = known_backup(of_backup)
    changed = {**account.credentials, "ssh_host_key": (sshd.home / "other.pub").read_text()}
    with replace(account, credentials=changed).used(tmp_path) as case:
        note(made)
        account.lay(case, taking.object_name(made, "database"), whole)
        assert {restoring_says(tmp_path), drilling_says(), verifying_says(made)} == {"target_unusable"}


def test_one_place_that_was_changed_or_is_gone_does_not_spoil_the_other(place: Place, tmp_path: Path) -> None:
    made, whole = known_backup(of_backup)
    name = taking.object_name(made, "database")
    good = tmp_path / "good" / name
    good.parent.mkdir(parents=True)
    good.write_bytes(whole)
    for changed in (flipped(whole, len(whole) // 2), b"", None):
        with place.used(tmp_path, beside=f"good=file://{tmp_path / 'good'}") as case:
            note(made)
            if changed is None:
                place.withdraw()
                place.lies.withdrawn = "." if place.kind == "s3" else ""
            else:
                place.lay(case, name, changed)
            try:
                (link,) = restoring.chain_at(
                    places.open_targets(), trusted=places.trusted(), wanted=None, newest=newest.known()
                )
                # What lies there is no tar: that it comes so far says that the good copy was opened.
                with pytest.raises(restoring.UnpackFailed):
                    restoring.unpack(
                        name,
                        tmp_path / "part",
                        places.open_targets(),
                        recipient_key=places.drill_key(),
                        trusted=places.trusted(),
                    )
            finally:
                place.give_back()
            assert (link.header.archive, (tmp_path / "part").exists()) == (str(made.pk), False)


def test_an_account_withdrawn_half_way_leaves_nothing_and_is_told(place: Place, tmp_path: Path) -> None:
    def content(before: int = 4) -> Iterator[bytes]:
        for number in range(24):
            if number == before:
                place.withdraw()
            yield primitives.random_key() * (1 << 15)

    def store(made: Backup) -> storing.Outcome:
        described = archive.Header(archive.Kind.FULL, made.generation, clock.now(), archive=str(made.pk))
        name, until = taking.object_name(made, "database"), clock.now() + KEEP
        return storing.store(content(), name=name, header=described, keep_until=until, finished=lambda: True)

    for beside, held in ((f"good=file://{tmp_path / 'good'}", ["good"]), ("", [])):
        with queries.of_operator():
            made = services.begin(kind="full", parent=None, floor=0, job_id=None, actor=ACTOR, at=clock.now())
        with place.used(tmp_path, beside=beside):
            try:
                if not held:
                    with pytest.raises(storing.EveryTargetFailed):
                        store(made)
                    with queries.of_operator():
                        services.fail(backup_id=made.pk, code="backup_no_target", actor=ACTOR, at=clock.now())
                else:
                    outcome = store(made)
                    assert (outcome.held, outcome.missed) == (held, {"place": "target_unusable"})
                    with queries.of_operator():
                        services.finish(
                            backup_id=made.pk, copies=[], missed=outcome.missed, actor=ACTOR, at=clock.now()
                        )
                        told = Event.objects.get(event="backup.copy_missed", subject_id=made.pk)
                    facts = {"target": "place", "part": "backup", "number": made.generation}
                    assert (told.facts, told.result) == ({**facts, "code": "target_unusable"}, "failed")
            finally:
                place.give_back()
            assert list(places.open_targets()[0].place.list()) == []


def test_a_backup_whose_bucket_refuses_it_has_failed(bucket: Place, tmp_path: Path) -> None:
    """PostgreSQL's own program, ended in the middle of its copy."""
    with bucket.used(tmp_path):
        bucket.withdraw()
        try:
            with pytest.raises(storing.EveryTargetFailed):
                taking.take(kind="full", actor=ACTOR, now=clock.now)
        finally:
            bucket.give_back()
        assert list(places.open_targets()[0].place.list()) == []
    with queries.of_operator():
        made = Backup.objects.latest("generation")
        told = Event.objects.get(event="backup.failed", subject_id=made.pk)
    assert (made.state, told.facts["code"]) == ("failed", "backup_no_target")


def test_a_backup_whose_only_account_is_withdrawn_has_failed_and_the_page_says_so(
    account: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same with an account, in the middle of a file that grows there."""
    monkeypatch.setattr(manifests, "_SECONDS_BETWEEN_NOTES", 0.0)
    with account.used(tmp_path):
        try:
            with pytest.raises(storing.EveryTargetFailed):
                taking.take(kind="full", actor=ACTOR, now=clock.now, progress=lambda done: account.withdraw())
        finally:
            account.give_back()
        assert list(places.open_targets()[0].place.list()) == []
    with queries.of_operator():
        made = Backup.objects.latest("generation")
        told = Event.objects.get(event="backup.failed", subject_id=made.pk)
        shown = ops._wrong()[0]
    assert (made.state, told.facts["code"], told.result) == ("failed", "backup_no_target", "failed")
    assert shown[:2] == ("The last backup failed", "No target took it. It is tried again by itself.")
