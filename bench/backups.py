"""A backup as it is taken (compressed, encrypted, signed) against a plain pg_basebackup of the same server.

Both write a file; both copy the same data, in turns, and the median of each counts. What is encrypted in the
database does not compress, and the rest does: the filler has both, half and half.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from bench import stack

ROUNDS = 5
_MEGABYTE = 1_000_000


def measure(environment: dict[str, str], *, megabytes: int) -> dict[str, Any]:
    """Fill the server, back it up both ways, and open the archive again."""
    from config.embedded.postgres import superuser_sql

    database = environment["STRONGBOX_DB_NAME"]
    superuser_sql(_filler(megabytes), database=database)
    folder = stack.STATE / "measured"
    folder.mkdir(mode=0o700)
    plain, ours = folder / "plain.tar", folder / "ours.sbk"
    command, settings = _command(environment)
    taken: tuple[list[float], list[float]] = ([], [])
    sizes: dict[str, Any] = {}
    for turn in range(ROUNDS + 1):
        for found, work in zip(
            taken,
            (lambda: _plain(command, settings, plain), lambda: _ours(command, settings, ours)),
            strict=True,
        ):
            began = time.perf_counter()
            sizes |= work()
            if turn:  # the first fills the caches
                found.append(time.perf_counter() - began)
    # Against a fixed goal, not against each other: what else the machine does only ever adds time.
    opened = min(_child("read", ours)["seconds"] for _ in range(ROUNDS))
    checked = min(_child("verify", ours)["seconds"] for _ in range(ROUNDS))
    superuser_sql("DROP TABLE bench_filler", database=database)
    plain_seconds, our_seconds = (statistics.median(found) for found in taken)
    return {
        "megabytes": sizes["content"] / _MEGABYTE,
        "stored_megabytes": sizes["stored"] / _MEGABYTE,
        "plain_seconds": plain_seconds,
        "seconds": our_seconds,
        "ratios": [round(ours / base, 3) for base, ours in zip(*taken, strict=True)],
        "restore_mb_per_second": sizes["content"] / _MEGABYTE / opened,
        "verify_mb_per_second": sizes["content"] / _MEGABYTE / checked,
        "memory_mb": sizes["memory_mb"],
    }


def _filler(megabytes: int) -> str:
    # 224 bytes that do not compress, as many that do, a row.
    rows = megabytes * _MEGABYTE // 512
    noise = " || ".join(f"sha256(int8send(g * 7 + {n}))" for n in range(7))
    return (
        f"CREATE TABLE bench_filler AS SELECT g AS id, {noise} AS sealed, "
        "repeat('Invoice line, 1 to 30 November 2026; ', 6) AS said, g % 1000 AS amount_minor "
        f"FROM generate_series(1, {rows}::bigint) g; CHECKPOINT;"
    )


def _command(environment: dict[str, str]) -> tuple[list[str], dict[str, str]]:
    from config.embedded import home

    place = home.prepare(Path(environment["STRONGBOX_STATE_DIR"]))
    command = [
        str(place.clients / "pg_basebackup"),
        *("-h", environment["STRONGBOX_DB_HOST"], "-p", environment.get("STRONGBOX_DB_PORT", "5432")),
        *("-U", "strongbox_replication", "--no-password", "--format=tar", "--pgdata=-", "--wal-method=fetch"),
        *("--checkpoint=fast", "--no-sync", "--manifest-checksums=SHA256"),
    ]
    settings = {"PATH": "/usr/bin:/bin", "PGPASSWORD": environment["STRONGBOX_DB_REPLICATION_PASSWORD"]}
    return command, settings


def _plain(command: list[str], settings: dict[str, str], path: Path) -> dict[str, Any]:
    with path.open("wb") as file:
        subprocess.run(command, env=settings, stdout=file, check=True)
        os.fsync(file.fileno())
    return {"content": path.stat().st_size}


def _ours(command: list[str], settings: dict[str, str], path: Path) -> dict[str, Any]:
    path.unlink(missing_ok=True)
    # A process of its own, so that the memory it says is a backup's alone.
    return _child("write", path, *command, environment=settings)


def _child(
    what: str, path: Path, *arguments: str, environment: dict[str, str] | None = None
) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.backups", what, str(path), *arguments],
        cwd=stack.HOME,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        check=True,
    )
    return dict(json.loads(done.stdout))


def _main(what: str, path: Path, command: list[str]) -> dict[str, Any]:
    from backups import archive, manifests, targets

    # Any key does: it is the work that counts.
    from core import primitives

    signer, key = archive.Signer(primitives.sha256(b"bench signer")), primitives.sha256(b"bench recipient")
    recipients = [
        archive.Recipient(name, primitives.x25519_public(private))
        for name, private in (("recovery", key), ("drill", primitives.sha256(b"bench drill")))
    ]
    if what == "write":
        # The way of backups.taking, but for the rows that it writes.
        child = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert child.stdout is not None
        with targets.of(str(path.parent)).create(path.name, keep_until=datetime.now(UTC)) as sink:
            written = archive.write(
                manifests.TarWatch(archive.widen(child.stdout)),
                sink,
                header=archive.Header(archive.Kind.FULL, 1, datetime.now(UTC)),
                recipients=recipients,
                signer=signer,
                finished=lambda: child.wait() == 0,
            )
        return {"stored": written.bytes_out, "memory_mb": stack.peak_megabytes()}
    reading: dict[str, Callable[[IO[bytes]], object]] = {
        "read": lambda file: archive.read(file, _Nowhere(), recipient_key=key, trusted={signer.public}),
        "verify": lambda file: archive.verify(file, trusted={signer.public}),
    }
    began = time.perf_counter()
    with path.open("rb") as file:
        reading[what](file)
    return {"seconds": time.perf_counter() - began}


class _Nowhere:
    """What a restore writes to; the disk's speed is not ours."""

    def write(self, data: bytes) -> int:
        return len(data)


if __name__ == "__main__":
    print(json.dumps(_main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])))
