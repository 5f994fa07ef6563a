"""The standalone reader: one file, copied away from everything, opens what this program wrote."""

import io
import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from backups import archive, reader
from core import primitives

HOME = Path(__file__).parents[3]
AT = datetime(2026, 11, 25, 2, tzinfo=UTC)
SIGNER = archive.Signer(primitives.ed25519_generate()[0])


class Alone:
    """The reader in a folder of its own, with a recovery key that it made itself."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copy(HOME / "backups" / "reader.py", folder / "reader.py")
        made = self.run("keygen", "recovery.key")
        assert made.returncode == 0
        self.recovery = archive.Recipient("recovery", bytes.fromhex(made.stdout.decode().strip()))
        (folder / "trusted.txt").write_text(SIGNER.public.hex() + "\n")
        (folder / "backups").mkdir()
        self.parent: archive.Written | None = None

    def run(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        # Isolated: neither this folder's tree nor the environment leads to a file of Strongbox.
        return subprocess.run(
            [sys.executable, "-I", "reader.py", *arguments], cwd=self.folder, capture_output=True, check=False
        )

    def json(self, *arguments: str) -> tuple[int, Any]:
        done = self.run(*arguments, "--trusted", "trusted.txt", "--json")
        return done.returncode, json.loads(done.stdout)

    def write(self, name: str, content: bytes, **header: Any) -> archive.Written:
        sink = io.BytesIO()
        described = archive.Header(**{"kind": archive.Kind.FULL, "created_at": AT, **header})
        written = archive.write(
            [content],
            sink,
            header=described,
            recipients=[self.recovery],
            signer=SIGNER,
            finished=lambda: True,
        )
        (self.folder / "backups" / name).write_bytes(sink.getvalue())
        return written

    def chain(self) -> None:
        full = self.write("full.sbk", b"full" * 1000, generation=1, archive="full")
        self.write(
            "incremental.sbk",
            b"incremental",
            generation=2,
            archive="incremental",
            kind=archive.Kind.INCREMENTAL,
            parent="full",
            parent_sha256=full.sha256,
            created_at=AT + timedelta(days=1),
        )


@pytest.fixture
def alone(tmp_path: Path) -> Alone:
    return Alone(tmp_path)


def test_it_lists_verifies_and_opens(alone: Alone) -> None:
    alone.chain()
    for command in ("list", "verify"):
        code, found = alone.json(command, "backups", "--newest-known", "2")
        assert (code, found["problems"], found["newest"]) == (0, [], 2)
        assert [row["file"] for row in found["archives"]] == ["full.sbk", "incremental.sbk"]
        assert found["archives"][1]["parent"] == "full"
    content = alone.run(
        "decrypt", "backups/full.sbk", "--trusted", SIGNER.public.hex(), "--key", "recovery.key", "--out", "-"
    )
    assert (content.returncode, content.stdout) == (0, b"full" * 1000)
    opened = alone.run(
        *("decrypt", "backups/full.sbk", "--trusted", "trusted.txt", "--key", "recovery.key"),
        *("--out", "out.tar", "--archive", "full"),
    )
    assert opened.returncode == 0, opened.stderr
    assert (alone.folder / "out.tar").read_bytes() == b"full" * 1000
    assert (alone.folder / "out.tar").stat().st_mode & 0o777 == 0o600
    assert (alone.folder / "recovery.key").stat().st_mode & 0o777 == 0o600
    people = alone.run("verify", "backups", "--trusted", "trusted.txt").stdout.decode()
    assert people.endswith("2 archives, 0 problems\n")


def test_it_tells_what_is_absent_from_what_is_wrong(alone: Alone) -> None:
    """PostgreSQL reads 1 to 125 as the end of the archive: a damaged segment must answer more."""
    alone.chain()
    stored = alone.folder / "backups" / "full.sbk"
    how = ["--trusted", "trusted.txt", "--key", "recovery.key", "--out", "out"]
    assert alone.run("decrypt", "backups/none.sbk", *how).returncode == 1
    assert alone.run("decrypt", "backups/full.sbk", *how, "--archive", "incremental").returncode == 126
    assert alone.run("decrypt", "backups/full.sbk", *how, "--newest-known", "2").returncode == 126
    assert alone.run("decrypt", "backups/full.sbk", "--trusted", "trusted.txt").returncode == 126
    assert alone.run("decrypt", "backups/full.sbk", *how, "--trusted", "absent").returncode == 126
    whole = stored.read_bytes()
    for damaged in (whole[:-1], whole + b"x", whole[:-100] + bytes([whole[-100] ^ 1]) + whole[-99:], b""):
        stored.write_bytes(damaged)
        done = alone.run("decrypt", "backups/full.sbk", *how)
        assert (done.returncode, done.stdout) == (126, b"")
        assert done.stderr.startswith(b"BAD  ")
    assert sorted(path.name for path in alone.folder.glob("out*")) == []
    other = primitives.x25519_generate()[0]
    (alone.folder / "other.key").write_text(other.hex())
    done = alone.run(
        *("decrypt", "backups/incremental.sbk", "--trusted", "trusted.txt"),
        *("--key", "other.key", "--out", "out"),
    )
    assert done.returncode == 126
    assert b"only with those of: recovery" in done.stderr
    assert alone.run("keygen", "other.key").returncode == 126
    assert (alone.folder / "other.key").read_text() == other.hex()


def test_it_sees_what_is_wrong_between_archives(alone: Alone) -> None:
    alone.chain()

    def problems(*more: str) -> list[str]:
        code, found = alone.json("verify", "backups", *more)
        assert code == 126
        return [f"{fault['file']}: {fault['problem']}" for fault in found["problems"]]

    assert problems("--newest-known", "3") == ["backups: generation 3 is known, but 2 is the newest here"]
    folder = alone.folder / "backups"
    shutil.copy(folder / "full.sbk", folder / "zz.sbk")
    assert problems() == ["zz.sbk: it stands here under another name too"]
    (folder / "zz.sbk").unlink()
    alone.write("full.sbk", b"another full one", generation=1, archive="full")
    assert problems() == ["incremental.sbk: the archive that it builds on is not the one it was made from"]
    alone.write("full.sbk", b"another full one", generation=3, archive="full")
    assert problems() == ["incremental.sbk: it is older than the archive that it builds on"]
    (folder / "full.sbk").unlink()
    assert problems() == ["incremental.sbk: the archive full that it builds on is missing"]
    (folder / "incremental.sbk").unlink()
    assert problems() == ["backups: there is no archive here"]


def test_it_trusts_nobody_unasked(alone: Alone) -> None:
    alone.chain()
    assert alone.run("verify", "backups").returncode == 126
    stranger = primitives.ed25519_generate()[1].hex()
    done = alone.run("verify", "backups", "--trusted", stranger)
    assert done.returncode == 126
    assert SIGNER.public.hex().encode() in done.stdout
    assert alone.run("verify", "backups", "--trusted", stranger, "--trusted", "trusted.txt").returncode == 0


def test_it_makes_both_kinds_of_keys(alone: Alone) -> None:
    public = alone.run("keygen", "signing.key", "--signing").stdout.decode().strip()
    private = bytes.fromhex((alone.folder / "signing.key").read_text())
    assert primitives.ed25519_public(private).hex() == public
    opening = bytes.fromhex((alone.folder / "recovery.key").read_text())
    assert primitives.x25519_public(opening) == alone.recovery.public


def test_its_commands_in_this_process(alone: Alone, capsys: pytest.CaptureFixture[str]) -> None:
    alone.chain()
    place, trusted = str(alone.folder / "backups"), str(alone.folder / "trusted.txt")
    assert reader.main(["verify", place, "--trusted", trusted, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["archives"]
    for row in rows:
        path = alone.folder / "backups" / row["file"]
        assert (row["sha256"], row["stored_bytes"]) == (
            primitives.sha256(path.read_bytes()).hex(),
            path.stat().st_size,
        )


# Memory.

_WEIGH = """
import sys
from datetime import UTC, datetime
from backups import archive
from core import primitives
key, public = primitives.x25519_generate()
signer = archive.Signer(primitives.ed25519_generate()[0])
import os
noise = os.urandom(1 << 20)
def blocks():
    for number in range(96):
        yield noise if number % 2 else bytes(1 << 20)
    for number in range(512):
        yield bytes(1 << 20)
with open(sys.argv[1], "wb") as sink:
    archive.write(blocks(), sink, header=archive.Header(archive.Kind.FULL, 1, datetime.now(UTC)),
        recipients=[archive.Recipient("recovery", public)], signer=signer, finished=lambda: True)
class Nowhere:
    def write(self, data):
        return len(data)
with open(sys.argv[1], "rb") as source:
    header = archive.read(source, Nowhere(), recipient_key=key, trusted={signer.public})
# Of this program alone: what getrusage says begins with the size of whoever started it.
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(header.closing.content_bytes, peak.split()[1])
"""


def test_memory_stays_small_whatever_is_backed_up(tmp_path: Path) -> None:
    """Half a gigabyte of zeros is one chunk: it is written out as it comes, not held."""
    done = subprocess.run(
        [sys.executable, "-c", _WEIGH, str(tmp_path / "one.sbk")],
        cwd=HOME,
        env={**os.environ, "PYTHONPATH": str(HOME)},
        capture_output=True,
        text=True,
        check=True,
    )
    content, kilobytes = map(int, done.stdout.split())
    assert content == 608 << 20
    assert kilobytes < 200_000
