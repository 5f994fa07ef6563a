"""Ending an organization: everything handed over, a month to think again, then every key destroyed.

Promise kept: nothing is destroyed before the month is over or without the export; what remains afterwards opens
nothing, and the certificate says which keys went, when, and what they had protected.
"""

import base64
import hashlib
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings

from audit import services as audit
from compliance import events
from compliance.closing import exporting
from compliance.closing.models import Closing
from compliance.retention import queries as holds
from core import canonical
from core.actor import Actor
from core.errors import Conflict, NotFound
from crypto import services as crypto
from crypto.models import DataKey, KeyState, TenantKey
from outbound import files
from tenancy.context import Scope, current_tenant, scope, use_case
from tenancy.models import Tenant

HOLD = timedelta(days=30)
State = Closing.State


class OperatorStays(Conflict):
    """The operator's organization cannot be closed: its keys protect every person's account."""

    code = "operator_stays"


class ClosingAlready(Conflict):
    """This organization is being closed already."""

    code = "closing_already"


class OrganizationHeld(Conflict):
    """A legal hold stands. Lift it first."""

    code = "legal_hold"


class NotOverYet(Conflict):
    """The month to think again is not over."""

    code = "not_over_yet"


def begin(
    *,
    tenant_id: UUID,
    actor: Actor,
    now: Callable[[], datetime],
    also: Callable[[bytes], object] | None = None,
) -> Closing:
    """Export everything, and start the month; call it outside any scope. `also` is given the export piece by piece.

    Raises:
        OperatorStays, ClosingAlready, OrganizationHeld.
    """
    with scope(Scope(tenant_id)):
        _may_begin()
    digest = hashlib.sha256()

    def watched() -> Iterator[bytes]:
        for piece in exporting.pieces(tenant_id=tenant_id, at=now()):
            digest.update(piece)
            if also is not None:
                also(piece)
            yield piece

    made = files.prepare(
        tenant_id=tenant_id,
        media_type="application/zip",
        chunks=watched(),
        most_bytes=exporting.MOST_BYTES,
    )
    with scope(Scope(tenant_id)):
        return _begin(made, digest.hexdigest(), actor=actor, at=now())


def _may_begin() -> None:
    tenant = Tenant.objects.get(pk=current_tenant())
    if tenant.kind == Tenant.Kind.OPERATOR:
        raise OperatorStays
    if Closing.objects.filter(state=State.HOLDING).exists():
        raise ClosingAlready
    if holds.holds(open_only=True):
        raise OrganizationHeld


@use_case
def _begin(made: files.Prepared, digest: str, *, actor: Actor, at: datetime) -> Closing:
    _may_begin()
    file = files.keep_prepared(
        made, kind="closing", name=f"organization-{at.date().isoformat()}.zip", actor=actor, at=at, keep=HOLD
    )
    row = Closing(asked_by=actor.id, asked_at=at, until=at + HOLD, file=file, digest=digest)
    row.save(force_insert=True)
    audit.record(events.ORGANIZATION_CLOSING, actor=actor, facts={"until": row.until.date().isoformat()})
    return row


@use_case
def cancel(*, actor: Actor, at: datetime) -> Closing:
    """Take the closing of the organization in scope back; nothing was destroyed.

    Raises:
        NotFound: it is not being closed.
    """
    row = _standing()
    if row.file is not None and row.file.content_key:
        files.delete(file=row.file, actor=actor)
    row.state, row.canceled_by, row.ended_at = State.CANCELED, actor.id, at
    row.save(update_fields=["state", "canceled_by", "ended_at"])
    audit.record(events.ORGANIZATION_REOPENED, actor=actor)
    return row


@use_case
def close(*, actor: Actor, at: datetime) -> Closing:
    """Destroy every key of the organization in scope, now that the month is over, and write the certificate.

    Raises:
        NotFound: it is not being closed.
        NotOverYet, OrganizationHeld.
    """
    row = _standing()
    if at < row.until:
        raise NotOverYet
    if holds.holds(open_only=True):
        raise OrganizationHeld
    tenant = Tenant.objects.get(pk=current_tenant())
    keys = [
        {"id": str(key.pk), "purpose": getattr(key, "purpose", "tenant"), "version": key.version}
        for model in (TenantKey, DataKey)
        for key in model.objects.filter(tenant_id=tenant.pk).exclude(state=KeyState.DESTROYED).order_by("pk")
    ]
    rows = exporting.counts()
    count = crypto.destroy_tenant_keys(tenant_id=tenant.pk, actor=actor, at=at)
    certificate: dict[str, Any] = {
        "organization": str(tenant.pk),
        "asked_at": row.asked_at.isoformat(),
        "closed_at": at.isoformat(),
        "export_sha256": row.digest,
        "keys": keys,
        "rows_that_can_be_read_no_more": rows,
    }
    digest = hashlib.sha256(canonical.dumps(certificate))
    row.state, row.ended_at = State.CLOSED, at
    row.certificate = {**certificate, "sha256": digest.hexdigest()}
    row.save(update_fields=["state", "ended_at", "certificate"])
    # Nobody enters any more, and no task works there.
    Tenant.objects.filter(pk=tenant.pk).update(state=Tenant.State.SEALED)
    # The trail is sealed with a key of its own: what stands in it proves the certificate.
    audit.record(
        events.ORGANIZATION_CLOSED,
        actor=actor,
        facts={"keys": count, "certificate": base64.b32encode(digest.digest()).decode().rstrip("=").lower()},
    )
    return row


def shred_files(tenant_id: UUID) -> int:
    """Remove the bytes of an organization whose keys are gone; return how many files there were."""
    folder = Path(settings.FILES_DIR) / tenant_id.hex
    if not folder.is_dir():
        return 0
    count = sum(1 for _ in folder.iterdir())
    shutil.rmtree(folder)
    return count


def _standing() -> Closing:
    rows = Closing.objects.select_for_update(no_key=True, of=("self",)).select_related("file")
    row: Closing | None = rows.filter(state=State.HOLDING).first()
    if row is None:
        raise NotFound("This organization is not being closed.")
    return row
