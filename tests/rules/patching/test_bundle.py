"""Bundles of advisories: what was signed is read, and everything else is refused."""

import io
import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from core import primitives
from patching.advisories import bundle
from patching.advisories.bundle import BundleRefused
from tests.make import patching

AT = datetime(2026, 11, 25, 12, tzinfo=UTC)
NAMES = frozenset({("PyPI", "left-pad")})


def made(**named: object) -> bytes:
    return patching.bundle_bytes([patching.advisory()], at=AT, ecosystems=["PyPI", "npm"], **named)  # type: ignore[arg-type]


def opened(data: bytes, *, at: datetime = AT) -> bundle.Bundle:
    found = bundle.opened(data, trusted=[primitives.ed25519_generate()[1], patching.PUBLIC], at=at)
    found.check()
    return found


def test_what_was_signed_is_read() -> None:
    found = opened(
        made(
            exploited=["CVE-2026-1"],
            endings=[{"product": "django", "series": "5.2", "ends_on": "2028-04-30"}],
        )
    )
    answer = found.answer(NAMES)
    assert [one.id for one in answer.advisories] == ["TEST-2026-0001"]
    assert set(answer.covered) == {"PyPI", "npm"}
    assert answer.exploited == {"CVE-2026-1"}
    assert answer.endings["django", "5.2"].isoformat() == "2028-04-30"
    assert found.manifest.advisories == 3


def changed(data: bytes, change: Callable[[dict[str, bytes]], object]) -> bytes:
    """Unpack, change, pack again."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    change(parts)
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return sink.getvalue()


def signed(parts: dict[str, bytes]) -> None:
    """Sign the manifest as it stands, with somebody else's key."""
    key, _ = primitives.ed25519_generate()
    parts["manifest.sig"] = primitives.ed25519_sign(key, b"strongbox advisories 1\n" + parts["manifest.json"])


def claims(**said: object) -> Callable[[dict[str, bytes]], None]:
    def change(parts: dict[str, bytes]) -> None:
        parts["manifest.json"] = json.dumps({**json.loads(parts["manifest.json"]), **said}).encode()

    return change


TAMPERED: dict[str, Callable[[dict[str, bytes]], object]] = {
    "an advisory left out": lambda parts: parts.update({"osv/0.jsonl": b""}),
    "an advisory changed": lambda parts: parts.update(
        {"osv/0.jsonl": parts["osv/0.jsonl"].replace(b"left-pad", b"left-bad")}
    ),
    "a file too many": lambda parts: parts.update({"osv/9.jsonl": b"{}"}),
    "a file too few": lambda parts: parts.pop("kev.json"),
    "no signature": lambda parts: parts.pop("manifest.sig"),
    "an empty signature": lambda parts: parts.update({"manifest.sig": b""}),
    "another's signature": signed,
    "another age": claims(made_at="2027-01-01T00:00:00+00:00"),
    "files swapped": lambda parts: parts.update(
        {"osv/0.jsonl": parts["osv/1.jsonl"], "osv/1.jsonl": parts["osv/0.jsonl"]}
    ),
    "no manifest": lambda parts: parts.pop("manifest.json"),
}


@pytest.mark.parametrize("change", TAMPERED.values(), ids=TAMPERED)
def test_what_was_changed_is_refused(change: Callable[[dict[str, bytes]], object]) -> None:
    with pytest.raises(BundleRefused):
        opened(changed(made(), change))


def test_every_flipped_byte_is_refused_or_changes_nothing() -> None:
    data = made()
    before = opened(data).answer(NAMES)
    for place in range(0, len(data), 23):
        flipped = bytearray(data)
        flipped[place] ^= 0x40
        try:
            found = opened(bytes(flipped)).answer(NAMES)
        except BundleRefused:
            continue
        assert found == before, place  # a time stamp of the zip's own, say


@pytest.mark.parametrize("data", [b"", b"PK", b"not a zip at all" * 99])
def test_what_is_no_bundle_is_refused(data: bytes) -> None:
    with pytest.raises(BundleRefused):
        opened(data)


def test_another_key_is_not_trusted() -> None:
    key, _ = primitives.ed25519_generate()
    with pytest.raises(bundle.BundleNotSigned):
        opened(made(key=key))


def test_a_bundle_from_the_future_is_refused() -> None:
    with pytest.raises(bundle.BundleFromTheFuture):
        opened(made(), at=AT - timedelta(hours=2))


@pytest.mark.parametrize("line", [b"[]", b"not json", b"{}", b'{"id": "X"}', b"[" * 100_000])
def test_an_advisory_that_cannot_be_read_spoils_the_whole(line: bytes) -> None:
    """Even one that was signed: to pass it over would be to say that what it speaks of is clean."""
    sink = io.BytesIO()
    key = patching.PRIVATE
    bundle.make(ecosystems={"PyPI": (AT, [])}, exploited=[], endings=[], made_at=AT, key=key, sink=sink)

    def spoil(parts: dict[str, bytes]) -> None:
        parts["osv/0.jsonl"] = line + b"\n"
        manifest = json.loads(parts["manifest.json"])
        manifest["files"]["osv/0.jsonl"] = primitives.sha256(parts["osv/0.jsonl"]).hex()
        manifest["ecosystems"][0]["advisories"] = 1
        parts["manifest.json"] = json.dumps(manifest).encode()
        parts["manifest.sig"] = primitives.ed25519_sign(
            key, b"strongbox advisories 1\n" + parts["manifest.json"]
        )

    with pytest.raises(BundleRefused):
        opened(changed(sink.getvalue(), spoil))


def test_an_ecosystem_without_an_advisory_is_not_covered() -> None:
    sink = io.BytesIO()
    bundle.make(
        ecosystems={"PyPI": (AT, [])}, exploited=[], endings=[], made_at=AT, key=patching.PRIVATE, sink=sink
    )
    assert opened(sink.getvalue()).answer(NAMES).covered == {}
