"""Lists, checks and opens backups, alone: no database, no Django, no file of Strongbox but this one.

    python reader.py list FOLDER --trusted HEX
    python reader.py verify FILE-OR-FOLDER --trusted HEX [--newest-known N]
    python reader.py decrypt FILE --trusted HEX --key KEYFILE --out FILE [--newest-known N] [--archive ID]
    python reader.py keygen KEYFILE [--signing]

It needs Python 3.11 and the packages `cryptography` and `zstandard`. `--trusted` is the public key that signs
this installation's backups (64 hexadecimal digits, or a file of such lines); keep it beside the recovery key, off
the server, or anybody could have signed. `keygen` makes a recovery key: the file stays offline, the public key
it prints goes to the server. The format is described in docs/reference/backup-format.md.

It answers 0 when all is well, 1 when there is no such file, and 126 or more when anything is wrong: so
PostgreSQL, which calls it as its restore_command, takes a damaged segment for an error and not for the end.
"""

import argparse
import hashlib
import hmac
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NoReturn

import zstandard
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC, FORMAT, CHUNK, TAG, LIMIT = b"SBXBAK\x00\x01", "strongbox.backup.v1", 1 << 20, 16, 1 << 16
HEADER, CLOSING = b"strongbox.backup.header.v1\0", b"strongbox.backup.closing.v1\0"
WRAP, CONTENT = b"strongbox.backup.wrap.v1\0", b"strongbox.backup.content.v1\0"
SUITE = {"cipher": "aes-256-gcm-stream", "chunk": CHUNK, "compression": "zstd"}
HEADER_FIELDS = frozenset(
    {"archive", "created_at", "facts", "format", "generation", "kind", "manifest_sha256", "parent"}
    | {"parent_sha256", "recipients", "signer", *SUITE}
)
CLOSING_FIELDS = frozenset({"archive", "chunks", "content_bytes", "facts", "stored_bytes", "stored_sha256"})
SUFFIX = ".sbk"
GOOD, ABSENT, BAD = 0, 1, 126


class Refused(Exception):
    """This archive is not used; the message says why."""


@dataclass
class Archive:
    """What one archive says of itself, signed."""

    header: dict[str, Any]
    raw: bytes
    closing: dict[str, Any] = field(default_factory=dict)
    sha256: str = ""
    stored: int = 0


class Source:
    """The bytes of an archive, hashed as they pass."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.hash, self.count = file, hashlib.sha256(), 0

    def take(self, size: int) -> bytes:
        """Return exactly so many bytes."""
        data = self.file.read(size)
        while len(data) < size:
            more = self.file.read(size - len(data))
            if not more:
                raise Refused("it is cut short")
            data += more
        self.hash.update(data)
        self.count += size
        return data

    def signed(self) -> tuple[bytes, bytes]:
        """Return a document and its signature."""
        length = int.from_bytes(self.take(4), "big")
        if length > LIMIT:
            raise Refused("it is no archive of this format")
        return self.take(length), self.take(64)


def expand(key: bytes, info: bytes) -> bytes:
    """Return HKDF-Expand with SHA-256, 32 bytes."""
    return hmac.digest(key, info + b"\1", "sha256")


def document(raw: bytes, fields: frozenset[str]) -> dict[str, Any]:
    """Read JSON in its one spelling: sorted keys, no spaces, UTF-8."""
    try:
        found = json.loads(raw)
        spelled = json.dumps(found, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise Refused("its description cannot be read") from None
    if not isinstance(found, dict) or found.keys() != fields or spelled != raw:
        raise Refused("its description cannot be read")
    return found


def check(signer: str, signature: bytes, message: bytes) -> None:
    """Check one signature."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(signer)).verify(signature, message)
    except (InvalidSignature, ValueError, TypeError):
        raise Refused("it is not what was signed") from None


