"""Taking a signed bundle of advisories in. What is refused leaves nothing but the record that it was tried."""

import hashlib
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.db import connection

from audit import services as audit
from core.actor import Actor
from core.errors import Refusal
from outbound import files
from outbound.models import StoredFile
from patching import events, looking, queries
from patching.advisories.bundle import Bundle as SignedBundle
from patching.advisories.bundle import BundleRefused
from patching.models import Bundle
from tenancy.context import Scope, scope, use_case

# Nobody else's advisory locks begin so: "PAU".
_LOCK = 0x504155
_MOST_BUNDLE_BYTES = 512 * 1024 * 1024


class BundleOlder(BundleRefused):
    """The bundle is older than the one that is here."""

    code = "bundle_older"


class BundleShrunk(BundleRefused):
    """The bundle holds less than half of the advisories that the one before it held."""

    code = "bundle_shrunk"


def take_in(*, path: Path, actor: Actor, at: datetime, smaller: bool = False) -> Bundle:
    """Take a signed bundle in; `smaller` lets one pass that holds far less than the one before.

    Raises:
        BundleRefused and its kinds: nothing is kept, and the attempt is recorded.
    """
    tenant_id = queries.operator_id()
    try:
        return _take_in(tenant_id, path, actor=actor, at=at, smaller=smaller)
    except Refusal as refusal:
        audit.record_apart(
            events.BUNDLE_REFUSED, actor=actor, facts={"code": refusal.code}, tenant_id=tenant_id
        )
        raise


def _take_in(tenant_id: UUID, path: Path, *, actor: Actor, at: datetime, smaller: bool) -> Bundle:
    if path.stat().st_size > _MOST_BUNDLE_BYTES:
        raise BundleRefused
    with path.open("rb") as file:
        signed = SignedBundle(file, trusted=looking.trusted_keys(), at=at)
        signed.check()
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        made = files.prepare(
            tenant_id=tenant_id,
            media_type="application/zip",
            chunks=iter(lambda: file.read(1024 * 1024), b""),
            most_bytes=_MOST_BUNDLE_BYTES,
        )
    with scope(Scope(tenant_id)):
        return _keep_bundle(made=made, signed=signed, digest=digest, actor=actor, at=at, smaller=smaller)


@use_case
def _keep_bundle(
    *, made: files.Prepared, signed: SignedBundle, digest: str, actor: Actor, at: datetime, smaller: bool
) -> Bundle:
    manifest = signed.manifest
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [_LOCK])
    before = queries.newest_bundle()
    if before is not None:
        if manifest.made_at <= before.made_at:
            raise BundleOlder
        held = {one.name: one.advisories for one in manifest.ecosystems}
        if not smaller and any(held.get(one["name"], 0) * 2 < one["advisories"] for one in before.ecosystems):
            raise BundleShrunk
    file = files.keep_prepared(made, kind="advisories", name="advisories.zip", actor=actor, at=at)
    row = Bundle(
        file=file,
        made_at=manifest.made_at,
        fetched_at=manifest.fetched_at,
        imported_at=at,
        imported_by=actor.id,
        key=manifest.key.hex(),
        sha256=digest,
        advisories=manifest.advisories,
        ecosystems=[
            {"name": one.name, "fetched_at": one.fetched_at.isoformat(), "advisories": one.advisories}
            for one in manifest.ecosystems
        ],
    )
    row.save(force_insert=True)
    if before is not None:
        old: StoredFile = StoredFile.objects.get(pk=before.file_id)
        if old.content_key:
            files.delete(file=old, actor=actor)
    audit.record(events.BUNDLE_IMPORTED, actor=actor, facts={"advisories": manifest.advisories})
    return row
