"""What may be told, when it is tried again, and when an endpoint is given up. Pure: no clock, no database."""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TypeAlias
from uuid import UUID

from audit.services import is_code
from core import cardnumbers, ids
from core.errors import FieldError, Invalid, NotFound

Value: TypeAlias = str | int | bool | UUID | datetime | date | Sequence[str | UUID] | None
Plain: TypeAlias = str | int | bool | list[str] | None

# Every kind of event there is, with its sentence for the reference. The noun before the dot is the subject's kind.
TYPES: Mapping[str, str] = {
    "charge.added": "Something was put onto a customer’s next invoice.",
    "charge.withdrawn": "Something will not be charged after all.",
    "contact.created": "A contact was added to a customer.",
    "contact.removed": "A contact was removed from a customer.",
    "contact.updated": "A contact was changed.",
    "credit_note.created": "A credit note was issued.",
    "customer.created": "A customer was added.",
    "customer.credit_expired": "Credit of a customer expired.",
    "customer.erased": "A customer was erased: erase what you hold of them as well.",
    "customer.removed": "A customer was taken back with the import that had brought them.",
    "customer.updated": "A customer was changed, archived or taken back.",
    "customer.vies_check": "The tax authorities answered about a customer’s tax id, or could not.",
    "dispute.created": "The bank of a payer took a payment back for now and asks for evidence.",
    "dispute.lost": "A dispute was lost: the payment is taken back and the invoice is open again.",
    "dispute.updated": "Evidence was sent, or the answer is due at another time.",
    "dispute.won": "A dispute was won: the payment stands.",
    "export.ready": "The file of an export can be fetched.",
    "invoice.created": "An invoice was drafted.",
    "invoice.finalized": "An invoice got its number and is final.",
    "invoice.paid": "Nothing is due on an invoice any more.",
    "invoice.partially_paid": "A part of an invoice was paid.",
    "invoice.sent": "An invoice was sent to its customer.",
    "invoice.voided": "An invoice was voided.",
    "invoice.written_off": "What was open of an invoice was given up as lost.",
    "payment.failed": "A payment failed; nothing was charged.",
    "payment.held": "Money came in that is not what was asked for, and waits for somebody to look at it.",
    "payment.processing": "A payment is under way and may still fail.",
    "payment.reversed": "A payment was taken back.",
    "payment.succeeded": "A payment arrived.",
    "payment_method.attached": "A customer saved a way to pay.",
    "payment_method.removed": "A saved way to pay was removed.",
    "ping": "Somebody asked for a test.",
    "price.created": "A price was added.",
    "price.retired": "A price is sold to nobody new.",
    "price.superseded": "A price was replaced by a newer version.",
    "product.created": "A product was added.",
    "product.updated": "A product was changed, retired or taken back.",
    "quote.accepted": "A quote was accepted.",
    "quote.canceled": "A quote was withdrawn.",
    "quote.converted": "An invoice was drafted from an accepted quote.",
    "quote.created": "A quote was drafted.",
    "quote.declined": "A quote was declined.",
    "quote.expired": "The last day of an open quote was over.",
    "quote.opened": "A quote got its number and stands.",
    "quote.updated": "The draft of a quote was changed.",
    "refund.approved": "Somebody else approved a refund.",
    "refund.declined": "Somebody declined a refund.",
    "refund.failed": "A refund could not be paid out.",
    "refund.pending": "A refund is on its way.",
    "refund.requested": "A refund was asked for and waits for approval.",
    "refund.succeeded": "A refund was paid out.",
    "subscription.canceled": "A subscription will end, or has ended at once.",
    "subscription.changed": "What a subscription is for, or how much of it, was changed.",
    "subscription.created": "A subscription was started.",
    "subscription.ended": "A subscription is over.",
    "subscription.paused": "A subscription was paused.",
    "subscription.resumed": "A subscription goes on, after a pause, its trial or a cancellation taken back.",
}
PING = "ping"
API_VERSION = "v1"

