"""Backups in an S3 bucket with Object Lock: not even the account that wrote them can delete them early.

A locked bucket keeps every version, and that has an edge: whoever steals the key cannot delete a backup, but can
lay a newer version or a delete marker over it. So what counts under a name is its first version, the one
that this program wrote; nothing laid over it later is ever read.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, BinaryIO, NoReturn, cast
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from backups.targets.contract import (
    AlreadyStored,
    Credentials,
    KeptLonger,
    NotStored,
    Sink,
    StillKept,
    Stored,
    Target,
    TargetUnknown,
    TargetUnusable,
    is_name,
    named,
)

# S3 takes 10,000 parts of an upload, of at least 5 MiB; one is held in memory. 4 GB in the small ones, 156 GB in
# the first two kinds, 491 GB in all.
_PARTS = ((250, 16 << 20), (5_000, 32 << 20), (10_000, 64 << 20))
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_MISSING = frozenset({"NoSuchKey", "NoSuchVersion", "404", "NotFound", "MethodNotAllowed"})


@dataclass(frozen=True, slots=True)
class _Version:
    key: str
    id: str
    size: int
    at: datetime


class Bucket(Target):
    """A bucket, or a part of one."""

    immutable = True

    def __init__(self, client: Any, bucket: str, prefix: str) -> None:
        self._client, self._bucket, self._prefix = client, bucket, prefix

    @contextmanager
    def create(self, name: str, *, keep_until: datetime) -> Iterator[Sink]:
        """Upload in parts; what is not completed is aborted and never appears."""
        key = self._key(name)
        if self._versions(key):
            raise AlreadyStored(field="name")
        # Before anything is stored: some servers take the wish for a lock and forget it.
        self.probe()
        lock = {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": _whole(keep_until)}
        begun = self._ask("create_multipart_upload", Key=key, **lock)
        upload = _Upload(self, key, begun["UploadId"])
        try:
            yield upload
            version = upload.complete()
        except BaseException:
            # An upload left behind costs money and shows nothing; the bucket's own rule removes what stays.
            with suppress(Exception):
                self._ask("abort_multipart_upload", Key=key, UploadId=upload.id)
            raise
        self._insist(key, version, keep_until)

    def get(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Stream the first version."""
        key = self._key(name)
        body = self._ask("get_object", Key=key, VersionId=self._first(key).id)["Body"]
        return closing(cast(BinaryIO, _Body(body)))

    def head(self, name: str) -> Stored:
        """Ask for the first version and its lock."""
        first = self._first(self._key(name))
        found = self._ask("head_object", Key=first.key, VersionId=first.id)
        return Stored(name, first.size, first.at, found.get("ObjectLockRetainUntilDate"))

    def list(self, prefix: str = "") -> Iterator[Stored]:
        """Yield the first version of every name; their locks are not asked for."""
        for version in self._versions(self._prefix + prefix, exactly=False):
            name = version.key.removeprefix(self._prefix)
            if is_name(name):
                yield Stored(name, version.size, version.at)

    def delete(self, name: str, *, at: datetime) -> None:
        """Delete every version; the bucket alone decides whether it is time, by its own clock."""
        key = self._key(name)
        self._first(key)
        for version in self._versions(key, every=True):
            self._ask("delete_object", Key=key, VersionId=version.id)

    def extend(self, name: str, *, keep_until: datetime) -> None:
        """Lock for longer; the bucket refuses to shorten."""
        until = self.head(name).keep_until
        if until is not None and keep_until <= until:
            raise KeptLonger(field="keep_until")
        first = self._first(self._key(name))
        self._lock(first.key, first.id, keep_until)

    def probe(self) -> None:
        """Ask whether the bucket answers and locks."""
        try:
            found = self._ask("get_object_lock_configuration")["ObjectLockConfiguration"]
        except TargetUnusable as error:
            if "ObjectLockConfigurationNotFound" in error.message:
                raise TargetUnusable(
                    "The bucket has no Object Lock; only a new bucket can have it."
                ) from None
            raise
        if found.get("ObjectLockEnabled") != "Enabled":
            raise TargetUnusable("The bucket has no Object Lock; only a new bucket can have it.")

    def sweep(self, *, before: datetime) -> int:
        """Abort uploads that were begun and left: their parts are paid for and shown nowhere."""
        begun = self._ask("list_multipart_uploads", Prefix=self._prefix).get("Uploads", ())
        left = [upload for upload in begun if upload["Initiated"] < before]
        for upload in left:
            self._ask("abort_multipart_upload", Key=upload["Key"], UploadId=upload["UploadId"])
        return len(left)

    def _key(self, name: str) -> str:
        return self._prefix + named(name)

    def _first(self, key: str) -> _Version:
        found = self._versions(key)
        if not found:
            raise NotStored(field="name")
        return found[0]

    def _versions(self, prefix: str, *, exactly: bool = True, every: bool = False) -> Sequence[_Version]:
        """Return the first version of each key (or every version of it, the first one first)."""
        found: dict[str, list[_Version]] = {}
        asked: dict[str, Any] = {"Prefix": prefix}
        while True:
            page = self._ask("list_object_versions", **asked)
            for entry in page.get("Versions", ()):
                if not exactly or entry["Key"] == prefix:
                    version = _Version(entry["Key"], entry["VersionId"], entry["Size"], entry["LastModified"])
                    found.setdefault(version.key, []).append(version)
            if not page.get("IsTruncated"):
                break
            asked |= {
                "KeyMarker": page["NextKeyMarker"],
                "VersionIdMarker": page.get("NextVersionIdMarker", ""),
            }
        # S3 answers the newest version first; the order of its answer, not times of one second, tells the age.
        return [
            version for key in sorted(found) for version in (found[key][::-1] if every else found[key][-1:])
        ]

    def _insist(self, key: str, version: str, keep_until: datetime) -> None:
        """See that what was stored is what counts under the name, and that it is locked."""
        if self._first(key).id != version:
            raise AlreadyStored(field="name")
        held = self._ask("head_object", Key=key, VersionId=version)
        # Not every server that speaks S3 honours a lock asked for at the beginning of an upload.
        if held.get("ObjectLockMode") != "COMPLIANCE":
            self._lock(key, version, keep_until)
            held = self._ask("head_object", Key=key, VersionId=version)
        if held.get("ObjectLockMode") != "COMPLIANCE":
            raise TargetUnusable("The bucket did not lock what was stored.")

    def _lock(self, key: str, version: str, until: datetime) -> None:
        retention = {"Mode": "COMPLIANCE", "RetainUntilDate": _whole(until)}
        self._ask("put_object_retention", Key=key, VersionId=version, Retention=retention)

    def _ask(self, operation: str, **asked: Any) -> Any:
        try:
            return getattr(self._client, operation)(Bucket=self._bucket, **asked)
        except ClientError as error:
            _refuse(error, operation)
        except BotoCoreError as error:
            raise TargetUnusable(_sentence(error)) from error