def open_header(source: Source, trusted: set[str]) -> Archive:
    """Read and believe the header."""
    if source.take(len(MAGIC)) != MAGIC:
        raise Refused("it is no archive of this format")
    raw, signature = source.signed()
    found = document(raw, HEADER_FIELDS)
    if found["format"] != FORMAT or any(found[name] != value for name, value in SUITE.items()):
        raise Refused("it is of a version that this program does not know")
    if found["signer"] not in trusted:
        raise Refused(f"it was signed by {found['signer']}, which you did not name as trusted")
    check(found["signer"], signature, HEADER + raw)
    if type(found["generation"]) is not int:
        raise Refused("its description cannot be read")
    return Archive(found, raw)


def walk(source: Source, archive: Archive, use: Callable[[bytes, bool], None]) -> None:
    """Pass each chunk on, then check the closing over everything that passed."""
    chunks, tag = 0, b"C"
    while tag == b"C":
        tag, length = source.take(1), int.from_bytes(source.take(4), "big")
        if tag not in (b"C", b"L") or length > CHUNK + TAG or (tag == b"C" and length != CHUNK + TAG):
            raise Refused("it is damaged")
        use(source.take(length), tag == b"L")
        chunks += 1
    passed = {"chunks": chunks, "stored_bytes": source.count, "stored_sha256": source.hash.hexdigest()}
    if source.take(1) != b"E":
        raise Refused("it is damaged")
    raw, signature = source.signed()
    check(archive.header["signer"], signature, CLOSING + raw)
    closing = document(raw, CLOSING_FIELDS)
    if closing["archive"] != archive.header["archive"] or any(closing[k] != v for k, v in passed.items()):
        raise Refused("it is not what was signed")
    if source.file.read(1):
        raise Refused("something was added to it")
    archive.closing, archive.sha256, archive.stored = closing, source.hash.hexdigest(), source.count


def content_key(archive: Archive, private: X25519PrivateKey) -> bytes:
    """Unwrap the file key and derive the content's key."""
    public = private.public_key().public_bytes_raw()
    for entry in archive.header["recipients"]:
        if entry["public"] != public.hex():
            continue
        try:
            ephemeral, wrapped = bytes.fromhex(entry["ephemeral"]), bytes.fromhex(entry["wrapped"])
            shared = private.exchange(X25519PublicKey.from_public_bytes(ephemeral))
            key = expand(hmac.digest(ephemeral + public, shared, "sha256"), WRAP)
            place = WRAP + archive.header["archive"].encode()
            file_key = AESGCM(key).decrypt(wrapped[:12], wrapped[12:], place)
        except (InvalidTag, ValueError):
            raise Refused("its key cannot be unwrapped") from None
        return expand(file_key, CONTENT + hashlib.sha256(archive.raw).digest())
    names = ", ".join(sorted(str(entry["name"]) for entry in archive.header["recipients"]))
    raise Refused(f"it cannot be opened with this key, only with those of: {names}")


def verify(file: IO[bytes], trusted: set[str], expected: dict[str, Any] | None = None) -> Archive:
    """Check every byte against the signatures; no private key is needed."""
    source = Source(file)
    archive = open_header(source, trusted)
    refuse_others(archive, expected or {})
    walk(source, archive, lambda chunk, last: None)
    return archive


def decrypt(
    file: IO[bytes],
    sink: IO[bytes],
    private: X25519PrivateKey,
    trusted: set[str],
    expected: dict[str, Any] | None = None,
) -> Archive:
    """Write the content; only when this returns may it be used."""
    source = Source(file)
    archive = open_header(source, trusted)
    refuse_others(archive, expected or {})
    cipher, number, content = AESGCM(content_key(archive, private)), 0, 0
    inflater = zstandard.ZstdDecompressor(max_window_size=8 << 20).stream_writer(
        sink, write_size=1 << 18, closefd=False, write_return_read=False
    )

    def use(chunk: bytes, last: bool) -> None:
        nonlocal number, content
        try:
            content += inflater.write(cipher.decrypt(number.to_bytes(11, "big") + bytes([last]), chunk, None))
        except (InvalidTag, ValueError, zstandard.ZstdError):
            raise Refused("it is damaged") from None
        number += 1

    walk(source, archive, use)
    if archive.closing["content_bytes"] != content:
        raise Refused("it is damaged")
    return archive


