"""Found an organization and print the one-time link of its first owner."""

from typing import Any

from django.core.management.base import CommandParser

from accounts.services import organizations
from core import clock
from tenancy.commands import StrongboxCommand
from tenancy.models import Tenant


class Command(StrongboxCommand):
    """Found an organization; its first owner comes in by a link that works once, within 24 hours."""

    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        """Add what an organization is founded with."""
        super().add_arguments(parser)
        parser.add_argument(
            "--slug", required=True, help="its name in addresses: lower-case letters, digits, dashes"
        )
        parser.add_argument("--name", required=True, help="its name for people")
        parser.add_argument("--owner-email", required=True, help="who becomes its first owner")
        parser.add_argument(
            "--mode", choices=Tenant.Mode.values, default=Tenant.Mode.LIVE.value, help="live or test"
        )

    def run(self, **options: Any) -> dict[str, Any]:
        """Found it."""
        founded = organizations.create(
            slug=options["slug"],
            name=options["name"],
            owner_email=options["owner_email"],
            mode=options["mode"],
            actor=self.actor,
            at=clock.now(),
        )
        return {"slug": founded.tenant.slug, "url": founded.url}
