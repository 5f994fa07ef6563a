"""The file store: encrypted from the first byte, complete or absent, and opened by its own row alone."""

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from audit.models import Event
from core import ids, primitives
from core.actor import Actor
from core.errors import NotFound
from outbound import archive, files, tasks
from outbound.models import StoredFile
from tenancy import context

ACTOR = Actor.system("tests")
AT = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
SECRET = b"Jane Doe, Main Street 1"


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.FILES_DIR = tmp_path / "files"
    return settings.FILES_DIR


def stored(content=SECRET, **changes):
    given = {
        "kind": "import",
        "name": "jane.csv",
        "media_type": "text/csv",
        "actor": ACTOR,
        "at": AT,
        **changes,
    }
    return files.store(chunks=[content], **given)


def on_disk(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_is_stored_is_read_and_recorded(in_a, folder):
    row = stored()
    found = files.find(row.pk, at=AT)
    assert b"".join(files.read(file=found, actor=ACTOR)) == SECRET
    assert (found.name, found.size_bytes, found.media_type) == ("jane.csv", len(SECRET), "text/csv")
    rows = Event.objects.filter(subject_id=row.pk).order_by("at")
    assert [(event.event, event.facts) for event in rows] == [
        ("file.stored", {"kind": "import", "bytes": len(SECRET)}),
        ("file.read", {"kind": "import"}),
    ]


def test_nothing_readable_is_on_disk(in_a, folder):
    row = stored(SECRET * 20_000)
    (path,) = on_disk(folder)
    raw = path.read_bytes()
    assert SECRET not in raw and b"Jane" not in raw and bytes.fromhex(row.content_key) not in raw
    assert path == folder / in_a.hex / row.pk.hex
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_the_plaintext_never_touches_the_disk_while_it_is_written(in_a, folder):
    def chunks():
        for _ in range(40):
            yield SECRET * 2_000
            assert all(SECRET not in path.read_bytes() for path in on_disk(folder))

    row = files.store(kind="import", name="a", media_type="text/csv", chunks=chunks(), actor=ACTOR, at=AT)
    assert row.size_bytes == 40 * 2_000 * len(SECRET)


def test_a_file_that_is_too_large_leaves_nothing(in_a, folder):
    with pytest.raises(files.FileTooLarge), context.attempt():
        files.store(
            kind="import",
            name="a",
            media_type="x",
            chunks=[b"x" * 10] * 11,
            actor=ACTOR,
            at=AT,
            most_bytes=100,
        )
    assert on_disk(folder) == []
    assert StoredFile.objects.count() == 0


def test_another_organization_does_not_find_it(db, tenant_a, tenant_b, folder):
    with context.scope(context.Scope(tenant_a)):
        row = stored()
    with context.scope(context.Scope(tenant_b)), pytest.raises(NotFound):
        files.find(row.pk, at=AT)


def test_a_damaged_file_yields_nothing(in_a, folder):
    row = stored(SECRET * 40_000)
    (path,) = on_disk(folder)
    raw = bytearray(path.read_bytes())
    raw[-20] ^= 1
    path.write_bytes(raw)
    with pytest.raises(files.FileDamaged):
        next(files.read(file=row, actor=ACTOR))
    path.unlink()
    with pytest.raises(files.FileDamaged):
        next(files.read(file=row, actor=ACTOR))


@pytest.mark.django_db(transaction=True)
def test_damage_is_recorded_after_the_rollback(tenant_a, folder):
    with context.scope(context.Scope(tenant_a)):
        row = stored()
    (path,) = on_disk(folder)
    path.write_bytes(b"something else")
    with pytest.raises(files.FileDamaged), context.scope(context.Scope(tenant_a)):
        next(files.read(file=StoredFile.objects.get(pk=row.pk), actor=ACTOR))
    files.record_damage(file_id=row.pk, tenant_id=tenant_a, actor=ACTOR)
    with context.scope(context.Scope(tenant_a)):
        found = Event.objects.get(event="file.damaged")
        assert (found.subject_id, found.result) == (row.pk, "failed")


def test_bytes_put_in_the_place_of_another_file_do_not_open(in_a, folder):
    one, two = stored(b"one"), stored(b"two")
    tenant = folder / in_a.hex
    shutil.copy(tenant / one.pk.hex, tenant / two.pk.hex)
    with pytest.raises(files.FileDamaged):
        next(files.read(file=two, actor=ACTOR))


@pytest.mark.django_db(transaction=True)
def test_a_deleted_file_has_no_key_and_no_bytes(tenant_a, folder):
    with context.scope(context.Scope(tenant_a)):
        row = stored()
    with context.scope(context.Scope(tenant_a)):
        files.delete(file=StoredFile.objects.get(pk=row.pk), actor=ACTOR)
        assert len(on_disk(folder)) == 1  # not before it is committed
    assert on_disk(folder) == []
    with context.scope(context.Scope(tenant_a)):
        row = StoredFile.objects.get(pk=row.pk)
        assert (row.state, row.content_key, row.name) == ("deleted", None, None)
        with pytest.raises(NotFound):
            files.find(row.pk, at=AT)
        with pytest.raises(NotFound), context.attempt():
            files.read(file=row, actor=ACTOR)
        assert Event.objects.get(event="file.deleted").subject_id == row.pk


@pytest.mark.django_db(transaction=True)
def test_what_expired_and_what_a_rollback_left_goes(tenant_a, folder):
    with pytest.raises(ZeroDivisionError), context.scope(context.Scope(tenant_a)):
        stored()
        raise ZeroDivisionError
    with context.scope(context.Scope(tenant_a)):
        expired, kept = stored(keep=timedelta(days=1)), stored(keep=timedelta(days=36500))
    assert len(on_disk(folder)) == 3
    with context.scope(context.Scope(tenant_a)), pytest.raises(NotFound):
        files.find(expired.pk, at=AT + timedelta(days=1))
    # The orphan is young: its transaction might still be open.
    assert tasks.tidy_files() == int(datetime.now(UTC) > AT + timedelta(days=1))
    two_days_ago = (datetime.now(UTC) - timedelta(days=2)).timestamp()
    for path in on_disk(folder):
        os.utime(path, (two_days_ago, two_days_ago))
    with context.scope(context.Scope(tenant_a)):
        files.delete_expired(actor=ACTOR, at=AT + timedelta(days=2))
        files.remove_orphans(at=datetime.now(UTC))
    assert [path.name for path in on_disk(folder)] == [kept.pk.hex]


KEY, FILE = primitives.random_key(), ids.uuid7()


def opened(tmp_path_factory, raw, key=KEY, file_id=FILE):
    path = Path(tmp_path_factory.mktemp("archive")) / "file"
    path.write_bytes(raw)
    with path.open("rb") as file:
        return b"".join(archive.decrypt(file, key=key, file_id=file_id))


@pytest.mark.parametrize(
    "size", [0, 1, archive.CHUNK_BYTES - 1, archive.CHUNK_BYTES, archive.CHUNK_BYTES * 2 + 1]
)
def test_any_length_comes_back(tmp_path_factory, size):
    content = os.urandom(size)
    raw = b"".join(archive.encrypt([content], key=KEY, file_id=FILE))
    assert opened(tmp_path_factory, raw) == content


@hypothesis_settings(max_examples=20, deadline=None)
@given(pieces=st.lists(st.binary(max_size=2000), max_size=20))
def test_the_pieces_do_not_matter(tmp_path_factory, pieces):
    raw = b"".join(archive.encrypt(pieces, key=KEY, file_id=FILE))
    assert opened(tmp_path_factory, raw) == b"".join(pieces)
    assert len(raw) == len(archive.MAGIC) + 28 + sum(map(len, pieces))


def test_every_way_to_rearrange_a_file_is_refused(tmp_path_factory):
    raw = b"".join(archive.encrypt([os.urandom(archive.CHUNK_BYTES * 3)], key=KEY, file_id=FILE))
    head, size = len(archive.MAGIC), archive.CHUNK_BYTES + 28
    one, two, three = (raw[head + size * n : head + size * (n + 1)] for n in range(3))
    magic = raw[:head]
    for changed in (
        magic + two + one + three,
        magic + one + two,
        magic + one + three,
        magic + two + three,
        raw[:-1],
        raw + b"x",
        raw + three,
        magic + one + one + two + three,
        b"SBFILE2\n" + raw[head:],
        magic,
        b"",
    ):
        with pytest.raises(archive.DamagedFile):
            opened(tmp_path_factory, changed)
    with pytest.raises(archive.DamagedFile):
        opened(tmp_path_factory, raw, file_id=ids.uuid7())
    with pytest.raises(archive.DamagedFile):
        opened(tmp_path_factory, raw, key=primitives.random_key())
