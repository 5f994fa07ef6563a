"""Pruning: what goes, what stays, and a proof that was looked at, not believed."""

import io
import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from backups import archive, pruning, targets
from core import primitives

START = datetime(2026, 10, 4, 2, tzinfo=UTC)
DAY = timedelta(days=1)
SIGNER, STRANGER = (archive.Signer(primitives.ed25519_generate()[0]) for _ in range(2))
RECIPIENT = archive.Recipient("recovery", primitives.x25519_generate()[1])
TRUSTED = {SIGNER.public}


def store(
    target: targets.Target,
    name: str,
    *,
    signer: archive.Signer = SIGNER,
    keep: timedelta = 14 * DAY,
    **header: Any,
) -> None:
    described = archive.Header(**header)
    with target.create(name, keep_until=described.created_at + keep) as sink:
        archive.write(
            [name.encode()],
            sink,
            header=described,
            recipients=[RECIPIENT],
            signer=signer,
            finished=lambda: True,
        )


def base_name(generation: int) -> str:
    kind = "full" if generation % 7 == 1 else "incremental"
    return f"backups/{generation:08d}-{kind}/database.sbk"


def files_name(generation: int) -> str:
    return base_name(generation).replace("database", "files")


def segment(number: int) -> str:
    return f"wal/7/0000000100000000{number:08x}.sbk"


