"""The clocks of a breach. Pure."""

from datetime import datetime, timedelta

# GDPR Article 33(1), from when one became aware; 45 CFR 164.404(b) at the latest.
AUTHORITY, PEOPLE = timedelta(hours=72), timedelta(days=60)
SOON = timedelta(hours=24)
TITLE_LENGTH = 200


def authority_due(aware_at: datetime) -> datetime:
    """Return until when the authority is told."""
    return aware_at + AUTHORITY


def people_due(aware_at: datetime) -> datetime:
    """Return until when the people are told at the latest."""
    return aware_at + PEOPLE


def waits_for_authority(risk: str) -> bool:
    """Tell whether the authority is told: always, unless it is unlikely to harm anybody."""
    return risk != "unlikely"


def waits_for_people(risk: str) -> bool:
    """Tell whether the people are told: where the risk is high."""
    return risk == "high"
