"""Make the operator's organization if it is missing. Run after each migration, any number of times."""

from typing import Any

from django.core.management.base import CommandParser

from accounts.services import organizations
from core import clock
from tenancy.commands import StrongboxCommand


class Command(StrongboxCommand):
    """Make the operator's organization, its keys and roles; with an address, a link for an owner."""

    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        """Add who comes in."""
        super().add_arguments(parser)
        parser.add_argument("--owner-email", default="", help="print a one-time link for this person")

    def run(self, **options: Any) -> dict[str, Any]:
        """Make what is missing."""
        founded = organizations.bootstrap(
            actor=self.actor, at=clock.now(), owner_email=options["owner_email"]
        )
        return {"slug": founded.tenant.slug, "url": founded.url}
