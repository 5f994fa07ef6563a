"""What payments adds to the list that is looked at before a month is closed."""

from datetime import datetime

from billing.periods.checks import Check, register
from billing.periods.rules import Month
from payments.models import Dispute
from payments.statements.models import StatementLine


def _statement_lines(month: Month, at: datetime) -> int:
    lines = StatementLine.objects.filter(state=StatementLine.State.OPEN)
    return lines.filter(booked_on__gte=month.starts_on, booked_on__lte=month.ends_on).count()


def _disputes(month: Month, at: datetime) -> int:
    return Dispute.objects.filter(state__in=["needs_response", "under_review"]).count()


# A difference between the bank and the books stays in the month for good once it is closed.
register(Check(code="statement_lines", count=_statement_lines, blocks=True))
register(Check(code="disputes", count=_disputes))
