"""Which day it is: where the organization is, or what the test clock of one that only tries things out says."""

from datetime import date, datetime

from billing.invoices.rules import local_day
from billing.issuer import queries as issuer
from billing.subscriptions.models import TestClock


def today(at: datetime) -> date:
    """Return the day it is in the organization in scope: the test clock's where that is ahead."""
    real = local_day(at, issuer.time_zone())
    moved = TestClock.objects.values_list("today", flat=True).first()
    return real if moved is None else max(real, moved)


def is_moved() -> bool:
    """Tell whether somebody moved the test clock."""
    return TestClock.objects.exists()