class _Upload:
    """The parts of one object."""

    def __init__(self, bucket: Bucket, key: str, id_: str) -> None:
        self._bucket, self._key, self.id = bucket, key, id_
        self._parts: list[dict[str, Any]] = []
        self._held = bytearray()

    def write(self, data: bytes) -> int:
        start = 0
        while start < len(data):
            size = self._size()
            piece = data[start : start + size - len(self._held)]
            self._held += piece
            start += len(piece)
            if len(self._held) == size:
                self._flush()
        return len(data)

    def complete(self) -> str:
        """Send the rest and let the object appear; return its version."""
        if self._held or not self._parts:
            self._flush()
        completed = self._bucket._ask(
            "complete_multipart_upload",
            Key=self._key,
            UploadId=self.id,
            MultipartUpload={"Parts": self._parts},
            IfNoneMatch="*",
        )
        return str(completed.get("VersionId", ""))

    def _size(self) -> int:
        for parts, size in _PARTS:
            if len(self._parts) < parts:
                return size
        raise TargetUnusable("The backup is larger than one object of a bucket can be.")

    def _flush(self) -> None:
        number, held = len(self._parts) + 1, self._held
        self._held = bytearray()
        sent = self._bucket._ask("upload_part", Key=self._key, UploadId=self.id, PartNumber=number, Body=held)
        self._parts.append({"PartNumber": number, "ETag": sent["ETag"]})


class _Body:
    """The bytes of an object; a connection that breaks is the target's fault."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def read(self, size: int = -1) -> bytes:
        try:
            return bytes(self._body.read(None if size < 0 else size))
        except (BotoCoreError, OSError) as error:
            raise TargetUnusable(_sentence(error)) from error

    def close(self) -> None:
        self._body.close()


def _sentence(error: Exception) -> str:
    return f"The bucket cannot be used: {str(error).rstrip('.')}."


def _refuse(error: ClientError, operation: str) -> NoReturn:
    code = error.response.get("Error", {}).get("Code", "")
    if code in _MISSING:
        raise NotStored(field="name") from None
    if code == "PreconditionFailed":
        raise AlreadyStored(field="name") from None
    if operation == "delete_object" and code in ("AccessDenied", "ObjectLocked", "InvalidRequest"):
        raise StillKept(field="name") from None
    if operation == "put_object_retention" and code in ("AccessDenied", "InvalidRequest"):
        raise KeptLonger(field="keep_until") from None
    raise TargetUnusable(f"The bucket refused {operation}: {code or error}.") from error


def _whole(at: datetime) -> datetime:
    """Return the time in whole seconds, rounded up: S3 cuts fractions off."""
    return at if not at.microsecond else at.replace(microsecond=0) + timedelta(seconds=1)


def from_url(parts: SplitResult, credentials: Credentials) -> Bucket:
    """Return the bucket of an s3 URL. Raises TargetUnknown."""
    asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    endpoint = asked.pop("endpoint", None)
    region = asked.pop("region", None)
    prefix = unquote(parts.path).strip("/")
    if asked or not parts.hostname or not region or not credentials.access_key or parts.username:
        raise TargetUnknown(field="url")
    if endpoint is not None:
        host = urlsplit(endpoint)
        # The archive is encrypted, but names, sizes and the key's signature are not.
        if host.scheme != "https" and not (host.scheme == "http" and host.hostname in _LOOPBACK):
            raise TargetUnknown("An endpoint is reached over https.", field="url")
    client = boto3.client(
        "s3",
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id=credentials.access_key,
        aws_secret_access_key=credentials.secret_key,
        config=Config(
            connect_timeout=10,
            read_timeout=60,
            retries={"mode": "standard", "max_attempts": 4},
            s3={"addressing_style": "path" if endpoint else "auto"},
        ),
    )
    return Bucket(client, parts.hostname, f"{prefix}/" if prefix else "")
