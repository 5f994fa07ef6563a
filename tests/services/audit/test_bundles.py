"""An export proves itself without this software: one bit anywhere, and it is refused with the event named."""

import json
import random
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.core.management import call_command

from audit import bundles, events, keys, sealing, services, verifier
from audit.models import Event
from core import primitives
from tenancy import context
from tests.services.audit import trail

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner", "sealer"])
HOME = Path(__file__).resolve().parents[3]


@pytest.fixture
def sealer():
    """The sealer at work beside the test."""
    running = sealing.Sealer(interval_seconds=0.05)
    thread = threading.Thread(target=running.run)
    thread.start()
    yield running
    running.stopping.set()
    thread.join(60)
    assert not thread.is_alive()


def export(tenant, folder):
    with context.scope(context.Scope(tenant)):
        services.record(events.AUDIT_EXPORTED, actor=trail.ACTOR)
        recorded_in = bundles.recorded_now()
    return bundles.export(tenant=tenant, folder=folder, recorded_in=recorded_in)


@pytest.fixture
def bundle(sealer, tmp_path):
    trail.seal()
    tenant = trail.organization("exported")
    for _ in range(3):
        trail.record(tenant, 3)
        trail.seal()
    folder = tmp_path / "bundle"
    export(tenant, folder)
    return folder


def test_the_command_waits_for_the_seal_and_the_program_agrees(sealer, tmp_path, capsys):
    tenant = trail.organization("exported")
    trail.record(tenant, 5)
    folder = tmp_path / "out"
    call_command("audit_export", "--organization", "exported", "--out", str(folder), "--json")
    answer = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert answer == {"events": 6, "path": str(folder)}
    assert {path.name for path in folder.iterdir()} == verifier.FILES
    # The export's own record is in the export.
    lines = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    assert [line["event"] for line in lines] == ["audit.read"] * 5 + ["audit.exported"]
    with context.scope(context.Scope(tenant)):
        assert [line["id"] for line in lines] == [str(row.id) for row in Event.objects.order_by("at")[:6]]
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", "import sys; print('django' in sys.modules)"],
        capture_output=True,
        check=True,
    )
    assert done.stdout == b"False\n"
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "audit.verifier",
            str(folder),
            "--public-key",
            keys.signing_key().public.hex(),
        ],
        cwd=HOME,
        env={},
        capture_output=True,
        text=True,
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.splitlines()[-1].startswith("6 events, ") and run.stdout.rstrip().endswith("intact")


