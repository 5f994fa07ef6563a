"""Rules about data that is read or leaves."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from alerts.rules.base import Automatic, Group, Hit, Rule, Seen, Settings, Severity, hit, windows

CRITICAL_ROWS = 10_000
EXPORTS_AN_HOUR = 3


def rows_of(event: Seen) -> int:
    """Return how many rows left."""
    found = event.facts.get("rows", 0)
    return found if isinstance(found, int) else 0


def _mass_export(events: Sequence[Seen], settings: Settings) -> Iterator[Hit]:
    for window in windows(events, settings):
        event, rows = window[-1], sum(rows_of(one) for one in window)
        personal = any(one.facts.get("personal") is True for one in window)
        if rows > settings.threshold or len(window) >= EXPORTS_AN_HOUR:
            worse = rows > CRITICAL_ROWS and personal
            yield hit(
                event,
                settings,
                evidence=window,
                count=rows,
                severity=Severity.CRITICAL if worse else None,
                files=len(window),
            )


RULES: tuple[Rule, ...] = (
    Rule(
        code="DATA-01",
        title="Mass export",
        sentence="{count} rows asked for in {files} exports within {window}, by one person or key.",
        why="Data that has left cannot be called back. Whoever leaves, or was taken over, takes a list along.",
        steps=(
            "Freeze exports until you know more.",
            "Ask what the rows are for; the reason given stands with the export.",
            "End their sessions if the answer does not convince.",
        ),
        codes=frozenset({"export.asked"}),
        severity=Severity.HIGH,
        groups=(Group.ACTOR, Group.ORGANIZATION),
        judge=_mass_export,
        window=timedelta(hours=1),
        threshold=1_000,
        unit="rows",
        allowed=(Automatic.NONE, Automatic.FREEZE_EXPORTS, Automatic.END_SESSIONS),
    ),
)
