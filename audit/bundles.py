"""Exports of the trail that prove themselves: four files, every byte of them under one signature.

Promise kept: an auditor needs neither this database nor this software. The app writes the files and asks;
the sealer, which alone holds the key, signs a statement of where the trail ends. It signs only for a head
that is its own newest seal of that organization, so that a taken-over app cannot have a shortened trail
certified.
"""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

from django.db import connections, transaction

from audit import keys, rules, verification
from audit.models import Bundle
from core import canonical, clock
from core.errors import Refusal
from tenancy import context

EVENTS, SEALS, KEYS, MANIFEST = "events.jsonl", "seals.jsonl", "public_keys.txt", "manifest.json"
FORMAT = "strongbox.audit.bundle.v1"
_POLL_SECONDS = 0.2
_WAITING = (
    "SELECT bundle.id, bundle.tenant_id, tenant.slug, bundle.seals, bundle.head, bundle.files::text "
    "FROM audit_bundle AS bundle JOIN tenancy_tenant AS tenant ON tenant.id = bundle.tenant_id "
    "WHERE bundle.state = 'pending' ORDER BY bundle.created_at LIMIT 20 FOR UPDATE OF bundle SKIP LOCKED"
)
# An export may take an hour from its last seal to its signature; later seals are no sign of a cut-off end.
_HEAD = (
    "SELECT hash, to_json(sealed_at AT TIME ZONE 'UTC') #>> '{}', "
    "(SELECT sum(count) FROM audit_seal WHERE tenant_id = %s AND n <= %s), "
    "EXISTS (SELECT FROM audit_seal WHERE tenant_id = %s AND n = %s + 1 "
    "AND sealed_at < clock_timestamp() - interval '1 hour') FROM audit_seal WHERE tenant_id = %s AND n = %s"
)


class SealerSilent(Refusal):
    """The sealer did not answer in time. Check that its process runs."""

    code = "sealer_silent"
    status = 503


class NothingSealed(Refusal):
    """Nothing of this organization has been sealed yet."""

    code = "nothing_sealed"


class BundleRefused(Refusal):
    """The sealer refused to sign: the files do not end at the newest seal of this organization."""

    code = "bundle_refused"


class FolderInUse(Refusal):
    """The folder must be empty or absent: nothing is ever overwritten."""

    code = "folder_in_use"


@dataclass(slots=True)
class _Digest:
    """A file being written, and what the manifest will say about it."""

    file: BinaryIO
    size: int = 0
    lines: int = 0
    hash: Any = field(default_factory=hashlib.sha256)

    def write(self, line: bytes) -> None:
        self.file.write(line)
        self.hash.update(line)
        self.size += len(line)
        self.lines += 1

    def entry(self) -> dict[str, canonical.Value]:
        return {"bytes": self.size, "sha256": self.hash.hexdigest()}