def test_the_program_is_one_file_that_imports_nothing_of_ours(bundle, tmp_path):
    alone = tmp_path / "verifier.py"
    shutil.copy(HOME / "audit/verifier.py", alone)
    run = subprocess.run(
        [sys.executable, "-X", "importtime", str(alone), str(bundle)],
        cwd=tmp_path,
        env={},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout
    loaded = {
        line.rsplit("|", 1)[-1].strip().split(".")[0] for line in run.stderr.splitlines() if "|" in line
    }
    assert not loaded & {"django", "psycopg", "audit", "core", "tenancy", "config"}


def test_a_whole_bundle_is_accepted(bundle):
    result = verifier.verify(bundle)
    assert (result.events, result.problems, result.first_bad_event) == (10, [], None)
    assert result.fingerprints == [primitives.sha256(keys.signing_key().public).hex()]


def flipped(path, place, bit):
    raw = bytearray(path.read_bytes())
    raw[place] ^= 1 << bit
    path.write_bytes(raw)


@pytest.mark.parametrize("name", sorted(verifier.FILES))
def test_one_bit_anywhere_is_refused(bundle, name):
    path = bundle / name
    whole = path.read_bytes()
    draw = random.Random(name)
    # Each byte of the small files; of the large ones their beginning, each line's ends, and a sample.
    places = range(len(whole))
    if len(whole) > 3000:
        lines = [0, *(place + 1 for place, byte in enumerate(whole[:-1]) if byte == 10)]
        edges = {place + step for place in lines for step in (-2, -1, 0, 1)} | {
            len(whole) - 1,
            len(whole) - 2,
        }
        places = sorted(
            {place for place in edges if 0 <= place < len(whole)}
            | set(range(300))
            | set(draw.sample(places, 500))
        )
    for place in places:
        flipped(path, place, draw.randrange(8))
        result = verifier.verify(bundle)
        assert result.problems, f"byte {place} of {name}"
        if name == "events.jsonl":
            assert result.first_bad_event is not None
        path.write_bytes(whole)
    assert verifier.verify(bundle).problems == []


def test_the_first_bad_event_is_named(bundle):
    path = bundle / "events.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    wanted = [json.loads(line)["id"] for line in lines]

    def first(changed):
        path.write_bytes(b"".join(changed))
        return verifier.verify(bundle).first_bad_event

    assert first([*lines[:4], lines[4].replace(b'"success"', b'"refused"'), *lines[5:]]) == wanted[4]
    assert first([*lines[:4], *lines[5:]]) == wanted[4]
    assert first(lines[:-1]) == wanted[-1]
    added = lines[2].replace(wanted[2].encode(), b"00000000-0000-7000-8000-000000000001")
    assert first([*lines[:3], added, *lines[3:]]) == "00000000-0000-7000-8000-000000000001"
    assert first([*lines[:3], lines[2], *lines[3:]]) == wanted[2]
    assert first([b"not json\n", *lines]) == "line 1 of events.jsonl"
    assert first([*lines[:-1], lines[-1].rstrip(b"\n")]) == "line 10 of events.jsonl"
    # The order of the lines carries nothing; the file is still not the one that was signed.
    path.write_bytes(b"".join([lines[1], lines[0], *lines[2:]]))
    assert verifier.verify(bundle).problems == ["events.jsonl: is not the file that was signed"]


def test_exchanged_and_missing_seals_are_named(bundle):
    path = bundle / "seals.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[1], lines[0], *lines[2:]]))
    assert any("seal 1" in problem for problem in verifier.verify(bundle).problems)
    path.write_bytes(b"".join(lines[:-1]))
    assert "seals.jsonl: does not end at the seal that was signed" in verifier.verify(bundle).problems
    path.write_bytes(b"".join([lines[0], *lines[2:]]))
    assert "seal 2: seal 2 is missing" in verifier.verify(bundle).problems


def test_extra_missing_and_linked_files_are_refused(bundle, tmp_path):
    extra = bundle / "notes.txt"
    extra.write_text("x")
    assert verifier.verify(bundle).problems == ["notes.txt: does not belong to the bundle"]
    extra.unlink()
    for name in sorted(verifier.FILES):
        kept = tmp_path / name
        (bundle / name).rename(kept)
        assert verifier.verify(bundle).problems == [f"missing: {name}"]
        (bundle / name).symlink_to(kept)
        assert verifier.verify(bundle).problems == [f"{name}: is not a plain file"]
        (bundle / name).unlink()
        kept.rename(bundle / name)
    assert verifier.verify(bundle).problems == []
    assert verifier.verify(tmp_path / "nothing").problems[0].endswith("is no folder")


def test_a_bundle_signed_by_somebody_else_is_refused_under_the_trusted_key(bundle, settings, tmp_path):
    own = keys.signing_key().public.hex()
    _, other = primitives.ed25519_generate()
    assert verifier.verify(bundle, own).problems == []
    assert verifier.verify(bundle, other.hex()).problems == [
        "the bundle was not signed by the public key you gave"
    ]
    # Both keys in the file: what the foreign one signed is not believed.
    with (bundle / "public_keys.txt").open("a") as file:
        file.write(other.hex() + "\n")
    assert verifier.verify(bundle, own).problems == ["public_keys.txt: is not the file that was signed"]
    assert "manifest.json: the signature is wrong" in verifier.verify(bundle, other.hex()).problems


def test_the_exit_code_tells(bundle, capsys):
    assert verifier.main([str(bundle), "--json"]) == 0
    flipped(bundle / "events.jsonl", 40, 0)
    assert verifier.main([str(bundle), "--json"]) == 1
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["first_bad_event"] is not None
    assert verifier.main([str(bundle)]) == 1
    assert "NOT INTACT" in capsys.readouterr().out


def test_a_tampered_trail_is_exported_and_the_program_names_the_event(sealer, tmp_path):
    tenant = trail.organization("exported")
    made = trail.record(tenant, 4)
    trail.seal()
    trail.tamper(f"DELETE FROM audit_event WHERE id = '{made[1]}'")
    export(tenant, tmp_path / "out")
    assert verifier.verify(tmp_path / "out").first_bad_event == str(made[1])


def test_the_program_tells_an_event_that_was_put_in_later(sealer, tmp_path):
    tenant = trail.organization("exported")
    made = trail.record(tenant, 2)
    trail.seal()
    trail.backdate(made[0])
    export(tenant, tmp_path / "out")
    problems = verifier.verify(tmp_path / "out").problems
    assert problems == [f"event {trail.FORGED}: was put in later with an older time"]


def test_nothing_is_overwritten(sealer, tmp_path):
    tenant = trail.organization("exported")
    (tmp_path / "kept.txt").write_text("mine")
    with pytest.raises(bundles.FolderInUse):
        export(tenant, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["kept.txt"]


def test_without_a_sealer_it_says_so(tmp_path):
    tenant = trail.organization("exported")
    trail.record(tenant)
    with context.scope(context.Scope(tenant)):
        services.record(events.AUDIT_EXPORTED, actor=trail.ACTOR)
        recorded_in = bundles.recorded_now()
    with pytest.raises(bundles.SealerSilent):
        bundles.export(tenant=tenant, folder=tmp_path / "out", recorded_in=recorded_in, timeout_seconds=0.3)
    assert list((tmp_path / "out").iterdir()) == []
