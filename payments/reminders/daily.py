"""Reminders by the clock of each organization: its own day, from its own morning on; what was missed is caught up."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from billing.issuer import queries as issuers
from core.actor import Actor
from payments.reminders import sending
from tenancy.context import Scope, scope

# Nobody is reminded in the night.
FROM_HOUR = 8


def remind(*, tenant_id: UUID, actor: Actor, now: Callable[[], datetime]) -> int:
    """Send what is due today in one organization, from eight in its morning on; return how many mails went out."""
    with scope(Scope(tenant_id)):
        zone = ZoneInfo(issuers.time_zone())
    here = now().astimezone(zone)
    if here.hour < FROM_HOUR:
        return 0
    return sending.run(tenant_id=tenant_id, on=here.date(), actor=actor, now=now).mails
