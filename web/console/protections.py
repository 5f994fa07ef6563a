"""The ten protections: where each stands at this moment, and how it was on each of the last ninety days.

Promise kept: a day is what was found on that day; a day on which nothing was looked at says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from compliance.controls import queries as controls
from compliance.controls.queries import ControlRow
from compliance.controls.rules import WORST_FIRST, Standing, State
from web.charts.strip import Day, DayState, DayStrip
from web.patching.words import Tile as Figure

DAYS = 90
_GOOD = (Standing.PASSING, Standing.NOT_APPLICABLE)
_DAY: Mapping[State, DayState] = {
    State.FAILING: "bad",
    State.UNKNOWN: "warn",
    State.PASSING: "ok",
    State.NOT_APPLICABLE: "none",
}
_WORST_DAY: tuple[DayState, ...] = ("bad", "warn", "ok", "none")
# What the running system is asked for each; "" asks every live control.
CONTROLS: Mapping[str, tuple[str, ...]] = {
    "keys": ("keys.age", "keys.wear", "keys.rotations", "keys.hierarchy", "configuration.key_files"),
    "sign_in": (
        "identity.second_factor", "identity.phishing_resistant", "identity.sessions", "identity.password_storage",
        "identity.known_passwords",
    ),
    "patches": ("assurance.patched",),
    "cards": ("cards.none_stored", "cards.refused", "cards.provider_mode"),
    "rights": (
        "access.roles", "access.key_age", "access.keys_used", "access.keys_owned", "access.exports",
        "access.invitations", "identity.dormant", "identity.leavers", "identity.second_person",
    ),
    "at_rest": (
        "encryption.stored_values", "configuration.transport", "isolation.row_level_security", "isolation.classified",
    ),
    "backups": ("assurance.backup_fresh", "assurance.drill_passed"),
    "trail": (
        "audit.sealed", "audit.append_only", "audit.proved", "audit.months", "audit.clocks", "assurance.watched",
        "assurance.alerts_answered", "assurance.rules_on",
    ),
    "training": ("assurance.trained", "assurance.practised"),
    "compliance": ("",),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """One protection with its state, since when, and its ninety days."""

    figure: Figure
    standing: Standing
    since: datetime | None
    # The controls that say so, the worst first.
    amiss: list[ControlRow]
    strip: DayStrip

    @property
    def is_unchecked(self) -> bool:
        """Tell whether nothing is amiss but that no control has run yet."""
        return bool(self.amiss) and all(row.checked_at is None for row in self.amiss)

    @property
    def more(self) -> int:
        """How many controls are amiss beside the two that are named."""
        return len(self.amiss) - 2


def protections(figures: Mapping[str, Figure], *, at: datetime, today: date) -> list[Protection]:
    """Return the protections of these figures, the worst first."""
    rows = {row.control.code: row for row in controls.rows(at=at) if row.control.is_live}
    codes = {name: _codes(name, rows) for name in figures}
    days = controls.days_of(
        sorted({code for each in codes.values() for code in each}), until=today, days=DAYS
    )
    found = [
        _of(figure, [rows[code] for code in codes[name]], [days[code] for code in codes[name]], today)
        for name, figure in figures.items()
    ]
    return sorted(found, key=lambda each: WORST_FIRST.index(each.standing))


def _codes(name: str, rows: Mapping[str, ControlRow]) -> list[str]:
    wanted = CONTROLS[name]
    return list(rows) if wanted == ("",) else [code for code in wanted if code in rows]


def _of(
    figure: Figure, rows: Sequence[ControlRow], days: Sequence[Mapping[date, State]], today: date
) -> Protection:
    amiss = sorted(
        (row for row in rows if row.standing not in _GOOD), key=lambda row: WORST_FIRST.index(row.standing)
    )
    # What is seen now counts before what the last run said.
    seen = {"bad": Standing.FAILING, "warn": Standing.EXCEPTION}.get(figure.tint, Standing.PASSING)
    standing = min([seen, *(row.standing for row in amiss)], key=WORST_FIRST.index)
    passing = [row.since for row in rows if row.since is not None and row.standing is Standing.PASSING]
    since = max(passing, default=None) if standing is Standing.PASSING else None
    strip = DayStrip(
        f"{figure.label}, 90 days",
        [
            Day(day, _worst([_DAY[each[day]] for each in days if day in each]))
            for day in (date.fromordinal(today.toordinal() - back) for back in range(DAYS - 1, -1, -1))
        ],
        template="kit/charts/strip_line.html",
    )
    return Protection(figure=figure, standing=standing, since=since, amiss=amiss, strip=strip)


def _worst(states: Sequence[DayState]) -> DayState:
    return min(states, key=_WORST_DAY.index, default="none")
