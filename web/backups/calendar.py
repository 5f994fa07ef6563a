"""Ninety days of backups and drills, one mark each."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from backups.models import Backup, Drill
from web.charts.strip import Day, DayState, DayStrip

DAYS = 90


def _strip(title: str, at: datetime, states: dict[date, DayState], note: str) -> DayStrip:
    days = [at.date() - timedelta(days=DAYS - 1 - number) for number in range(DAYS)]
    return DayStrip(title, [Day(day, states.get(day, "none")) for day in days], note=note)


def of_backups(rows: Iterable[Backup], *, at: datetime) -> DayStrip:
    """Draw when backups were made: wrong where the day ended without a sound one."""
    states: dict[date, DayState] = {}
    for row in sorted(rows, key=lambda one: one.started_at):
        day = row.started_at.date()
        good = row.state in (Backup.State.DONE, Backup.State.PRUNED) and row.is_sound is not False
        if good:
            # A failure that was made up for on the same day is worth a look, no more.
            states[day] = "warn" if states.get(day) in ("bad", "warn") else "ok"
        elif row.state != Backup.State.RUNNING:
            states[day] = "warn" if states.get(day) in ("ok", "warn") else "bad"
    return _strip("Backups", at, states, "90 days, times in UTC")


def of_drills(rows: Iterable[Drill], *, at: datetime) -> DayStrip:
    """Draw when drills ran."""
    states: dict[date, DayState] = {}
    for row in sorted(rows, key=lambda one: one.started_at):
        if row.state != Drill.State.RUNNING:
            states[row.started_at.date()] = "ok" if row.state == Drill.State.PASSED else "bad"
    return _strip("Restore drills", at, states, "90 days, times in UTC")
