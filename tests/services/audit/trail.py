"""A trail to work on: an organization of its own, recorded by the ordinary service, then sealed."""

from datetime import UTC, datetime
from uuid import UUID

from audit import events, keys, sealing, services, verification
from core import ids
from core.actor import Actor
from tenancy import context
from tenancy.models import Tenant
from tests import databases

ACTOR = Actor.system("tests")
AT = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
FORGED = UUID("00000000-0000-7000-8000-000000000001")
# The administrator who turns against the trail: whoever owns the tables can switch their triggers off.
TRIGGERS_OFF = "ALTER TABLE audit_event DISABLE TRIGGER USER; ALTER TABLE audit_seal DISABLE TRIGGER USER; "


def organization(slug: str) -> UUID:
    """Make an organization without any event."""
    with context.system_scope(reason="tests make an organization"):
        return Tenant.objects.create(slug=slug).pk


def record(tenant: UUID, count: int = 1) -> list[UUID]:
    """Record events, each in a transaction of its own, and return their ids."""
    made = []
    for number in range(count):
        with context.scope(context.Scope(tenant)):
            made.append(
                services.record(
                    events.AUDIT_READ,
                    actor=ACTOR,
                    subject=("invoice", ids.uuid7()),
                    subjects=[ids.uuid7()],
                    fields=["name", "email"],
                    facts={"number": number, "ok": True, "code": "x"},
                )
            )
    return made


def seal(at: datetime = AT) -> int:
    """Seal everything recorded so far in one round and return how many seals were made."""
    databases.let_settle()
    return len(sealing.seal_once(keys.signing_key(), at=at).seals)


def kinds(tenant: UUID) -> dict[str, str | None]:
    """Verify and return what was found: kind to first event."""
    found = verification.verify(tenant).findings
    return {item.kind: None if item.first_event is None else str(item.first_event) for item in found}


def tamper(sql: str) -> None:
    """Run SQL as the owner of the tables, with triggers off."""
    databases.as_owner(TRIGGERS_OFF + sql)


def backdate(event: UUID) -> None:
    """Put in a copy of an event as one that happened eight days before, as whoever owns the tables can."""
    values = f"'id', '{FORGED}', 'at', timestamptz '{AT.isoformat()}' - interval '8 days'"
    tamper(
        "INSERT INTO audit_event SELECT (jsonb_populate_record(e, jsonb_build_object("
        f"{values}, 'xid', pg_current_xact_id()::text))).* FROM audit_event e WHERE id = '{event}'"
    )
