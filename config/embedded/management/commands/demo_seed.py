"""Fill the demo: two organizations, people of every role, customers, 200 invoices each."""

from typing import Any

from django.core.management.base import CommandParser

from config.embedded import demo
from tenancy.commands import StrongboxCommand


class Command(StrongboxCommand):
    """Fills the demo once."""

    help = "Fill the demo: two organizations, people of every role, customers, 200 invoices each."

    def add_arguments(self, parser: CommandParser) -> None:
        """Name one organization."""
        parser.add_argument(
            "--organization", choices=["operator", *demo.ORGANIZATIONS], help="this one alone"
        )

    def run(self, **options: Any) -> dict[str, Any]:
        """Fill what is missing."""
        return {"organizations": demo.seed(self.say, only=options["organization"])}
