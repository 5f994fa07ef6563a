"""The long work of a request, outside any transaction: its file, encrypted as it is read, and the search for words."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from compliance.personaldata import exporting, finds
from compliance.requests import queries, services
from core.actor import Actor
from core.errors import Refusal
from outbound import files
from tenancy import jobs
from tenancy.context import Scope, scope


def make(*, tenant_id: UUID, request_id: UUID, actor: Actor, now: Callable[[], datetime]) -> None:
    """Collect and keep; call it outside any scope. A failure is noted on the job."""
    _noted(_make, tenant_id, request_id, actor, now)


def search(*, tenant_id: UUID, request_id: UUID, actor: Actor, now: Callable[[], datetime]) -> None:
    """Search what was typed, and note where the person is named; call it outside any scope."""
    _noted(_search, tenant_id, request_id, actor, now)


def _noted(
    work: Callable[[UUID, UUID, UUID | None, Actor, Callable[[], datetime]], None],
    tenant_id: UUID,
    request_id: UUID,
    actor: Actor,
    now: Callable[[], datetime],
) -> None:
    with scope(Scope(tenant_id)):
        job_id = queries.get(request_id).job_id
    try:
        work(tenant_id, request_id, job_id, actor, now)
    except Exception as fault:
        if job_id is not None:
            with scope(Scope(tenant_id)):
                jobs.fail(
                    job_id=job_id, at=now(), code=fault.code if isinstance(fault, Refusal) else "failed"
                )
        if not isinstance(fault, Refusal):
            raise


def _make(
    tenant_id: UUID, request_id: UUID, job_id: UUID | None, actor: Actor, now: Callable[[], datetime]
) -> None:
    rows = 0

    def told(done: int, total: int) -> None:
        nonlocal rows
        rows = total
        if job_id is not None:
            with scope(Scope(tenant_id)):
                jobs.advance(job_id=job_id, at=now(), done=done, total=total)

    made = files.prepare(
        tenant_id=tenant_id,
        media_type="application/zip",
        chunks=exporting.pieces(
            tenant_id=tenant_id,
            find=lambda: services.person_of(queries.get(request_id)),
            at=now(),
            told=told,
        ),
        most_bytes=exporting.MOST_BYTES,
    )
    with scope(Scope(tenant_id)):
        services.keep_file(request_id=request_id, job_id=job_id, made=made, rows=rows, actor=actor, at=now())


def _search(
    tenant_id: UUID, request_id: UUID, job_id: UUID | None, actor: Actor, now: Callable[[], datetime]
) -> None:
    rows = 0

    def told(done: int, total: int) -> None:
        nonlocal rows
        rows = done
        if job_id is not None:
            with scope(Scope(tenant_id)):
                jobs.advance(job_id=job_id, at=now(), done=done, total=total)

    inside = Scope(tenant_id)
    began = now()
    with scope(inside):
        person = services.person_of(queries.get(request_id))
    found = [
        (place.label, place.name, key, hits) for place, key, hits in finds.hits(inside, person, told=told)
    ]
    with scope(inside):
        count = finds.keep(request_id=request_id, found=found, rows=rows, actor=actor, at=began)
        if job_id is not None:
            jobs.finish(job_id=job_id, at=now(), counts={"rows": rows, "found": count})
