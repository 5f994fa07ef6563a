"""Running controls: each in a transaction of its own, and what they answered.

Promise kept: a control that breaks is recorded as undecided and keeps no other from running; a result never changes;
what was in order and is not any more is told once, in the trail of the organization it concerns.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from time import monotonic
from uuid import UUID

from audit import services as audit
from compliance import events
from compliance.controls import registry, rules
from compliance.controls.models import ControlResult, ControlStatus
from compliance.controls.rules import Control, Outcome, State
from core import ids
from core.actor import Actor
from core.errors import Conflict, NotFound, Refusal
from tenancy import context, jobs
from tenancy.context import Scope, scope, use_case
from tenancy.models import Job, Tenant

KIND = "compliance.run"
_log = logging.getLogger("strongbox.compliance")


class RunLasts(Conflict):
    """The controls are being run already. Their results will stand here."""

    code = "run_lasts"


class NotLive(Refusal):
    """No machine decides this control: people bring the evidence."""

    code = "not_live"


@use_case
def ask(*, actor: Actor, at: datetime, code: str = "") -> Job:
    """Ask for a run of one control or of all, in the organization in scope; a worker does it after the commit.

    Raises:
        NotFound: there is no such control.
        NotLive: people decide it.
        RunLasts: a run has been asked for and is not finished.
    """
    from compliance import tasks  # noqa: PLC0415  the tasks import this module

    if code:
        wanted = registry.of(code)
        if wanted is None:
            raise NotFound
        if not wanted.is_live:
            raise NotLive
    if jobs.lasting(kind=KIND) is not None:
        raise RunLasts
    total = 1 if code else len(registry.live())
    job = jobs.start(kind=KIND, at=at, total=total, created_by=actor.id)
    audit.record(events.RUN_ASKED, actor=actor, subject=("job", job.pk), facts={"control": code or "all"})
    sent = [str(context.current_tenant()), str(job.pk), code, str(actor.id or "")]
    jobs.hand_over(job, lambda: tasks.run_controls.delay(*sent))
    return job


def run(
    *,
    tenant_id: UUID,
    actor: Actor,
    now: Callable[[], datetime],
    codes: Sequence[str] = (),
    job_id: UUID | None = None,
    asked_by: UUID | None = None,
) -> dict[str, int]:
    """Run the live controls of an organization, or those named, and return how many answered what.

    Opens its own transactions; call it outside any scope.
    """
    wanted = [control for control in registry.live() if not codes or control.code in codes]
    counts = dict.fromkeys(State, 0)
    inside = Scope(tenant_id)
    with context.system_scope(reason="what is said of the host depends on who asks"):
        is_operator = Tenant.objects.filter(pk=tenant_id, kind=Tenant.Kind.OPERATOR).exists()
    try:
        for done, control in enumerate(wanted):
            at, started = now(), monotonic()
            outcome = answer(control, inside, at=at)
            if control.of_host and not is_operator:
                outcome = rules.without_places(outcome)
            spent = round((monotonic() - started) * 1000)
            counts[outcome.state] += 1
            with scope(inside):
                keep(control, outcome, duration_ms=spent, actor=actor, at=at, asked_by=asked_by)
                if job_id is not None:
                    jobs.advance(job_id=job_id, at=now(), done=done + 1, total=len(wanted))
    except Exception:
        if job_id is not None:
            with scope(inside):
                jobs.fail(job_id=job_id, at=now(), code="failed")
        raise
    found = {state.value: count for state, count in counts.items()}
    with scope(inside):
        audit.record(events.CONTROL_RAN, actor=actor, facts={"controls": len(wanted), **found})
        if job_id is not None:
            jobs.finish(job_id=job_id, at=now(), counts=found)
    return found


def due(*, at: datetime) -> list[str]:
    """List the controls of the organization in scope that are to be run again."""
    checked = dict(ControlStatus.objects.values_list("code", "checked_at"))
    return [
        control.code for control in registry.live() if rules.is_due(control, checked.get(control.code), at=at)
    ]


def answer(control: Control, inside: Scope, *, at: datetime) -> Outcome:
    """Ask a control, in transactions of its own that change nothing; whatever breaks is undecided."""
    if not control.is_live:
        raise NotLive
    place = _place(control, inside)
    try:
        if control.long_check is not None and place.tenant is not None:
            return control.long_check(place.tenant, at)
        if control.check is None:
            raise NotLive
        with scope(place):
            return control.check(at)
    except Refusal as refusal:
        return rules.unknown(f"It could not be checked: {refusal.code}.", code=refusal.code)
    except Exception as fault:
        # The name of the fault alone: its text may quote a value.
        _log.exception("a control broke", extra={"control": control.code})
        return rules.unknown(
            "The check itself broke; its log line names the fault.", code=type(fault).__name__
        )


def _place(control: Control, inside: Scope) -> Scope:
    if not control.asks_operator:
        return inside
    with context.system_scope(reason="the operator's organization answers for the whole installation"):
        return Scope(Tenant.objects.values_list("pk", flat=True).get(kind=Tenant.Kind.OPERATOR))


@use_case
def keep(
    control: Control,
    outcome: Outcome,
    *,
    duration_ms: int,
    actor: Actor,
    at: datetime,
    asked_by: UUID | None = None,
) -> ControlResult:
    """Store what a control answered, and say what became of it."""
    evidence = outcome.evidence
    row = ControlResult(
        id=ids.uuid7(),
        code=control.code,
        state=outcome.state.value,
        at=at,
        duration_ms=duration_ms,
        summary=outcome.summary[:300],
        evidence=evidence,
        digest=rules.digest(control.code, at.isoformat(), evidence),
        asked_by=asked_by,
    )
    row.save(force_insert=True)
    # Locked: of two runs at once the later one sees what the earlier one said.
    status = ControlStatus.objects.select_for_update().filter(code=control.code).first()
    before = State(status.state) if status else None
    if status is None:
        status = ControlStatus(code=control.code, since=at)
    elif before is not outcome.state:
        status.since = at
    status.state, status.checked_at, status.is_stale = outcome.state.value, at, False
    status.result_id = row.pk
    status.save()
    facts = {"control": control.code, "state": outcome.state.value}
    if rules.is_regression(before, outcome.state):
        audit.record(
            events.CONTROL_REGRESSED, actor=actor, subject=("control", row.pk), facts=facts, result="failed"
        )
    elif rules.is_recovery(before, outcome.state):
        audit.record(events.CONTROL_RECOVERED, actor=actor, subject=("control", row.pk), facts=facts)
    return row


@use_case
def notice_stale(*, actor: Actor, at: datetime) -> int:
    """Say of the controls of the organization in scope that were not checked in time, once each; return how many."""
    found = 0
    rows = ControlStatus.objects.select_for_update(skip_locked=True).filter(is_stale=False)
    for status in rows:
        control = registry.of(status.code)
        if control is None or not rules.is_stale(control, status.checked_at, at=at):
            continue
        status.is_stale = True
        status.save(update_fields=["is_stale"])
        audit.record(
            events.CONTROL_STALE,
            actor=actor,
            subject=("control", status.result_id),
            facts={"control": status.code},
            result="failed",
        )
        found += 1
    return found
