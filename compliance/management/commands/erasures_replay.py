"""Erases again whom a restored backup brought back."""

from typing import Any

from django.core.management.base import CommandError

from compliance.personaldata import journal, services
from core import clock
from tenancy.commands import StrongboxCommand


class Command(StrongboxCommand):
    """Every line of the journal is looked at; safe to run twice."""

    help = "After a restore: erase everybody again who was erased after that backup was made."

    def run(self, **options: Any) -> dict[str, Any]:
        """Replay the journal."""
        try:
            return dict(services.replay_erasures(actor=self.actor, at=clock.now()))
        except journal.JournalTouched as fault:
            raise CommandError(f"The journal was touched: {fault}.") from fault
