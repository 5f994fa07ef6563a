"""Checks an exported audit trail, alone: no database, no Django, no file of Strongbox but this one.

    python -m audit.verifier FOLDER [--public-key HEX]        or        python verifier.py FOLDER

It needs Python 3.11 and the package `cryptography`. It answers 0 when every byte of every file is as it was
signed, every event stands in exactly one seal, and the seals form one chain; else 1, naming what is wrong
and the first event it touches. Without --public-key the key in the bundle is used: then compare the
fingerprint it prints with the one that the organization's operator publishes, or anybody could have signed.

The rules, so that another program can be written (all hashes SHA-256, all signatures Ed25519, all JSON with
sorted keys, no spaces, UTF-8):
  events.jsonl      one event a line; leaf = H(0x00 || line without its newline)
  seals.jsonl       one seal a line; `leaves` is 48 bytes an event in hexadecimal (id, leaf); `root` is the
                    Merkle root of RFC 6962 over the leaves, node = H(0x01 || left || right); hash =
                    H("strongbox.audit.seal.v1" 0x00 || JSON of the seal without hash and signature, with
                    `leaves` replaced by the hexadecimal of its hash); `prev` is the hash of the seal before,
                    zero bytes at first; signature over "strongbox.audit.seal.v1" 0x00 || hash
                    an event's `at` is at most a day older than `sealed_at` of the seal before its own
  public_keys.txt   one public key a line, 32 bytes in hexadecimal; its name is the first 8 bytes of its hash
  manifest.json     {"manifest": …, "signature": …}; signature over "strongbox.audit.bundle.v1" 0x00 ||
                    JSON of manifest, which names size and hash of the other three files
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

EVENTS, SEALS, KEYS, MANIFEST = "events.jsonl", "seals.jsonl", "public_keys.txt", "manifest.json"
FILES = frozenset({EVENTS, SEALS, KEYS, MANIFEST})
FORMAT = "strongbox.audit.bundle.v1"
_SEAL_DOMAIN, _BUNDLE_DOMAIN = b"strongbox.audit.seal.v1\0", b"strongbox.audit.bundle.v1\0"
_SEAL_FIELDS = frozenset(
    {"count", "epoch", "hash", "key", "leaves", "n", "prev", "root", "sealed_at", "signature"}
    | {"tenant", "xid_from", "xid_to"}
)
_AHEAD = 20_000
_LINE_LIMIT = 1 << 28


class Untrusted(Exception):
    """The bundle cannot be read as one: it says so and nothing more can be checked."""


@dataclass
class Result:
    """What was checked and what is wrong; an empty `problems` is the only good answer."""

    events: int = 0
    seals: int = 0
    fingerprints: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    first_bad_event: str | None = None


def canonical(value: Any) -> bytes:
    """Return the one spelling of a JSON value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sha256(data: bytes) -> bytes:
    """Return the hash used throughout."""
    return hashlib.sha256(data).digest()


def merkle_root(level: list[bytes]) -> bytes:
    """Return the root of RFC 6962 over at least one leaf."""
    while len(level) > 1:
        pairs = [sha256(b"\1" + level[at] + level[at + 1]) for at in range(0, len(level) - 1, 2)]
        level = pairs + level[2 * len(pairs) :]
    return level[0]


def is_signed(keys: dict[str, Ed25519PublicKey], key: str, signature: str, message: bytes) -> bool:
    """Tell whether one of the trusted keys made this signature."""
    public = keys.get(key)
    if public is None:
        return False
    try:
        public.verify(bytes.fromhex(signature), message)
    except (InvalidSignature, ValueError):
        return False
    return True


