"""List every kind of audit event."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from audit import reference
from audit.events import REGISTRY
from tenancy.commands import StrongboxCommand


class Command(StrongboxCommand):
    """Print the registry, or write its reference page."""

    help = "List every kind of audit event; with --write make docs/reference/audit-events.md."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the switch."""
        super().add_arguments(parser)
        parser.add_argument("--write", action="store_true", help="write docs/reference/audit-events.md")

    def run(self, **options: Any) -> dict[str, Any]:
        """Print or write."""
        if options["write"]:
            path = settings.BASE_DIR / "docs" / "reference" / "audit-events.md"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(reference.page())
        return {"events": sorted(REGISTRY)}