def export(
    *, tenant: UUID, folder: Path, recorded_in: verification.Position, timeout_seconds: float = 120.0
) -> Bundle:
    """Write the whole sealed trail of an organization into `folder` and return its signed record.

    It waits until the transaction `recorded_in`, in which the export itself was recorded, is sealed. Call it
    outside any scope: it opens short ones of its own.

    Raises:
        FolderInUse: something lies there already.
        SealerSilent: the sealer does not seal or sign within the time.
        NothingSealed: there is no seal to end at.
        BundleRefused: the sealer would not sign.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FolderInUse
    deadline = time.monotonic() + timeout_seconds
    extent = _wait(lambda: _sealed_beyond(tenant, recorded_in), deadline)
    if extent.seals == 0:
        raise NothingSealed
    files = {
        EVENTS: _write(folder / EVENTS, lambda out: _write_events(out, tenant, extent.sealed_below)),
        KEYS: _write(folder / KEYS, _write_keys),
        SEALS: _write(folder / SEALS, lambda out: _write_seals(out, tenant, extent.seals)),
    }
    with context.scope(context.Scope(tenant)):
        bundle = Bundle.objects.create(
            events=files[EVENTS].lines,
            seals=extent.seals,
            head=extent.head,
            files={name: written.entry() for name, written in files.items()},
            created_at=clock.now(),
        )
    signed: Bundle = _wait(lambda: _answered(tenant, bundle.pk), max(deadline, time.monotonic() + 30))
    if signed.state != Bundle.State.SIGNED or signed.manifest is None:
        raise BundleRefused
    (folder / MANIFEST).write_bytes(bytes(signed.manifest))
    return signed


def _write(path: Path, fill: Callable[[_Digest], None]) -> _Digest:
    with path.open("xb") as file:
        out = _Digest(file)
        fill(out)
    return out


def _write_events(out: _Digest, tenant: UUID, below: verification.Position) -> None:
    for page in verification.event_pages(tenant):
        for row in page:
            if verification.Position(row[rules.EPOCH], int(row[rules.XID])) < below:
                out.write(rules.leaf(row) + b"\n")


def _write_seals(out: _Digest, tenant: UUID, last: int) -> None:
    for page in verification.seal_pages(tenant, last=last):
        for seal in page:
            out.write(seal.exported() + b"\n")


def _write_keys(out: _Digest) -> None:
    for public in keys.public_keys().values():
        out.write(public.hex().encode() + b"\n")


def _sealed_beyond(tenant: UUID, recorded_in: verification.Position) -> verification.Extent | None:
    extent = verification.extent(tenant)
    return extent if recorded_in < extent.sealed_below else None


def _answered(tenant: UUID, bundle: UUID) -> Bundle | None:
    with context.scope(context.Scope(tenant)):
        return Bundle.objects.exclude(state=Bundle.State.PENDING).filter(pk=bundle).first()


def _wait(answer: Callable[[], Any], deadline: float) -> Any:
    while (found := answer()) is None:
        if time.monotonic() > deadline:
            raise SealerSilent
        time.sleep(_POLL_SECONDS)
    return found


def sign_waiting(key: keys.SigningKey, *, using: str) -> int:
    """Sign each waiting export that agrees with the seals, refuse the others; return how many."""
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        cursor.execute(_WAITING)
        waiting = cursor.fetchall()
        for bundle, tenant, slug, seals, head, files in waiting:
            manifest = _manifest(cursor, key, tenant, slug, seals, bytes(head), files)
            cursor.execute(
                "UPDATE audit_bundle SET state = %s, manifest = %s WHERE tenant_id = %s AND id = %s",
                ["signed" if manifest else "refused", manifest, tenant, bundle],
            )
    return len(waiting)


def _manifest(
    cursor: Any, key: keys.SigningKey, tenant: UUID, slug: str, seals: int, head: bytes, files: str
) -> bytes | None:
    cursor.execute(_HEAD, [tenant, seals, tenant, seals, tenant, seals])
    found = cursor.fetchone()
    named = _files(files)
    if found is None or bytes(found[0]) != head or found[3] or named is None:
        return None
    body: dict[str, canonical.Value] = {
        "events": int(found[2]),
        "files": named,
        "format": FORMAT,
        "head": head.hex(),
        "head_sealed_at": found[1],
        "key": key.key_id.hex(),
        "organization": slug,
        "seals": seals,
        "signed_at": rules.moment(clock.now()),
        "tenant": str(tenant),
    }
    signature = key.sign(rules.MANIFEST_DOMAIN, canonical.dumps(body))
    return canonical.dumps({"manifest": body, "signature": signature.hex()}) + b"\n"


def _files(text: str) -> Mapping[str, canonical.Value] | None:
    """Return what the app says about its files, if it says exactly that and nothing else."""
    value = rules.readable(text)
    if not isinstance(value, dict) or set(value) != {EVENTS, SEALS, KEYS}:
        return None
    for entry in value.values():
        if not isinstance(entry, dict) or set(entry) != {"bytes", "sha256"}:
            return None
        if not isinstance(entry["bytes"], int) or not isinstance(entry["sha256"], str):
            return None
    return value


def recorded_now() -> verification.Position:
    """Return where events recorded in the running transaction will stand in the order of sealing."""
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT max(epoch), pg_current_xact_id()::text FROM audit_epoch")
        epoch, xid = cursor.fetchone()
    return verification.Position(epoch, int(xid))