class Bundle:
    """One folder under examination."""

    def __init__(self, folder: Path, public_key: str | None = None) -> None:
        self.folder = folder
        self.result = Result()
        self.pinned = public_key
        self.expected: dict[str, tuple[bytes, str]] = {}
        self.strays: dict[str, list[tuple[bytes, str]]] = {}
        self.sealed_at = ""
        self.bad_events: list[str] = []
        self.head, self.last = bytes(32).hex(), 0
        self.end = (0, 0)

    def check(self) -> Result:
        """Check everything there is; what is wrong stands in the result's problems."""
        try:
            self._check_folder()
            self._read_manifest()
            self._read_keys()
            self._check_manifest()
            self._check_events_and_seals()
        except Untrusted as error:
            self._blame(str(error))
        return self.result

    def _blame(self, problem: str) -> None:
        self.result.problems.append(problem)

    def _check_folder(self) -> None:
        if not self.folder.is_dir():
            raise Untrusted(f"{self.folder} is no folder")
        found = {path.name for path in self.folder.iterdir()}
        for name in sorted(found - FILES):
            self._blame(f"{name}: does not belong to the bundle")
        if FILES - found:
            raise Untrusted(f"missing: {', '.join(sorted(FILES - found))}")
        for name in sorted(FILES):
            path = self.folder / name
            if path.is_symlink() or not path.is_file():
                raise Untrusted(f"{name}: is not a plain file")

    def _read_manifest(self) -> None:
        raw = (self.folder / MANIFEST).read_bytes()
        try:
            document = json.loads(raw)
            self.manifest, self.signature = document["manifest"], document["signature"]
            entries = self.manifest["files"]
            whole = canonical(document) + b"\n" == raw and set(document) == {"manifest", "signature"}
            whole = whole and self.manifest["format"] == FORMAT and set(entries) == FILES - {MANIFEST}
            whole = whole and all(set(entry) == {"bytes", "sha256"} for entry in entries.values())
            whole = whole and bytes.fromhex(self.signature).hex() == self.signature
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise Untrusted(f"{MANIFEST}: is damaged") from error
        if not whole:
            raise Untrusted(f"{MANIFEST}: is damaged")

    def _read_keys(self) -> None:
        raw = (self.folder / KEYS).read_bytes()
        try:
            publics = [bytes.fromhex(line) for line in raw.decode("ascii").split("\n")[:-1]]
            whole = raw == b"".join(public.hex().encode() + b"\n" for public in publics) and publics
            loaded = {
                sha256(public)[:8].hex(): Ed25519PublicKey.from_public_bytes(public) for public in publics
            }
        except (ValueError, UnicodeDecodeError) as error:
            raise Untrusted(f"{KEYS}: is damaged") from error
        if not whole:
            raise Untrusted(f"{KEYS}: is damaged")
        self.keys = loaded
        self.result.fingerprints = [sha256(public).hex() for public in publics]
        if self.pinned is not None and self.pinned.lower() not in {public.hex() for public in publics}:
            raise Untrusted("the bundle was not signed by the public key you gave")
        if self.pinned is not None:
            # Nothing but the key that the reader trusts: a second one in the file could sign whatever it
            # likes.
            trusted = bytes.fromhex(self.pinned)
            self.keys = {sha256(trusted)[:8].hex(): Ed25519PublicKey.from_public_bytes(trusted)}

    def _check_manifest(self) -> None:
        message = _BUNDLE_DOMAIN + canonical(self.manifest)
        if not is_signed(self.keys, str(self.manifest.get("key")), self.signature, message):
            self._blame(f"{MANIFEST}: the signature is wrong")
        for name, entry in sorted(self.manifest["files"].items()):
            path = self.folder / name
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            if digest != entry["sha256"] or path.stat().st_size != entry["bytes"]:
                self._blame(f"{name}: is not the file that was signed")

    def _check_events_and_seals(self) -> None:
        with (self.folder / SEALS).open("rb") as seal_file, (self.folder / EVENTS).open("rb") as event_file:
            seals, events = self._seals(seal_file), self._events(event_file)
            more_seals = more_events = True
            # The seals are read ahead of the events, so that memory holds only what is not matched yet.
            while more_seals or more_events:
                if more_seals and (len(self.expected) < _AHEAD or not more_events):
                    more_seals = next(seals, None) is not None
                else:
                    more_events = next(events, None) is not None
        self._close()

    def _seals(self, file: BinaryIO) -> Iterator[int]:
        for number, line in enumerate(_lines(file), start=1):
            try:
                seal = json.loads(line)
                if set(seal) != _SEAL_FIELDS or canonical(seal) != line:
                    raise ValueError
                leaves = bytes.fromhex(seal["leaves"])
                self._check_seal(seal, leaves, f"seal {number}")
                window = (seal["epoch"], int(seal["xid_from"])), (seal["epoch"], int(seal["xid_to"]))
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                self._blame(f"seal {number}: is damaged")
                continue
            if window[0] < self.end:
                self._blame(f"seal {number}: overlaps the one before")
            first, self.sealed_at = _day_before(self.sealed_at), str(seal["sealed_at"])
            self.end = window[1]
            self.last, self.head = seal["n"], seal["hash"]
            self.result.seals += 1
            for start in range(0, len(leaves), 48):
                leaf = leaves[start + 16 : start + 48]
                self._expect(leaves[start : start + 16].hex(), (leaf, first))
            yield number

    def _check_seal(self, seal: dict[str, Any], leaves: bytes, name: str) -> None:
        count = len(leaves) // 48
        if seal["n"] != self.last + 1:
            self._blame(f"{name}: seal {self.last + 1} is missing")
        if seal["prev"] != self.head:
            self._blame(f"{name}: does not follow the seal before it")
        if seal["tenant"] != self.manifest.get("tenant"):
            self._blame(f"{name}: belongs to another organization")
        if count == 0 or len(leaves) != 48 * count or seal["count"] != count:
            raise ValueError
        hashes = [leaves[start + 16 : start + 48] for start in range(0, len(leaves), 48)]
        covered = {name: value for name, value in seal.items() if name not in ("hash", "signature")}
        covered["leaves"] = sha256(leaves).hex()
        hash_ = sha256(_SEAL_DOMAIN + canonical(covered))
        if hash_.hex() != seal["hash"] or merkle_root(hashes).hex() != seal["root"]:
            self._blame(f"{name}: was changed")
        if not is_signed(
            self.keys, seal["key"], seal["signature"], _SEAL_DOMAIN + bytes.fromhex(seal["hash"])
        ):
            self._blame(f"{name}: the signature is wrong")

    def _expect(self, event: str, wanted: tuple[bytes, str]) -> None:
        waiting = self.strays.get(event)
        if waiting is None:
            if event in self.expected:
                self._bad_event(event, "stands in two seals")
            self.expected[event] = wanted
            return
        found = waiting.pop()
        if not waiting:
            del self.strays[event]
        self._judge(event, wanted, *found)

    def _judge(self, event: str, wanted: tuple[bytes, str], leaf: bytes, at: str) -> None:
        sealed, first = wanted
        if leaf != sealed:
            self._bad_event(event, "was changed")
        elif at < first:
            self._bad_event(event, "was put in later with an older time")

    def _events(self, file: BinaryIO) -> Iterator[int]:
        for number, line in enumerate(_lines(file), start=1):
            self.result.events += 1
            leaf = sha256(b"\0" + line)
            try:
                read = json.loads(line)
                event, at = read["id"].replace("-", ""), str(read["at"])
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                self._bad_event(f"line {number} of {EVENTS}", "cannot be read")
                yield number
                continue
            wanted = self.expected.pop(event, None)
            if wanted is None:
                self.strays.setdefault(event, []).append((leaf, at))
            else:
                self._judge(event, wanted, leaf, at)
            yield number

    def _close(self) -> None:
        for event in self.expected:
            self._bad_event(event, "is missing")
        for event in self.strays:
            self._bad_event(event, "was never sealed")
        if self.manifest.get("seals") != self.last or self.manifest.get("head") != self.head:
            self._blame(f"{SEALS}: does not end at the seal that was signed")
        if self.manifest.get("events") != self.result.events:
            self._blame(f"{EVENTS}: {self.result.events} events instead of {self.manifest.get('events')}")

    def _bad_event(self, event: str, problem: str) -> None:
        name = _dashed(event)
        if self.result.first_bad_event is None:
            self.result.first_bad_event = name
        self._blame(f"event {name}: {problem}")


