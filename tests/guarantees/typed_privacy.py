"""What people type about people's own data: requests, holds, breaches."""

from compliance.breaches import services as breaches
from compliance.requests import services as privacy
from compliance.retention import services as retention
from core import clock
from core.actor import Actor
from tests.make import billing


def over_the_services(marker: str, actor: Actor) -> None:
    """Ask, take more time, answer; hold and lift; enter a breach and add to it."""
    at = clock.now()
    customer = billing.customer(f"{marker} asks")
    asked = privacy.open_request(
        asked=privacy.Asked(
            kind="rectification",
            customer_id=customer.pk,
            name=f"{marker} name",
            email=f"{marker}@asks.example",
            words=f"{marker} words",
        ),
        actor=actor,
        at=at,
    )
    privacy.verify(request_id=asked.pk, identity="in_person", actor=actor, at=at)
    privacy.extend(request_id=asked.pk, reason=f"{marker} more time", actor=actor, at=at)
    privacy.answer(request_id=asked.pk, text=f"{marker} answer", actor=actor, at=at)
    hold = retention.place_hold(customer_id=customer.pk, reason=f"{marker} held", actor=actor, at=at)
    retention.lift_hold(hold_id=hold.pk, reason=f"{marker} lifted", actor=actor, at=at)
    found = breaches.Found(title=f"{marker} breach", kind="integrity", facts=f"{marker} facts", aware_at=at)
    row = breaches.open_breach(found=found, actor=actor, at=at)
    breaches.note(breach_id=row.pk, kind="action", text=f"{marker} action", actor=actor, at=at)
