"""Where backups are stored: one contract (contract.py), three kinds of place."""

from importlib import import_module
from urllib.parse import urlsplit

from backups.targets.contract import (
    AlreadyStored,
    Credentials,
    KeptLonger,
    NameRefused,
    NotStored,
    Sink,
    StillKept,
    Stored,
    Target,
    TargetRefused,
    TargetUnknown,
    TargetUnusable,
)

__all__ = [
    "AlreadyStored",
    "Credentials",
    "KeptLonger",
    "NameRefused",
    "NotStored",
    "Sink",
    "StillKept",
    "Stored",
    "Target",
    "TargetRefused",
    "TargetUnknown",
    "TargetUnusable",
    "of",
]

# Loaded when asked for: the web's processes need neither AWS's library nor SSH.
_KINDS = {"file": "folder", "s3": "s3", "sftp": "sftp"}


def of(url: str, *, credentials: Credentials | None = None) -> Target:
    """Return the target that a URL names. Nothing is connected to yet.

        file:///mnt/backups     an absolute path is enough
        s3://bucket/prefix?region=eu-central-1&endpoint=https://host
        sftp://user@host:22/absolute/path

    A password never stands in it. Raises TargetUnknown.
    """
    parts = urlsplit(f"file://{url}" if url.startswith("/") else url)
    kind = _KINDS.get(parts.scheme)
    if kind is None or parts.password is not None or parts.fragment:
        raise TargetUnknown(field="url")
    found: Target = import_module(f"backups.targets.{kind}").from_url(parts, credentials or Credentials())
    return found
