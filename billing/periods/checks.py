"""What has to be looked at before a month is closed: each a count, and whether the month waits for it.

Other apps add theirs with `register`; this module knows none of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from accounts import queries as people
from accounts.models import ApprovalRequest
from billing.invoices.models import Invoice
from billing.ledger.models import LedgerTransaction
from billing.periods.rules import Month
from billing.settlement.models import CreditBalance


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of the list: how many there are, and whether the month cannot be closed before there are none."""

    code: str
    count: Callable[[Month, datetime], int]
    blocks: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What a check counted."""

    code: str
    count: int
    blocks: bool


_checks: dict[str, Check] = {}


def register(check: Check) -> None:
    """Add a line to the list; call it in AppConfig.ready."""
    _checks[check.code] = check


def run(month: Month, at: datetime) -> list[Found]:
    """Count everything on the list for a month, now."""
    return [Found(check.code, check.count(month, at), check.blocks) for check in _checks.values()]


def _drafts(month: Month, at: datetime) -> int:
    drafts = Invoice.objects.filter(status=Invoice.Status.DRAFT)
    return drafts.filter(issued_on__gte=month.starts_on, issued_on__lte=month.ends_on).count()


def _credit(month: Month, at: datetime) -> int:
    return CreditBalance.objects.filter(amount_minor__gt=0).count()


def _rates_owed(month: Month, at: datetime) -> int:
    return LedgerTransaction.objects.filter(exchange_rate=0, booked_on__lte=month.ends_on).count()


def _approvals(month: Month, at: datetime) -> int:
    return people.approvals(state=ApprovalRequest.State.PENDING).filter(expires_at__gt=at).count()


register(Check(code="rates_owed", count=_rates_owed, blocks=True))
register(Check(code="drafts", count=_drafts))
register(Check(code="unallocated", count=_credit))
register(Check(code="approvals", count=_approvals))
