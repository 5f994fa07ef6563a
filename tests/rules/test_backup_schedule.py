"""The schedule of backups over 31 days, with a clock of its own."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from backups import rules
from backups.rules import Kept, Taken

START = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)  # a Sunday
STEP = timedelta(minutes=5)


def a_month(*, off=lambda at: False, fails=lambda at: False):
    """Look every five minutes for 31 days and take what is due; return what was taken."""
    taken: list[Taken] = []
    for number in range(31 * 24 * 12):
        at = START + STEP * number
        if off(at):
            continue
        kind = rules.backup_due(at, taken=taken)
        if kind:
            taken.append(Taken(kind, at, not fails(at)))
    return taken


def test_a_month_has_a_full_each_week_and_an_incremental_each_other_night():
    taken = a_month()
    fulls = [one.started_at for one in taken if one.kind == "full"]
    assert fulls[0] == START  # nothing was there: at once
    assert [(at.weekday(), at.hour, at.minute) for at in fulls[1:]] == [(6, 2, 0)] * 4
    others = [one.started_at for one in taken if one.kind == "incremental"]
    assert {(at.hour, at.minute) for at in others} == {(2, 0)}
    days = {at.date() for at in [*fulls, *others]}
    assert len(days) == len(taken) == 32  # each of the days it touches has exactly one
    assert len(others) == 27


def test_no_gap_is_longer_than_a_day():
    times = [one.started_at for one in a_month()]
    assert max(b - a for a, b in itertools.pairwise(times)) <= timedelta(days=1)


def test_a_night_that_was_missed_is_made_up_for():
    night = datetime(2026, 3, 10, tzinfo=UTC)
    taken = a_month(off=lambda at: night <= at < night + timedelta(hours=7))
    assert [one.started_at for one in taken if one.started_at.date() == night.date()] == [
        night + timedelta(hours=7)
    ]


def test_a_failure_is_tried_again_after_half_an_hour_and_not_at_once():
    sunday = datetime(2026, 3, 8, 2, tzinfo=UTC)
    taken = a_month(fails=lambda at: sunday <= at < sunday + timedelta(hours=1))
    tried = [one for one in taken if one.started_at.date() == sunday.date()]
    assert [(one.started_at - sunday, one.is_good) for one in tried] == [
        (timedelta(0), False),
        (timedelta(minutes=30), False),
        (timedelta(hours=1), True),
    ]
    assert {one.kind for one in tried} == {"full"}


def test_what_cannot_be_built_on_is_made_anew():
    night = datetime(2026, 3, 10, 2, tzinfo=UTC)
    taken = a_month(fails=lambda at: at == night)
    tried = [one for one in taken if one.started_at.date() == night.date()]
    assert [(one.kind, one.is_good) for one in tried] == [("incremental", False), ("full", True)]


def test_late_is_late():
    good = START
    assert not rules.backup_is_late(good + timedelta(hours=26), last_good=good, since=START)
    assert rules.backup_is_late(good + timedelta(hours=26, seconds=1), last_good=good, since=START)
    assert rules.backup_is_late(START + timedelta(hours=27), last_good=None, since=START)
    assert rules.drill_is_late(
        START + timedelta(days=8, seconds=1), every_days=7, last_passed=START, since=START
    )
    assert not rules.drill_is_late(START + timedelta(days=8), every_days=7, last_passed=START, since=START)
    assert rules.stream_is_late(START + timedelta(minutes=6), covers=START, since=START)
    assert not rules.stream_is_late(START + timedelta(minutes=5), covers=START, since=START)


def test_drills_follow_their_rhythm():
    assert not rules.drill_due(START, every_days=7, started=[], has_backup=False)
    assert rules.drill_due(START, every_days=7, started=[], has_backup=True)
    assert not rules.drill_due(
        START + timedelta(days=6, hours=23), every_days=7, started=[START], has_backup=True
    )
    assert rules.drill_due(START + timedelta(days=7), every_days=7, started=[START], has_backup=True)


def kept(generation, parent=None, *, days, held=False, good=True):
    return Kept(generation, parent, START + timedelta(days=days), held, good)


@pytest.mark.parametrize(
    ("chain", "gone"),
    [
        # All over: the newest chain stays all the same.
        ([kept(1, days=-9), kept(2, 1, days=-8), kept(3, days=-2), kept(4, 3, days=-1)], [2, 1]),
        # A child that stays keeps its parent.
        ([kept(1, days=-9), kept(2, 1, days=1), kept(3, days=9)], []),
        # A hold keeps the chain below it.
        ([kept(1, days=-9), kept(2, 1, days=-8, held=True), kept(3, days=9)], []),
        # What failed is no newest chain.
        ([kept(1, days=-9), kept(2, days=-8, good=False)], [2]),
        ([], []),
    ],
)
def test_pruning_keeps_what_something_is_built_on(chain, gone):
    assert rules.to_prune(START, kept=chain) == gone
