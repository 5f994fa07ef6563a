"""The bundle of advisories: a zip whose manifest is signed, made where there is a network, read where there is none.

    manifest.json     format, when it was made, each file with its digest, each ecosystem with when it was fetched and
                      how many advisories it holds
    manifest.sig      Ed25519 over a prefix and the bytes of manifest.json
    osv/N.jsonl       one advisory a line, in the OSV format
    kev.json          {"cves": [...]}: weaknesses known to be used in attacks
    lifecycle.json    [{"product", "series", "ends_on"}]: how long series are mended

Promise kept: a bundle that was not signed by a key the operator trusts, that was changed, or that is older than the
one already here is refused whole (a rolled back feed hides what is new).
"""

import hashlib
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import IO, Any

from core import primitives
from core.errors import Refusal
from patching import matching
from patching.advisories.answer import Answer
from patching.matching import Advisory, MalformedAdvisory

FORMAT = "strongbox-advisories-1"
_PREFIX = b"strongbox advisories 1\n"
_MANIFEST, _SIGNATURE, _KEV, _LIFECYCLE = "manifest.json", "manifest.sig", "kev.json", "lifecycle.json"
_MOST_FILES = 64
_MOST_MANIFEST = 1024 * 1024
_MOST_LINE = 4 * 1024 * 1024
# All of what is unpacked: a bundle is read line by line, but a bomb is no bundle.
_MOST_BYTES = 3 * 1024**3
_CHUNK = 1024 * 1024
# A zip made twice of the same is the same.
_LONG_AGO = (1980, 1, 1, 0, 0, 0)
_FUTURE = timedelta(hours=1)
# All the ways in which a zip can be wrong.
_BROKEN = (
    # zipfile answers a way of packing that it does not know with NotImplementedError.
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, KeyError, NotImplementedError, OSError, OverflowError,
    RuntimeError, ValueError,
)  # fmt: skip
_PACKED = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})


class BundleRefused(Refusal):
    """This is no bundle of advisories that can be used."""

    code = "bundle_refused"


class BundleNotSigned(BundleRefused):
    """The bundle is not signed by a key that is trusted here."""

    code = "bundle_not_signed"


class BundleDamaged(BundleRefused):
    """The bundle is not as it was signed."""

    code = "bundle_damaged"


