"""Where advisories come from: bundles that are taken in or refused, and a source that is asked over real HTTP."""

import http.server
import io
import json
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command

from core import clock, primitives
from core.actor import Actor
from outbound.models import StoredFile
from patching import intake, looking, queries, services
from patching.advisories import bundle
from patching.models import Bundle, Finding
from tenancy.context import Scope, scope
from tests.guarantees import world
from tests.make import installation, patching

ACTOR = Actor.system("tests")
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
HOME = Path(__file__).resolve().parents[3]


@pytest.fixture
def operator(db: None, settings: Any) -> UUID:
    settings.ADVISORY_KEYS = (patching.PUBLIC.hex(),)
    settings.ADVISORY_SOURCE = ""
    return installation.tenant("operator")


def brought(folder: Path, at: datetime = NOON, **named: Any) -> Path:
    return patching.bundle_file(folder, at=at, ecosystems=["PyPI"], **named)


def test_a_bundle_is_kept_encrypted_and_replaced_by_a_newer_one_alone(operator: UUID, tmp_path: Path) -> None:
    first = intake.take_in(path=brought(tmp_path), actor=ACTOR, at=NOON)
    with pytest.raises(intake.BundleOlder):
        intake.take_in(path=brought(tmp_path), actor=ACTOR, at=NOON)
    with pytest.raises(intake.BundleOlder):
        intake.take_in(path=brought(tmp_path, NOON - timedelta(days=1)), actor=ACTOR, at=NOON)
    later = NOON + timedelta(days=1)
    second = intake.take_in(path=brought(tmp_path, later), actor=ACTOR, at=later)
    with scope(Scope(operator)):
        assert queries.newest_bundle() == second
        assert StoredFile.objects.get(pk=first.file_id).state == "deleted"
    codes = [event.facts["code"] for event in world.events_of(operator, event="patch.bundle_refused")]
    assert codes == ["bundle_older", "bundle_older"]
    assert len(world.events_of(operator, event="patch.bundle_imported")) == 2


def test_a_bundle_that_shrank_is_refused_unless_somebody_says_so(operator: UUID, tmp_path: Path) -> None:
    many = [patching.advisory(osv=f"TEST-2026-1{number:03}") for number in range(9)]
    intake.take_in(
        path=patching.bundle_file(tmp_path, many, at=NOON, ecosystems=["PyPI"]), actor=ACTOR, at=NOON
    )
    later = NOON + timedelta(hours=1)
    with pytest.raises(intake.BundleShrunk):
        intake.take_in(path=brought(tmp_path, later), actor=ACTOR, at=later)
    intake.take_in(path=brought(tmp_path, later), actor=ACTOR, at=later, smaller=True)


def test_a_bundle_of_an_unknown_key_leaves_nothing_but_an_event(operator: UUID, tmp_path: Path) -> None:
    key, _ = primitives.ed25519_generate()
    with pytest.raises(bundle.BundleNotSigned):
        intake.take_in(path=brought(tmp_path, key=key), actor=ACTOR, at=NOON)
    with scope(Scope(operator)):
        assert Bundle.objects.count() == StoredFile.objects.count() == 0
    (told,) = world.events_of(operator, event="patch.bundle_refused")
    assert (told.facts, told.result) == ({"code": "bundle_not_signed"}, "refused")


def test_a_key_that_is_trusted_no_more_makes_its_bundle_unreadable(
    operator: UUID, tmp_path: Path, settings: Any
) -> None:
    intake.take_in(path=brought(tmp_path), actor=ACTOR, at=NOON)
    settings.ADVISORY_KEYS = ()
    looked = looking.look(tenant_id=operator, now=lambda: NOON, components=[patching.component()])
    assert looked.reasons == ("unreadable",)
    assert [one.state for one in looked.seen] == ["unknown"]


# --- A source that is asked -----------------------------------------------------------------------


