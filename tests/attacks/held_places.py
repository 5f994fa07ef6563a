"""A place for backups in the hands of somebody else, what they make of an archive, and what each of ours says of it."""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from audit.models import Event
from backups import archive, newest, places, queries, reader, restoring, services, taking
from backups.archive import headers
from backups.drills import results, running
from backups.models import Backup, Copy
from backups.work import verify
from compliance.controls.checks import assurance
from core import canonical, clock, primitives
from core.actor import Actor
from core.errors import Refusal
from tests.attacks import liars
from tests.rules.backups.test_backup_tampering import apart

ACTOR = Actor.system("tests")
SYSTEM = "7301"
KEEP = timedelta(days=35)
SMALL = b"".join(primitives.random_key() for _ in range(500))
# Two whole chunks and a rest: incompressible, or it would all be one.
LARGE = b"".join(primitives.random_key() for _ in range((2 << 20) // 32 + 400))


@dataclass
class Place:
    """One place as both sides see it: by its address, and by the hands of whoever holds it."""

    kind: str
    lies: liars.Lies
    address: Callable[[str], str]
    # Under a folder of its own, so that each case begins with an empty place.
    lay: Callable[[str, str, bytes], None]
    fetch: Callable[[str, str], bytes]
    take_away: Callable[[str, str], None]
    credentials: dict[str, str]
    withdraw: Callable[[], None]
    give_back: Callable[[], None]
    cases: list[str] = field(default_factory=list)

    @contextmanager
    def used(self, tmp_path: Path, *, beside: str = "") -> Iterator[str]:
        """Let the product use it, alone or beside another; returns the name of the fresh folder."""
        self.cases.append(f"{tmp_path.name}-{len(self.cases)}")
        given = f"place={self.address(self.cases[-1])} {beside}"
        known = tmp_path / f"known-{len(self.cases)}"
        with override_settings(BACKUP_TARGETS=given, BACKUP_CREDENTIALS=self.credentials, ERASURE_DIR=known):
            yield self.cases[-1]


def archived(
    *, kind: archive.Kind = archive.Kind.FULL, signer: archive.Signer | None = None, **header: Any
) -> bytes:
    facts = {"consistent_at": clock.now().isoformat(), "manifest_sha256": "ab" * 32, "system": SYSTEM}
    facts |= header.pop("told", {})
    sink = io.BytesIO()
    archive.write(
        [header.pop("content", SMALL)],
        sink,
        header=archive.Header(kind=kind, created_at=clock.now(), **header),
        recipients=places.recipients(),
        signer=signer or places.signer(),
        finished=lambda: True,
        facts=lambda: facts,
    )
    return sink.getvalue()


def known_backup(stored: Callable[[Backup], bytes]) -> tuple[Backup, bytes]:
    """A backup that is in the catalogue; its bytes lie nowhere yet."""
    with queries.of_operator():
        made = services.begin(kind="full", parent=None, floor=0, job_id=None, actor=ACTOR, at=clock.now())
        whole = stored(made)
        copy = services.StoredCopy(
            part=Copy.Part.DATABASE,
            target="place",
            name=taking.object_name(made, "database"),
            bytes_stored=len(whole),
            sha256=primitives.sha256(whole).hex(),
        )
        return services.finish(backup_id=made.pk, copies=[copy], actor=ACTOR, at=clock.now()), whole


def of_backup(made: Backup) -> bytes:
    return archived(generation=made.generation, archive=str(made.pk))


def note(made: Backup) -> None:
    newest.note_backup(
        generation=made.generation,
        archive_id=str(made.pk),
        manifest_sha256="ab" * 32,
        held=["place"],
        at=clock.now(),
    )


def restoring_says(tmp_path: Path) -> str:
    """What a restore of what lies there comes to: the code of its refusal."""
    folder = tmp_path / "restored"
    folder.mkdir(exist_ok=True)
    try:
        restoring.restore(
            folder,
            wanted=None,
            key=places.drill_key(),
            trusted=places.trusted(),
            places_=places.open_targets(),
            newest=newest.known(),
        )
    except Refusal as refusal:
        assert refusal.message.endswith(".")
        assert [path.name for path in folder.iterdir()] == []
        return refusal.code
    raise AssertionError("it was restored")


def drilling_says() -> str:
    """What a drill comes to, and that it is written down."""
    with queries.of_operator():
        made = results.begin(wanted=None, job_id=None, actor=ACTOR, at=clock.now())
    done = running.run(drill_id=made.pk, wanted=None, actor=ACTOR, now=clock.now)
    assert done.state == "failed"
    with queries.of_operator():
        told = Event.objects.get(event="drill.failed", subject_id=made.pk)
        assert (told.facts["code"], told.result) == (done.code, "failed")
        assert assurance.drill_passed(clock.now()).state == "failing"
    return done.code


def verifying_says(made: Backup) -> str:
    assert verify(made.pk, actor=ACTOR, now=clock.now) == (0, 1)
    with queries.of_operator():
        told = Event.objects.filter(event="backup.verify_failed", subject_id=made.pk).order_by("at", "id")
        return str(list(told)[-1].facts["code"])


def reading_says(folder: Path, stored: bytes, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What the reader that needs nothing of ours says of the bytes as they were fetched."""
    folder.mkdir(exist_ok=True)
    (folder / "database.sbk").write_bytes(stored)
    known = [part for one in places.trusted() for part in ("--trusted", one.hex())]
    assert reader.main(["verify", str(folder), *known, "--newest-known", "1", "--json"]) == reader.BAD
    return [fault["problem"] for fault in json.loads(capsys.readouterr().out)["problems"]]


def resigned(stored: bytes, **changed: Any) -> bytes:
    parts = apart(stored)
    header = canonical.dumps({**json.loads(parts.header), **changed})
    signature = primitives.ed25519_sign(places.signer().private, headers.HEADER_DOMAIN + header)
    return parts.but(header=header, signature=signature)


def flipped(stored: bytes, at: int) -> bytes:
    return stored[:at] + bytes([stored[at] ^ 4]) + stored[at + 1 :]


STRANGER = archive.Signer(primitives.ed25519_generate()[0])
WRONG, DAMAGED, UNKNOWN = "archive_signature_wrong", "archive_damaged", "archive_signer_unknown"


def alterations(made: Backup, whole: bytes) -> dict[str, tuple[bytes, str]]:
    """Everything that is done to the bytes, and by which code it is told."""
    parts = apart(whole)
    large, again = (
        apart(archived(generation=made.generation, archive=str(made.pk), content=LARGE)) for _ in range(2)
    )
    one, two, rest = large.chunks
    return {
        "a bit of the content": (flipped(whole, len(whole) // 2), WRONG),
        "a bit of the header": (flipped(whole, 40), WRONG),
        "a bit of the closing": (flipped(whole, len(whole) - 100), WRONG),
        "chunks exchanged": (large.but(chunks=(two, one, rest)), WRONG),
        "a chunk of another": (large.but(chunks=(again.chunks[0], two, rest)), WRONG),
        "a chunk less": (large.but(chunks=(one, rest)), WRONG),
        "cut short": (whole[:-1], DAMAGED),
        "cut in half": (whole[: len(whole) // 2], DAMAGED),
        "nothing at all": (b"", DAMAGED),
        "something behind it": (whole + whole[:70], DAMAGED),
        "no signature": (parts.but(signature=bytes(64)), WRONG),
        "no seal": (parts.but(seal=bytes(64)), WRONG),
        "of a stranger": (
            archived(generation=made.generation, archive=str(made.pk), signer=STRANGER),
            UNKNOWN,
        ),
        "an old version": (resigned(whole, format="strongbox.backup.v0"), "not_an_archive"),
    }
