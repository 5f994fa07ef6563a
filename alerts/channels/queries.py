"""Reads: the channels with how they do, what they told, and whether anybody would hear of something critical."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, Q

from accounts import queries as people
from accounts.models import Membership, User
from accounts.permissions import Permission
from alerts.channels import rules
from alerts.channels.models import AlertChannel, AlertDelivery
from core.errors import NotFound

_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How a channel did in the last seven days."""

    told: int = 0
    failed: int = 0
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """Deliveries, newest first, and the id after which the next page begins."""

    rows: Sequence[AlertDelivery]
    next_after: UUID | None


def channels() -> list[AlertChannel]:
    """List the channels of the organization in scope in the order in which they were added."""
    return list(AlertChannel.objects.order_by("id"))


def channel(channel_id: UUID) -> AlertChannel:
    """Return one channel.

    Raises:
        NotFound
    """
    found: AlertChannel | None = AlertChannel.objects.filter(pk=channel_id).first()
    if found is None:
        raise NotFound
    return found


def works(row: AlertChannel) -> bool:
    """Tell whether a channel is known to work: it is enabled, something arrived, and nothing failed since."""
    return (
        row.state == AlertChannel.State.ENABLED and row.last_ok_at is not None and row.failing_since is None
    )


def unheard(rows: Collection[AlertChannel]) -> list[str]:
    """Return the severities that no working channel tells, worst first."""
    heard = {severity for row in rows if works(row) for severity in row.severities}
    return [severity for severity in rules.SEVERITIES if severity not in heard]


def quiet_of(row: AlertChannel) -> rules.Quiet | None:
    """Return a channel's quiet hours, if it has any."""
    if row.quiet_from is None or row.quiet_until is None:
        return None
    return rules.Quiet(begin=row.quiet_from, end=row.quiet_until, zone=row.zone)


def rates(*, at: datetime) -> dict[UUID, Rate]:
    """Return how each channel did in the last seven days."""
    rows = (
        AlertDelivery.objects.filter(created_at__gte=at - _WEEK)
        .order_by()
        .values_list("channel_id")
        .annotate(
            told=Count("id", filter=Q(state="succeeded")),
            failed=Count("id", filter=Q(state="failed")),
            waiting=Count("id", filter=Q(state__in=("pending", "handed_over"))),
        )
    )
    return {pk: Rate(told=told, failed=failed, waiting=waiting) for pk, told, failed, waiting in rows}


def deliveries(channel_id: UUID, *, limit: int, after: UUID | None = None) -> Page:
    """Return one page of what a channel told, newest first."""
    rows = AlertDelivery.objects.select_related("channel").filter(channel_id=channel_id)
    if after is not None:
        rows = rows.filter(pk__lt=after)
    found = list(rows.order_by("-id")[: limit + 1])
    return Page(found[:limit], found[limit - 1].pk if len(found) > limit else None)


def of_alert(alert_id: UUID) -> list[AlertDelivery]:
    """List how an alert was told, the oldest first."""
    return list(AlertDelivery.objects.select_related("channel").filter(alert_id=alert_id).order_by("id"))


def watchers(*, at: datetime) -> list[str]:
    """Return the addresses of the members here who work on alerts now."""
    of_operator = people.in_operator_organization()
    rows = people.members().filter(state=Membership.State.ACTIVE, user__state=User.State.ACTIVE)
    return [
        member.user.email
        for member in rows
        if (member.expires_at is None or member.expires_at > at)
        and Permission.ALERT_WRITE in member.role.permissions(of_operator=of_operator)
        and member.user.email
    ]
