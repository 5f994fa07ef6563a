"""Whether the audit trail is sealed, proved, and out of reach of whoever writes to it."""

from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from audit import queries
from compliance.controls import rules
from compliance.controls.rules import Control, Outcome
from tenancy.rls import APP_ROLE

SEALED_WITHIN = timedelta(minutes=5)
SKEW = timedelta(seconds=5)
_TABLES = ("audit_event", "audit_seal")
_OPEN = """
    SELECT c.relname::text || ': ' || word FROM pg_class c, unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) AS word
    WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace AND c.relname ~ '^audit_(event|seal)'
      AND (has_table_privilege(%(app)s, c.oid, word)
           OR (word = 'UPDATE' AND has_any_column_privilege(%(app)s, c.oid, 'UPDATE'))) ORDER BY 1"""
_TRIGGERS = """
    SELECT c.relname::text, t.tgname::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE c.relname = ANY (%(tables)s) AND t.tgenabled IN ('O', 'A') AND NOT t.tgisinternal"""
_BACK_DATED = """
    SELECT EXISTS (SELECT FROM information_schema.column_privileges
    WHERE table_name = 'audit_event' AND grantee = %(app)s AND privilege_type = 'INSERT'
      AND column_name IN ('at', 'xid', 'epoch'))"""


def _ask(sql: str, **given: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, given)
        return list(cursor.fetchall())


def sealed(at: datetime) -> Outcome:
    """Look how old the sealer's last round is."""
    seconds = round(queries.seconds_since_sealing(at=at))
    if seconds > SEALED_WITHIN.total_seconds():
        return rules.failed(f"The sealer was last heard of {seconds:,} seconds ago.", seconds=seconds)
    return rules.passed(
        f"The sealer's last round was {max(seconds, 0)} seconds ago.", seconds=max(seconds, 0)
    )


def append_only(at: datetime) -> Outcome:
    """Look whether the application could change or remove what is recorded."""
    found = [str(row[0]) for row in _ask(_OPEN, app=APP_ROLE)]
    there = {(table, name) for table, name in _ask(_TRIGGERS, tables=list(_TABLES))}
    found += [
        f"{table}: trigger {name} is off"
        for table in _TABLES
        for name in ("append_only", "no_truncate")
        if (table, name) not in there
    ]
    if _ask(_BACK_DATED, app=APP_ROLE)[0][0]:
        found.append("audit_event: time or position can be chosen by the writer")
    return rules.judged(
        found,
        good="The application can add to the trail, and neither change, remove nor back-date anything.",
        wrong="Ways in which the trail can be changed: {n}.",
    )


def proved(at: datetime) -> Outcome:
    """Look at the last proof of the whole trail of this organization."""
    badge = queries.badge(at=at)
    facts: dict[str, str | int | bool] = {"state": badge.state, "events": badge.events}
    if badge.state == "verified":
        return rules.passed(f"All {badge.events:,} events agree with their seals.", **facts)
    if badge.state in ("gap", "broken"):
        kinds = [str(each.get("kind", "")) for each in badge.errors]
        return rules.failed("The trail does not agree with its seals.", kinds, **facts)
    words = {
        "unchecked": "The trail has never been proved.",
        "checking": "The trail is being proved at this moment.",
        "stale": "The last proof is older than a day.",
    }
    return rules.unknown(words.get(badge.state, "The trail is not proved."), **facts)


def months(at: datetime) -> Outcome:
    """Look whether the next month can be recorded."""
    missing = queries.missing_months()
    return rules.judged(
        [f"no partition for {month}" for month in missing],
        good="This month and the next have their partition.",
        wrong="Months without a partition of their own: {n}.",
    )


def clocks(at: datetime) -> Outcome:
    """Compare the clock of this process with the database's."""
    (theirs,) = _ask("SELECT clock_timestamp()")[0]
    skew = abs((theirs - at).total_seconds())
    facts: dict[str, str | int | bool] = {"milliseconds": round(skew * 1000)}
    if skew > SKEW.total_seconds():
        return rules.failed(f"Clocks differ by {skew:,.0f} seconds.", **facts)
    return rules.passed(
        f"The clocks of application and database agree within {SKEW.seconds} seconds.", **facts
    )


CONTROLS = (
    Control(
        code="audit.sealed",
        title="What happens is sealed within minutes",
        family="audit",
        checks="The age of the sealer's last round.",
        passes="At most five minutes.",
        fails="The sealer is late or gone: what happened since could still be changed unseen.",
        matters="A trail proves something only from its seal on.",
        remedy="See whether the sealer's process runs; nothing is lost, it catches up.",
        maps=(
            ("pci-dss", "10.3.1-10.3.4"),
            ("pci-dss", "10.7.1-10.7.3"),
            ("hipaa", "312(c)(1)"),
            ("asvs", "16.4.2"),
        ),
        check=sealed,
        of_host=True,
    ),
    Control(
        code="audit.append_only",
        title="Nobody can change what is recorded",
        family="audit",
        checks="The application's privileges on events and seals, the triggers that refuse, and who sets the time.",
        passes="It may add, and nothing else; both triggers are on; time and position come from the database.",
        fails="A privilege was given or a trigger switched off.",
        matters="Whoever breaks in removes their traces first.",
        remedy="Put grant and trigger back, then prove the trail: audit_verify.",
        maps=(("pci-dss", "10.3.1-10.3.4"), ("hipaa", "312(b)"), ("asvs", "16.4.2")),
        check=append_only,
        of_host=True,
    ),
    Control(
        code="audit.proved",
        title="The whole trail was proved within a day",
        family="audit",
        checks="The last verification of every event against the chained, signed seals.",
        passes="It is younger than a day and found nothing.",
        fails="An event is missing, changed or in another place.",
        matters="A chain that nobody checks is an ornament.",
        remedy="Open the chain check for the first bad event; compare with an exported bundle.",
        maps=(("pci-dss", "10.3.1-10.3.4"), ("hipaa", "312(c)(1)"), ("gdpr", "5(2)")),
        check=proved,
    ),
    Control(
        code="audit.months",
        title="The next month can be recorded",
        family="audit",
        checks="The partitions of the trail.",
        passes="This month and the next have one of their own.",
        fails="One is missing: its rows would fall together and could not be retired by month.",
        matters="When nothing can be recorded, nothing can be done: the product refuses.",
        remedy="See whether beat and the worker run; the task audit.prepare_months makes them.",
        maps=(("pci-dss", "10.5.1"), ("asvs", "16.4.2")),
        check=months,
        of_host=True,
    ),
    Control(
        code="audit.clocks",
        title="The clocks agree",
        family="audit",
        checks="The time of this process against the database's.",
        passes="They differ by five seconds at most.",
        fails="They differ by more.",
        matters="Events of two machines can be put in order only when their clocks agree.",
        remedy="Set the host's time synchronization right.",
        maps=(("pci-dss", "10.6.1-10.6.3"), ("asvs", "16.2.2")),
        check=clocks,
        of_host=True,
    ),
)
