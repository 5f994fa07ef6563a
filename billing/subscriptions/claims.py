"""Writing down what was billed, in the transaction that makes the invoices: each day, usage and charge once."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db import connection

from billing.issuer import queries as issuer
from billing.runs.rules import Fact, PlannedInvoice
from billing.subscriptions import rules
from billing.subscriptions.models import PendingCharge, Subscription
from billing.usage import queries as usage
from tenancy import context

_BILLED = """
INSERT INTO billing_billedperiod (tenant_id, id, at, invoice_id, customer_id, subscription_id, item_id, charge_id,
    tax_rate_id, kind, period_from, period_to, revision, from_on, to_on, quantity, amount_minor)
SELECT %s, uuidv7(), %s, fact.* FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::uuid[], %s::uuid[], %s::uuid[],
    %s::text[], %s::date[], %s::date[], %s::smallint[], %s::date[], %s::date[], %s::numeric[], %s::bigint[]) AS fact
"""
_CHARGED = "UPDATE billing_pendingcharge SET billed_at = %s WHERE tenant_id = %s AND id = ANY (%s::uuid[])"
_LOCK_SUBSCRIPTIONS = """
SELECT id, revision FROM billing_subscription WHERE tenant_id = %s AND id = ANY (%s::uuid[])
ORDER BY id FOR NO KEY UPDATE
"""
_LOCK_CHARGES = """
SELECT id FROM billing_pendingcharge WHERE tenant_id = %s AND id = ANY (%s::uuid[])
    AND billed_at IS NULL AND withdrawn_at IS NULL ORDER BY id FOR NO KEY UPDATE
