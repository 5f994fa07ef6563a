"""Rules about data that is read or leaves."""

from collections.abc import Collection, Iterator, Sequence
from datetime import timedelta
from uuid import UUID

from alerts.rules.base import Automatic, Group, Hit, Rule, Seen, Settings, Severity, each, hit, many, windows

CRITICAL_ROWS = 10_000
EXPORTS_AN_HOUR = 3
# Fewer rows are never unusual, and from so many exports on it is known what is usual.
LEAST_UNUSUAL, ENOUGH_EXPORTS, TIMES_USUAL = 200, 5, 3
_NEW_AFTER = timedelta(days=90)
_STOPPING = (Automatic.NONE, Automatic.FREEZE_EXPORTS, Automatic.END_SESSIONS)
_OPENED = frozenset(
    {"customer.read", "invoice.read", "contact.read", "payment.read", "account_statement.read"}
)
_LISTS = frozenset(
    {"customer.listed", "contact.listed", "invoice.listed", "payment.listed", "record.searched"}
)


def rows_of(event: Seen) -> int:
    """Return how many rows left."""
    found = event.facts.get("rows", 0)
    return found if isinstance(found, int) else 0


def _mass_export(events: Sequence[Seen], settings: Settings) -> Iterator[Hit]:
    """Too many rows or too many files within the window, or far more than this person usually takes."""
    before: dict[str, list[int]] = {}
    for window in windows(events, settings):
        event, rows = window[-1], sum(rows_of(one) for one in window)
        usual = before.setdefault(event.key(settings.group), [])
        unusual = (
            len(usual) >= ENOUGH_EXPORTS
            and rows_of(event) >= LEAST_UNUSUAL
            and rows_of(event) > TIMES_USUAL * sorted(usual)[len(usual) * 95 // 100]
        )
        usual.append(rows_of(event))
        if rows <= settings.threshold and len(window) < EXPORTS_AN_HOUR and not unusual:
            continue
        personal = any(one.facts.get("personal") is True for one in window)
        worse = rows > CRITICAL_ROWS and personal
        yield hit(
            event,
            settings,
            evidence=window,
            count=rows,
            severity=Severity.CRITICAL if worse else None,
            files=len(window),
            personal=personal,
            unusual=unusual,
        )


def _first_export(events: Sequence[Seen], settings: Settings) -> Iterator[Hit]:
    last: dict[str, Seen] = {}
    for event in events:
        key = event.key(settings.group)
        if not key:
            continue
        before = last.get(key)
        if before is None or event.at - before.at > settings.window:
            yield hit(event, settings)
        last[key] = event


def _opened(event: Seen) -> Collection[UUID | str]:
    return (event.subject_id,) if event.subject_id is not None else ()


def _listed(event: Seen) -> Collection[UUID | str]:
    return event.subject_ids


def _is_staff(event: Seen) -> bool:
    return event.actor_kind in ("user", "api_key")


RULES: tuple[Rule, ...] = (
    Rule(
        code="DATA-01",
        title="Mass export",
        sentence="{count} rows asked for in {files} exports within {window} by one person or key.",
        why="Data that has left cannot be called back. Whoever leaves, or was taken over, takes a list along.",
        steps=(
            "Freeze exports until you know more.",
            "Ask what the rows are for; the reason given stands with the export.",
            "End their sessions if the answer does not convince.",
        ),
        codes=frozenset({"export.asked", "breach.list_taken"}),
        severity=Severity.HIGH,
        groups=(Group.ACTOR, Group.ORGANIZATION),
        judge=_mass_export,
        window=timedelta(hours=1),
        history=timedelta(days=30),
        threshold=1_000,
        unit="rows",
        allowed=_STOPPING,
    ),
    Rule(
        code="DATA-02",
        title="Many records read by one person",
        sentence="{count} different customers, invoices or payments opened by one person or key within {window}.",
        why="Nobody needs to open that many one after the other to do their work; copying does.",
        steps=(
            "Look at which records.",
            "Ask the person.",
            "End their sessions if the answer does not convince.",
        ),
        codes=_OPENED,
        severity=Severity.MEDIUM,
        groups=(Group.ACTOR,),
        judge=many(_opened, _is_staff, critical_from=1_000),
        window=timedelta(hours=1),
        threshold=100,
        unit="records",
        allowed=(Automatic.NONE, Automatic.END_SESSIONS),
    ),
    Rule(
        code="DATA-05",
        title="First export in a long time",
        sentence="An export by somebody who had asked for none in {window}.",
        why="By itself nothing. It is counted with whatever else is found about the same person.",
        steps=("Look at what was taken.",),
        codes=frozenset({"export.asked"}),
        severity=Severity.LOW,
        groups=(Group.ACTOR,),
        judge=_first_export,
        window=_NEW_AFTER,
    ),
    Rule(
        code="DATA-07",
        title="Card number found",
        sentence="What looks like a card number was found in what is stored.",
        why="Card numbers must not be here. Each is masked or removed at once, and how it came in is closed.",
        steps=(
            "Open Card data and remove what was found.",
            "Find out who wrote it, and tell them how to pay safely.",
        ),
        codes=frozenset({"cards.found"}),
        severity=Severity.CRITICAL,
        groups=(Group.ORGANIZATION,),
        judge=each(),
    ),
    Rule(
        code="DATA-08",
        title="Lists read from end to end",
        sentence="{count} different records shown in lists to one person or key within {window}.",
        why="Page after page of a list is an export that asks nobody.",
        steps=(
            "Look at which lists.",
            "Ask the person or the key's owner.",
            "End their sessions or revoke the key.",
        ),
        codes=_LISTS,
        severity=Severity.MEDIUM,
        groups=(Group.ACTOR,),
        judge=many(_listed, _is_staff, critical_from=20_000),
        window=timedelta(hours=1),
        threshold=2_000,
        unit="records",
        allowed=(Automatic.NONE, Automatic.END_SESSIONS),
    ),
    Rule(
        code="DATA-09",
        title="Audit trail or books exported",
        sentence="The audit trail or the books left as a file.",
        why="Both tell a great deal about everybody. Rare, and worth a look each time.",
        steps=("Ask what it is for.",),
        codes=frozenset({"audit.exported", "ledger.exported"}),
        severity=Severity.LOW,
        groups=(Group.ACTOR,),
        judge=each(),
    ),
)