def refuse_others(archive: Archive, expected: dict[str, Any]) -> None:
    """Refuse what is signed but not what was asked for."""
    newest, wanted = expected.get("newest_known"), expected.get("archive")
    if newest is not None and archive.header["generation"] < newest:
        raise Refused(f"it is generation {archive.header['generation']}, older than {newest}, which is known")
    if wanted is not None and archive.header["archive"] != wanted:
        raise Refused(f"it is archive {archive.header['archive']}, not {wanted}")


def chains(found: dict[str, Archive]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong between archives that are each right alone."""
    by_id: dict[str, Archive] = {}
    for name, archive in found.items():
        if archive.header["archive"] in by_id:
            yield name, "it stands here under another name too"
        by_id[archive.header["archive"]] = archive
    for name, archive in found.items():
        if archive.header["parent"] is None:
            continue
        parent = by_id.get(archive.header["parent"])
        if parent is None:
            yield name, f"the archive {archive.header['parent']} that it builds on is missing"
        elif parent.header["generation"] > archive.header["generation"]:
            yield name, "it is older than the archive that it builds on"
        elif parent.sha256 and archive.header["parent_sha256"] not in ("", parent.sha256):
            yield name, "the archive that it builds on is not the one it was made from"


def examine(place: Path, options: argparse.Namespace, whole: bool) -> int:
    """List or verify a file or a folder."""
    paths = sorted(place.rglob(f"*{SUFFIX}")) if place.is_dir() else [place]
    found: dict[str, Archive] = {}
    problems: list[tuple[str, str]] = []
    for path in paths:
        name = path.relative_to(place).as_posix() if place.is_dir() else path.name
        try:
            with path.open("rb") as file:
                if whole:
                    found[name] = verify(file, options.trusted, {"archive": options.archive})
                else:
                    found[name] = open_header(Source(file), options.trusted)
                    found[name].stored = path.stat().st_size
        except (Refused, OSError) as error:
            problems.append((name, str(error)))
    if place.is_dir():
        problems += chains(found)
    newest = max((archive.header["generation"] for archive in found.values()), default=0)
    if options.newest_known is not None and newest < options.newest_known:
        problems.append(
            (place.name, f"generation {options.newest_known} is known, but {newest} is the newest here")
        )
    if not paths:
        problems.append((place.name, "there is no archive here"))
    report(options, found, problems, newest)
    return BAD if problems else GOOD


def report(
    options: argparse.Namespace, found: dict[str, Archive], problems: list[tuple[str, str]], newest: int
) -> None:
    """Print what was found, for people or for programs."""
    rows = [
        {"file": name, "stored_bytes": archive.stored, "sha256": archive.sha256}
        | {
            key: archive.header[key]
            for key in ("archive", "kind", "generation", "created_at", "parent", "facts")
        }
        | {"recipients": [entry["name"] for entry in archive.header["recipients"]]}
        | {"content_bytes": archive.closing.get("content_bytes")}
        for name, archive in sorted(found.items(), key=lambda item: item[1].header["generation"])
    ]
    if options.json:
        faults = [{"file": name, "problem": problem} for name, problem in problems]
        print(json.dumps({"archives": rows, "problems": faults, "newest": newest}))
        return
    for row in rows:
        print(
            f"{row['generation']:>8}  {row['created_at']}  {row['kind']:<11} {row['stored_bytes']:>14}  {row['file']}"
        )
    for name, problem in problems:
        print(f"BAD  {name}: {problem}")
    print(f"{len(rows)} archives, {len(problems)} problems")


def open_into(options: argparse.Namespace) -> int:
    """Decrypt a file; what is not whole never gets its name."""
    private = X25519PrivateKey.from_private_bytes(hexadecimal(options.key.read_text("ascii")))
    expected = {"newest_known": options.newest_known, "archive": options.archive}
    with options.file.open("rb") as file:
        if str(options.out) == "-":
            archive = decrypt(file, sys.stdout.buffer, private, options.trusted, expected)
            sys.stdout.buffer.flush()
            return GOOD
        partial = options.out.with_name(options.out.name + ".partial")
        try:
            # Made anew: nobody chose beforehand where it leads or who may read it.
            partial.unlink(missing_ok=True)
            with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as sink:
                archive = decrypt(file, sink, private, options.trusted, expected)
                sink.flush()
                os.fsync(sink.fileno())
            partial.replace(options.out)
        finally:
            partial.unlink(missing_ok=True)
    if options.json:
        print(json.dumps({"archive": archive.header["archive"], "bytes": archive.closing["content_bytes"]}))
    return GOOD


def keygen(options: argparse.Namespace) -> int:
    """Make a recovery key, or a signing key; never over one that is there."""
    private = Ed25519PrivateKey.generate() if options.signing else X25519PrivateKey.generate()
    with os.fdopen(os.open(options.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(private.private_bytes_raw().hex() + "\n")
    public = private.public_key().public_bytes_raw().hex()
    print(json.dumps({"public": public}) if options.json else public)
    return GOOD


def hexadecimal(text: str) -> bytes:
    """Return the 32 bytes of a key."""
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text.strip()):
        raise Refused("a key is 64 hexadecimal digits")
    return bytes.fromhex(text.strip())


def trusted_keys(values: list[str]) -> set[str]:
    """Return the public keys given on the command line or in files."""
    found = set()
    for value in values:
        lines = [value] if re.fullmatch(r"[0-9a-fA-F]{64}", value) else Path(value).read_text("ascii").split()
        found |= {hexadecimal(line).hex() for line in lines}
    return found


class Parser(argparse.ArgumentParser):
    """A parser whose refusal is not taken for an absent file by whoever calls the program."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong."""
        self.print_usage(sys.stderr)
        self.exit(BAD, f"{self.prog}: {message}\n")


def parser() -> Parser:
    """Describe the command line."""
    made = Parser(prog="reader.py", description="List, check and open backups.")
    commands = made.add_subparsers(dest="command", required=True, parser_class=Parser)
    for name, place in (("list", "place"), ("verify", "place"), ("decrypt", "file"), ("keygen", "file")):
        command = commands.add_parser(name)
        command.add_argument(place, type=Path)
        command.add_argument("--json", action="store_true", help="print one JSON object")
        if name == "keygen":
            command.add_argument(
                "--signing", action="store_true", help="a key that signs, not one that opens"
            )
            continue
        command.add_argument("--trusted", action="append", required=True, metavar="HEX-OR-FILE")
        command.add_argument("--newest-known", type=int, metavar="N", help="refuse what ends before this")
        command.add_argument("--archive", metavar="ID", help="refuse another archive than this")
        if name == "decrypt":
            command.add_argument("--key", type=Path, required=True, help="the recovery key's file")
            command.add_argument("--out", type=Path, required=True, help="a file, or - for standard output")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; return the exit code."""
    options = parser().parse_args(arguments)
    try:
        if options.command == "keygen":
            return keygen(options)
        options.trusted = trusted_keys(options.trusted)
        place: Path = options.file if options.command == "decrypt" else options.place
        if not place.exists():
            print(f"{place}: there is no such file", file=sys.stderr)
            return ABSENT
        if options.command == "decrypt":
            return open_into(options)
        return examine(place, options, whole=options.command == "verify")
    except (Refused, OSError, ValueError) as error:
        print(f"BAD  {error}", file=sys.stderr)
        return BAD


if __name__ == "__main__":
    sys.exit(main())
