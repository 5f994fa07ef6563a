"""What people type into the books: why a month is opened again."""

from accounts.services import approvals
from billing.periods import services as periods
from billing.periods.rules import Month
from core import clock
from core.actor import Actor
from tests.make import accounts


def over_the_services(marker: str, actor: Actor) -> None:
    """Close the month before this one, and open it again as a second person agrees."""
    at = clock.now()
    month = Month.of(at.date()).before
    periods.close(starts_on=month.starts_on, actor=actor, at=at)
    asked = periods.reopen(starts_on=month.starts_on, reason=f"{marker} reason", actor=actor, at=at)
    assert asked is not None
    second = accounts.actor(accounts.member("owner").user)
    approvals.approve(request_id=asked.pk, actor=second, at=at)
