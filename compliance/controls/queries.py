"""Reading controls: where each stands, its history, and what is let pass."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Max
from django.db.models.functions import TruncDate

from compliance.controls import registry, rules
from compliance.controls.models import ControlException, ControlResult, ControlStatus
from compliance.controls.rules import Control, Standing, State
from compliance.evidence.models import Evidence
from core.errors import NotFound

PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlRow:
    """A control and where it stands."""

    control: Control
    standing: Standing
    # The last answer behind it: an exception hides nothing.
    state: State | None = None
    since: datetime | None = None
    checked_at: datetime | None = None
    summary: str = ""
    result_id: UUID | None = None
    excepted_until: date | None = None
    evidence_until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRow:
    """What a control answered once."""

    id: UUID
    code: str
    state: str
    at: datetime
    duration_ms: int
    summary: str
    evidence: Mapping[str, Any]
    digest: str
    asked_by: UUID | None


def rows(*, at: datetime, codes: Sequence[str] | None = None) -> list[ControlRow]:
    """List every control, or those named, with where it stands in the organization in scope; four queries."""
    wanted = [each for each in registry.controls() if codes is None or each.code in codes]
    statuses = {each.code: each for each in ControlStatus.objects.all()}
    said = dict(
        ControlResult.objects.filter(pk__in=[each.result_id for each in statuses.values()]).values_list(
            "pk", "summary"
        )
    )
    active = ControlException.objects.filter(
        state=ControlException.State.ACTIVE, ends_on__gte=at.date()
    ).values_list("code", "ends_on")
    excepted: dict[str, date] = dict(active)
    brought: dict[str, date] = dict(
        Evidence.objects.filter(withdrawn_at__isnull=True)
        .order_by()
        .values_list("code")
        .annotate(until=Max("valid_until"))
    )
    found = []
    for control in wanted:
        status = statuses.get(control.code) if control.is_live else None
        state = State(status.state) if status else None
        found.append(
            ControlRow(
                control=control,
                standing=rules.standing(
                    control,
                    state=state,
                    checked_at=status.checked_at if status else None,
                    excepted=control.code in excepted,
                    evidence_until=brought.get(control.code),
                    at=at,
                ),
                state=state,
                since=status.since if status else None,
                checked_at=status.checked_at if status else None,
                summary=said.get(status.result_id, "") if status else "",
                result_id=status.result_id if status else None,
                excepted_until=excepted.get(control.code),
                evidence_until=brought.get(control.code),
            )
        )
    return found


def row(code: str, *, at: datetime) -> ControlRow:
    """Return one control.

    Raises:
        NotFound: there is none of that code.
    """
    found = rows(at=at, codes=[code])
    if not found:
        raise NotFound
    return found[0]


def history(
    code: str, *, limit: int = PAGE, after: UUID | None = None
) -> tuple[list[ResultRow], UUID | None]:
    """List what a control answered, newest first, and the cursor of the next page."""
    results = ControlResult.objects.filter(code=code).order_by("-id")
    if after is not None:
        results = results.filter(pk__lt=after)
    found = list(results[: limit + 1])
    shown = [_result(each) for each in found[:limit]]
    return shown, (shown[-1].id if len(found) > limit else None)


def latest(code: str) -> ResultRow | None:
    """Return a control's last result with its evidence."""
    status = ControlStatus.objects.filter(code=code).first()
    found = ControlResult.objects.filter(pk=status.result_id).first() if status else None
    return _result(found) if found else None


def days_of(codes: Sequence[str], *, until: date, days: int) -> dict[str, dict[date, State]]:
    """Return the worst answer of each control on each of the last days, for a strip."""
    first = until - timedelta(days=days - 1)
    found: dict[str, dict[date, State]] = {code: {} for code in codes}
    order = [State.FAILING, State.UNKNOWN, State.PASSING, State.NOT_APPLICABLE]
    # By the world's day, whatever zone the reader has set.
    results = (
        ControlResult.objects.filter(code__in=codes)
        .annotate(day=TruncDate("at", tzinfo=UTC))
        .filter(day__gte=first)
        .values_list("code", "day", "state")
    )
    for code, day, state in results.distinct():
        before = found[code].get(day)
        now = State(state)
        found[code][day] = now if before is None else min(before, now, key=order.index)
    return found


def regressions(*, since: datetime) -> list[tuple[str, datetime]]:
    """List controls that do not pass and did before, since when; the newest first."""
    failing = ControlStatus.objects.filter(state__in=[State.FAILING, State.UNKNOWN], since__gte=since)
    found = []
    for status in failing.order_by("-since"):
        earlier = ControlResult.objects.filter(
            code=status.code, at__lt=status.since, state=State.PASSING.value
        )
        if earlier.exists():
            found.append((status.code, status.since))
    return found


def last_run() -> datetime | None:
    """Return when a control was last checked in the organization in scope: the heartbeat."""
    found: datetime | None = ControlStatus.objects.aggregate(last=Max("checked_at"))["last"]
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionRow:
    """A control that is let pass, or was, or is asked to be."""

    id: UUID
    code: str
    control: str
    state: str
    reason: str
    risk: str
    asked_by: UUID
    asked_at: datetime
    approved_by: UUID | None
    ends_on: date


def exceptions(*, limit: int = PAGE, after: UUID | None = None) -> tuple[list[ExceptionRow], UUID | None]:
    """List exceptions, newest first, and the cursor of the next page."""
    found_rows = ControlException.objects.order_by("-id")
    if after is not None:
        found_rows = found_rows.filter(pk__lt=after)
    found = list(found_rows[: limit + 1])
    shown = [_exception(each) for each in found[:limit]]
    return shown, (shown[-1].id if len(found) > limit else None)


def exception(exception_id: UUID) -> ExceptionRow | None:
    """Return one exception."""
    found = ControlException.objects.filter(pk=exception_id).first()
    return _exception(found) if found else None


def _exception(each: ControlException) -> ExceptionRow:
    control = registry.of(each.code)
    return ExceptionRow(
        id=each.pk,
        code=each.code,
        control=control.title if control else each.code,
        state=each.state,
        reason=each.reason,
        risk=each.risk,
        asked_by=each.asked_by,
        asked_at=each.asked_at,
        approved_by=each.approved_by,
        ends_on=each.ends_on,
    )


def counts(found: Sequence[ControlRow]) -> dict[str, int]:
    """Count controls by where they stand."""
    counted = {standing.value: 0 for standing in Standing}
    for each in found:
        counted[each.standing.value] += 1
    return counted


def _result(each: ControlResult) -> ResultRow:
    return ResultRow(
        id=each.pk,
        code=each.code,
        state=each.state,
        at=each.at,
        duration_ms=each.duration_ms,
        summary=each.summary,
        evidence=each.evidence,
        digest=bytes(each.digest).hex(),
        asked_by=each.asked_by,
    )
