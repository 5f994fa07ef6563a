"""When a stream is tried again, and what a person may type about one. Pure."""

from datetime import timedelta
from enum import StrEnum

from alerts.channels.rules import check_authority
from core import cardnumbers
from core.errors import FieldError, Invalid


class Kind(StrEnum):
    """How the trail is sent."""

    SYSLOG = "syslog"
    HTTP = "http"


class Begin(StrEnum):
    """What is sent first: what happens from now on, the last 30 days, or everything that is kept."""

    NOW = "now"
    MONTH = "month"
    ALL = "all"


MOST_STREAMS = 5
MOST_AT_ONCE = 500
# A collector that takes bodies of 1 MiB takes each batch.
MOST_BYTES = 1_000_000
ADDRESS_LENGTH = 500
DESCRIPTION_LENGTH = 200
SECRET_LENGTH = 500
CA_LENGTH = 32_000
_FIRST_WAIT = timedelta(seconds=5)
_LONGEST_WAIT = timedelta(minutes=5)


def batch(attempts: int) -> int:
    """Return how many events are sent at once after that many failures in a row: what is too much is halved."""
    return max(1, MOST_AT_ONCE >> min(attempts, 16))


# What an answer says of the one event that was sent, and not of the receiver, its address or its key.
REFUSALS = frozenset({"http_400", "http_413", "http_422"})
# Ten failures in a row halve a batch to one event; it is refused three times alone.
REFUSED_OFTEN = 12
# What breaks a receiver looks like a receiver that is broken. After a day of one event the next is tried instead: were
# it the receiver, some events a week are sent later than others; were it the event, it would hide all that follow.
BREAKS = frozenset({"http_500", "http_501"})
BROKEN_OFTEN = 300
# More is no event that does not fit: the stream stays where it is, and is late.
MOST_ASIDE = 100


def is_refused_for_ever(code: str, *, events: int, attempts: int, aside: int) -> bool:
    """Tell whether an event, sent alone, was refused so often that it holds all others up."""
    often = REFUSED_OFTEN if code in REFUSALS else BROKEN_OFTEN
    return code in REFUSALS | BREAKS and events == 1 and attempts >= often and aside < MOST_ASIDE


def wait(attempts: int) -> timedelta:
    """Return how long to wait after that many failures in a row. A stream is never given up."""
    return min(_FIRST_WAIT * (1 << min(attempts - 1, 10)), _LONGEST_WAIT)


def check(*, kind: str, address: str, description: str, secret: str, ca: str) -> None:
    """Check what a person typed about a stream, where the address leads apart.

    Raises:
        Invalid: names every field that cannot be used.
    """
    errors = []
    if kind not in set(Kind):
        errors.append(FieldError("/kind", "unknown_choice", "Choose syslog or HTTP."))
    if not address:
        errors.append(FieldError("/address", "required", "Say where it goes."))
    if secret and kind != Kind.HTTP:
        errors.append(FieldError("/secret", "not_for_syslog", "Only HTTP carries an Authorization header."))
    if any(not " " <= character <= "~" for character in secret):
        errors.append(FieldError("/secret", "not_a_header", "One line of plain letters, digits and signs."))
    for name, text, length in (
        ("address", address, ADDRESS_LENGTH),
        ("description", description, DESCRIPTION_LENGTH),
        ("secret", secret, SECRET_LENGTH),
        ("ca", ca, CA_LENGTH),
    ):
        if len(text) > length:
            errors.append(FieldError(f"/{name}", "too_long", f"At most {length} characters are kept."))
        if name != "ca" and cardnumbers.contains_card_number(text):
            errors.append(FieldError(f"/{name}", "card_number", "This looks like a card number. Remove it."))
    errors += check_authority(ca)
    if errors:
        raise Invalid(errors)
