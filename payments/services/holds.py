"""Holding payouts: while somebody looks into an incident, no money leaves.

Promise kept: a refund is neither asked for nor agreed to nor sent while payouts are held, and what had been sent is
still followed to its end. Only a person lets them go again, and says why.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts.refusals import Recorded
from audit import services as audit
from billing.invoices import rules as texts
from core.actor import Actor, ActorKind
from core.errors import Conflict, FieldError, Invalid
from payments import events
from payments.models import PayoutHold
from tenancy.context import use_case

REASON_LENGTH = 500


class PayoutsHeld(Recorded):
    """Payouts are held: no money is given back until somebody who may lets them go again."""

    code = "payouts_held"
    status = 409
    event = events.PAYOUT_REFUSED


class OnlyPeopleRelease(Conflict):
    """Only a person lets payouts go again."""

    code = "only_people_release"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A turn of the switch."""

    held: bool
    reason: str
    alert_id: UUID | None
    turned_by: UUID | None
    turned_at: datetime


def are_held() -> bool:
    """Tell whether payouts are held in the organization in scope."""
    newest = PayoutHold.objects.order_by("-id").values_list("held", flat=True)[:1]
    return any(newest)


def standing() -> Hold | None:
    """Return how the switch stands, None when nobody has ever turned it."""
    row = PayoutHold.objects.order_by("-id").first()
    if row is None:
        return None
    return Hold(
        held=row.held,
        reason=row.reason,
        alert_id=row.alert_id,
        turned_by=row.turned_by,
        turned_at=row.turned_at,
    )


def refuse_if_held(subject: tuple[str, UUID]) -> None:
    """Let what follows pass unless payouts are held.

    Raises:
        PayoutsHeld
    """
    if are_held():
        raise PayoutsHeld(subject=subject)


@use_case
def hold(*, reason: str, alert_id: UUID | None = None, actor: Actor, at: datetime) -> bool:
    """Hold every payout of the organization; tell whether that is new.

    Raises:
        Invalid: without a reason, or with one that cannot be kept.
    """
    return _turn(held=True, reason=reason, alert_id=alert_id, actor=actor, at=at)


@use_case
def release(*, reason: str, actor: Actor, at: datetime) -> bool:
    """Let payouts go again; tell whether they were held.

    Raises:
        OnlyPeopleRelease: whoever asks is a key or a process.
        Invalid: without a reason, or with one that cannot be kept.
    """
    if actor.kind is not ActorKind.USER or actor.id is None:
        raise OnlyPeopleRelease
    return _turn(held=False, reason=reason, alert_id=None, actor=actor, at=at)


def _turn(*, held: bool, reason: str, alert_id: UUID | None, actor: Actor, at: datetime) -> bool:
    text = reason.strip()
    if not text:
        raise Invalid([FieldError("/reason", "required", "Say why, in up to 500 characters.")])
    errors = texts.text_errors("/reason", text, REASON_LENGTH)
    if errors:
        raise Invalid(errors)
    if are_held() == held:
        return False
    PayoutHold(held=held, reason=text, alert_id=alert_id, turned_by=actor.id, turned_at=at).save(
        force_insert=True
    )
    audit.record(
        events.PAYOUTS_HELD if held else events.PAYOUTS_RELEASED,
        actor=actor,
        facts={"alert": str(alert_id or "")},
    )
    return True
