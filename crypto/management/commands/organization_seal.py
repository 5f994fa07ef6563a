"""`manage.py organization_seal SLUG`: takes its keys from every process at once."""

from typing import Any

from django.core.management.base import CommandParser

from crypto import services
from tenancy.commands import StrongboxCommand


class Command(StrongboxCommand):
    """Seals an organization: no process has its keys, and every request is refused."""

    help = "Seals an organization; returns when every process refuses."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the organization's slug."""
        super().add_arguments(parser)
        parser.add_argument("slug", metavar="SLUG")

    def run(self, **options: Any) -> dict[str, Any]:
        """Seal it and return its state."""
        (tenant,) = self.organizations(options["slug"])
        services.seal_organization(tenant_id=tenant.pk, actor=self.actor)
        return {"organization": tenant.slug, "state": "sealed"}
