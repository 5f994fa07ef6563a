"""Takes in a bank statement."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from billing.issuer import queries as issuers
from core import clock, ids
from payments.statements import services
from tenancy.commands import TenantCommand
from tenancy.models import Tenant


class Command(TenantCommand):
    """Lines that are here already are counted and left out; nothing is booked."""

    help = "Take in a bank statement (camt.053 or CSV) and match its lines; nothing is booked."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the file and `--dry-run`."""
        super().add_arguments(parser)
        parser.add_argument("file", metavar="FILE")
        parser.add_argument("--dry-run", action="store_true", help="say what would happen, and store nothing")

    def run_in(self, tenant: Tenant, **options: Any) -> dict[str, Any]:
        """Take the file into the organization."""
        path = Path(options["file"])
        try:
            data = path.read_bytes()
        except OSError as error:
            raise CommandError(f"The file cannot be read: {error.strerror}.") from None
        issuer = issuers.get()
        outcome = services.take_in(
            data=data,
            file_name=path.name,
            currency=issuer.currency if issuer else "EUR",
            actor=self.actor,
            at=clock.now(),
            dry_run=options["dry_run"],
        )
        return {
            "statements": [ids.encode("statement", key) for key in outcome.statements],
            "entries": outcome.entries,
            "new": outcome.new,
            "known": outcome.known,
            "certain": outcome.certain,
            "offered": outcome.offered,
            "not_for_matching": outcome.other,
            "incoming_minor": outcome.incoming,
            "left_out": [asdict(each) for each in outcome.unread],
        }