class _Source(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def do_GET(self) -> None:
        self._answer(None)

    def _answer(self, asked: Any) -> None:
        self.server.asked.append((self.path, asked))  # type: ignore[attr-defined]
        status, body = self.server.says(self.path, asked)  # type: ignore[attr-defined]
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        return


Says = Callable[[str, Any], tuple[int, bytes]]


@contextmanager
def source(settings: Any, says: Says) -> Iterator[Any]:
    """Run a source on loopback that answers as told."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Source)
    server.asked, server.says = [], says  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    origin = f"http://127.0.0.1:{server.server_port}"
    settings.ADVISORY_SOURCE, settings.OUTBOUND_PRIVATE_ORIGINS = origin, [origin]
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def osv(path: str, asked: Any) -> tuple[int, bytes]:
    """Answer as a source does that looked: it knows the control, and one weakness of left-pad, on a second page."""
    if path == "/v1/querybatch":
        results: list[dict[str, Any]] = []
        for query in asked["queries"]:
            name = query["package"]["name"]
            if name == "django":
                results.append({"vulns": [{"id": "TEST-CONTROL"}]})
            elif name == "left-pad" and "page_token" not in query:
                results.append({"next_page_token": "more"})
            elif name == "left-pad":
                results.append({"vulns": [{"id": "TEST-2026-0001"}]})
            else:
                results.append({})
        return 200, json.dumps({"results": results}).encode()
    found = patching.advisory(osv=path.rpartition("/")[2])
    return 200, json.dumps(found).encode()


def check(*components: Any) -> Any:
    return services.check(
        actor=ACTOR,
        now=clock.now,
        components=components or [patching.component(), patching.component("fine")],
    )


def test_an_allowed_source_is_asked_and_believed(operator: UUID, settings: Any) -> None:
    with source(settings, osv) as server:
        row = check()
    assert (row.state, row.source, row.reasons, row.open) == ("vulnerable", "online", [], 1)
    with scope(Scope(operator)):
        assert Finding.objects.get().advisory == "TEST-2026-0001"
    # It is told packages and versions of what runs here, and the control; nothing else.
    asked = {
        (query["package"]["ecosystem"], query["package"]["name"], query["version"])
        for path, said in server.asked
        if path == "/v1/querybatch"
        for query in said["queries"]
    }
    assert asked == {("PyPI", "django", "1.4"), ("PyPI", "left-pad", "1.0.0"), ("PyPI", "fine", "1.0.0")}
    assert all(path == "/v1/querybatch" or path.startswith("/v1/vulns/TEST-2026") for path, _ in server.asked)


SILENT: dict[str, Says] = {
    "says nothing": lambda path, asked: (200, b""),
    "says there is nothing": lambda path, asked: (
        200,
        json.dumps({"results": [{} for _ in asked["queries"]]}).encode(),
    ),
    "answers another question": lambda path, asked: (200, b'{"results": []}'),
    "fails": lambda path, asked: (500, b"{}"),
    "sends us elsewhere": lambda path, asked: (302, b"{}"),
    "talks of something else": lambda path, asked: (200, b"<html>Welcome to our hotel network</html>"),
    "says null": lambda path, asked: (200, b'{"results": null}'),
}


@pytest.mark.parametrize("says", SILENT.values(), ids=SILENT)
def test_a_source_that_answers_nothing_gives_unknown_and_is_told(
    operator: UUID, settings: Any, says: Says
) -> None:
    with source(settings, says):
        row = check()
    assert row.state == "unknown"
    assert row.reasons in (["silent"], ["unreadable"])
    assert row.unknown == 2 and row.clean_ones == 0
    (told,) = world.events_of(operator, event="patch.feed_stale")
    assert told.facts["why"] == row.reasons[0]


def test_a_source_that_is_not_there_gives_unknown(operator: UUID, settings: Any) -> None:
    with source(settings, osv):
        pass
    assert check().reasons == ["silent"]


def test_a_silent_source_spoils_a_fresh_bundle(operator: UUID, settings: Any, tmp_path: Path) -> None:
    """Whoever wants two sources wants to hear when one of them says nothing."""
    intake.take_in(path=brought(tmp_path, clock.now()), actor=ACTOR, at=clock.now())
    assert check().state == "clean"
    with source(settings, SILENT["says nothing"]):
        row = check()
    assert (row.state, row.source, row.reasons) == ("unknown", "bundle+online", ["silent"])


def test_no_source_is_asked_unless_somebody_names_one() -> None:
    from config.env import Environment
    from config.settings import base

    assert base.ADVISORY_SOURCE == ""
    fields = Environment.__dataclass_fields__
    assert {"advisory_keys", "advisory_source"} <= set(fields)


# --- The commands ---------------------------------------------------------------------------------


def said(capsys: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return found


def test_from_the_network_to_a_finding(operator: UUID, tmp_path: Path, settings: Any, capsys: Any) -> None:
    """The whole way of the runbook: make a key, make a bundle with the standalone program, take it in, look."""
    run = [sys.executable, "-m", "patching.advisories"]
    clean = {"PATH": "/usr/bin:/bin"}
    made = subprocess.run(
        [*run, "new-key", str(tmp_path / "key")], cwd=HOME, env=clean, capture_output=True, check=True
    )
    settings.ADVISORY_KEYS = (json.loads(made.stdout)["public_key"],)
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    sources = []
    for number, name in enumerate(patching.in_use()):
        one = patching.advisory(
            "packaging", fixed="999", osv="TEST-2026-0009", ecosystem=name, severity="MODERATE"
        )
        path = tmp_path / f"{number}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("TEST-2026-0009.json", json.dumps(one))
        sources += ["--osv", f"{name}={path}"]
    kev = tmp_path / "kev.json"
    kev.write_text(json.dumps({"vulnerabilities": [{"cveID": "CVE-2020-1"}]}))
    out = tmp_path / "bundle.zip"
    subprocess.run(
        [*run, "make", "--key", str(tmp_path / "key"), "--out", str(out), "--kev", str(kev), *sources],
        cwd=HOME, env=clean, capture_output=True, check=True,
    )  # fmt: skip
    call_command("patch_import", str(out), "--json")
    assert said(capsys)["advisories"] == len(patching.in_use())
    with pytest.raises(SystemExit) as ended:
        call_command("patch_check", "--json")
    assert ended.value.code == 1
    answer = said(capsys)
    (found,) = answer["findings"]
    assert (answer["state"], answer["source"], answer["reasons"]) == ("vulnerable", "bundle", [])
    assert (found["id"], found["component"], found["severity"]) == ("TEST-2026-0009", "packaging", "medium")
    assert found["due_on"] == (clock.now().date() + timedelta(days=90)).isoformat()
    assert {one["product"] for one in answer["end_of_life"]} >= {"python", "django", "postgresql", "debian"}


def test_an_empty_ecosystem_is_no_bundle(tmp_path: Path) -> None:
    empty = io.BytesIO()
    with zipfile.ZipFile(empty, "w") as archive:
        archive.writestr("readme.txt", "nothing")
    (tmp_path / "all.zip").write_bytes(empty.getvalue())
    (tmp_path / "key").write_text(patching.PRIVATE.hex())
    arguments = ["make", "--key", "key", "--out", "out.zip", "--osv", "PyPI=all.zip"]
    ended = subprocess.run(
        [sys.executable, "-m", "patching.advisories", *arguments],
        cwd=tmp_path, env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(HOME)}, capture_output=True, text=True,
    )  # fmt: skip
    assert ended.returncode == 1 and "that is no data" in ended.stderr
    assert not (tmp_path / "out.zip").exists()


def test_a_file_that_is_not_there_is_said_to_be(operator: UUID) -> None:
    with pytest.raises(CommandError, match="no such file"):
        call_command("patch_import", "/nonexistent")
