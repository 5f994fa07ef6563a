"""What the tables of patching say."""

import json
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet

from accounts import queries as people
from accounts.models import ApprovalRequest
from core.errors import NotFound
from patching import rules
from patching.models import Acceptance, Bundle, Check, Component, Finding
from patching.rules import State, Why
from tenancy import context
from tenancy.models import Tenant, only


def operator_id() -> UUID:
    """Return the organization that operates the installation, whose rows these are."""
    with context.system_scope(reason="the software is the operator's to look after"):
        return Tenant.objects.values_list("pk", flat=True).get(kind=Tenant.Kind.OPERATOR)


def newest_bundle() -> Bundle | None:
    """Return the bundle that counts."""
    found: Bundle | None = only(Bundle.objects.order_by("-made_at", "-id"))
    return found


def newest_check() -> Check | None:
    """Return the last look."""
    found: Check | None = only(Check.objects.order_by("-at", "-id"))
    return found


def checks(limit: int) -> list[Check]:
    """List the last looks, newest first."""
    return list(Check.objects.order_by("-at", "-id")[:limit])


def state_now(check: Check | None, at: datetime) -> tuple[State, tuple[str, ...]]:
    """Say how it stands at this moment: a look that is too old says nothing any more."""
    if check is None:
        return State.UNKNOWN, (Why.UNSEEN.value,)
    if not rules.is_fresh(check.at, at):
        state = State.VULNERABLE if check.state == State.VULNERABLE else State.UNKNOWN
        return state, tuple(dict.fromkeys([*check.reasons, Why.STALE.value]))
    return State(check.state), tuple(check.reasons)


def findings(*, status: str = "", severity: str = "", late_on: date | None = None) -> QuerySet[Finding]:
    """Select findings, those that are due first."""
    rows = Finding.objects.select_related("component").order_by("due_on", "id")
    if status:
        rows = rows.filter(status=status)
    if severity:
        rows = rows.filter(severity=severity)
    if late_on is not None:
        rows = rows.filter(due_on__lt=late_on)
    return rows


def finding(finding_id: UUID) -> Finding:
    """Return one finding.

    Raises:
        NotFound
    """
    found: Finding | None = Finding.objects.select_related("component").filter(pk=finding_id).first()
    if found is None:
        raise NotFound
    return found


def acceptances(finding_id: UUID) -> list[Acceptance]:
    """List what was decided about a finding, newest first."""
    return list(Acceptance.objects.filter(finding_id=finding_id).order_by("-accepted_at"))


def components(*, kind: str = "", state: str = "", name: str = "") -> QuerySet[Component]:
    """Select what runs now."""
    rows = Component.objects.filter(gone_at__isnull=True)
    if kind:
        rows = rows.filter(kind=kind)
    if state:
        rows = rows.filter(state=state)
    if name:
        rows = rows.filter(name__icontains=name)
    return rows.order_by("kind", "name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What every organization may know of how current the software is: states, times and counts, no names."""

    state: State
    reasons: tuple[str, ...]
    checked_at: datetime | None
    source: str
    source_at: datetime | None
    components: int
    clean: int
    vulnerable: int
    unknown: int
    open: int
    overdue: int
    accepted: int
    by_severity: dict[str, int]
    series: tuple[dict[str, str], ...]


_NOTHING = Evidence(
    state=State.UNKNOWN,
    reasons=(Why.UNSEEN.value,),
    checked_at=None,
    source="none",
    source_at=None,
    components=0,
    clean=0,
    vulnerable=0,
    unknown=0,
    open=0,
    overdue=0,
    accepted=0,
    by_severity={},
    series=(),
)


def evidence(at: datetime) -> Evidence:
    """Return how current the software is kept, for any organization in scope."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT patching_evidence()::text")
        (said,) = cursor.fetchone()
    if said is None:
        return _NOTHING
    found = json.loads(said)
    checked_at = datetime.fromisoformat(found["at"])
    fresh = rules.is_fresh(checked_at, at)
    state = State(found["state"])
    if not fresh and state is not State.VULNERABLE:
        state = State.UNKNOWN
    return Evidence(
        state=state,
        reasons=(*found["reasons"], *(() if fresh else (Why.STALE.value,))),
        checked_at=checked_at,
        source=found["source"],
        source_at=datetime.fromisoformat(found["source_at"]) if found["source_at"] else None,
        by_severity=found["by_severity"],
        series=tuple(found["series"]),
        **{
            name: int(found[name])
            for name in ("components", "clean", "vulnerable", "unknown", "open", "overdue", "accepted")
        },
    )


def behind(rows: QuerySet[Finding], due_on: date, finding_id: UUID) -> QuerySet[Finding]:
    """Narrow to what comes behind one finding in the order of the list."""
    return rows.filter(Q(due_on__gt=due_on) | Q(due_on=due_on, pk__gt=finding_id))


def components_behind(rows: QuerySet[Component], kind: str, name: str) -> QuerySet[Component]:
    """As `behind`, of components."""
    return rows.filter(Q(kind__gt=kind) | Q(kind=kind, name__gt=name))


def waiting(finding_id: UUID, *, at: datetime) -> ApprovalRequest | None:
    """Return the request to live with a weakness that waits for a second person."""
    pending = people.approvals(state=ApprovalRequest.State.PENDING)
    return pending.filter(subject_kind="finding", subject_id=finding_id, expires_at__gt=at).first()


def find(finding_id: UUID | None) -> Finding | None:
    """Return one finding, or None."""
    found: Finding | None = Finding.objects.select_related("component").filter(pk=finding_id).first()
    return found
