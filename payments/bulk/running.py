"""Working on a selection: each portion in a transaction of its own, permission and state looked at again for each.

Promise kept: what was done, what was left out and why, and how far it came stand in one transaction with the act, so
that a job which is delivered again after a crash does nothing twice; whoever may do it no longer stops it.
"""

import logging
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from accounts import queries as people
from accounts.lists import queries as lists
from accounts.lists import services as selections
from accounts.lists.queries import Chosen
from audit import services as audit
from billing.issuer import queries as issuers
from core import ids
from core.actor import Actor, ActorKind, Via
from core.errors import Conflict, Forbidden, NotFound, Refusal, Sealed
from payments import events
from payments.bulk import acts
from payments.bulk.acts import Act, Outcome
from payments.services import sending
from tenancy import jobs, suspension
from tenancy.context import Scope, attempt, scope, use_case
from tenancy.models import Job

_log = logging.getLogger("strongbox.payments")
# How long what leaves the house can be called back.
HOLD_SECONDS = 20
# What has not begun by then is handed out again, and after so long never more.
_LATE, _FORGOTTEN = timedelta(minutes=2), timedelta(minutes=30)


class TooManyChosen(Refusal):
    """At most 10,000 rows are worked on at a time. Narrow the list down."""

    code = "too_many_chosen"


class BegunAlready(Conflict):
    """This was begun already. See how far it is."""

    code = "begun_already"


class OnItsWay(Conflict):
    """This invoice is on its way already. Call it back, or wait until it has gone out."""

    code = "on_its_way"


class NoLongerAllowed(Refusal):
    """Whoever asked for this may do it no longer."""

    code = "no_longer_allowed"


class NotToBeStopped(Conflict):
    """This work has ended, or cannot be stopped."""

    code = "not_to_be_stopped"


class OnlyWhoBeganStops(Forbidden):
    """Only whoever began this work stops it."""

    code = "only_who_began_stops"


def tasks_of() -> Any:
    """Return Celery's door to this module, which imports it."""
    from payments.bulk import tasks  # noqa: PLC0415  as said

    return tasks


def act_of(chosen: Chosen) -> Act:
    """Return what is to be done to a selection.

    Raises:
        NotFound: nothing that a job does.
    """
    found = acts.ACTS.get(chosen.action)
    if found is None or found.listing != chosen.listing:
        raise NotFound
    return found


@use_case
def begin(*, selection_id: UUID, actor: Actor, at: datetime) -> Job:
    """Begin the work on a selection of one's own; a worker does it after the commit.

    Raises:
        NotFound, TooManyChosen, BegunAlready.
        NoLongerAllowed: the actor may not do this.
    """
    chosen = lists.selection(selection_id, user_id=actor.id)
    act = act_of(chosen)
    if chosen.count > acts.MOST:
        raise TooManyChosen
    if not _may(act, actor, at):
        raise NoLongerAllowed
    job = jobs.start(kind=act.job, at=at, total=chosen.count, created_by=actor.id)
    if not selections.begin(selection_id=chosen.id, job_id=job.pk, actor=actor):
        raise BegunAlready
    facts: dict[str, str | int | bool] = {"act": act.code, "rows": chosen.count}
    audit.record(events.BULK_BEGUN, actor=actor, subject=("job", job.pk), facts=facts)
    tasks_of().work_soon(chosen.id, delay=HOLD_SECONDS if act.leaves else 0)
    return job


@use_case
def send_later(*, invoice_id: UUID, actor: Actor, at: datetime) -> Job:
    """Have one invoice sent once it can no longer be called back.

    Raises:
        As `services.sending.send` does, for what is known by now; NoLongerAllowed.
        OnItsWay: the same person has sent it a moment ago.
    """
    if held(invoice_id=invoice_id, actor=actor, at=at) is not None:
        raise OnItsWay
    sending.check(invoice_id=invoice_id, actor=actor, at=at)
    chosen = selections.choose(
        listing=acts.SEND.listing, action=acts.SEND.code, ids=[invoice_id], count=1, actor=actor, at=at
    )
    return begin(selection_id=chosen.pk, actor=actor, at=at)


def held(*, invoice_id: UUID, actor: Actor, at: datetime) -> tuple[UUID, int] | None:
    """Return the job by which somebody sends an invoice and has not begun yet, and how many seconds it waits."""
    for job in jobs.waiting(kind=acts.SEND.job, since=at - _FORGOTTEN, until=at, created_by=actor.id):
        chosen = lists.of_job(job.pk)
        if chosen is not None and chosen.ids == (invoice_id,):
            return job.pk, max(0, HOLD_SECONDS - int((at - job.created_at).total_seconds()))
    return None


