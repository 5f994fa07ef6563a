"""Reading billing runs, and what one would bring."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db.models import Count, Sum

from billing.invoices.rules import local_day
from billing.issuer.models import Issuer
from billing.runs import services
from billing.runs.engine import Engine, Job, Outcome
from billing.runs.models import BillingRun, BillingRunChunk, BillingRunSkip
from billing.runs.rules import Planner, reason, way_out
from core.actor import Actor
from core.errors import NotFound

# So many customers are looked at before a run; more would keep a page waiting.
MOST_PREVIEWED = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """How many invoices of one currency, and what they come to."""

    currency: str
    invoices: int
    total_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """So many customers that could not be billed, for one reason."""

    code: str
    reason: str
    customers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One run and what it has come to."""

    id: UUID
    on: date
    issued_on: date
    state: str
    code: str
    job_id: UUID | None
    created_by: UUID | None
    created_at: datetime
    finished_at: datetime | None
    totals: Sequence[Total] = ()
    skipped: Sequence[Skipped] = ()

    @property
    def invoices(self) -> int:
        """All invoices together."""
        return sum(total.invoices for total in self.totals)

    @property
    def customers_skipped(self) -> int:
        """All skipped together."""
        return sum(one.customers for one in self.skipped)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a run would bring. Not `is_whole`: there is more than was looked at."""

    totals: Sequence[Total]
    skipped: Sequence[Skipped]
    is_whole: bool

    @property
    def invoices(self) -> int:
        """All invoices together."""
        return sum(total.invoices for total in self.totals)


@dataclass(frozen=True, slots=True, kw_only=True)
class SkipRow:
    """One customer that a run could not bill."""

    id: UUID
    customer_id: UUID
    code: str
    reason: str
    way_out: str
    # What alone of theirs was left out; else nothing of theirs was billed.
    subject_kind: str = ""
    subject_id: UUID | None = None


def page(*, limit: int, after: UUID | None = None) -> tuple[list[RunRow], UUID | None]:
    """List runs, newest first, and the cursor of the next page."""
    rows = BillingRun.objects.order_by("-id")
    found = list((rows if after is None else rows.filter(pk__lt=after))[: limit + 1])
    next_after = found[limit - 1].pk if len(found) > limit else None
    return _rows(found[:limit]), next_after


def get(run_id: UUID) -> RunRow:
    """Return one run.

    Raises:
        NotFound: there is none.
    """
    found = list(BillingRun.objects.filter(pk=run_id))
    if not found:
        raise NotFound
    return _rows(found)[0]


def skips(run_id: UUID, *, limit: int) -> list[SkipRow]:
    """List the first customers that a run skipped."""
    rows = BillingRunSkip.objects.filter(run_id=run_id).order_by("id")[:limit]
    return [
        SkipRow(
            id=row.pk,
            customer_id=row.customer_id,
            code=row.code,
            reason=reason(row.code),
            way_out=way_out(row.code, row.subject_kind),
            subject_kind=row.subject_kind,
            subject_id=row.subject_id,
        )
        for row in rows
    ]


def today(at: datetime) -> date:
    """Return the day it is where the issuer is."""
    return local_day(at, Issuer.objects.values_list("time_zone", flat=True).first() or "UTC")


def preview(*, on: date, actor: Actor, at: datetime, planner: Planner | None = None) -> Preview:
    """Compute what a run of a day would bring, and store nothing.

    Raises:
        IssuerMissing: nobody has said who bills.
    """
    planner = planner or services.usual_planner()
    planned = planner.due(on, None, MOST_PREVIEWED)
    job = Job(run_id=UUID(int=0), on=on, issued_on=max(on, today(at)), planner=planner, actor=actor)
    outcome = Outcome()
    sums: dict[str, list[int]] = {}
    for item in Engine(job).prepare(planned, outcome):
        row = sums.setdefault(item.planned.currency, [0, 0])
        row[0] += 1
        row[1] += item.shape.change.total_minor
    codes = Counter(code for _, code in dict.fromkeys(skip[:2] for skip in outcome.skipped))
    more = bool(planned) and bool(planner.due(on, planned[-1].customer_id, 1))
    return Preview(
        totals=[
            Total(currency=currency, invoices=row[0], total_minor=row[1])
            for currency, row in sorted(sums.items())
        ],
        skipped=[
            Skipped(code=code, reason=reason(code), customers=count) for code, count in sorted(codes.items())
        ],
        is_whole=not more,
    )


def _rows(found: Sequence[BillingRun]) -> list[RunRow]:
    keys = [row.pk for row in found]
    totals: dict[UUID, list[Total]] = {}
    chunks = BillingRunChunk.objects.filter(run_id__in=keys).values("run_id", "currency")
    for entry in chunks.annotate(n=Sum("invoices"), total=Sum("total_minor")).order_by("currency"):
        total = Total(currency=entry["currency"], invoices=int(entry["n"]), total_minor=int(entry["total"]))
        totals.setdefault(entry["run_id"], []).append(total)
    skipped: dict[UUID, list[Skipped]] = {}
    for entry in (
        BillingRunSkip.objects.filter(run_id__in=keys)
        .values("run_id", "code")
        .annotate(n=Count("customer_id", distinct=True))
        .order_by("code")
    ):
        one = Skipped(code=entry["code"], reason=reason(entry["code"]), customers=entry["n"])
        skipped.setdefault(entry["run_id"], []).append(one)
    return [
        RunRow(
            id=row.pk,
            on=row.on,
            issued_on=row.issued_on,
            state=row.state,
            code=row.code,
            job_id=row.job_id,
            created_by=row.created_by,
            created_at=row.created_at,
            finished_at=row.finished_at,
            totals=totals.get(row.pk, ()),
            skipped=skipped.get(row.pk, ()),
        )
        for row in found
    ]
