"""What every place for backups promises, whatever it is made of.

A name is written once and never again; it appears whole or not at all; it is not deleted before its date.
Whoever stores learns from `Stored` what is there; whoever asks for what is not there is refused.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import BinaryIO, ClassVar, Protocol

from core.errors import Refusal

BLOCK = 1 << 20
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}(?:/[a-z0-9][a-z0-9._-]{0,99}){0,5}")
KEEP_SUFFIX = ".keep"
# No name begins with a point, so what is being written is never listed.
PARTIAL = ".partial-"


class TargetRefused(Refusal):
    """This place for backups does not do that."""

    code = "target_refused"


class TargetUnknown(TargetRefused):
    """A place for backups is a folder, an s3:// bucket or an sftp:// account, described in full."""

    code = "target_unknown"


class TargetUnusable(TargetRefused):
    """The place for backups cannot be used as it is."""

    code = "target_unusable"
    status = 502


class NameRefused(TargetRefused):
    """A backup cannot be stored under this name."""

    code = "target_name_refused"


class AlreadyStored(TargetRefused):
    """Something is stored under this name, and what is stored is never overwritten."""

    code = "already_stored"


class NotStored(TargetRefused):
    """Nothing is stored under this name."""

    code = "not_stored"
    status = 404


class StillKept(TargetRefused):
    """This backup is kept until a later date and cannot be deleted before."""

    code = "still_kept"


class KeptLonger(TargetRefused):
    """The date until which a backup is kept can only be moved to a later one."""

    code = "kept_longer"


class Sink(Protocol):
    """Whatever takes bytes."""

    def write(self, data: bytes, /) -> object:
        """Take all of the bytes."""


@dataclass(frozen=True, slots=True)
class Stored:
    """One stored thing. A list may leave out `keep_until`; `head` never does."""

    name: str
    size: int
    stored_at: datetime
    keep_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Credentials:
    """How this installation shows who it is; never printed.

    `access_key` and `secret_key` are S3's; `ssh_key` is a private key in OpenSSH's text form, and
    `ssh_host_key` the line of known_hosts' kind ("ssh-ed25519 AAAA…") by which the server is known.
    """

    access_key: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)
    ssh_key: str = field(default="", repr=False)
    ssh_host_key: str = field(default="", repr=False)


class Target(ABC):
    """One place for backups."""

    # Whether the other side itself refuses to delete early, whoever asks.
    immutable: ClassVar[bool]

    @abstractmethod
    def create(self, name: str, *, keep_until: datetime) -> AbstractContextManager[Sink]:
        """Take bytes for a new name; it appears, durable, when the block ends without an exception.

        Raises NameRefused, AlreadyStored or TargetUnusable.
        """

    @abstractmethod
    def get(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Open what is stored, now and not first inside the block. Raises NotStored or TargetUnusable."""

    @abstractmethod
    def head(self, name: str) -> Stored:
        """Return what is known of a name. Raises NotStored."""

    @abstractmethod
    def list(self, prefix: str = "") -> Iterator[Stored]:
        """Yield everything whose name begins with `prefix`, in the order of names."""

    @abstractmethod
    def delete(self, name: str, *, at: datetime) -> None:
        """Remove what is stored. Raises StillKept before its date, NotStored."""

    @abstractmethod
    def extend(self, name: str, *, keep_until: datetime) -> None:
        """Keep longer (a legal hold, a later policy). Raises KeptLonger when the date is not later, NotStored."""

    @abstractmethod
    def probe(self) -> None:
        """Find out whether a backup could be stored now. Raises TargetUnusable, saying why."""

    @abstractmethod
    def sweep(self, *, before: datetime) -> int:
        """Remove what was begun before a moment and never ended (a process was killed); return how many."""

    def put(self, name: str, stream: BinaryIO, keep_until: datetime) -> Stored:
        """Store everything the stream holds. Raises what `create` raises."""
        with self.create(name, keep_until=keep_until) as sink:
            while block := stream.read(BLOCK):
                sink.write(block)
        return self.head(name)


def is_name(name: str) -> bool:
    """Tell whether something could be stored under this name; whatever else lies at a target is not ours."""
    return bool(_NAME.fullmatch(name)) and not name.endswith(KEEP_SUFFIX) and ".." not in name


def named(name: str) -> str:
    """Return the name if it is one. Raises NameRefused."""
    if not is_name(name):
        raise NameRefused(field="name")
    return name


def written(at: datetime) -> str:
    """Return a time as a keep file spells it; seconds, rounded up, so that nothing is kept too short."""
    whole = at.astimezone(UTC)
    seconds = int(whole.timestamp()) + (1 if whole.microsecond else 0)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def spelled(text: str) -> datetime:
    """Return the time that a keep file spells. Raises ValueError."""
    return datetime.strptime(text.strip(), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
