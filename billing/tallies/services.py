"""Adding to the tallies, and melting many rows into few."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.db import connection

from billing.tallies.models import Tally
from core import ids
from tenancy import context
from tenancy.context import use_case


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One record more (count 1) or less (count -1) in a state, with its amounts."""

    noun: str
    state: str
    payment_status: str = ""
    currency: str = ""
    day: date | None = None
    count: int = 1
    total_minor: int = 0
    due_minor: int = 0

    def taken_back(self) -> "Change":
        """Return the change that undoes this one."""
        return Change(
            noun=self.noun,
            state=self.state,
            payment_status=self.payment_status,
            currency=self.currency,
            day=self.day,
            count=-self.count,
            total_minor=-self.total_minor,
            due_minor=-self.due_minor,
        )


_ADD = """
INSERT INTO billing_tally
  (tenant_id, id, noun, state, payment_status, currency, day, count, total_minor, due_minor)
SELECT %s, change.* FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::date[],
  %s::bigint[], %s::bigint[], %s::bigint[]) AS change
"""


@use_case
def add(changes: Iterable[Change]) -> None:
    """Note changes, summed by kind, in one statement and without a lock."""
    sums: dict[tuple[str, str, str, str, date | None], list[int]] = {}
    for change in changes:
        key = (change.noun, change.state, change.payment_status, change.currency, change.day)
        row = sums.setdefault(key, [0, 0, 0])
        row[0] += change.count
        row[1] += change.total_minor
        row[2] += change.due_minor
    rows = [(ids.uuid7(), *key, *row) for key, row in sums.items() if any(row)]
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(_ADD, [context.current_tenant(), *map(list, zip(*rows, strict=True))])


# Rows being melted elsewhere are skipped, so that two of these never wait for each other; the new rows and
# the end of the old ones become visible together.
_MELT = """
WITH old AS (
  SELECT id FROM billing_tally WHERE tenant_id = %(tenant)s ORDER BY id LIMIT %(most)s FOR UPDATE SKIP LOCKED
), gone AS (
  DELETE FROM billing_tally WHERE tenant_id = %(tenant)s AND id IN (SELECT id FROM old)
  RETURNING noun, state, payment_status, currency, day, count, total_minor, due_minor
)
SELECT noun, state, payment_status, currency, day,
  sum(count)::bigint, sum(total_minor)::bigint, sum(due_minor)::bigint
FROM gone GROUP BY noun, state, payment_status, currency, day
"""


@use_case
def melt(*, most: int = 5_000) -> int:
    """Melt the oldest rows of the organization in scope into one a kind; return how many are left of them."""
    with connection.cursor() as cursor:
        cursor.execute(_MELT, {"tenant": context.current_tenant(), "most": most})
        rows = cursor.fetchall()
    names = ("noun", "state", "payment_status", "currency", "day", "count", "total_minor", "due_minor")
    left = [row for row in rows if any(row[5:])]
    Tally.objects.bulk_create(Tally(id=ids.uuid7(), **dict(zip(names, row, strict=True))) for row in left)
    return len(left)
