"""Looking at everything, and keeping what was seen.

Promise kept: a weakness that was found stays until it is seen to be gone, or until two people have agreed to live with
it until a day; a change of state is told once.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection

from audit import services as audit
from audit.services import is_code
from core.actor import Actor
from outbound import files
from outbound.models import StoredFile
from patching import events, looking, queries, rules, sbom
from patching.inventory import Component as Found
from patching.looking import Looked, Seen
from patching.matching import Match
from patching.models import Acceptance, Check, Component, Finding
from patching.rules import Severity, State, Support, Why
from tenancy.context import Scope, scope, use_case

# Nobody else's advisory locks begin so: "PAT".
_LOCK = 0x504154
_SILENT = frozenset({Why.NO_SOURCE.value, Why.SILENT.value, Why.STALE.value, Why.UNREADABLE.value})


def is_due(at: datetime) -> bool:
    """Tell whether the look of this day has not been taken yet."""
    with scope(Scope(queries.operator_id())):
        last = queries.newest_check()
    return last is None or at - last.at >= rules.LOOK_EVERY


def check(
    *,
    actor: Actor,
    now: Callable[[], datetime],
    components: Sequence[Found] | None = None,
) -> Check:
    """Look at everything and keep what was seen: what the daily task, the command and the page all do."""
    tenant_id = queries.operator_id()
    looked = looking.look(tenant_id=tenant_id, now=now, components=components)
    found = [one.component for one in looked.seen]
    digest = sbom.digest(found)
    with scope(Scope(tenant_id)):
        before = queries.newest_check()
    made = None
    if before is None or before.digest != digest or before.sbom_id is None:
        document = sbom.build(found, at=looked.at, version=sbom.release())
        made = files.prepare(
            tenant_id=tenant_id, media_type=sbom.MEDIA_TYPE, chunks=[json.dumps(document, indent=1).encode()]
        )
    with scope(Scope(tenant_id)):
        return keep(looked=looked, digest=digest, bill=made, actor=actor)


@use_case
def keep(*, looked: Looked, digest: str, bill: files.Prepared | None, actor: Actor) -> Check:
    """Keep one look: components, findings, what is gone, what is due, what is told."""
    with connection.cursor() as cursor:
        # Two looks at once would each tell what only one may.
        cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [_LOCK])
    at = looked.at
    before = queries.newest_check()
    _end_acceptances(actor=actor, at=at)
    rows = _keep_components(looked.seen, at)
    found = _keep_findings(looked.seen, rows, actor=actor, at=at)
    fixed = _close_findings(looked, rows, found, actor=actor)
    _tell_due(actor=actor, at=at)
    # An accepted weakness is one that somebody looked at: what is open decides.
    states = Counter(_standing(looked.seen, rows))
    standing = list(
        Finding.objects.exclude(status=Finding.Status.FIXED).values_list("status", "severity", "due_on")
    )
    open_ones = [(severity, due) for status, severity, due in standing if status == Finding.Status.OPEN]
    reasons = list(looked.reasons)
    state = rules.overall(states.elements(), reasons)
    ending = [one for one in looked.series if one.support(at.date()) in (Support.ENDING, Support.ENDED)]
    row = Check(
        at=at,
        state=state,
        source=looked.source,
        source_at=looked.source_at,
        reasons=reasons,
        components=len(looked.seen),
        clean_ones=states[State.CLEAN],
        vulnerable=states[State.VULNERABLE],
        unknown=states[State.UNKNOWN],
        open=len(open_ones),
        overdue=sum(due < at.date() for _, due in open_ones),
        accepted=len(standing) - len(open_ones),
        found=sum(is_new for _, is_new in found.values()),
        fixed=fixed,
        by_severity=dict(Counter(severity for severity, _ in open_ones)),
        series=[
            {
                "product": one.product,
                "series": one.series,
                "version": one.version,
                "ends_on": one.ends_on.isoformat() if one.ends_on else "",
                "support": one.support(at.date()).value,
            }
            for one in looked.series
        ],
        ending=[one.code for one in ending],
        digest=digest,
        sbom=_bill(bill, before, digest, actor=actor, at=at),
    )
    row.save(force_insert=True)
    _tell_changes(row, before, ending, actor=actor)
    audit.record(
        events.PATCH_CHECKED,
        actor=actor,
        facts={
            "state": row.state,
            "source": row.source.replace("+", "."),
            "components": row.components,
            "unknown": row.unknown,
            "open": row.open,
            "overdue": row.overdue,
            "found": row.found,
            "fixed": row.fixed,
        },
    )
    return row


def _bill(
    made: files.Prepared | None, before: Check | None, digest: str, *, actor: Actor, at: datetime
) -> StoredFile | None:
    """Keep the bill of materials, or use that of the look before, which saw the same."""
    if made is not None:
        return files.keep_prepared(made, kind="sbom", name="strongbox.cdx.json", actor=actor, at=at)
    return before.sbom if before is not None and before.digest == digest else None


def _keep_components(seen: Sequence[Seen], at: datetime) -> dict[tuple[str, str], Component]:
    known = {(row.kind, row.name): row for row in Component.objects.all()}
    fields = (
        "version",
        "ecosystem",
        "purl",
        "licence",
        "sha256",
        "scope",
        "is_direct",
        "is_intact",
        "state",
        "why",
    )
    made, changed = [], []
    for one in seen:
        found = one.component
        said = {
            "version": found.version[:200],
            "ecosystem": found.ecosystem[:64],
            "purl": found.purl[:400],
            "licence": found.licence[:400],
            "sha256": found.sha256,
            "scope": found.scope.value,
            "is_direct": found.direct,
            "is_intact": found.intact,
            "state": one.state.value,
            "why": one.why,
        }
        row = known.get((found.kind.value, found.name))
        if row is None:
            row = Component(
                kind=found.kind.value, name=found.name, first_seen_at=at, version_since=at, **said
            )
            known[row.kind, row.name] = row
            made.append(row)
            continue
        if row.gone_at is None and all(getattr(row, name) == said[name] for name in fields):
            continue
        if row.version != said["version"] or row.gone_at is not None:
            row.version_since = at
        row.gone_at = None
        for name, value in said.items():
            setattr(row, name, value)
        changed.append(row)
    Component.objects.bulk_create(made, batch_size=500)
    if changed:
        Component.objects.bulk_update(changed, [*fields, "version_since", "gone_at"], batch_size=500)
    here = {(one.component.kind.value, one.component.name) for one in seen}
    gone = [row.pk for key, row in known.items() if key not in here and row.gone_at is None]
    if gone:
        Component.objects.filter(pk__in=gone).update(gone_at=at)
    return known


def _keep_findings(
    seen: Sequence[Seen], rows: Mapping[tuple[str, str], Component], *, actor: Actor, at: datetime
) -> dict[UUID, tuple[Finding, bool]]:
    """Keep every match, and return by id what is there now and whether it is new."""
    known = {(row.component_id, row.advisory): row for row in Finding.objects.all()}
    kept: dict[UUID, tuple[Finding, bool]] = {}
    for one in seen:
        component = rows[one.component.kind.value, one.component.name]
        for match in one.matches:
            row = known.get((component.pk, match.advisory.id))
            is_new = row is None or row.status == Finding.Status.FIXED
            if row is None:
                row = Finding(
                    component=component, advisory=match.advisory.id, first_seen_at=at, last_seen_at=at
                )
            elif is_new:
                row.status, row.fixed_at, row.due_told_at, row.first_seen_at = "open", None, None, at
            _say(row, component, match, at)
            row.save()
            kept[row.pk] = (row, is_new)
            if is_new:
                audit.record(
                    events.FINDING_FOUND,
                    actor=actor,
                    subject=("finding", row.pk),
                    facts={
                        "advisory": _code(row.advisory),
                        "severity": row.severity,
                        "known_exploited": row.known_exploited,
                        "due_on": row.due_on.isoformat(),
                    },
                )
    return kept


def _say(row: Finding, component: Component, match: Match, at: datetime) -> None:
    row.aliases = [*match.advisory.aliases]
    row.summary = match.advisory.summary
    row.version, row.safe_version = component.version, match.safe_version[:200]
    row.severity, row.known_exploited = match.severity.value, match.known_exploited
    row.last_seen_at = at
    # What became worse is due sooner; what is said to be less bad does not win time for whoever waited.
    due = rules.due_on(
        severity=Severity(row.severity),
        known_exploited=row.known_exploited,
        first_seen=row.first_seen_at.date(),
    )
    row.due_on = due if row.due_on is None else min(due, row.due_on) if row.first_seen_at != at else due


def _close_findings(
    looked: Looked,
    rows: Mapping[tuple[str, str], Component],
    found: Mapping[UUID, tuple[Finding, bool]],
    *,
    actor: Actor,
) -> int:
    """Close what is seen to be gone: the component left, or somebody who knows looked and says so."""
    clear = {
        rows[one.component.kind.value, one.component.name].pk
        for one in looked.seen
        if not one.why and one.state is not State.UNKNOWN
    }
    here = {rows[one.component.kind.value, one.component.name].pk for one in looked.seen}
    closed = 0
    for row in Finding.objects.exclude(status=Finding.Status.FIXED).exclude(pk__in=list(found)):
        # A silent source finds nothing either: what it does not say is not gone.
        if row.component_id in here and row.component_id not in clear:
            continue
        row.status, row.fixed_at = Finding.Status.FIXED, looked.at
        row.save(update_fields=["status", "fixed_at"])
        Acceptance.objects.filter(finding=row, ended_at__isnull=True).update(ended_at=looked.at)
        audit.record(
            events.FINDING_FIXED,
            actor=actor,
            subject=("finding", row.pk),
            facts={"advisory": _code(row.advisory), "in_time": row.due_on >= looked.at.date()},
        )
        closed += 1
    return closed


def _standing(seen: Sequence[Seen], rows: Mapping[tuple[str, str], Component]) -> list[State]:
    """Return the states with what is accepted put aside."""
    open_ones = set(Finding.objects.filter(status=Finding.Status.OPEN).values_list("component_id", flat=True))
    found = []
    for one in seen:
        state = one.state
        key = rows[one.component.kind.value, one.component.name].pk
        if key in open_ones:
            state = State.VULNERABLE
        elif state is State.VULNERABLE:
            state = State.UNKNOWN if one.why else State.CLEAN
        found.append(state)
    return found


def _end_acceptances(*, actor: Actor, at: datetime) -> None:
    for row in Acceptance.objects.filter(ended_at__isnull=True, until__lt=at.date()).select_related(
        "finding"
    ):
        row.ended_at = at
        row.save(update_fields=["ended_at"])
        Finding.objects.filter(pk=row.finding_id, status=Finding.Status.ACCEPTED).update(
            status=Finding.Status.OPEN
        )
        audit.record(events.ACCEPTANCE_ENDED, actor=actor, subject=("finding", row.finding_id))


def _tell_due(*, actor: Actor, at: datetime) -> None:
    late = Finding.objects.filter(status=Finding.Status.OPEN, due_on__lt=at.date(), due_told_at__isnull=True)
    for row in late:
        row.due_told_at = at
        row.save(update_fields=["due_told_at"])
        audit.record(
            events.FINDING_DUE,
            actor=actor,
            subject=("finding", row.pk),
            facts={
                "advisory": _code(row.advisory),
                "severity": row.severity,
                "known_exploited": row.known_exploited,
                "due_on": row.due_on.isoformat(),
            },
        )


def _tell_changes(row: Check, before: Check | None, ending: Sequence[rules.Series], *, actor: Actor) -> None:
    silent = sorted(_SILENT & set(row.reasons))
    if silent and not (before is not None and _SILENT & set(before.reasons)):
        audit.record(events.FEED_STALE, actor=actor, facts={"why": silent[0]}, result="failed")
    told = set() if before is None else set(before.ending)
    for one in ending:
        if one.code not in told and one.ends_on is not None:
            facts = {"series": one.code, "ends_on": one.ends_on.isoformat()}
            audit.record(events.END_OF_LIFE_NEAR, actor=actor, facts=facts)


def _code(text: str) -> str:
    """Name an advisory in the trail, which takes codes only."""
    return text if is_code(text) else "other"
