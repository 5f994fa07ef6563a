"""What may be recorded as usage. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from billing.catalog.rules import number_errors
from core import characters, days
from core.errors import FieldError

MOST_EVENTS = 1_000
KEY_LENGTH, VALUE_LENGTH = 255, 255
# Clocks differ; more than that is another day.
AHEAD = timedelta(minutes=5)
AGGREGATIONS = ("sum", "max", "last", "unique")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventInput:
    """Something used, as an integrator tells it. `value` is what a `unique` meter counts the different ones of."""

    key: str
    subscription_id: UUID
    meter: str
    at: datetime
    quantity: Decimal = Decimal(1)
    value: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one event: recorded, known already, or refused with a code and its sentence."""

    key: str
    status: str
    id: UUID | None = None
    code: str = ""
    detail: str = ""


REFUSALS = {
    "no_such_subscription": "There is no such subscription.",
    "no_such_meter": "There is no such meter.",
    "not_metered": "On that day the subscription has no price with this meter.",
    "usage_period_billed": "That day has been billed. Record it with a later moment, or add a charge.",
    "in_the_future": "That moment has not come yet.",
    "key_reused": "This key came before with another event.",
    "value_required": "A meter that counts different values needs one.",
    "value_not_allowed": "Only a meter that counts different values takes one.",
    "negative_not_allowed": "Only a meter that adds up can take something back.",
}


def refused(event: EventInput, code: str) -> Outcome:
    """Say why an event was not recorded."""
    return Outcome(key=event.key, status="refused", code=code, detail=REFUSALS[code])


def errors_of(pointer: str, event: EventInput) -> list[FieldError]:
    """Return what of an event cannot even be looked at."""
    errors = number_errors(f"{pointer}/quantity", event.quantity, least=None)
    for name, text, limit in (("key", event.key, KEY_LENGTH), ("value", event.value or "", VALUE_LENGTH)):
        if len(text) > limit:
            errors.append(FieldError(f"{pointer}/{name}", "too_long", f"This may have {limit} characters."))
        if not characters.are_kept(text):
            errors.append(FieldError(f"{pointer}/{name}", characters.CODE, characters.SENTENCE))
    if not event.key:
        errors.append(FieldError(f"{pointer}/key", "required", "Each event needs a key of its own."))
    if event.at.tzinfo is None or not days.FIRST <= event.at.astimezone(UTC).date() <= days.LAST:
        errors.append(FieldError(f"{pointer}/at", "day_out_of_range", days.SENTENCE))
    return errors


def refusal_of(event: EventInput, aggregation: str, *, now: datetime) -> str:
    """Return the code of why a meter does not take an event, or nothing."""
    if event.at > now + AHEAD:
        return "in_the_future"
    if event.quantity < 0 and aggregation != "sum":
        return "negative_not_allowed"
    if aggregation == "unique":
        return "" if event.value else "value_required"
    return "value_not_allowed" if event.value else ""
