"""The scan: how many texts were looked at, and where something stands that looks like a card number.

Promise kept (PCI DSS 3.5.1, 12.10.7): no number is ever repeated, in the result, the trail or the log; a finding names
its place, so that a person can look and remove it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from audit import queries as trail
from audit import services as audit
from audit.models import Event
from core import cardnumbers
from core.actor import Actor
from core.errors import Conflict
from payments import events
from payments.cards import stores
from tenancy import context, jobs
from tenancy.context import Scope, scope, use_case
from tenancy.models import Job

KIND = "cards.scan"
_MOST_RECORDED = 100


class ScanRuns(Conflict):
    """A scan is under way already. Its result will stand here."""

    code = "scan_runs"


@dataclass(frozen=True, slots=True)
class Found:
    """A place where something stands that looks like a card number."""

    place: str
    row: UUID | None


@dataclass(slots=True)
class Scan:
    """What was looked at. `unread` are files that are no text; `shared` are values of the cache and the queue."""

    tables: int = 0
    values: int = 0
    files: int = 0
    unread: int = 0
    shared: int = 0
    found: list[Found] = field(default_factory=list)

    def look(self, text: stores.Text) -> None:
        """Look at one text."""
        if cardnumbers.contains_card_number(text.text):
            finding = Found(text.place, text.row)
            if finding not in self.found:
                self.found.append(finding)


def last() -> Event | None:
    """Return the last scan of the organization in scope, from the trail; its facts are the counts."""
    found = trail.events(trail.Filters(event=events.CARDS_SCANNED.code), limit=1).events
    return found[0] if found else None


@use_case
def ask(*, actor: Actor, at: datetime) -> Job:
    """Ask for a scan of the organization in scope and return its job; a worker does it after the commit.

    Raises:
        ScanRuns: one has been asked for and is not finished.
    """
    from payments import tasks  # noqa: PLC0415  the tasks import this module

    if jobs.lasting(kind=KIND) is not None:
        raise ScanRuns
    job = jobs.start(kind=KIND, at=at, created_by=actor.id)
    sent = [str(context.current_tenant()), str(job.pk)]
    jobs.hand_over(job, lambda: tasks.scan_cards.delay(*sent))
    return job


def run(*, tenant_id: UUID, actor: Actor, now: Callable[[], datetime], job_id: UUID | None = None) -> Scan:
    """Look at everything one organization has stored, and at what all share; call it outside any scope."""
    result = Scan()
    tables = stores.tables()
    try:
        for done, (model, names) in enumerate(tables):
            _advance(tenant_id, job_id, done, len(tables), now())
            result.tables += 1
            for page in stores.rows(tenant_id, model, names):
                result.values += len(page)
                for text in page:
                    result.look(text)
        for _, texts in stores.stored_files(tenant_id, actor):
            if texts is None:
                result.unread += 1
                continue
            result.files += 1
            for text in texts:
                result.look(text)
        for text in stores.shared():
            result.shared += 1
            result.look(text)
    except Exception:
        if job_id is not None:
            with scope(Scope(tenant_id)):
                jobs.fail(job_id=job_id, at=now(), code="failed")
        raise
    with scope(Scope(tenant_id)):
        record(result, actor=actor, job_id=job_id, at=now())
    return result


@use_case
def record(result: Scan, *, actor: Actor, job_id: UUID | None, at: datetime) -> None:
    """Leave the counts in the trail, and each place where something was found."""
    for finding in result.found[:_MOST_RECORDED]:
        facts = {"place": finding.place, "row": str(finding.row or "")}
        audit.record(events.CARD_NUMBER_FOUND, actor=actor, facts=facts, result="failed")
    counts = {
        "tables": result.tables, "values": result.values, "files": result.files, "unread": result.unread,
        "shared": result.shared, "found": len(result.found),
    }  # fmt: skip
    audit.record(
        events.CARDS_SCANNED, actor=actor, facts=counts, result="failed" if result.found else "success"
    )
    if job_id is not None:
        jobs.finish(job_id=job_id, at=at, counts=counts)


def _advance(tenant_id: UUID, job_id: UUID | None, done: int, total: int, at: datetime) -> None:
    if job_id is not None:
        with scope(Scope(tenant_id)):
            jobs.advance(job_id=job_id, at=at, done=done, total=total)
