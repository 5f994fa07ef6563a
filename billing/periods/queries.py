"""Reading which months are closed."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import connection

from accounts import queries as people
from billing.invoices.rules import local_day
from billing.issuer import queries as issuers
from billing.periods.models import AccountingPeriod
from billing.periods.rules import Month, PeriodClosed, closed_sentence
from core.errors import NotFound
from tenancy import context
from tenancy.models import only

_SOMEBODY = "somebody who may close months"


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodRow:
    """One month that is or was closed."""

    id: UUID
    month: Month
    state: str
    closing_id: UUID
    closed_at: datetime
    closed_by: UUID | None
    reopened_at: datetime | None
    reopened_by: UUID | None
    reopening_agreed_by: UUID | None


def periods(*, before: date | None = None, limit: int = 24) -> list[PeriodRow]:
    """Return the months that were ever closed, the last one first; `before` is the first day of one to go on from."""
    rows = AccountingPeriod.objects.order_by("-starts_on")
    if before is not None:
        rows = rows.filter(starts_on__lt=before)
    return [_row(row) for row in rows[:limit]]


def period(starts_on: date) -> PeriodRow | None:
    """Return what is known of a month, or None when it was never closed."""
    row = only(AccountingPeriod.objects.filter(starts_on=starts_on))
    return None if row is None else _row(row)


def period_by_id(period_id: UUID) -> PeriodRow:
    """Return a month that was ever closed.

    Raises:
        NotFound
    """
    row = only(AccountingPeriod.objects.filter(pk=period_id))
    if row is None:
        raise NotFound
    return _row(row)


def first_open_day(day: date) -> date:
    """Return the day, or the first one after it in whose month something can be booked."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT billing_posting_day(%s::uuid, %s::date, true)", [context.current_tenant(), day]
        )
        found: date = cursor.fetchone()[0]
        return found


def closed(day: date, *, at: datetime, field: str) -> PeriodClosed:
    """Return the refusal of a day in a closed month: since when, what to do instead, whom to ask."""
    # A month before the first that was ever closed is closed with that one.
    known = AccountingPeriod.objects.filter(
        state=AccountingPeriod.State.CLOSED, starts_on__gte=day.replace(day=1)
    )
    row = known.order_by("starts_on")[0]
    zone = issuers.time_zone()
    by = people.names_of([row.closed_by]) if row.closed_by else {}
    open_from = first_open_day(day)
    sentence = closed_sentence(
        day=day,
        closed_on=local_day(row.closed_at, zone),
        open_from=open_from,
        by=by.get(row.closed_by, "") or _SOMEBODY,
        today=local_day(at, zone),
    )
    return PeriodClosed(sentence, field=field, open_from=open_from.isoformat())


def _row(row: AccountingPeriod) -> PeriodRow:
    return PeriodRow(
        id=row.pk,
        month=Month(row.starts_on),
        state=row.state,
        closing_id=row.closing_id,
        closed_at=row.closed_at,
        closed_by=row.closed_by,
        reopened_at=row.reopened_at,
        reopened_by=row.reopened_by,
        reopening_agreed_by=row.reopening_agreed_by,
    )
