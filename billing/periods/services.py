"""Closing a month, and opening it again.

Promise kept: whoever posts holds the books' lock together with others until their commit, whoever closes holds it
alone. So nothing that was begun slips into a month after its balances were taken, and the database refuses the rest.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import OperationalError, connection

from accounts import queries as people
from accounts.models import ApprovalRequest
from accounts.permissions import Permission
from accounts.services import approvals
from audit import services as audit
from billing import events
from billing.invoices import rules as texts
from billing.issuer import queries as issuers
from billing.ledger import services as ledger
from billing.ledger.models import LedgerTransaction
from billing.ledger.rules import Account, Side
from billing.ledger.trial import Balance, balances
from billing.periods import checks, queries, rules, valuation
from billing.periods.models import AccountingPeriod, LedgerBalance
from billing.rates import queries as rates
from billing.rates import services as rate_services
from billing.rates.rules import ExchangeRateMissing
from core import ids
from core.actor import Actor
from core.errors import Forbidden, Invalid, NotFound
from tenancy import context
from tenancy.context import use_case
from tenancy.models import only

KIND = "period_reopen"
_State = AccountingPeriod.State


class OnlyMembersReopen(Forbidden):
    """Only a member of the organization can ask for a month to be opened again."""

    code = "only_members_reopen"


class RequesterMayNoLongerReopen(Forbidden):
    """Whoever asked for this may no longer do it."""

    code = "requester_may_no_longer_reopen"


@use_case
def close(*, starts_on: date, actor: Actor, at: datetime) -> AccountingPeriod:
    """Close a month: value foreign currencies at its end, keep its balances, and book nothing in it any more.

    Raises:
        PeriodNotOver, PeriodClosedAlready, EarlierPeriodOpen.
        PeriodNotReady: a check that it waits for has found something.
        ExchangeRateMissing: a foreign currency cannot be valued.
        BooksBusy: somebody has been booking for ten seconds.
    """
    month = rules.Month.of(starts_on)
    if month.ends_on >= texts.local_day(at, issuers.time_zone()):
        raise rules.PeriodNotOver(field="month")
    _lock()
    row = _closable(month)
    rate_services.value_owed(actor=actor)
    _settle()
    _refuse_unready(month, at)
    row.closing_id, row.closed_at, row.closed_by = ids.uuid7(), at, actor.id
    row.state = _State.CLOSED
    held = balances(month.ends_on)
    if _value(month, held, row.closing_id, at):
        held = balances(month.ends_on)
    row.save()
    LedgerBalance.objects.bulk_create(
        LedgerBalance(
            period=row,
            account=balance.account,
            currency=balance.currency,
            amount_minor=balance.amount_minor,
            base_minor=balance.base_minor,
        )
        for balance in held
    )
    audit.record(events.PERIOD_CLOSED, actor=actor, subject=("period", row.pk), facts={"month": str(month)})
    return row


@use_case
def reopen(*, starts_on: date, reason: str, actor: Actor, at: datetime) -> ApprovalRequest | None:
    """Ask for a closed month to be opened again; where nobody else could agree it is done at once (decision 0006).

    Raises:
        OnlyMembersReopen, NotFound, PeriodNotClosed, LaterPeriodClosed, ReopeningAsked.
        Invalid: no reason, or one that cannot be kept.
    """
    errors = texts.text_errors("/reason", reason, texts.REASON_LENGTH, required=True)
    if errors:
        raise Invalid(errors)
    if people.member_acting(actor, at=at) is None or actor.id is None:
        raise OnlyMembersReopen
    row = _reopenable(starts_on)
    waiting = people.approvals(state=ApprovalRequest.State.PENDING).filter(
        kind=KIND, subject_id=row.pk, expires_at__gt=at
    )
    if waiting.exists():
        raise rules.ReopeningAsked
    if people.deciders_beside(actor.id, at=at):
        return approvals.request(
            kind=KIND,
            payload={"starts_on": row.starts_on.isoformat(), "closing": str(row.closing_id)},
            actor=actor,
            at=at,
            subject=("period", row.pk),
            reason=reason.strip(),
        )
    _open(row, reason=reason, asked_by=actor.id, agreed_by=None, actor=actor, at=at)
    return None


def carry_out(*, payload: dict[str, Any], request: ApprovalRequest, actor: Actor, at: datetime) -> None:
    """Open a month again as a second person has agreed to; the executor of approvals.

    Raises:
        RequesterMayNoLongerReopen: they left, or their role no longer allows it.
        PeriodNotClosed, LaterPeriodClosed: it changed since.
    """
    asker = people.membership(user_id=request.requested_by, tenant_id=context.current_tenant(), at=at)
    operator = people.in_operator_organization()
    if asker is None or Permission.PERIOD_CLOSE not in asker.permissions(of_operator=operator):
        raise RequesterMayNoLongerReopen
    row = _reopenable(date.fromisoformat(payload["starts_on"]))
    if str(row.closing_id) != payload["closing"]:
        raise rules.PeriodNotClosed
    _open(
        row,
        reason=request.reason or "",
        asked_by=request.requested_by,
        agreed_by=actor.id,
        actor=actor,
        at=at,
    )


def next_to_close(at: datetime) -> rules.Month | None:
    """Return the month whose turn it is to be closed; None where all that are over are closed, or nothing is booked.

    The first one may be any: whatever lies before it is closed with it.
    """
    today = texts.local_day(at, issuers.time_zone())
    last = only(AccountingPeriod.objects.order_by("-starts_on"))
    if last is None:
        return rules.Month.of(today).before if LedgerTransaction.objects.exists() else None
    closed = only(AccountingPeriod.objects.filter(state=_State.CLOSED).order_by("-starts_on"))
    first = only(AccountingPeriod.objects.order_by("starts_on"))
    month = rules.Month((closed or first or last).starts_on)
    month = month if closed is None else month.next
    return month if month.ends_on < today else None


def _closable(month: rules.Month) -> AccountingPeriod:
    rows = AccountingPeriod.objects.select_for_update()
    row = only(rows.filter(starts_on=month.starts_on))
    if row is not None and row.state == _State.CLOSED:
        raise rules.PeriodClosedAlready
    if queries.first_open_day(month.starts_on) != month.starts_on:
        raise rules.PeriodClosedAlready
    before = AccountingPeriod.objects.filter(starts_on__lt=month.starts_on)
    last = only(before.order_by("-starts_on"))
    if last is not None and (last.state != _State.CLOSED or last.starts_on != month.before.starts_on):
        open_month = rules.Month(last.starts_on)
        raise rules.EarlierPeriodOpen(
            f"{(open_month if last.state != _State.CLOSED else open_month.next).name} has to be closed first.",
            field="month",
        )
    return row or AccountingPeriod(starts_on=month.starts_on)


def _reopenable(starts_on: date) -> AccountingPeriod:
    _lock()
    row: AccountingPeriod | None = only(
        AccountingPeriod.objects.select_for_update().filter(starts_on=starts_on)
    )
    if row is None:
        raise NotFound
    if row.state != _State.CLOSED:
        raise rules.PeriodNotClosed
    later = AccountingPeriod.objects.filter(starts_on__gt=starts_on, state=_State.CLOSED)
    last = only(later.order_by("-starts_on"))
    if last is not None:
        raise rules.LaterPeriodClosed(
            f"{rules.Month(last.starts_on).name} is closed as well and has to be opened first.", field="month"
        )
    return row


def _open(
    row: AccountingPeriod, *, reason: str, asked_by: UUID, agreed_by: UUID | None, actor: Actor, at: datetime
) -> None:
    # Its balances are no longer sure; what was valued stays in the books, and closing it again posts the difference.
    LedgerBalance.objects.filter(period=row).delete()
    row.state, row.reopened_at, row.reopened_by = _State.OPEN, at, asked_by
    row.reopening_agreed_by, row.reopening_reason = agreed_by, reason.strip()
    row.save()
    month = str(rules.Month(row.starts_on))
    audit.record(events.PERIOD_REOPENED, actor=actor, subject=("period", row.pk), facts={"month": month})


def _refuse_unready(month: rules.Month, at: datetime) -> None:
    found = {check.code: check for check in checks.run(month, at) if check.blocks and check.count}
    owed = found.pop("rates_owed", None)
    if owed is not None:
        currencies = ", ".join(rates.rates_owed())
        raise ExchangeRateMissing(
            f"{owed.count} postings in {currencies} have no exchange rate. Enter it, or upload the rates of those days."
        )
    if found:
        raise rules.PeriodNotReady(f"{month.name} waits for: {', '.join(sorted(found))}.", field="month")


def _value(month: rules.Month, held: Sequence[Balance], closing_id: UUID, at: datetime) -> int:
    base, posted = rates.base_currency(), 0
    for position in valuation.positions(month.ends_on, held_then=held):
        difference = position.difference_minor
        if not difference:
            continue
        days = [(position.kind, month.ends_on, difference)]
        if valuation.is_taken_back(position):
            days.append((position.back, month.next.starts_on, -difference))
        for kind, day, amount in days:
            ledger.post(
                kind=kind,
                sides=[Side(Account.FX_VALUATION, amount), Side(Account.FX_GAIN_LOSS, -amount)],
                currency=base,
                booked_on=day,
                at=at,
                source_id=closing_id,
            )
            posted += 1
    return posted


def _lock() -> None:
    try:
        with context.attempt(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock(billing_books_lock(%s::uuid))", [context.current_tenant()]
            )
    except OperationalError:
        raise rules.BooksBusy from None


def _settle() -> None:
    # What deferred triggers have to post, they post now and in this month.
    connection.settle_constraints()  # type: ignore[attr-defined]  # our backend's method
