"""Quiet hours by the wall clock, over midnight and over the nights on which the hour is turned."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from alerts.channels.rules import WAITS, Quiet, due, wait
from alerts.streams import rules as streams

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = Quiet(begin=time(22), end=time(7), zone="Europe/Berlin")
NOON = Quiet(begin=time(12), end=time(13), zone="Europe/Berlin")


def berlin(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("quiet", "at", "told"),
    [
        (NIGHT, berlin(2026, 1, 10, 21, 59, 59), berlin(2026, 1, 10, 21, 59, 59)),
        (NIGHT, berlin(2026, 1, 10, 22, 0), berlin(2026, 1, 11, 7, 0)),
        (NIGHT, berlin(2026, 1, 11, 0, 0), berlin(2026, 1, 11, 7, 0)),
        (NIGHT, berlin(2026, 1, 11, 6, 59, 59), berlin(2026, 1, 11, 7, 0)),
        (NIGHT, berlin(2026, 1, 11, 7, 0), berlin(2026, 1, 11, 7, 0)),
        (NIGHT, berlin(2026, 3, 28, 23, 0), berlin(2026, 3, 29, 7, 0)),
        (NIGHT, berlin(2026, 10, 24, 23, 0), berlin(2026, 10, 25, 7, 0)),
        (NOON, berlin(2026, 1, 10, 11, 59), berlin(2026, 1, 10, 11, 59)),
        (NOON, berlin(2026, 1, 10, 12, 30), berlin(2026, 1, 10, 13, 0)),
        (NOON, berlin(2026, 1, 10, 13, 0), berlin(2026, 1, 10, 13, 0)),
    ],
)
def test_what_is_not_critical_waits_for_the_end_of_the_quiet(quiet, at, told):
    moment = at.astimezone(UTC)
    assert due(severity="high", quiet=quiet, at=moment) == told
    assert due(severity="critical", quiet=quiet, at=moment) == moment
    assert due(severity="high", quiet=None, at=moment) == moment


def test_an_alert_is_given_up_and_a_stream_never():
    waits = [wait(attempts) for attempts in range(1, len(WAITS) + 2)]
    assert waits[:-1] == list(WAITS)
    assert waits[-1] is None
    tried = [streams.wait(attempts).total_seconds() for attempts in (1, 2, 3, 7, 50, 10_000)]
    assert tried == [5, 10, 20, 300, 300, 300]
