"""Running what is due: begun, worked off by any number of processes, finished, and gone on with after a crash.

Promise kept: whatever dies wherever, a run that is started again ends with each fact billed once. Chunks are handed out
by the run's own row; what a dead process had been handed is found by the walk that ends every run. Each step is a
transaction of its own, so this is called outside of any scope.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from importlib import import_module
from uuid import UUID

from django.db import DataError, IntegrityError, OperationalError
from django.db.models import Exists, OuterRef, Sum

from audit import services as audit
from billing import events
from billing.invoices.rules import local_day
from billing.issuer import services as issuers
from billing.issuer.models import Issuer
from billing.runs.engine import Engine, Outcome, Skip
from billing.runs.engine import Job as Order
from billing.runs.models import BillingRun, BillingRunChunk, BillingRunSkip
from billing.runs.rules import CHUNK, PlannedInvoice, PlannedOtherwise, Planner
from core import days
from core.actor import Actor
from core.errors import Refusal, Suspended
from crypto import keyring
from tenancy import bulk, context, jobs, suspension
from tenancy.context import use_case
from tenancy.models import Tenant

KIND = "billing.run"
_ATTEMPTS = 5
_TELL_EVERY = 1  # second
STALLED_AFTER = timedelta(minutes=5)
_log = logging.getLogger("strongbox.billing")


class RunInFuture(Refusal):
    """What is due on a day to come can be billed in a test organization only."""

    code = "run_in_future"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a run has come to so far."""

    run_id: UUID
    state: str
    invoices: int
    skipped: int


@use_case
def begin(*, on: date, actor: Actor, at: datetime) -> BillingRun:
    """Begin the run of a day, or return the one of that day that is under way.

    The invoices bear today's date, or in a test organization the day itself when it lies ahead.

    Raises:
        RunInFuture: the day has not come, and the organization is a live one.
        IssuerMissing: nobody has said who bills.
        Suspended: the organization does no business.
        DayOutOfRange: the day is no day that is reckoned with.
    """
    suspension.refuse()
    days.check(on, field="on")
    issuer = Issuer.objects.first()
    if issuer is None:
        raise issuers.IssuerMissing
    today = local_day(at, issuer.time_zone)
    if on > today and not Tenant.objects.filter(pk=context.current_tenant(), mode=Tenant.Mode.TEST).exists():
        raise RunInFuture(field="on")
    under_way = BillingRun.objects.filter(on=on, state=BillingRun.State.RUNNING)
    row: BillingRun | None = under_way.first()
    if row is not None:
        return row
    made = BillingRun(on=on, issued_on=max(on, today), created_by=actor.id, created_at=at)
    # Of two who begin at once the second waits here and joins the first.
    BillingRun.objects.bulk_create([made], ignore_conflicts=True)
    found: BillingRun = under_way.get()
    if found.pk == made.pk:
        found.job_id = jobs.start(kind=KIND, at=at, created_by=actor.id).pk
        found.save(update_fields=["job_id"])
        audit.record(
            events.BILLING_RUN_STARTED,
            actor=actor,
            subject=("billing_run", found.pk),
            facts={"on": on.isoformat()},
        )
    return found


def work(
    *,
    tenant_id: UUID,
    run_id: UUID,
    actor: Actor,
    clock: Callable[[], datetime],
    planner: Planner | None = None,
) -> Result:
    """Work a run off, alone or beside other processes, and return what it has come to.

    Raises:
        NoBulkRole: this process may not do bulk work.
        ScopeIsOpen: a scope is open; each chunk opens one of its own.
        Refusal: nobody can be billed as things are; the run says so with its code.
    """
    with bulk.role():
        return _Worker(tenant_id, run_id, actor, clock, planner or usual_planner()).work()


def usual_planner() -> Planner:
    """Return who knows what of subscriptions, usage and charges is due."""
    # Named, not imported: what it plans with may ask about runs.
    planner: Planner = import_module("billing.subscriptions.planning")
    return planner