@pytest.fixture(scope="module")
def three_weeks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A full backup each seventh day, incrementals between, files with each, changes each day."""
    place = tmp_path_factory.mktemp("three") / "backups"
    target = targets.of(str(place))
    for generation in range(1, 22):
        at = START + generation * DAY
        full = generation % 7 == 1
        kind = archive.Kind.FULL if full else archive.Kind.INCREMENTAL
        common = {"generation": generation, "created_at": at}
        parent = None if full else f"b{generation - 1}"
        store(target, base_name(generation), kind=kind, archive=f"b{generation}", parent=parent, **common)
        store(target, files_name(generation), kind=archive.Kind.FILES, parent=f"b{generation}", **common)
        facts = {"segment": f"s{generation}"}
        store(target, segment(generation), kind=archive.Kind.WAL, facts=facts, **common)
        store(target, f"files/7/{generation:08d}.sbk", kind=archive.Kind.FILES, **common)
    return place


@pytest.fixture
def target(three_weeks: Path, tmp_path: Path) -> targets.Target:
    return targets.of(str(shutil.copytree(three_weeks, tmp_path / "backups")))


def names(target: targets.Target) -> set[str]:
    return {stored.name for stored in target.list()}


def prune(
    target: targets.Target, doomed: Any, *, at: datetime, needed_from: str | None = None
) -> pruning.Proof:
    why = doomed if isinstance(doomed, dict) else dict.fromkeys(doomed, "older than 14 days")
    return pruning.prune(target, why, label="disk", trusted=TRUSTED, needed_from=needed_from, at=at)


def week(first: int) -> list[str]:
    return [name(generation) for generation in range(first, first + 7) for name in (base_name, files_name)]


def test_a_week_goes_and_the_rest_can_be_restored(target: targets.Target) -> None:
    before = names(target)
    # The first segment of changes that the oldest backup which stays, number 8, needs.
    needed = "000000010000000000000008"
    changes = pruning.unneeded_changes(before, needed_from=needed)
    assert changes == [segment(number) for number in range(1, 8)]
    added = [f"files/7/{generation:08d}.sbk" for generation in range(1, 8)]
    doomed = [*week(1), *changes, *added]
    at = START + 22 * DAY
    proof = prune(target, doomed, at=at, needed_from=needed)
    assert names(target) == before - set(doomed)
    assert [one.name for one in proof.gone] == sorted(doomed)
    assert {one.why for one in proof.gone} == {"older than 14 days"}
    assert all(one.bytes > 0 for one in proof.gone)
    assert (proof.kept_by_target, proof.broken) == ((), ())
    assert [one.generation for one in proof.restorable] == list(range(8, 22))
    assert proof.restorable[3].chain == tuple(base_name(generation) for generation in range(8, 12))
    assert proof.objects == len(names(target)) == 4 * 14
    assert proof.bytes == sum(stored.size for stored in target.list())


def test_a_proof_is_signed(target: targets.Target) -> None:
    proof = prune(target, week(1), at=START + 22 * DAY)
    signed = pruning.sign(proof, SIGNER)
    read = pruning.check(signed, trusted=TRUSTED)
    assert [one["name"] for one in read["gone"]] == [one.name for one in proof.gone]
    assert [one["chain"] for one in read["restorable"]] == [list(one.chain) for one in proof.restorable]
    with pytest.raises(archive.SignerUnknown):
        pruning.check(signed, trusted={STRANGER.public})
    document = json.loads(signed)
    document["proof"]["objects"] += 1
    for wrong in (json.dumps(document).encode(), b"{}", b"[]", b"", b"null", signed[:-1]):
        with pytest.raises(archive.SignatureWrong):
            pruning.check(wrong, trusted=TRUSTED)


@pytest.mark.parametrize(
    ("doomed", "needed_from", "refusal"),
    [
        # A full one, or one in the middle, on which others are built.
        ([base_name(8)], None, pruning.WouldBreakAChain),
        ([base_name(4)], None, pruning.WouldBreakAChain),
        ([*week(1), base_name(8), base_name(9)], None, pruning.WouldBreakAChain),
        # Everything.
        ([*week(1), *week(8), *week(15)], None, pruning.NothingWouldRemain),
        # Changes and files that something which stays needs.
        ([segment(3)], None, pruning.StillNeeded),
        ([segment(8)], "000000010000000000000008", pruning.StillNeeded),
        ([segment(9)], "000000020000000000000008", pruning.StillNeeded),
        ([segment(3)], "nonsense", pruning.StillNeeded),
        (["wal/7/00000002.history.sbk"], "000000010000000000000008", pruning.StillNeeded),
        ([files_name(3)], None, pruning.StillNeeded),
        (["files/7/00000003.sbk"], None, pruning.StillNeeded),
        ([*week(1), "files/7/00000008.sbk"], None, pruning.StillNeeded),
    ],
)
def test_nothing_goes_that_something_needs(
    target: targets.Target, doomed: list[str], needed_from: str | None, refusal: type[Exception]
) -> None:
    before = names(target)
    with pytest.raises(refusal):
        prune(target, doomed, at=START + 100 * DAY, needed_from=needed_from)
    assert names(target) == before


def test_what_the_target_keeps_keeps_its_chain(target: targets.Target) -> None:
    """Number 3 is kept longer at the target: what it is built on stays with it, what is built on it goes."""
    target.extend(base_name(3), keep_until=START + 200 * DAY)
    proof = prune(target, [base_name(generation) for generation in range(1, 8)], at=START + 22 * DAY)
    assert proof.kept_by_target == tuple(base_name(generation) for generation in (1, 2, 3))
    assert [one.name for one in proof.gone] == [base_name(generation) for generation in (4, 5, 6, 7)]
    assert [one.generation for one in proof.restorable] == [1, 2, 3, *range(8, 22)]
    assert proof.broken == ()
    assert files_name(3) in names(target)
    too_early = prune(
        target, [base_name(generation) for generation in range(8, 15)], at=START + 22 * DAY - 7 * DAY
    )
    assert (too_early.gone, len(too_early.kept_by_target)) == ((), 7)


def test_what_is_kept_keeps_its_files(target: targets.Target) -> None:
    target.extend(base_name(3), keep_until=START + 200 * DAY)
    proof = prune(target, week(1), at=START + 22 * DAY)
    stays = {name(generation) for generation in (1, 2, 3) for name in (base_name, files_name)}
    assert set(proof.kept_by_target) == stays
    assert stays <= names(target)
    assert len(proof.gone) == 8


def test_a_forged_backup_is_nothing_to_lean_on(target: targets.Target) -> None:
    """Somebody lays a newer "full backup" of their own beside the last chain and waits for the prune."""
    forged = "backups/00000099-full/database.sbk"
    store(
        target,
        forged,
        signer=STRANGER,
        kind=archive.Kind.FULL,
        generation=99,
        archive="b99",
        created_at=START,
    )
    doomed = [*week(1), *week(8), *week(15)]
    before = names(target)
    with pytest.raises(pruning.NothingWouldRemain):
        prune(target, doomed, at=START + 100 * DAY)
    assert names(target) == before
    proof = prune(target, [*week(1), *week(8)], at=START + 100 * DAY)
    assert forged not in [one.name for one in proof.restorable]


def test_a_chain_that_was_broken_before_is_named(target: targets.Target) -> None:
    target.delete(base_name(15), at=START + 100 * DAY)
    proof = prune(target, week(1), at=START + 100 * DAY)
    assert proof.broken == tuple(base_name(generation) for generation in range(16, 22))
    assert [one.generation for one in proof.restorable] == list(range(8, 15))


def test_the_proof_is_looked_at_not_believed(target: targets.Target) -> None:
    """A target that says yes and does nothing, and one that loses something else meanwhile."""

    class Deaf(type(target)):  # type: ignore[misc]
        def delete(self, name: str, *, at: datetime) -> None:
            return

    class Careless(type(target)):  # type: ignore[misc]
        def delete(self, name: str, *, at: datetime) -> None:
            super().delete(name, at=at)
            (self.root / base_name(21)).unlink(missing_ok=True)

    for kind in (Deaf, Careless):
        with pytest.raises(pruning.NotAsProved):
            prune(kind(target.root), week(1), at=START + 100 * DAY)


def test_doing_it_twice_is_doing_it_once(target: targets.Target) -> None:
    first = prune(target, week(1), at=START + 22 * DAY)
    second = prune(target, week(1), at=START + 23 * DAY)
    assert (len(first.gone), second.gone) == (14, ())
    assert second.restorable == first.restorable


def test_a_damaged_header_is_no_backup(target: targets.Target) -> None:
    path = target.root / base_name(21)  # type: ignore[attr-defined]
    path.chmod(0o600)
    stored = bytearray(path.read_bytes())
    stored[100] ^= 1
    path.write_bytes(bytes(stored))
    with pytest.raises(archive.ArchiveRefused):
        archive.peek(io.BytesIO(bytes(stored)), trusted=TRUSTED)
    proof = prune(target, week(1), at=START + 22 * DAY)
    assert [one.generation for one in proof.restorable] == list(range(8, 21))
