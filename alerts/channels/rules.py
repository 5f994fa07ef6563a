"""Which alert goes through which channel, and when it is tried again. Pure: no clock, no database."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo, available_timezones

from core import cardnumbers
from core.errors import FieldError, Invalid


class Kind(StrEnum):
    """How a channel tells."""

    MAIL = "mail"
    WEBHOOK = "webhook"
    SYSLOG = "syslog"


class Severity(StrEnum):
    """How soon somebody must look, worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"


SEVERITIES = tuple(Severity)
MOST_CHANNELS = 20
DESCRIPTION_LENGTH = 200
ADDRESS_LENGTH = 500
CA_LENGTH = 32_000
# An alert that is late by a day has long been seen in the inbox; about 24 hours in all.
WAITS = (
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=3),
    timedelta(hours=8),
    timedelta(hours=12),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """The hours of each day in which only what is critical is told."""

    begin: time
    end: time
    zone: str

    def ends_after(self, at: datetime) -> datetime | None:
        """Return when the quiet around a moment ends, or None where there is none."""
        local = at.astimezone(ZoneInfo(self.zone))
        clock = local.time().replace(tzinfo=None)
        over_night = self.begin > self.end
        inside = (clock >= self.begin or clock < self.end) if over_night else self.begin <= clock < self.end
        if not inside:
            return None
        day = local.date() + timedelta(days=1 if over_night and clock >= self.begin else 0)
        # By the wall clock: where the hour is turned back or forward that night, it still ends when people get up.
        return datetime.combine(day, self.end, tzinfo=ZoneInfo(self.zone))


def due(*, severity: str, quiet: Quiet | None, at: datetime) -> datetime:
    """Return when an alert is told: at once, or when the quiet hours are over. What is critical wakes people."""
    if quiet is None or severity == Severity.CRITICAL:
        return at
    return quiet.ends_after(at) or at


def wait(attempts: int) -> timedelta | None:
    """Return how long to wait after that many failed attempts, or None when that was the last one."""
    return WAITS[attempts - 1] if attempts <= len(WAITS) else None


def check_authority(ca: str) -> list[FieldError]:
    """Refuse a key where a certificate is asked for: it is shown again on the page, and would be out."""
    if "PRIVATE KEY" not in ca:
        return []
    return [FieldError("/ca", "private_key", "This holds a private key. Paste the certificate alone.")]


def check(
    *,
    kind: str,
    address: str,
    description: str,
    severities: Collection[str],
    quiet: Quiet | None,
    ca: str,
) -> None:
    """Check what a person typed about a channel, where the address leads apart.

    Raises:
        Invalid: names every field that cannot be used.
    """
    errors = []
    if kind not in set(Kind):
        errors.append(FieldError("/kind", "unknown_choice", "Choose mail, webhook or syslog."))
    if kind != Kind.MAIL and not address:
        errors.append(FieldError("/address", "required", "Say where it goes."))
    for name, text, length in (
        ("address", address, ADDRESS_LENGTH),
        ("description", description, DESCRIPTION_LENGTH),
        ("ca", ca, CA_LENGTH),
    ):
        if len(text) > length:
            errors.append(FieldError(f"/{name}", "too_long", f"At most {length} characters are kept."))
        if name != "ca" and cardnumbers.contains_card_number(text):
            errors.append(FieldError(f"/{name}", "card_number", "This looks like a card number. Remove it."))
    errors += check_authority(ca)
    if not severities or set(severities) - set(SEVERITIES):
        errors.append(FieldError("/severities", "unknown_choice", "Tick at least one severity."))
    if quiet is not None:
        if quiet.begin == quiet.end:
            errors.append(FieldError("/quiet_until", "empty_span", "Quiet hours begin and end apart."))
        if quiet.zone not in available_timezones():
            errors.append(FieldError("/zone", "unknown_choice", "Choose a time zone such as Europe/Berlin."))
    if errors:
        raise Invalid(errors)
