"""Where alerts go. Nothing is connected yet: an alert stands in the list."""

from datetime import datetime
from uuid import UUID


def announce(*, alert_id: UUID, at: datetime) -> None:
    """Called in the transaction that opens or raises an alert."""
