"""Checks an evidence pack, or one signed review of access, alone: no database, no Django, no other file of Strongbox.

    python -m compliance.verifier PACK.zip [--public-key HEX]     or     python verifier.py REVIEW.json

It needs Python 3.11 and the package `cryptography`. It answers 0 when every byte of every file is as it was signed
and the last result of every control is the one its digest names; else 1, saying what is wrong. Without --public-key the
key in the pack is used: then compare the key it prints with the one shown on the organization's page of evidence packs,
or anybody could have signed.

The rules, so that another program can be written (hashes SHA-256, signatures Ed25519, JSON with sorted keys, no spaces,
UTF-8): manifest.json is {"manifest": …, "signature": …}; the signature is over "strongbox.compliance.pack.v1" 0x00 ||
JSON of manifest, which names size and hash of every other file; the digest of a result is the hash of JSON of
{"at", "control", "evidence"}. A review is {"names", "public_key", "record", "sha256", "signature"}: sha256 is the hash
of "strongbox.compliance.access_review.v1" 0x00 || JSON of record, the signature is over that text followed by the 32
bytes of that hash, and people's names stand outside of it. Its paper prints the same three numbers.
"""

import argparse
import hashlib
import json
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT = "strongbox.compliance.pack.v1"
DATA, MANIFEST = "evidence.json", "manifest.json"
_DOMAIN = b"strongbox.compliance.pack.v1\0"
_REVIEW_DOMAIN = b"strongbox.compliance.access_review.v1\0"
_REVIEW_KEYS = {"names", "public_key", "record", "sha256", "signature"}
_MOST_BYTES = 1 << 30


class Untrusted(Exception):
    """The pack cannot be read as one: it says so and nothing more can be checked."""


@dataclass
class Result:
    """What was checked and what is wrong; an empty `problems` is the only good answer."""

    files: int = 0
    controls: int = 0
    organization: str = ""
    framework: str = ""
    # Of a review of access: its id, and the hash that stands on its paper.
    review: str = ""
    sha256: str = ""
    key: str = ""
    problems: list[str] = field(default_factory=list)


