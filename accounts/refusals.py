"""Refusals that must leave an audit event although everything else they did is rolled back.

Promise kept: a failed sign-in cannot vanish with its transaction. The service says which event a refusal is;
the door that opened the transaction (edge, a task, a command) records it afterwards, in a transaction of its
own.
"""

from collections.abc import Mapping
from typing import ClassVar
from uuid import UUID

from audit import services as audit
from audit.events import EventType
from core.actor import Actor
from core.errors import Refusal


class Recorded(Refusal):
    """This was refused and recorded."""

    # Set by each subclass. Without an organization the event goes to the operator's log.
    event: ClassVar[EventType]
    result: ClassVar[audit.Result] = "refused"

    def __init__(
        self,
        message: str = "",
        *,
        subject: tuple[str, UUID] | None = None,
        tenant_id: UUID | None = None,
        event_facts: Mapping[str, str | int | bool] | None = None,
        field: str = "",
    ) -> None:
        super().__init__(message, field=field)
        self.subject, self.tenant_id = subject, tenant_id
        self.event_facts: Mapping[str, str | int | bool] = event_facts or {}


def record_apart(refusal: Recorded, *, actor: Actor) -> None:
    """Record the refusal's event in a transaction of its own. Call it outside any scope."""
    audit.record_apart(
        refusal.event,
        actor=actor,
        subject=refusal.subject,
        facts=refusal.event_facts,
        reason=refusal.code,
        result=refusal.result,
        tenant_id=refusal.tenant_id,
    )