class _Worker:
    """One process at work on one run."""

    def __init__(
        self, tenant_id: UUID, run_id: UUID, actor: Actor, clock: Callable[[], datetime], planner: Planner
    ) -> None:
        self._scope = context.Scope(tenant_id)
        self._run_id, self._actor, self._clock, self._planner = run_id, actor, clock, planner
        self._told_at: int | None = None
        self._total: int | None = None

    def work(self) -> Result:
        """Take chunks until none is left, then look once whether something was left behind."""
        with context.scope(self._scope):
            run: BillingRun = BillingRun.objects.get(pk=self._run_id)
        self._engine = Engine(
            Order(run_id=run.pk, on=run.on, issued_on=run.issued_on, planner=self._planner, actor=self._actor)
        )
        try:
            while planned := self._hand_out():
                self._bill(planned)
            self._look_again(run)
            self._finish()
        except Suspended:
            # It stays under way: whoever looks for stalled runs goes on with it once the organization works again.
            raise
        except Refusal as refusal:
            self._fail(refusal.code)
            raise
        finally:
            keyring.count_all()
        with context.scope(self._scope):
            return result(run.pk)

    def _hand_out(self) -> list[PlannedInvoice]:
        """Take the next chunk: who comes after waits for the planning, and gets the one behind it."""
        with context.scope(self._scope):
            suspension.refuse()
            run = BillingRun.objects.select_for_update(no_key=True).get(pk=self._run_id)
            if run.state != BillingRun.State.RUNNING:
                return []
            planned = self._planner.due(run.on, run.cursor, CHUNK)
            if planned:
                BillingRun.objects.filter(pk=run.pk).update(cursor=planned[-1].customer_id)
            self._tell(run)
            return planned

    def _look_again(self, run: BillingRun) -> None:
        """Bill what a process that died had been handed. What others have in hand is theirs: the facts decide."""
        after, billed = None, 0
        while True:
            with context.scope(self._scope):
                state = BillingRun.objects.values_list("state", flat=True).get(pk=run.pk)
                planned = self._planner.due(run.on, after, CHUNK)
            if state != BillingRun.State.RUNNING or not (planned or billed):
                return
            if not planned:
                # What did not fit on the invoices of this walk may come with the next.
                after, billed = None, 0
                continue
            billed += self._bill(planned)
            after = planned[-1].customer_id

    def _bill(self, planned: Sequence[PlannedInvoice]) -> int:
        """Bill a chunk and return how many it made; one that the database refuses is found by halves, and skipped."""
        made = 0
        for start in range(0, len(planned), CHUNK):
            chunk = planned[start : start + CHUNK]
            try:
                made += self._try(chunk)
            except PlannedOtherwise:
                # The walk at the end plans these customers anew.
                continue
            except (IntegrityError, DataError) as error:
                _log.warning(
                    "a chunk of %d was refused by the database: %s", len(chunk), type(error).__name__
                )
                if len(chunk) == 1:
                    made += self._by_halves(chunk[0])
                    continue
                half = len(chunk) // 2
                made += self._bill(chunk[:half]) + self._bill(chunk[half:])
        return made

    def _try(self, planned: Sequence[PlannedInvoice]) -> int:
        """Bill a chunk in one transaction; again when others were in the way."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with context.scope(self._scope):
                    outcome: Outcome = self._engine.bill(planned, at=self._clock())
                    self._note(outcome.skipped)
                return outcome.invoices
            except OperationalError:
                self._engine.forget_session()
                if attempt == _ATTEMPTS:
                    raise
                time.sleep(attempt / 20)
            except BaseException:
                self._engine.forget_session()
                raise
        raise AssertionError("the last attempt returns or raises")

    def _by_halves(self, planned: PlannedInvoice) -> int:
        """Bill what the database refuses together in halves, and skip what it refuses alone."""
        keys = [key for _, key in planned.subjects]
        if planned.without is None or len(keys) < 2:
            kind, key = planned.subjects[0] if len(planned.subjects) == 1 else ("", None)
            self._skip([(planned.customer_id, "failed", kind, key)])
            return 0
        half = len(keys) // 2
        return sum(self._bill([planned.without(frozenset(others))]) for others in (keys[half:], keys[:half]))

    def _skip(self, skipped: Sequence[Skip]) -> None:
        with context.scope(self._scope):
            self._note(skipped)

    def _note(self, skipped: Sequence[Skip]) -> None:
        if skipped:
            at = self._clock()
            BillingRunSkip.objects.bulk_create(
                [
                    BillingRunSkip(
                        run_id=self._run_id,
                        customer_id=customer,
                        code=code,
                        subject_kind=kind,
                        subject_id=key,
                        at=at,
                    )
                    for customer, code, kind, key in dict.fromkeys(skipped)
                ],
                ignore_conflicts=True,
            )

    def _tell(self, run: BillingRun) -> None:
        """Let whoever waits see how far it is, about once a second."""
        now = time.monotonic_ns() // 10**9
        if run.job_id is None or (self._told_at is not None and now - self._told_at < _TELL_EVERY):
            return
        self._told_at = now
        so_far = result(run.pk)
        done = so_far.invoices + so_far.skipped
        jobs.advance(
            job_id=run.job_id,
            at=self._clock(),
            done=done,
            total=max(done, self._expected(run)),
            counts={"invoices": so_far.invoices, "skipped": so_far.skipped},
        )

    def _expected(self, run: BillingRun) -> int:
        """Say how many there will be: asked once, when the first chunk is handed out."""
        if self._total is None:
            self._total = self._planner.count(run.on) + result(run.pk).invoices
        return self._total

    def _finish(self) -> None:
        at = self._clock()
        with context.scope(self._scope):
            done = BillingRun.objects.filter(pk=self._run_id, state=BillingRun.State.RUNNING).update(
                state=BillingRun.State.DONE, finished_at=at
            )
            if not done:
                return
            run = BillingRun.objects.get(pk=self._run_id)
            so_far = result(run.pk)
            counts = {"invoices": so_far.invoices, "skipped": so_far.skipped}
            if run.job_id is not None:
                total = so_far.invoices + so_far.skipped
                jobs.advance(job_id=run.job_id, at=at, done=total, total=total)
                jobs.finish(job_id=run.job_id, at=at, counts=counts)
            audit.record(
                events.BILLING_RUN_FINISHED, actor=self._actor, subject=("billing_run", run.pk), facts=counts
            )

    def _fail(self, code: str) -> None:
        at = self._clock()
        with context.scope(self._scope):
            failed = BillingRun.objects.filter(pk=self._run_id, state=BillingRun.State.RUNNING)
            job_id = failed.values_list("job_id", flat=True).first()
            if failed.update(state=BillingRun.State.FAILED, finished_at=at, code=code[:64]):
                if job_id is not None:
                    jobs.fail(job_id=job_id, at=at, code=code)
                audit.record(
                    events.BILLING_RUN_FAILED,
                    actor=self._actor,
                    subject=("billing_run", self._run_id),
                    reason=code,
                    result="failed",
                )


def result(run_id: UUID) -> Result:
    """Add up what a run has come to, in the scope that is open."""
    state = BillingRun.objects.values_list("state", flat=True).get(pk=run_id)
    made = BillingRunChunk.objects.filter(run_id=run_id).aggregate(made=Sum("invoices"))["made"]
    skipped = BillingRunSkip.objects.filter(run_id=run_id).values("customer_id").distinct().count()
    return Result(run_id=run_id, state=state, invoices=made or 0, skipped=skipped)


def stalled(*, at: datetime) -> list[UUID]:
    """List the runs under way that have brought nothing for a while: whoever worked on them has died."""
    before = at - STALLED_AFTER
    rows = BillingRun.objects.filter(state=BillingRun.State.RUNNING, created_at__lt=before)
    busy = BillingRunChunk.objects.filter(run_id=OuterRef("pk"), at__gte=before)
    return list(rows.filter(~Exists(busy)).values_list("pk", flat=True))


def night(*, at: datetime) -> date | None:
    """Return the day that has begun where the issuer is, unless it has had its run."""
    time_zone = Issuer.objects.values_list("time_zone", flat=True).first()
    today = local_day(at, time_zone or "UTC")
    return None if BillingRun.objects.filter(on=today).exists() else today
