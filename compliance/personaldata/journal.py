"""The journal of erasures: lines outside the database, because a restore turns the database back and not the law.

A line names ids alone and is signed with the installation's secret, so that nobody has a person erased by writing one.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core import signing

_NAME = "erasures.journal"
_SALT = "strongbox.erasures.v1"


class JournalTouched(RuntimeError):
    """A line of the journal of erasures was not written by this installation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One person who was erased; of no organization for somebody who only had an account."""

    tenant_id: UUID | None
    kind: str
    subject_id: UUID
    at: str


def append(line: Line) -> bool:
    """Write one line and wait until it is on the disk; False where this process has no journal."""
    path = _path()
    if path is None:
        return False
    body: dict[str, Any] = {
        "tenant": line.tenant_id.hex if line.tenant_id else "",
        "kind": line.kind,
        "subject": line.subject_id.hex,
        "at": line.at,
    }
    written = signing.Signer(salt=_SALT).sign_object(body) + "\n"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600), "ab+") as file:
        # A line cut short by a crash is closed first, or the next one would be unreadable with it.
        if file.tell() and os.pread(file.fileno(), 1, file.tell() - 1) != b"\n":
            file.write(b"\n")
        file.write(written.encode())
        file.flush()
        os.fsync(file.fileno())
    return True


def lines() -> Iterator[Line]:
    """Read every line, oldest first. A last one that a crash cut short is passed over.

    Raises:
        JournalTouched: one is not ours.
    """
    path = _path()
    if path is None or not path.exists():
        return
    raw = path.read_text().splitlines()
    for number, text in enumerate(raw, start=1):
        try:
            body = signing.Signer(salt=_SALT).unsign_object(text)
        except (signing.BadSignature, ValueError) as error:
            if number == len(raw) and not path.read_text().endswith("\n"):
                return
            raise JournalTouched(f"line {number}") from error
        yield Line(
            tenant_id=UUID(body["tenant"]) if body["tenant"] else None,
            kind=body["kind"],
            subject_id=UUID(body["subject"]),
            at=body["at"],
        )


def _path() -> Path | None:
    folder: Path | None = settings.ERASURE_DIR
    return None if folder is None else folder / _NAME
