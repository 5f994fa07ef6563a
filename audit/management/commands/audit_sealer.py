"""The sealer: a process of its own, with its own database role and the signing key."""

import signal
from typing import Any

from django.core.management.base import CommandParser

from audit import sealing
from tenancy.commands import StrongboxCommand


class Command(StrongboxCommand):
    """Run until told to stop; SIGTERM and SIGINT end it after the round it is in."""

    help = "Seal the audit trail every few seconds and sign exports, until stopped."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the pace."""
        super().add_arguments(parser)
        parser.add_argument("--interval", type=float, default=2.0, help="seconds between rounds")

    def run(self, **options: Any) -> dict[str, Any]:
        """Seal until stopped."""
        sealer = sealing.Sealer(interval_seconds=options["interval"])
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: sealer.stopping.set())
        self.say("Sealing.")
        sealer.run()
        return {"events": sealer.events, "seals": sealer.seals}