class BundleFromTheFuture(BundleRefused):
    """The bundle says it was made in the future. Check both clocks."""

    code = "bundle_from_the_future"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ecosystem:
    """What a bundle holds of one ecosystem."""

    name: str
    file: str
    fetched_at: datetime
    advisories: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What was signed."""

    made_at: datetime
    key: bytes
    files: Mapping[str, str]
    ecosystems: tuple[Ecosystem, ...]

    @property
    def fetched_at(self) -> datetime:
        """Return the age of its oldest part."""
        return min((one.fetched_at for one in self.ecosystems), default=self.made_at)

    @property
    def advisories(self) -> int:
        """Return how many advisories it holds."""
        return sum(one.advisories for one in self.ecosystems)


def make(
    *,
    ecosystems: Mapping[str, tuple[datetime, Iterable[Mapping[str, Any]]]],
    exploited: Sequence[str],
    endings: Sequence[Mapping[str, str]],
    made_at: datetime,
    key: bytes,
    sink: IO[bytes],
) -> Manifest:
    """Write a bundle; `ecosystems` gives, by name, when it was fetched and its advisories."""
    digests: dict[str, str] = {}
    parts: list[Ecosystem] = []
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:

        def add(name: str, lines: Iterable[bytes]) -> int:
            digest, count = hashlib.sha256(), 0
            with archive.open(_entry(name), "w", force_zip64=True) as file:
                for line in lines:
                    digest.update(line)
                    file.write(line)
                    count += 1
            digests[name] = digest.hexdigest()
            return count

        for number, (ecosystem, (fetched_at, advisories)) in enumerate(sorted(ecosystems.items())):
            name = f"osv/{number}.jsonl"
            count = add(name, (json.dumps(one, sort_keys=True).encode() + b"\n" for one in advisories))
            parts.append(Ecosystem(name=ecosystem, file=name, fetched_at=fetched_at, advisories=count))
        add(_KEV, [json.dumps({"cves": sorted(set(exploited))}).encode()])
        add(_LIFECYCLE, [json.dumps(list(endings)).encode()])
        manifest = json.dumps(
            {
                "format": FORMAT,
                "made_at": made_at.isoformat(),
                "key": primitives.ed25519_public(key).hex(),
                "files": digests,
                "ecosystems": [
                    {
                        "name": part.name,
                        "file": part.file,
                        "fetched_at": part.fetched_at.isoformat(),
                        "advisories": part.advisories,
                    }
                    for part in parts
                ],
            },
            sort_keys=True,
        ).encode()
        archive.writestr(_entry(_MANIFEST), manifest)
        archive.writestr(_entry(_SIGNATURE), primitives.ed25519_sign(key, _PREFIX + manifest))
    return Manifest(
        made_at=made_at, key=primitives.ed25519_public(key), files=digests, ecosystems=tuple(parts)
    )


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _LONG_AGO)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


class Bundle:
    """A bundle whose signature and every byte have been checked."""

    def __init__(self, file: IO[bytes], *, trusted: Sequence[bytes], at: datetime) -> None:
        """Check everything.

        Raises:
            BundleRefused, BundleNotSigned, BundleDamaged, BundleFromTheFuture.
        """
        try:
            self._zip = zipfile.ZipFile(file)
            entries = self._zip.infolist()
        except _BROKEN as error:
            raise BundleRefused from error
        names = [entry.filename for entry in entries]
        if len(names) > _MOST_FILES or len(set(names)) != len(names):
            raise BundleRefused
        if any(entry.compress_type not in _PACKED for entry in entries):
            raise BundleRefused
        if sum(entry.file_size for entry in entries) > _MOST_BYTES:
            raise BundleRefused
        manifest = self._small(_MANIFEST)
        self.manifest = _verified(manifest, self._small(_SIGNATURE), trusted)
        if set(names) != {_MANIFEST, _SIGNATURE, *self.manifest.files}:
            raise BundleDamaged
        if self.manifest.made_at > at + _FUTURE or self.manifest.fetched_at > self.manifest.made_at + _FUTURE:
            raise BundleFromTheFuture
        for name, digest in self.manifest.files.items():
            if self._digest(name) != digest:
                raise BundleDamaged

    def check(self) -> None:
        """Read every advisory, so that none that cannot be read is ever passed over in silence.

        Raises:
            BundleDamaged: one cannot, or there are others than the manifest says.
        """
        self.exploited()
        self.endings()
        for ecosystem in self.manifest.ecosystems:
            if sum(1 for _ in self._documents(ecosystem.file)) != ecosystem.advisories:
                raise BundleDamaged

    def answer(self, names: frozenset[tuple[str, str]]) -> Answer:
        """Return what it says of the packages (ecosystem, name).

        Raises:
            BundleDamaged
        """
        found = [
            advisory
            for ecosystem in self.manifest.ecosystems
            for advisory in self._documents(ecosystem.file)
            if advisory is not None and any((one.ecosystem, one.name) in names for one in advisory.affected)
        ]
        # An ecosystem without a single advisory is one that nobody looked at.
        covered = {one.name: one.fetched_at for one in self.manifest.ecosystems if one.advisories}
        return Answer(
            source="bundle",
            advisories=tuple(found),
            covered=covered,
            exploited=self.exploited(),
            endings=self.endings(),
        )

    def exploited(self) -> frozenset[str]:
        """Return the weaknesses known to be used in attacks."""
        found = self._json(_KEV)
        if not isinstance(found, dict) or not isinstance(found.get("cves"), list):
            raise BundleDamaged
        return frozenset(str(each) for each in found["cves"])

    def endings(self) -> dict[tuple[str, str], date]:
        """Return how long series are mended."""
        found = self._json(_LIFECYCLE)
        try:
            return {
                (str(one["product"]), str(one["series"])): date.fromisoformat(one["ends_on"]) for one in found
            }
        except (KeyError, TypeError, ValueError) as error:
            raise BundleDamaged from error

    def _documents(self, name: str) -> Iterator[Advisory | None]:
        with self._zip.open(name) as file:
            while line := file.readline(_MOST_LINE):
                try:
                    document = json.loads(line)
                    if not isinstance(document, dict):
                        raise BundleDamaged
                    yield matching.read(document)
                except (ValueError, RecursionError, MalformedAdvisory) as error:
                    raise BundleDamaged from error

    def _json(self, name: str) -> Any:
        try:
            return json.loads(self._zip.read(name))
        except (KeyError, ValueError, RecursionError) as error:
            raise BundleDamaged from error

    def _small(self, name: str) -> bytes:
        try:
            with self._zip.open(name) as file:
                found = file.read(_MOST_MANIFEST + 1)
        except _BROKEN as error:
            raise BundleRefused from error
        if len(found) > _MOST_MANIFEST:
            raise BundleRefused
        return found

    def _digest(self, name: str) -> str:
        digest = hashlib.sha256()
        try:
            with self._zip.open(name) as file:
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
        except _BROKEN as error:
            raise BundleDamaged from error
        return digest.hexdigest()


def _verified(manifest: bytes, signature: bytes, trusted: Sequence[bytes]) -> Manifest:
    for key in trusted:
        try:
            primitives.ed25519_verify(key, signature, _PREFIX + manifest)
        except primitives.InvalidSignature:
            continue
        return _read(manifest, key)
    raise BundleNotSigned


def _read(manifest: bytes, key: bytes) -> Manifest:
    try:
        said = json.loads(manifest)
        if said["format"] != FORMAT:
            raise BundleRefused
        found = Manifest(
            made_at=_moment(said["made_at"]),
            key=key,
            files={str(name): str(digest) for name, digest in said["files"].items()},
            ecosystems=tuple(
                Ecosystem(
                    name=str(one["name"]),
                    file=str(one["file"]),
                    fetched_at=_moment(one["fetched_at"]),
                    advisories=int(one["advisories"]),
                )
                for one in said["ecosystems"]
            ),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BundleRefused from error
    if not found.ecosystems or any(one.file not in found.files for one in found.ecosystems):
        raise BundleRefused
    return found


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("a moment without its zone")
    return found


def opened(data: bytes, *, trusted: Sequence[bytes], at: datetime) -> Bundle:
    """Check a bundle that is held in memory; see `Bundle`."""
    return Bundle(io.BytesIO(data), trusted=trusted, at=at)