@use_case
def hand_out_again(*, at: datetime) -> int:
    """Hand out again what should have begun long ago: its message was lost. Return how many."""
    late = jobs.waiting(kind="bulk.", since=at - _FORGOTTEN, until=at - _LATE)
    found = [chosen for chosen in (lists.of_job(job.pk) for job in late) if chosen is not None]
    for chosen in found:
        tasks_of().work_soon(chosen.id, delay=0)
    return len(found)


@use_case
def stop(*, job_id: UUID, actor: Actor, at: datetime) -> None:
    """Stop the work on a selection: what is done stays done, the rest is left.

    Raises:
        NotFound, OnlyWhoBeganStops, NotToBeStopped.
    """
    job = jobs.find(job_id)
    if job is None:
        raise NotFound
    if not job.kind.startswith("bulk."):
        raise NotToBeStopped
    if job.created_by != actor.id:
        raise OnlyWhoBeganStops
    if not jobs.cancel(job_id=job_id, at=at):
        raise NotToBeStopped
    audit.record(events.BULK_STOPPED, actor=actor, subject=("job", job_id))


def work(*, tenant_id: UUID, selection_id: UUID, now: Callable[[], datetime]) -> None:
    """Work on a selection; call it outside any scope. Delivered again after a crash, it goes on where it was."""
    inside = Scope(tenant_id)
    with scope(inside):
        chosen = lists.selection(selection_id)
        act = act_of(chosen)
        portions = act.portions(chosen)
        on = now().astimezone(ZoneInfo(issuers.time_zone())).date()
    actor = Actor(
        kind=ActorKind.USER,
        via=Via.TASK,
        id=chosen.user_id,
        request_id=ids.uuid7(),
        label="task:payments.work_selection",
    )
    total = sum(len(keys) for _, keys in portions)
    job_id = chosen.job_id
    if job_id is None:
        return
    try:
        for last, keys in portions:
            if chosen.reached is not None and last <= chosen.reached:
                total -= len(keys)
                continue
            with scope(inside):
                suspension.refuse()
                if not _step(act, chosen, job_id, last, keys, total=total, on_day=on, actor=actor, at=now()):
                    return
        with scope(inside):
            _end(job_id, actor=actor, at=now())
    except Refusal as refusal:
        with scope(inside):
            jobs.fail(job_id=job_id, at=now(), code=refusal.code)
    except Exception:
        with scope(inside):
            jobs.fail(job_id=job_id, at=now(), code="failed")
        raise


@use_case
def _step(
    act: Act,
    chosen: Chosen,
    job_id: UUID,
    last: UUID,
    keys: list[UUID],
    *,
    total: int,
    on_day: date,
    actor: Actor,
    at: datetime,
) -> bool:
    """Do one portion; False when the job was stopped."""
    reached = selections.hold(selection_id=chosen.id)
    job = jobs.find(job_id)
    if job is None or job.state not in (Job.State.QUEUED, Job.State.RUNNING):
        return False
    if reached is not None and last <= reached:  # another worker was faster
        return True
    if not _may(act, actor, at):
        raise NoLongerAllowed
    outcome, failed = _tried(act, last, keys, on_day, actor, at)
    counts = {
        "done": job.counts.get("done", 0) + outcome.done,
        "skipped": job.counts.get("skipped", 0) + (0 if failed else len(outcome.left)),
        "failed": job.counts.get("failed", 0) + (len(outcome.left) if failed else 0),
    }
    selections.reach(selection_id=chosen.id, row_id=last, left_out=outcome.left)
    done = sum(counts.values())
    jobs.advance(job_id=job_id, at=at, done=done, total=max(total, done), counts=counts)
    return True


def _tried(
    act: Act, last: UUID, keys: list[UUID], on_day: date, actor: Actor, at: datetime
) -> tuple[Outcome, bool]:
    try:
        with attempt():
            return act.do(last, keys, on_day, actor, at), False
    except Sealed:
        raise
    except Refusal as refusal:
        return Outcome(left=[(str(key), refusal.code, refusal.message) for key in keys]), False
    except Exception:
        # One row that cannot be worked on keeps no other from its turn.
        _log.exception("a row of a selection failed")
        sentence = "It failed on our side. Try this one again by itself."
        return Outcome(left=[(str(key), "failed", sentence) for key in keys]), True


@use_case
def _end(job_id: UUID, *, actor: Actor, at: datetime) -> None:
    job = jobs.find(job_id)
    if job is None or job.state not in (Job.State.QUEUED, Job.State.RUNNING):
        return
    counts = {name: job.counts.get(name, 0) for name in ("done", "skipped", "failed")}
    jobs.finish(job_id=job_id, at=at, counts=counts)
    facts: dict[str, str | int | bool] = {"act": job.kind, **counts}
    audit.record(events.BULK_ENDED, actor=actor, subject=("job", job_id), facts=facts)


def _may(act: Act, actor: Actor, at: datetime) -> bool:
    held = people.permissions_of_actor(actor=actor, tenant=people.current_organization(), at=at)
    return act.permission in held