def canonical(value: Any) -> bytes:
    """Write JSON in its one spelling."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def verify(path: Path, trusted: str = "") -> Result:
    """Check a pack or a review; `trusted` is the public key that must have signed it."""
    result = Result()
    try:
        if path.suffix == ".json":
            _review(path, trusted, result)
            return result
        held = _read(path)
        manifest = _signed(held, trusted, result)
        _same(held, manifest, result)
        _results(held, result)
    except Untrusted as error:
        result.problems.append(str(error))
    return result


def _read(path: Path) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            names = [entry.filename for entry in entries]
            if len(set(names)) != len(names) or archive.comment:
                raise Untrusted("the archive holds a name twice, or a comment")
            if sum(entry.file_size for entry in entries) > _MOST_BYTES:
                raise Untrusted("the archive is larger than a pack can be")
            return {entry.filename: archive.read(entry) for entry in entries}
    # zipfile answers a way of packing that it does not know with NotImplementedError.
    except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, ValueError) as error:
        raise Untrusted(f"the archive cannot be read: {type(error).__name__}") from error
    except Exception as error:
        if isinstance(error, Untrusted):
            raise
        raise Untrusted(f"the archive cannot be read: {type(error).__name__}") from error


def _signed(held: dict[str, bytes], trusted: str, result: Result) -> dict[str, Any]:
    found = _json(held, MANIFEST)
    if not isinstance(found, dict) or set(found) != {"manifest", "signature"}:
        raise Untrusted("the manifest is not one")
    manifest = found["manifest"]
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise Untrusted("the manifest is of another format")
    if held[MANIFEST] != canonical(found) + b"\n":
        raise Untrusted("the manifest is written otherwise than it was signed")
    key = str(manifest.get("key", ""))
    if trusted and key != trusted.strip().lower():
        raise Untrusted("it was signed with another key than the trusted one")
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(trusted.strip() or key))
        public.verify(bytes.fromhex(str(found["signature"])), _DOMAIN + canonical(manifest))
    except (InvalidSignature, ValueError):
        raise Untrusted("the signature does not match") from None
    result.key, result.organization = key, str(manifest.get("organization", ""))
    result.framework = str(manifest.get("framework", ""))
    return manifest


def _review(path: Path, trusted: str, result: Result) -> None:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        raise Untrusted("the review cannot be read") from None
    if not isinstance(found, dict) or set(found) != _REVIEW_KEYS or not isinstance(found["record"], dict):
        raise Untrusted("this is no review of access")
    if not found["signature"] or not found["record"].get("signed_at"):
        raise Untrusted("nobody has signed this review")
    key = str(found["public_key"])
    if trusted and key != trusted.strip().lower():
        raise Untrusted("it was signed with another key than the trusted one")
    digest = hashlib.sha256(_REVIEW_DOMAIN + canonical(found["record"])).digest()
    if digest.hex() != found["sha256"]:
        raise Untrusted("the record is not the one its hash names")
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(trusted.strip() or key))
        public.verify(bytes.fromhex(str(found["signature"])), _REVIEW_DOMAIN + digest)
    except (InvalidSignature, ValueError):
        raise Untrusted("the signature does not match") from None
    result.key, result.review, result.sha256 = key, str(found["record"].get("id", "")), digest.hex()


def _same(held: dict[str, bytes], manifest: dict[str, Any], result: Result) -> None:
    named = manifest.get("files")
    if not isinstance(named, dict):
        raise Untrusted("the manifest names no files")
    result.problems += [f"{name} is missing" for name in sorted(named.keys() - held.keys())]
    extra = held.keys() - named.keys() - {MANIFEST}
    result.problems += [f"{name} is not in the manifest" for name in sorted(extra)]
    for name in sorted(named.keys() & held.keys()):
        content = held[name]
        said = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        if named[name] != said:
            result.problems.append(f"{name} is not as it was signed")
        result.files += 1


def _results(held: dict[str, bytes], result: Result) -> None:
    data = _json(held, DATA)
    for control in data.get("controls", []) if isinstance(data, dict) else []:
        last = control.get("last")
        result.controls += 1
        if last is None:
            continue
        body = {"at": last["at"], "control": control["code"], "evidence": last["evidence"]}
        if hashlib.sha256(canonical(body)).hexdigest() != last["digest"]:
            result.problems.append(f"the last result of {control['code']} is not the one its digest names")
    for brought in data.get("evidence", []) if isinstance(data, dict) else []:
        content = held.get(brought["file"])
        if content is None or hashlib.sha256(content).hexdigest() != brought["sha256"]:
            result.problems.append(f"{brought['file']} is not the file that was brought")


def _json(held: dict[str, bytes], name: str) -> Any:
    try:
        return json.loads(held[name])
    except KeyError:
        raise Untrusted(f"{name} is missing") from None
    except ValueError:
        raise Untrusted(f"{name} is no JSON") from None


def main(arguments: list[str] | None = None) -> int:
    """Check, print, and return the exit code."""
    parser = argparse.ArgumentParser(description="Checks an evidence pack, or a signed review of access.")
    parser.add_argument("pack", type=Path, help="PACK.zip, or the record of a review as .json")
    parser.add_argument("--public-key", default="", help="64 hexadecimal digits")
    parser.add_argument("--json", action="store_true", dest="as_json")
    given = parser.parse_args(arguments)
    result = verify(given.pack, given.public_key)
    if given.as_json:
        print(json.dumps(result.__dict__, sort_keys=True))
    else:
        if result.review:
            print(f"review {result.review}, SHA-256 {result.sha256}, signed with {result.key}")
        else:
            _say_pack(result)
        for problem in result.problems:
            print(f"WRONG: {problem}")
        print("not as it was signed" if result.problems else "as it was signed")
    return 1 if result.problems else 0


def _say_pack(result: Result) -> None:
    print(f"organization {result.organization}, framework {result.framework}")
    print(f"{result.files} files, {result.controls} controls, signed with {result.key or 'no known key'}")


if __name__ == "__main__":
    sys.exit(main())
