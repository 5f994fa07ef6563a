"""Reading bank details: which hold, since when, what is announced, and what was before.

Which details hold is decided by the time alone: a change takes effect on the second, whether or not any periodic work
has noted it yet.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet

from billing.bankaccounts.models import BankAccount
from tenancy import context
from tenancy.models import Tenant


@dataclass(frozen=True, slots=True, kw_only=True)
class BankAccountRow:
    """Bank details as they are. `holds_from` is when they began to stand on documents, or will."""

    id: UUID
    holder: str
    iban: str
    bic: str
    state: str
    announced_at: datetime
    holds_from: datetime
    ended_at: datetime | None
    asked_by: UUID
    agreed_by: UUID | None


def current(at: datetime) -> BankAccountRow | None:
    """Return the details that stand on documents at this time, or None when none have ever been set."""
    row = holding(at).first()
    return None if row is None else _row(row, BankAccount.State.CURRENT)


def announced(at: datetime) -> BankAccountRow | None:
    """Return the details that are announced and do not hold yet, or None."""
    row = BankAccount.objects.filter(state=BankAccount.State.ANNOUNCED, holds_from__gt=at).first()
    return None if row is None else _row(row, BankAccount.State.ANNOUNCED)


def history(at: datetime) -> list[BankAccountRow]:
    """List every row there has been, newest first, each in the state it is in at this time."""
    held = holding(at).values_list("pk", flat=True).first()
    return [_row(row, _state(row, held, at)) for row in BankAccount.objects.order_by("-announced_at", "-id")]


def check_url() -> str:
    """Return the address of the page on which a customer finds the details that hold."""
    slug = Tenant.objects.values_list("slug", flat=True).get(pk=context.current_tenant())
    return f"{settings.PUBLIC_URL}/p/{slug}/bank-details"


def holding(at: datetime) -> "QuerySet[BankAccount]":
    """Return the rows that could hold at this time, the one that does first."""
    rows: QuerySet[BankAccount] = (
        BankAccount.objects.exclude(state=BankAccount.State.CANCELED)
        .filter(Q(ended_at__isnull=True) | Q(ended_at__gt=at), holds_from__lte=at)
        .order_by("-holds_from", "-id")
    )
    return rows


def _state(row: BankAccount, held: UUID | None, at: datetime) -> str:
    if row.pk == held:
        return BankAccount.State.CURRENT
    # Replaced by what has begun to hold, though nothing has noted it yet.
    replaced = row.state == BankAccount.State.CURRENT and held is not None
    return BankAccount.State.FORMER if replaced else row.state


def _row(row: BankAccount, state: str) -> BankAccountRow:
    return BankAccountRow(
        id=row.pk,
        holder=row.holder,
        iban=row.iban,
        bic=row.bic or "",
        state=str(state),
        announced_at=row.announced_at,
        holds_from=row.holds_from,
        ended_at=row.ended_at,
        asked_by=row.asked_by,
        agreed_by=row.agreed_by,
    )
