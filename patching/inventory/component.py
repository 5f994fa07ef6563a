"""One thing that runs here."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What sort of thing it is."""

    PYTHON = "python"
    VENDORED = "vendored"
    DEBIAN = "debian"
    ENGINE = "engine"


class Scope(StrEnum):
    """Whether it serves anybody. What stands in no list of ours should not be there."""

    PRODUCTION = "production"
    DEVELOPMENT = "development"
    UNLISTED = "unlisted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """What it is, whose advisories speak of it, and what proves that it is that and nothing else.

    `ecosystem`, `advisory_name` and `advisory_version` are how OSV names it; `sha256` is the digest of what is
    installed; `pinned` are the digests of the files that the locked requirements allow.
    """

    kind: Kind
    name: str
    version: str
    ecosystem: str
    advisory_name: str
    advisory_version: str
    licence: str
    sha256: str
    purl: str
    scope: Scope = Scope.PRODUCTION
    direct: bool = False
    pinned: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    # Whether the files are those that were published.
    intact: bool = True
