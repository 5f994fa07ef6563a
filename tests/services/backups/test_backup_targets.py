"""Every place for backups keeps the same promises, each against the real thing."""

import hashlib
import io
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backups import archive, targets
from core import primitives
from tests.services.backups import places

LATER = timedelta(days=35)


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with places.s3_server() as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[places.Machine]:
    with places.ssh_machine(tmp_path_factory.mktemp("machine")) as machine:
        yield machine


@pytest.fixture(params=["folder", "s3", "sftp"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> targets.Target:
    if request.param == "folder":
        return targets.of(str(tmp_path / "backups"))
    if request.param == "s3":
        return places.s3_target(request.getfixturevalue("s3"), tmp_path.name)
    return request.getfixturevalue("machine").target(tmp_path.name)


def put(target: targets.Target, name: str, content: bytes, keep: timedelta = LATER) -> targets.Stored:
    return target.put(name, io.BytesIO(content), now() + keep)


def content_of(target: targets.Target, name: str) -> bytes:
    with target.get(name) as stream:
        return stream.read()


def test_what_is_stored_is_found_again(target: targets.Target) -> None:
    target.probe()
    assert list(target.list()) == []
    content = os.urandom((9 << 20) + 7)
    stored = put(target, "full/one.sbk", content)
    assert (stored.name, stored.size) == ("full/one.sbk", len(content))
    assert abs(stored.stored_at - now()) < timedelta(minutes=1)
    assert stored.keep_until is not None
    assert (
        timedelta()
        <= stored.keep_until - now() - LATER + timedelta(minutes=1)
        < timedelta(minutes=1, seconds=1)
    )
    put(target, "wal/two.sbk", b"")
    put(target, "full/three.sbk", b"3")
    assert [(found.name, found.size) for found in target.list()] == [
        ("full/one.sbk", len(content)),
        ("full/three.sbk", 1),
        ("wal/two.sbk", 0),
    ]
    assert [found.name for found in target.list("wal/")] == ["wal/two.sbk"]
    assert content_of(target, "full/one.sbk") == content
    assert content_of(target, "wal/two.sbk") == b""
    with target.get("full/one.sbk") as stream:
        pieces = []
        while piece := stream.read(700_001):
            pieces.append(piece)
    assert b"".join(pieces) == content
    for ask in (
        target.head,
        lambda name: content_of(target, name),
        lambda name: target.delete(name, at=now()),
    ):
        with pytest.raises(targets.NotStored):
            ask("full/none.sbk")


def test_an_archive_goes_there_and_comes_back(target: targets.Target) -> None:
    """Streamed, not spooled; read as it arrives; and what went wrong on the way is told."""
    key, public = primitives.x25519_generate()
    signer = archive.Signer(primitives.ed25519_generate()[0])
    canary = b"Canary-4f1e Frau Zeisig"
    content = [canary * 1000, os.urandom(3 << 20), canary]
    with target.create("one.sbk", keep_until=now() + LATER) as sink:
        written = archive.write(
            content,
            sink,
            header=archive.Header(archive.Kind.FULL, 3, now()),
            recipients=[archive.Recipient("recovery", public)],
            signer=signer,
            finished=lambda: True,
        )
    assert target.head("one.sbk").size == written.bytes_out
    back = io.BytesIO()
    with target.get("one.sbk") as source:
        archive.read(source, back, recipient_key=key, trusted={signer.public}, newest_known=3)
    assert back.getvalue() == b"".join(content)
    stored = content_of(target, "one.sbk")
    assert hashlib.sha256(stored).hexdigest() == written.sha256
    assert canary not in stored
    put(target, "two.sbk", stored[:-1])
    with target.get("two.sbk") as source, pytest.raises(archive.ArchiveDamaged):
        archive.verify(source, trusted={signer.public})
    with (
        pytest.raises(archive.ProducerFailed),
        target.create("three.sbk", keep_until=now() + LATER) as sink,
    ):
        archive.write(
            content,
            sink,
            header=archive.Header(archive.Kind.FULL, 4, now()),
            recipients=[archive.Recipient("recovery", public)],
            signer=signer,
            finished=lambda: False,
        )
    assert [found.name for found in target.list()] == ["one.sbk", "two.sbk"]


def test_nothing_is_overwritten(target: targets.Target) -> None:
    put(target, "one.sbk", b"first")
    with pytest.raises(targets.AlreadyStored):
        put(target, "one.sbk", b"second")
    assert content_of(target, "one.sbk") == b"first"


def test_of_two_that_write_one_name_the_first_to_end_stays(target: targets.Target) -> None:
    with (
        pytest.raises(targets.AlreadyStored),
        target.create("one.sbk", keep_until=now() + LATER) as slow,
    ):
        slow.write(b"slow")
        put(target, "one.sbk", b"quick")
    assert content_of(target, "one.sbk") == b"quick"
    assert [(stored.name, stored.size) for stored in target.list()] == [("one.sbk", 5)]


def test_names_lead_nowhere_else(target: targets.Target) -> None:
    for name in ("", "../up", "a/../b", "/abs", "A", "a b", "a//b", ".hidden", "one.keep", "é", "a/", "a\n"):
        for ask in (lambda name: put(target, name, b"x"), target.head, target.get):
            with pytest.raises(targets.NameRefused):
                ask(name)
    assert list(target.list()) == []


def test_what_breaks_off_never_appears(target: targets.Target) -> None:
    with pytest.raises(ZeroDivisionError), target.create("one.sbk", keep_until=now() + LATER) as sink:
        sink.write(os.urandom(20 << 20))
        raise ZeroDivisionError
    assert list(target.list()) == []
    with pytest.raises(targets.NotStored):
        target.head("one.sbk")
    put(target, "one.sbk", b"again")
    assert content_of(target, "one.sbk") == b"again"


def test_nothing_is_deleted_before_its_date_and_all_after(target: targets.Target) -> None:
    put(target, "kept.sbk", b"kept")
    put(target, "due.sbk", b"due", keep=timedelta(seconds=1))
    with pytest.raises(targets.StillKept):
        target.delete("kept.sbk", at=now())
    assert content_of(target, "kept.sbk") == b"kept"
    until = time.monotonic() + 60
    while True:
        try:
            target.delete("due.sbk", at=now())
            break
        except targets.StillKept:
            assert time.monotonic() < until
            time.sleep(0.2)
    assert [stored.name for stored in target.list()] == ["kept.sbk"]
    with pytest.raises(targets.NotStored):
        target.head("due.sbk")


def test_a_date_moves_only_away(target: targets.Target) -> None:
    put(target, "one.sbk", b"1")
    until = now().replace(microsecond=0) + 2 * LATER
    target.extend("one.sbk", keep_until=until)
    assert target.head("one.sbk").keep_until == until
    with pytest.raises(targets.KeptLonger):
        target.extend("one.sbk", keep_until=until - timedelta(days=1))
    assert target.head("one.sbk").keep_until == until
    with pytest.raises(targets.StillKept):
        target.delete("one.sbk", at=now() if target.immutable else now() + LATER)


def test_what_a_killed_process_left_is_swept_away(
    target: targets.Target, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    put(target, "full/one.sbk", b"1")
    # As it is left: begun, and neither ended nor given up.
    if target.immutable:
        client = places.s3_client(request.getfixturevalue("s3"))
        client.create_multipart_upload(Bucket="locked", Key=f"{tmp_path.name}/full/two.sbk")
    else:
        root = Path(str(target.root))  # type: ignore[attr-defined]
        (root / "full" / ".partial-0011").write_bytes(b"half")
    assert [stored.name for stored in target.list()] == ["full/one.sbk"]
    # The server of the tests says of every upload that it began in 2010.
    assert target.sweep(before=datetime(2010, 1, 1, tzinfo=UTC)) == 0
    assert target.sweep(before=now() + timedelta(minutes=1)) == 1
    assert target.sweep(before=now() + timedelta(minutes=1)) == 0
    assert content_of(target, "full/one.sbk") == b"1"


# Paramiko asks ahead in a thread of its own, which ends loudly.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_machine_that_goes_away_leaves_nothing_under_the_name(
    machine: places.Machine, tmp_path: Path
) -> None:
    target = machine.target(tmp_path.name)
    with (
        pytest.raises(targets.TargetUnusable),
        target.create("one.sbk", keep_until=now() + LATER) as sink,
    ):
        sink.write(os.urandom(1 << 20))
        machine.hang_up()
        for _ in range(64):
            sink.write(os.urandom(1 << 20))
    assert list(target.list()) == []
    put(target, "one.sbk", b"again")
    with pytest.raises(targets.TargetUnusable), target.get("one.sbk") as source:
        machine.hang_up()
        source.read()
    assert content_of(target, "one.sbk") == b"again"


# A stolen key of the bucket.


def test_a_thief_neither_shortens_nor_deletes_nor_covers_a_locked_backup(s3: str, tmp_path: Path) -> None:
    target, thief, key = places.s3_target(s3, tmp_path.name), places.s3_client(s3), f"{tmp_path.name}/one.sbk"
    put(target, "one.sbk", b"ours")
    version = thief.list_object_versions(Bucket="locked", Prefix=key)["Versions"][0]["VersionId"]
    for attempt in (
        lambda: thief.delete_object(Bucket="locked", Key=key, VersionId=version),
        lambda: thief.delete_object(
            Bucket="locked", Key=key, VersionId=version, BypassGovernanceRetention=True
        ),
    ):
        with pytest.raises(thief.exceptions.ClientError, match="AccessDenied"):
            attempt()
    thief.put_object(Bucket="locked", Key=key, Body=b"theirs")
    assert thief.get_object(Bucket="locked", Key=key)["Body"].read() == b"theirs"
    assert content_of(target, "one.sbk") == b"ours"
    thief.delete_object(Bucket="locked", Key=key)
    assert content_of(target, "one.sbk") == b"ours"
    assert [(stored.name, stored.size) for stored in target.list()] == [("one.sbk", 4)]
    with pytest.raises(targets.AlreadyStored):
        put(target, "one.sbk", b"again")


def test_a_bucket_without_a_lock_is_no_place(s3: str, tmp_path: Path) -> None:
    plain = places.s3_target(s3, tmp_path.name, bucket="plain")
    with pytest.raises(targets.TargetUnusable, match="Object Lock"):
        plain.probe()
    with pytest.raises(targets.TargetUnusable):
        put(plain, "one.sbk", b"1")
    assert list(plain.list()) == []
    with pytest.raises(targets.TargetUnusable):
        places.s3_target(s3, tmp_path.name, bucket="absent").probe()


def test_a_large_object_goes_in_parts(s3: str, tmp_path: Path) -> None:
    target = places.s3_target(s3, tmp_path.name)
    content = os.urandom((33 << 20) + 5)
    put(target, "large.sbk", content)
    assert content_of(target, "large.sbk") == content
    locked = places.s3_client(s3).head_object(Bucket="locked", Key=f"{tmp_path.name}/large.sbk")
    assert locked["ObjectLockMode"] == "COMPLIANCE"


# Another machine in the server's place, and links in a folder.


def test_only_the_pinned_machine_is_spoken_to(machine: places.Machine, tmp_path: Path) -> None:
    pinned = machine.credentials
    other = (machine.home / "other.pub").read_text()
    stranger = targets.Credentials(ssh_key=pinned.ssh_key, ssh_host_key=other)
    with pytest.raises(targets.TargetUnusable):
        machine.target(tmp_path.name, stranger).probe()
    unknown = targets.Credentials(
        ssh_key=(machine.home / "other").read_text(), ssh_host_key=pinned.ssh_host_key
    )
    with pytest.raises(targets.TargetUnusable):
        machine.target(tmp_path.name, unknown).probe()
    assert not (machine.home / tmp_path.name).exists()


def test_links_in_a_folder_are_not_followed(tmp_path: Path) -> None:
    target = targets.of(str(tmp_path / "backups"))
    put(target, "one.sbk", b"1")
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "backups" / "two.sbk").symlink_to(tmp_path / "secret")
    assert [stored.name for stored in target.list()] == ["one.sbk"]
    with pytest.raises(targets.TargetUnusable):
        target.get("two.sbk")


@pytest.mark.parametrize("kind", ["folder", "sftp"])
def test_what_lost_its_date_is_kept(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    if kind == "folder":
        target, root = targets.of(str(tmp_path / "b")), tmp_path / "b"
    else:
        machine = request.getfixturevalue("machine")
        target, root = machine.target(tmp_path.name), machine.home / tmp_path.name
    put(target, "one.sbk", b"1", keep=timedelta(seconds=-5))
    (root / "one.sbk.keep").write_text("garbage")
    with pytest.raises(targets.StillKept):
        target.delete("one.sbk", at=now() + 10 * LATER)
    (root / "one.sbk.keep").unlink()
    with pytest.raises(targets.StillKept):
        target.delete("one.sbk", at=now() + 10 * LATER)
    assert content_of(target, "one.sbk") == b"1"


def test_files_are_private(machine: places.Machine, tmp_path: Path) -> None:
    for target, root in (
        (targets.of(str(tmp_path / "b")), tmp_path / "b"),
        (machine.target(tmp_path.name), machine.home / tmp_path.name),
    ):
        put(target, "full/deep/one.sbk", b"1")
        modes = {path.name: path.stat().st_mode & 0o777 for path in (root, *sorted(root.rglob("*")))}
        assert modes == {
            root.name: 0o700,
            "full": 0o700,
            "deep": 0o700,
            "one.sbk": 0o600,
            "one.sbk.keep": 0o600,
        }


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    # A file-size limit stands for the full disk: the kernel answers the write with an error all the same.
    code = (
        "import io, os, resource, signal, sys\n"
        "from datetime import UTC, datetime\n"
        "from backups import targets\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))\n"
        "target = targets.of(sys.argv[1])\n"
        "try:\n"
        "    target.put('one.sbk', io.BytesIO(os.urandom(3 << 20)), datetime.now(UTC))\n"
        "except targets.TargetUnusable:\n"
        "    print('refused', [stored.name for stored in target.list()])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "b")], capture_output=True, text=True, check=True
    )
    assert done.stdout == "refused []\n"
    assert list((tmp_path / "b").iterdir()) == []


@pytest.mark.parametrize(
    "url",
    [
        "backups",
        "/",
        "/a/../b",
        "http://host/path",
        "file://host/path",
        "s3://bucket/prefix",
        "s3://bucket/prefix?region=eu-central-1&endpoint=http://10.0.0.1",
        "s3://bucket/prefix?region=eu-central-1&verify=no",
        "sftp://host/path",
        "sftp://user@host/",
        "sftp://user:password@host/path",
        "sftp://user@host/path",
    ],
)
def test_a_place_is_described_in_full(url: str) -> None:
    with pytest.raises(targets.TargetUnknown):
        targets.of(url, credentials=places.KEYS)


def test_credentials_are_not_printed(machine: places.Machine) -> None:
    assert repr(places.KEYS) == "Credentials()"
    assert "PRIVATE" not in repr(machine.target("x"))
