"""What is not an event but a state: a sealer that has fallen behind, a trail nobody checks, a key that is too old.

Each is looked at every minute and told once a change, as an event in the trail it concerns; rules read it from there.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from alerts import engine
from alerts.models import Watch
from audit import events as trail
from audit import queries as audit_queries
from audit import services as audit
from core.actor import Actor
from crypto import events as keys
from crypto import inspection
from crypto.envelope import Purpose
from crypto.models import KeyState
from tenancy import context
from tenancy.context import Scope, scope
from tenancy.models import Tenant

SEALING_LATE_AFTER = timedelta(minutes=5)
UNCHECKED_AFTER = timedelta(hours=24)


def check_all(*, actor: Actor, now: Callable[[], datetime]) -> int:
    """Look at the states of every organization, one after the other; return how many changes were told."""
    with context.system_scope(reason="states are looked at in every organization"):
        rows = Tenant.objects.filter(state=Tenant.State.ACTIVE).order_by("pk")
        tenants = list(rows.values_list("pk", "kind"))
    told, looked_at = 0, None
    # The operator first: its row knows when everything was last looked through.
    for tenant, kind in sorted(tenants, key=lambda one: one[1] != Tenant.Kind.OPERATOR):
        is_operator = kind == Tenant.Kind.OPERATOR
        with scope(Scope(tenant)):
            row = Watch.objects.select_for_update().first()
            if row is None:
                # The watch has not come by yet: it will make the row.
                continue
            if is_operator:
                looked_at = row.looked_at
            told += check(row, tenant, is_operator=is_operator, actor=actor, at=now())
            if looked_at is not None:
                row.looked_at = looked_at
            row.save(update_fields=["states", "looked_at"])
    return told


def check(row: Watch, tenant_id: UUID, *, is_operator: bool, actor: Actor, at: datetime) -> int:
    """Look at the states of one organization in scope and tell what has changed since the last time."""
    now_true: dict[str, bool] = {}
    told = 0
    if is_operator:
        late = audit_queries.seconds_since_sealing(at=at)
        now_true["sealing_late"] = late > SEALING_LATE_AFTER.total_seconds()
        if now_true["sealing_late"] and not row.states.get("sealing_late"):
            audit.record(trail.SEALING_LATE, actor=actor, facts={"seconds": int(late)}, result="failed")
            told += 1
    last = audit_queries.last_verification()
    checked_at = None if last is None else (last.finished_at or last.started_at)
    if checked_at is not None:
        now_true["unchecked"] = at - checked_at > UNCHECKED_AFTER
        if now_true["unchecked"] and not row.states.get("unchecked"):
            audit.record(trail.CHECK_LATE, actor=actor, subject=("audit_trail", None), result="failed")
            told += 1
    for key in inspection.data_keys():
        too_old = at - key.created_at > inspection.ROTATE_AFTER
        if key.state != KeyState.PRIMARY or key.purpose == Purpose.BLIND_INDEX or not too_old:
            continue
        name = f"old_key.{key.pk}"
        now_true[name] = True
        if not row.states.get(name):
            audit.record(
                keys.ROTATION_OVERDUE,
                actor=actor,
                subject=("data_key", key.pk),
                facts={"purpose": key.purpose, "days": (at - key.created_at).days},
            )
            told += 1
    kept = {engine.BEHIND: row.states[engine.BEHIND]} if engine.BEHIND in row.states else {}
    row.states = {**kept, **{name: True for name, is_true in now_true.items() if is_true}}
    return told
