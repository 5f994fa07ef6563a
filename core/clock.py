"""The one place that reads the clock. Only doors (edge, tasks, commands) call it; services are told the time."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo


def now() -> datetime:
    """Return the present moment, aware, in UTC."""
    return datetime.now(UTC)


def today(zone: str = "UTC") -> date:
    """Return the calendar day it is now in an IANA time zone."""
    return datetime.now(ZoneInfo(zone)).date()
