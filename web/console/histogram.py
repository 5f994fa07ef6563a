"""How much happened when: the trail as a histogram, by day, and by hour where the span is short."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from audit import queries as trail_queries
from audit.queries import Filters
from web.charts.bars import Bar, BarChart
from web.console import trail
from web.kit import formats

_DAYS = 30
_PLOT_HEIGHT = 64


def draw(filters: Filters, *, at: datetime, zone: str) -> BarChart:
    """Draw how much happened by day: the last thirty days, or the span that was asked for; by hour if it is short."""
    if filters.since and filters.until and filters.until - filters.since <= trail_queries.MOST_HOURS:
        return _by_hour(filters, filters.since, filters.until, zone=zone)
    last = (
        (filters.until - timedelta(microseconds=1) if filters.until else at).astimezone(ZoneInfo(zone)).date()
    )
    span = trail_queries.MOST_DAYS.days - 1
    first = (
        filters.since.astimezone(ZoneInfo(zone)).date() if filters.since else last - timedelta(days=_DAYS - 1)
    )
    first = max(first, last - timedelta(days=span - 1))
    counted = trail_queries.per_day(
        replace(
            filters, since=trail.midnight(first, zone), until=trail.midnight(last + timedelta(days=1), zone)
        ),
        zone=zone,
    )
    today = at.astimezone(ZoneInfo(zone)).date()
    days = [first + timedelta(days=offset) for offset in range(max((last - first).days, 0) + 1)]
    bars = [
        Bar(formats.day(day), counted.get(day, 0), formats.number(counted.get(day, 0)), partial=day == today)
        for day in days
    ]
    total = sum(counted.values())
    said = f"{formats.count(total, 'event')} from {formats.day(days[0])} to {formats.day(days[-1])}"
    return BarChart("Events by day", said, bars, ("Day", "Events"), note=said, plot_height=_PLOT_HEIGHT)


def _by_hour(filters: Filters, since: datetime, until: datetime, *, zone: str) -> BarChart:
    counted = trail_queries.per_hour(filters, zone=zone)
    hour = since.astimezone(ZoneInfo(zone)).replace(minute=0, second=0, microsecond=0)
    bars = []
    # An hour more is a step in UTC: days on which the clock is changed have 23 or 25 of them.
    while hour < until:
        number = counted.get(hour, 0)
        bars.append(Bar(f"{hour:%d %b %H:%M}", number, formats.number(number)))
        hour = (hour.astimezone(UTC) + timedelta(hours=1)).astimezone(ZoneInfo(zone))
    said = formats.count(sum(counted.values()), "event")
    return BarChart(
        "Events by hour",
        f"Events by hour, {said} in all",
        bars,
        ("Hour", "Events"),
        note=said,
        plot_height=_PLOT_HEIGHT,
    )