# Standard Webhooks' schedule. Each wait is shortened by up to a tenth at random, so that what failed together does
# not come back together; all of them come to about 72 hours.
WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
_JITTER_PERCENT = 10
MOST_ATTEMPTS = len(WAITS) + 1
_SHORTEST_ROUND = sum(WAITS, timedelta()) * (100 - _JITTER_PERCENT) / 100
GIVEN_UP_AFTER = timedelta(days=5)
# How long the old secret of an endpoint may go on signing.
OVERLAPS = (timedelta(), timedelta(hours=1), timedelta(hours=24), timedelta(hours=48))
EVENTS_STAY = timedelta(days=30)
RESPONSE_BYTES = 2_048
MOST_ENDPOINTS = 20
DESCRIPTION_LENGTH = 200
URL_LENGTH = 500

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_GONE = 410


class UnknownEventType(ValueError):
    """An event of a type that `TYPES` does not name."""


class ValueInEvent(ValueError):
    """An event carries ids, states, amounts, currencies and times, never what names a person."""


def check_type(code: str, kind: str) -> None:
    """Check that there is such a type, and that it speaks of this kind of record.

    Raises:
        UnknownEventType
    """
    noun = "webhook_endpoint" if code == PING else code.partition(".")[0]
    if code not in TYPES or noun != kind:
        raise UnknownEventType(f"{code} of {kind}")


def payload(data: Mapping[str, Value]) -> dict[str, Plain]:
    """Write an event's data as it leaves: ids by their outside names, times in UTC (RFC 3339).

    A UUID is named by its key: `customer` holds a customer's, `invoices` those of invoices.

    Raises:
        ValueInEvent: something is no id, code, amount or time.
    """
    written: dict[str, Plain] = {}
    for name, value in data.items():
        if not _NAME.fullmatch(name) or name in ("id", "object"):
            raise ValueInEvent(f"{name} cannot be the name of a value")
        if isinstance(value, list | tuple):
            written[name] = [_text(name.removesuffix("s"), one) for one in value]
        elif value is None or isinstance(value, bool | int):
            written[name] = value
        else:
            written[name] = _text(name, value)
    return written


def _text(name: str, value: object) -> str:
    if isinstance(value, UUID):
        if name not in ids.PREFIXES:
            raise ValueInEvent(f"{name} is no kind of record")
        return ids.encode(name, value)
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str) and (_is_id(value) or is_code(value)):
        return str(value)
    raise ValueInEvent(f"{name} is no id, code, amount or time")


def _is_id(text: str) -> bool:
    kind = ids.kind_of(text)
    try:
        return kind is not None and ids.encode(kind, ids.decode(kind, text)) == text
    except NotFound:
        return False


def moment(at: datetime) -> str:
    """Write a moment in UTC (RFC 3339)."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def wait(attempts: int, *, chance: float) -> timedelta | None:
    """Return how long to wait after that many failed attempts, or None when that was the last one.

    `chance` is a random number from 0 to 1.
    """
    if attempts > len(WAITS):
        return None
    return WAITS[attempts - 1] * (1 - chance * _JITTER_PERCENT / 100)


def is_delivered(status: int) -> bool:
    """Tell whether an answer means that the event was taken: 2xx. A redirect is none."""
    return 200 <= status < 300


def is_gone(status: int) -> bool:
    """Tell whether an answer asks to be left alone from now on."""
    return status == _GONE


def is_given_up(*, failing_since: datetime | None, exhausted: bool, at: datetime) -> bool:
    """Tell whether an endpoint is to be disabled: five days of nothing but failures, or one whole round of attempts
    during which nothing else succeeded either."""
    if failing_since is None:
        return False
    failing = at - failing_since
    return failing >= GIVEN_UP_AFTER or (exhausted and failing >= _SHORTEST_ROUND)


def check_endpoint(*, description: str, types: Collection[str]) -> None:
    """Check what a person typed about an endpoint, the address apart.

    Raises:
        Invalid: names every field that cannot be used.
    """
    errors = []
    if len(description) > DESCRIPTION_LENGTH:
        errors.append(
            FieldError("/description", "too_long", f"At most {DESCRIPTION_LENGTH} characters are kept.")
        )
    if cardnumbers.contains_card_number(description):
        errors.append(FieldError("/description", "card_number", "This looks like a card number. Remove it."))
    unknown = sorted(set(types) - TYPES.keys())
    if unknown or PING in types:
        named = unknown[0] if unknown and is_code(unknown[0]) else PING
        errors.append(FieldError("/types", "unknown_choice", f"There is no event {named} to choose."))
    if errors:
        raise Invalid(errors)