"""
_MOVE = """
UPDATE billing_subscription AS row SET next_on = moved.next_on, open_from = moved.open_from, revision = row.revision + 1
FROM unnest(%s::uuid[], %s::date[], %s::date[]) AS moved (id, next_on, open_from)
WHERE row.tenant_id = %s AND row.id = moved.id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DaysFact(Fact):
    """Days of an item that a line is for."""

    customer_id: UUID
    subscription_id: UUID
    tax_rate_id: UUID | None
    revision: int
    from_on: date
    to_on: date
    quantity: Decimal
    amount_minor: int

    @classmethod
    def of(cls, due: rules.Due, row: Subscription, tax_rate_id: UUID | None) -> "DaysFact":
        """Return what is to be written when a line has been billed."""
        return cls(
            kind=due.kind,
            subject_id=due.item.id,
            period_from=due.period_from,
            period_to=due.period_to,
            customer_id=row.customer_id,
            subscription_id=row.pk,
            tax_rate_id=tax_rate_id,
            revision=due.revision,
            from_on=due.from_on,
            to_on=due.to_on,
            quantity=due.quantity,
            amount_minor=due.amount_minor,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeFact(Fact):
    """A single charge that a line is for."""

    customer_id: UUID
    subscription_id: UUID | None
    tax_rate_id: UUID | None
    quantity: Decimal
    amount_minor: int

    @classmethod
    def of(cls, row: PendingCharge, amount_minor: int, tax_rate_id: UUID | None, on: date) -> "ChargeFact":
        """Return what is to be written when a charge has been billed."""
        return cls(
            kind="charge",
            subject_id=row.pk,
            period_from=min(row.due_on, on),
            customer_id=row.customer_id,
            subscription_id=row.subscription_id,
            tax_rate_id=tax_rate_id,
            quantity=row.quantity,
            amount_minor=amount_minor,
        )


@dataclass(frozen=True, slots=True)
class Counted:
    """How many events were counted: one more, and the amount is another."""

    asked: usage.Asked
    events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Move(Fact):
    """How far a subscription has come with this invoice, and which state of it was planned."""

    revision: int
    next_on: date | None
    open_from: date | None
    counted: tuple[Counted, ...] = ()


def claim(rows: Sequence[tuple[UUID | None, PlannedInvoice]], *, at: datetime) -> Collection[PlannedInvoice]:
    """Write the facts of planned invoices, each under its invoice (or None), and move their subscriptions on.

    Returns those that would be planned otherwise by now: of these nothing was written.
    """
    facts = [fact for _, planned in rows for fact in planned.facts]
    current = _locked(_LOCK_SUBSCRIPTIONS, (fact.subject_id for fact in facts if isinstance(fact, Move)))
    waiting = _locked(_LOCK_CHARGES, (fact.subject_id for fact in facts if isinstance(fact, ChargeFact)))
    recounted = _recount(facts)
    stale, claimed = [], []
    for invoice_id, planned in rows:
        if all(_holds(fact, current, waiting, recounted) for fact in planned.facts):
            claimed.append((invoice_id, planned))
        else:
            stale.append(planned)
    _move([fact for _, planned in claimed for fact in planned.facts if isinstance(fact, Move)])
    charges = [f.subject_id for _, planned in claimed for f in planned.facts if isinstance(f, ChargeFact)]
    if charges:
        with connection.cursor() as cursor:
            cursor.execute(_CHARGED, [at, context.current_tenant(), charges])
    _write([row for invoice_id, planned in claimed for row in _rows(planned.facts, invoice_id)], at)
    return stale


def _locked(statement: str, wanted: Iterable[UUID]) -> dict[UUID, int]:
    found = list(wanted)
    if not found:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(statement, [context.current_tenant(), found])
        return {row[0]: row[1] if len(row) > 1 else 0 for row in cursor}


def _recount(facts: Sequence[Fact]) -> dict[usage.Asked, int]:
    """Count usage again behind the lock: whoever recorded some before it did so before we bill."""
    asked = [one.asked for fact in facts if isinstance(fact, Move) for one in fact.counted]
    if not asked:
        return {}
    found = usage.totals(asked, time_zone=issuer.time_zone())
    return {one: used.events for one, used in zip(asked, found, strict=True)}


def _holds(
    fact: Fact,
    current: dict[UUID, int],
    waiting: dict[UUID, int],
    recounted: dict[usage.Asked, int],
) -> bool:
    if isinstance(fact, Move):
        unchanged = current.get(fact.subject_id) == fact.revision
        return unchanged and all(recounted[one.asked] == one.events for one in fact.counted)
    return not isinstance(fact, ChargeFact) or fact.subject_id in waiting


def _move(moves: Sequence[Move]) -> None:
    if not moves:
        return
    columns = (
        [move.subject_id for move in moves],
        [move.next_on for move in moves],
        [move.open_from for move in moves],
    )
    with connection.cursor() as cursor:
        cursor.execute(_MOVE, (*columns, context.current_tenant()))


# A row of what was billed: its invoice, customer, subscription, item, charge and rate, then what of the fact.
_Row = tuple[
    UUID | None, UUID, UUID | None, UUID | None, UUID | None, UUID | None, str, date, date, int, date, date,
    Decimal, int,
]  # fmt: skip


def _write(rows: Sequence[_Row], at: datetime) -> None:
    """Write rows of what was billed, column by column in one statement; one that is there already is an error."""
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(_BILLED, [context.current_tenant(), at, *map(list, zip(*rows, strict=True))])


def _rows(facts: Sequence[Fact], invoice_id: UUID | None) -> Iterable[_Row]:
    for fact in facts:
        if isinstance(fact, DaysFact):
            yield (
                invoice_id if fact.amount_minor else None,
                fact.customer_id,
                fact.subscription_id,
                fact.subject_id,
                None,
                fact.tax_rate_id,
                fact.kind,
                fact.period_from,
                fact.period_to or fact.to_on,
                fact.revision,
                fact.from_on,
                fact.to_on,
                fact.quantity,
                fact.amount_minor,
            )
        elif isinstance(fact, ChargeFact):
            day = fact.period_from
            yield (
                invoice_id,
                fact.customer_id,
                fact.subscription_id,
                None,
                fact.subject_id,
                fact.tax_rate_id,
                "charge",
                day,
                day,
                0,
                day,
                day,
                fact.quantity,
                fact.amount_minor,
            )