def _day_before(text: str) -> str:
    try:
        return (datetime.fromisoformat(text) - timedelta(days=1)).isoformat()
    except (ValueError, OverflowError):
        return ""


def _dashed(event: str) -> str:
    if len(event) != 32:
        return event
    return "-".join((event[:8], event[8:12], event[12:16], event[16:20], event[20:]))


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines without their newline; a last line without one is cut short and yielded with a mark."""
    while line := file.readline(_LINE_LIMIT):
        yield line[:-1] if line.endswith(b"\n") else line + b"\0"


def verify(folder: Path, public_key: str | None = None) -> Result:
    """Check the bundle in a folder, under the given public key (hexadecimal) or under its own."""
    return Bundle(folder, public_key).check()


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="audit.verifier", description="Check an exported audit trail.")
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--public-key", metavar="HEX", help="the key you trust, 64 hexadecimal digits")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    result = verify(options.folder, options.public_key)
    if options.json:
        print(json.dumps({**vars(result), "problems": result.problems[:100]}))
        return 1 if result.problems else 0
    for problem in result.problems[:20]:
        print(f"BAD  {problem}")
    if len(result.problems) > 20:
        print(f"BAD  and {len(result.problems) - 20} more")
    if result.first_bad_event is not None:
        print(f"first bad event: {result.first_bad_event}")
    for fingerprint in result.fingerprints:
        print(f"key fingerprint: {fingerprint}")
    print(f"{result.events} events, {result.seals} seals: {'NOT INTACT' if result.problems else 'intact'}")
    return 1 if result.problems else 0


if __name__ == "__main__":
    sys.exit(main())
